"""The replay of 10 October 2025 as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.report.canvas import inline_svg
from plimsoll.report.html import page_template
from plimsoll.report.replay_figure import replay_figure
from plimsoll.report.replay_view import UNDECIDED, told

if TYPE_CHECKING:
    from plimsoll.laboratory.replay.run import Replay


def replay_page(found: Replay) -> str:
    """The page as text, escaped: pictures, marks, traps, the test of the fit, the rules, the sensitivity."""
    from markupsafe import Markup

    picture = inline_svg(replay_figure(found), "replay", "Calibration, overshoot by rule, and its sensitivity")
    page: str = page_template("replay.html.j2").render(r=found, picture=Markup(picture), told=told, undecided=UNDECIDED)
    return page
