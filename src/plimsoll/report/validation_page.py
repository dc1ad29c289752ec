"""The disclosure as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plimsoll.report.canvas import inline_svg
from plimsoll.report.html import page_template
from plimsoll.report.validation_figure import cost_figure, coverage_figure, track_figure
from plimsoll.report.validation_view import chance, sentence
from plimsoll.validate.judge import Judgement
from plimsoll.validate.walk import Walk


def validation_page(walk: Walk, judged: Judgement, document: Mapping[str, Any]) -> str:
    """The page as text: headline, every rejection, coverage, further tests, cost, procyclicality, books, hashes."""
    from markupsafe import Markup

    coverage = [
        Markup(inline_svg(coverage_figure(judged, m), f"coverage{k}", f"Coverage of {m} by book and regime"))
        for k, m in enumerate(judged.models)
    ]
    tracks = [
        Markup(inline_svg(track_figure(t), f"track{k}", f"Losses and forecasts of {t.shape.name}"))
        for k, t in enumerate(walk.tracks)
    ]
    page: str = page_template("validation.html.j2").render(
        d=document,
        judged=judged,
        walk=walk,
        coverage=coverage,
        tracks=tracks,
        cost=Markup(inline_svg(cost_figure(judged), "cost", "Mean margin against exceptions by book and model")),
        chance=chance,
        sentence=sentence,
        studies={(s.model, s.book): s for s in judged.studies},
    )
    return page
