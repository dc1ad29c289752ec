"""Figures of the report room on gallery pages: they are made without pyplot, where sphinx-gallery does not look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Scraper = Callable[[Any, dict[str, Any], dict[str, Any]], str]


def _get_sg_image_scraper() -> Scraper:
    return report_figure


def report_figure(_block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The figure that a block leaves as `figure`, once; those of pyplot are shown by its own scraper."""
    from matplotlib.figure import Figure
    from sphinx_gallery.scrapers import figure_rst

    found = block_vars["example_globals"].get("figure")
    # only pyplot numbers its figures
    if not isinstance(found, Figure) or hasattr(found, "number") or hasattr(found, "shown_on_page"):
        return ""
    path = next(block_vars["image_path_iterator"])
    found.savefig(path, dpi=100, facecolor="white")
    found.shown_on_page = True  # type: ignore[attr-defined]
    return str(figure_rst([path], gallery_conf["src_dir"]))
