"""A bar on standard error for work that turns out to take long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0
"""Seconds before the bar appears."""


class LateBar:
    """Told of each step; draws nothing before `PATIENCE` has passed, and nothing where nobody looks."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.began = time.monotonic()
        self.task = progress.add_task("", total=None)
        self.started = False

    def __call__(self, text: str, done: int, total: int) -> None:
        """`done` of `total` steps are behind, `text` comes next."""
        if not self.started and time.monotonic() - self.began > PATIENCE:
            self.started = True
            self.progress.start()
        self.progress.update(self.task, description=text, completed=done, total=total)


@contextmanager
def late_bar() -> Iterator[LateBar]:
    """A bar that appears on standard error after two seconds and is gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn())
    progress = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    bar = LateBar(progress)
    try:
        yield bar
    finally:
        if bar.started:
            progress.stop()
