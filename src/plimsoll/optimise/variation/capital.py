"""Capital of a book of a desk after trades: the term `capital(book, p=...)` without a solver."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.optimise import algebra as al
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.variation.outlook import Outlook
from plimsoll.optimise.variation.shortfalls import Running

F64 = npt.NDArray[np.float64]


def outlook_of(desk: Desk) -> Outlook:
    """Paths and transfer times of a desk. Raises `DocumentError` where it has none."""
    if desk.outlook is None:
        raise refuse("desk.outlook", "nothing", "paths and transfer times, on which a breach has a probability")
    return desk.outlook


def running_of(desk: Desk, place: Place, trade: F64, hours: float | None) -> Running:
    """Shortfalls of a book after signed trades `[N]`, their cost paid."""
    outlook = outlook_of(desk)
    account = desk.after(place, trade)
    until = outlook.hours(place.name, desk.market, hours)
    return outlook.running(place.name, account, place.holding.model, desk.market, until)


def beside(desk: Desk, run: Running, term: al.Capital) -> float:
    """What the paths ask for, US dollars: the mean of the worst part, or with `whole` the least of it."""
    assert term.breach is not None
    outlook = outlook_of(desk)
    amount = outlook.least(run, term.breach).amount if term.whole else outlook.tail(run, term.breach)
    return run.rate * amount


def capital_of(desk: Desk, place: Place, trade: F64, term: al.Capital, initial: float) -> float:
    """The term for one book after trades; `initial` is its initial margin then, US dollars."""
    return max(initial, beside(desk, running_of(desk, place, trade, term.hours), term))


def key_of(term: al.Capital, book: str) -> str:
    """What the cuts of a term at a book go by."""
    return f"{book}: {term.breach} {term.hours} {term.whole}"
