"""Write the pictures of the README: `python tools/make_pictures.py`."""

from __future__ import annotations

from pathlib import Path

from plimsoll.feeds import demo_account, demo_market
from plimsoll.liquidation import liquidation
from plimsoll.margin import margin_model
from plimsoll.margin.translate import same_exposure
from plimsoll.report.canvas import save
from plimsoll.report.line_figure import line_figure

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
RULES = "derive-pmrm2@2026-03-27"


def main() -> None:
    """The line of the demo's book: net equity and maintenance margin over the price move."""
    FOLDER.mkdir(exist_ok=True)
    account, market = same_exposure(demo_account(), demo_market())
    found = liquidation(margin_model(RULES), account, market)
    path = FOLDER / "line.png"
    save(line_figure(found, span=0.3), str(path))
    print(path.name)


if __name__ == "__main__":
    main()
