"""Closing on the book: at once, or in slices; all of it, or as much as it takes."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.desk import Desk
from plimsoll.liquidation.mechanisms.ledger import Ledger
from plimsoll.liquidation.mechanisms.schedule import trades

ASSUMED = "depth, refill and latency are the terms' own; every position is closed in the same proportion"


@dataclass(frozen=True)
class BookCloseOut:
    """Orders on the book, `latency` after the detection.

    `whole` closes everything. Else the smallest part, in lots of one over `terms.lots`, the same of every position so
    that no hedge is broken, after whose cost equity is at least `target` times maintenance; everything where no part is
    enough. `sliced` spreads the orders over `horizon` by the schedule of Almgren and Chriss, and stops as soon as
    the target is met.
    """

    whole: bool = False
    sliced: bool = False

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return "book, in slices" if self.sliced else "book, all of it" if self.whole else "book, at once"

    def run(self, scene: Scene, books: Books | None = None) -> CloseOut:
        """See `Mechanism.run`; with `books` the depth is shared with whoever trades there too."""
        desk = Desk.open(scene, books)
        if _safe(desk, 1.0):
            return desk.finish(self.name, "assumed", "", True, "above its line")
        desk.wait(scene.terms.latency)
        if not self.whole and _safe(desk, scene.terms.target):
            return desk.finish(self.name, "assumed", ASSUMED, True, "came back above its line")
        if self.sliced:
            self._slices(desk)
        else:
            lots = scene.terms.lots
            _close(desk, lots if self.whole else smallest_part(desk, lots, scene.terms.target), lots)
        done = not any(r.lots for r in desk.state.rows.values()) or _safe(desk, scene.terms.target)
        return desk.finish(self.name, "assumed", ASSUMED, done, "closed" if done else "nobody on the book")

    def _slices(self, desk: Desk) -> None:
        terms = desk.scene.terms
        quantities = {s: r.quantity for s, r in desk.state.rows.items()}
        parts = trades(1.0, terms.horizon, terms.slices, terms.kappa)
        sold = 0.0
        for k, part in enumerate(parts):
            sold = 1.0 if k + 1 == len(parts) else sold + float(part)
            for subject, quantity in quantities.items():
                left = desk.state.rows[subject].quantity
                _sell(desk, subject, -(left - quantity * (1.0 - sold)))
            if k + 1 < len(parts):
                if not self.whole and _safe(desk, terms.target):
                    return
                desk.wait(terms.horizon / terms.slices)


def smallest_part(desk: Desk, lots: int, target: float) -> int:
    """Parts of `lots` of every position that have to be closed now so that the target is met; `lots` if none is enough.

    The gap `equity - target * maintenance` after a part rises with the part wherever closing frees more margin than it
    costs; where it does not, the first part at which it is met is looked for upwards from where bisection ended.
    """

    def enough(n: int) -> bool:
        trial = copy(desk)
        trial.ledger, trial.spent, trial.to = Ledger(), dict(desk.spent), dict(desk.to)
        trial.books = Books(desk.books.terms, dict(desk.books.taken))
        _close(trial, n, lots)
        return _safe(trial, target)

    low, high = 0, lots
    if not enough(high):
        # the most relief may lie in between: look at every hundredth part before giving up
        found = next((n for n in range(max(1, lots // 100), lots, max(1, lots // 100)) if enough(n)), None)
        if found is None:
            return lots
        high = found
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _close(desk: Desk, n: int, lots: int) -> None:
    """Close `n` of `lots` parts of every position, down to its own whole lots."""
    for subject, row in list(desk.state.rows.items()):
        part = abs(row.lots) * n // lots
        _sell(desk, subject, (-part if row.lots > 0 else part) * row.lot)


def _sell(desk: Desk, subject: str, quantity: float) -> None:
    rate = desk.scene.terms.fee
    if quantity:
        desk.trade(subject, quantity, fee=lambda _, notional: rate * notional, fee_payee="venue")


def _safe(desk: Desk, target: float) -> bool:
    view = desk.view()
    return view.equity >= max(0.0, target * view.maintenance)
