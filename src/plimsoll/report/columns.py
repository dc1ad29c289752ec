"""A table without lines, as most views print it."""

from __future__ import annotations

from rich.table import Table


def columns(first: str, *others: str, wrap: bool = False) -> Table:
    """Words on the left under `first`, in several lines where they may `wrap`, and numbers on the right under the
    others."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first, no_wrap=not wrap)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
