"""Tables of published backtests beside ours, for the terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from plimsoll.validate.published import Figure, Reproduction

TITLES = {"var": "VaR", "tail": "tails", "es": "ES"}
BASIS = {"returns": "from the returns", "fit": "fitted on the returns", "counts": "from the row's own counts"}


def summary_table(found: Reproduction) -> Table:
    """A row for each table and model: figures equal, different and not at hand, and the largest relative error."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("table", "model", "basis"):
        table.add_column(heading, no_wrap=True)
    for heading in ("figures", "equal", "differ", "no way", "worst"):
        table.add_column(heading, justify="right", no_wrap=True)
    for key, figures in groups(found).items():
        counts = [sum(f.status == s for f in figures) for s in ("equal", "differs")]
        rest = len(figures) - sum(counts)
        worst = worst_error(figures)
        told = "-" if worst is None else f"{worst:.0e}"
        basis = ", ".join(dict.fromkeys(f.basis for f in figures if f.basis)) or "-"
        table.add_row(TITLES[key[0]], key[1], basis, str(len(figures)), *map(str, counts), str(rest), told)
    return table


def figure_table(figures: list[Figure]) -> Table:
    """Published, ours and the difference, a row for each figure."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("table", "model", "level", "column"):
        table.add_column(heading, no_wrap=True)
    for heading in ("published", "ours", "difference"):
        table.add_column(heading, justify="right", no_wrap=True)
    for f in figures:
        gap = "" if f.difference is None else f"{f.difference:+.0e}"
        table.add_row(TITLES[f.table], f.model, f"{f.level:g}", f.column, shown(f.published), shown(f.ours), gap)
    return table


def groups(found: Reproduction) -> dict[tuple[str, str, str], list[Figure]]:
    """Figures by table, model and symbol, in the order of the files."""
    out: dict[tuple[str, str, str], list[Figure]] = {}
    for f in found.figures:
        out.setdefault((f.table, f.model, f.symbol), []).append(f)
    return out


def worst_error(figures: list[Figure]) -> float | None:
    """The largest difference against the size of the published figure, or against 1e-3 where that is smaller."""
    gaps = [abs(f.difference) / max(abs(f.published), 1e-3) for f in figures if f.difference is not None]
    return max(gaps, default=None)


def reasons(found: Reproduction) -> Iterator[str]:
    """Why figures were not computed, each reason once with its models."""
    models: dict[str, list[str]] = {}
    for f in found.figures:
        if f.reason and f.model not in models.setdefault(f.reason, []):
            models[f.reason].append(f.model)
    for reason, names in models.items():
        yield f"{', '.join(names)}: {reason}"


def shown(value: Any) -> str:
    """A figure in at most twelve characters."""
    if value is None:
        return "-"
    if isinstance(value, (bool, str)):
        return str(value)
    return str(value) if isinstance(value, int) else f"{value:.6g}"
