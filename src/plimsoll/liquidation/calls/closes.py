"""The smallest set of closes that brings an account back: `equity - cost >= target * maintenance of the rest`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import gcd, prod
from typing import Protocol

from plimsoll.documents import refuse

EXACT_LIMIT = 50_000
"""Most sets of closes that `exact` looks at."""

FEW = 256
"""Where greedy does not reach the target, so many sets of closes are all looked at before that is said."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Look:
    """An account after some closes: `equity` before their cost, `cost`, and the `maintenance` margin of the rest."""

    equity: float
    cost: float
    maintenance: float

    def near(self, other: Look) -> bool:
        """Whether another look says the same but for rounding."""
        size = AGREE * (abs(self.equity) + abs(self.maintenance) + abs(self.cost))
        pairs = ((getattr(self, n), getattr(other, n)) for n in ("equity", "cost", "maintenance"))
        return all(abs(one - two) <= size for one, two in pairs)

    def gap(self, target: float) -> float:
        """What is left above `target` times maintenance; at least zero is enough."""
        return self.equity - self.cost - target * self.maintenance


class Bench(Protocol):
    """An account whose positions can be closed lot by lot: how many each has, and what it is after some closes."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lots of each position."""
        ...

    def look(self, closed: tuple[int, ...]) -> Look:
        """The account after closing these lots of each position."""
        ...


@dataclass(frozen=True)
class Closes:
    """Lots to close of each position, and the account before and after.

    `enough`: the target is reached. Else everything that helps is closed, and `after` says how far it comes. No lot
    can be given back: each alone would leave the target missed.
    """

    lots: tuple[int, ...]
    before: Look
    after: Look
    enough: bool
    looked: int


NEAR = 1e-6
"""How far from the best, of its gain, what a rough look finds is looked at exactly."""

AGREE = 1e-8
"""How far, of equity and margin, rough looks may be from exact ones to be used."""

Rough = Callable[[Sequence[tuple[int, ...]], Look], "list[Look] | None"]


class _Desk:
    def __init__(self, bench: Bench, target: float) -> None:
        self.bench, self.target = bench, target
        self.seen: dict[tuple[int, ...], Look] = {}
        self.rough: Rough | None = getattr(bench, "rough", None)
        self.proved = False

    def gains(self, closed: tuple[int, ...], steps: Sequence[tuple[int, ...]]) -> list[tuple[float, tuple[int, ...]]]:
        """The steps that help, with relief over cost: all of them looked at, or where many can be looked at roughly at
        once those near the best. Rough looks are believed once they agreed with exact ones at every step of a round.
        """
        found = None if self.rough is None or len(steps) < 2 else self.rough(steps, self.look(closed))
        if found is not None and self.proved:
            before = self.look(closed)
            rough = [_relief(before, look, self.target) for look in found]
            best = max(rough)
            if best > 0.0:
                steps = [s for s, gain in zip(steps, rough, strict=True) if gain >= best - NEAR * best]
        elif found is not None:
            exact = [self.look(step) for step in steps]
            self.proved = all(one.near(other) for one, other in zip(found, exact, strict=True))
            self.rough = self.rough if self.proved else None
        return [(gain, step) for step in steps if (gain := _gain(self, closed, step)) > 0.0]

    def look(self, closed: tuple[int, ...]) -> Look:
        if closed not in self.seen:
            self.seen[closed] = self.bench.look(closed)
        return self.seen[closed]

    def gap(self, closed: tuple[int, ...]) -> float:
        return self.look(closed).gap(self.target)

    def result(self, closed: tuple[int, ...]) -> Closes:
        start = (0,) * len(closed)
        return Closes(closed, self.look(start), self.look(closed), self.gap(closed) >= 0.0, len(self.seen))


def smallest(bench: Bench, target: float, progress: Progress | None = None) -> Closes:
    """Greedy by relief per cost: lot after lot of whatever raises the gap most for the money, then what is not needed
    is given back.

    Where no single lot helps, as when one leg of a spread protects the other, pairs of lots are closed together, and
    where no pair does, all of a position or of a pair of positions, at last everything. Of a pair that was closed whole
    as much as possible is given back of both in proportion, for neither leg can be alone. Where closing is so dear that
    everything closed is not enough either, it is undone lot by lot as long as that helps; a book with few sets of
    closes is then looked at whole, so that there "not enough" is a fact. The cost of the result is held against `exact`
    on small books.
    """
    desk = _Desk(bench, target)
    sizes = bench.sizes
    closed = (0,) * len(sizes)
    if desk.gap(closed) >= 0.0:
        return desk.result(closed)
    whole = sum(sizes)
    jointly: list[tuple[int, ...]] = []
    while desk.gap(closed) < 0.0:
        if progress is not None:
            progress("closes", sum(closed), whole)
        step = _best(desk, closed, sizes)
        if step is None:
            break
        group = tuple(i for i, (a, b) in enumerate(zip(closed, step, strict=True)) if a != b)
        if len(group) > 1:
            jointly.append(group)
        closed = step
    if desk.gap(closed) < 0.0:
        # nothing more helps: what is reached, or everything closed, whichever leaves more
        if desk.gap(sizes) >= 0.0:
            closed = sizes
            jointly.append(tuple(range(len(sizes))))
        else:
            # where closing is dear, some of it may be enough though all of it is not
            closed = max((closed, _uphill(desk, sizes)), key=desk.gap)
        if desk.gap(closed) < 0.0:
            if prod(n + 1 for n in sizes) <= FEW:
                return exact(bench, target)
            return desk.result(closed)
    for group in reversed(dict.fromkeys(jointly)):
        closed = _in_proportion(desk, closed, group)
    return desk.result(_given_back(desk, closed))


def _best(desk: _Desk, closed: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The next step: one lot, else a lot of each of two positions, else positions whole, alone or by two."""
    left = [i for i, n in enumerate(sizes) if closed[i] < n]
    pairs = list(combinations(left, 2))
    for group, lots in (
        ([(i,) for i in left], 1),
        (pairs, 1),
        ([(i,) for i in left], None),
        (pairs, None),
    ):
        helping = desk.gains(closed, [_more(closed, sizes, chosen, lots) for chosen in group])
        if helping:
            return max(helping, key=lambda x: (x[0], x[1]))[1]
    return None


def _more(
    closed: tuple[int, ...], sizes: tuple[int, ...], chosen: tuple[int, ...], lots: int | None
) -> tuple[int, ...]:
    """`lots` more of each chosen position, or all that is left of it."""
    return tuple(
        n if i not in chosen else sizes[i] if lots is None else min(sizes[i], n + lots) for i, n in enumerate(closed)
    )


def _gain(desk: _Desk, before: tuple[int, ...], after: tuple[int, ...]) -> float:
    """Relief over cost: what a step adds to the gap for each unit of money that it costs; a free step counts most."""
    return _relief(desk.look(before), desk.look(after), desk.target)


def _relief(before: Look, after: Look, target: float) -> float:
    relief = after.gap(target) - before.gap(target)
    cost = after.cost - before.cost
    return relief / max(cost, 1e-12 * abs(relief)) if relief else 0.0


def _uphill(desk: _Desk, closed: tuple[int, ...]) -> tuple[int, ...]:
    """From everything closed, lot after lot not closed after all, as long as that raises the gap."""
    while True:
        fewer = [tuple(n - (k == i) for k, n in enumerate(closed)) for i in range(len(closed)) if closed[i]]
        best = max(fewer, key=lambda c: (desk.gap(c), c), default=closed)
        if desk.gap(best) <= desk.gap(closed):
            return closed
        closed = best


def _in_proportion(desk: _Desk, closed: tuple[int, ...], group: tuple[int, ...]) -> tuple[int, ...]:
    """As many lots of a group given back together, exactly in proportion to what is closed of each, as the target
    allows: legs that protect each other in a ratio of lots stay in it."""
    steps = gcd(*(closed[i] for i in group))

    def kept(k: int) -> tuple[int, ...]:
        return tuple(n // steps * k if i in group else n for i, n in enumerate(closed))

    low, high = 0, steps
    while low < high:
        middle = (low + high) // 2
        if desk.gap(kept(middle)) >= 0.0:
            high = middle
        else:
            low = middle + 1
    # where a requirement is not convex the search may end beside the target
    return kept(high) if steps and desk.gap(kept(high)) >= 0.0 else closed


def _given_back(desk: _Desk, closed: tuple[int, ...]) -> tuple[int, ...]:
    """Lots given back, the dearest first, as long as the target still holds."""
    while True:
        fewer = [
            tuple(n - (k == i) for k, n in enumerate(closed))
            for i in range(len(closed))
            if closed[i] and desk.gap(tuple(n - (k == i) for k, n in enumerate(closed))) >= 0.0
        ]
        if not fewer:
            return closed
        closed = min(fewer, key=lambda c: (desk.look(c).cost, c))


def everything(bench: Bench, target: float) -> Closes:
    """All positions closed whole, whether or not that reaches the target."""
    return _Desk(bench, target).result(bench.sizes)


def exact(bench: Bench, target: float) -> Closes:
    """The cheapest set of closes there is, by looking at every one; of equal ones that with the fewest lots.

    Raises `DocumentError` for books with more than 50,000 sets. Where no set is enough, the one that comes nearest.
    """
    count = prod(n + 1 for n in bench.sizes)
    if count > EXACT_LIMIT:
        raise refuse("positions", f"{count:,} sets of closes", f"at most {EXACT_LIMIT:,}: fewer positions or lots")
    desk = _Desk(bench, target)
    every = list(product(*(range(n + 1) for n in bench.sizes)))
    enough = [c for c in every if desk.gap(c) >= 0.0]
    if enough:
        return desk.result(min(enough, key=lambda c: (desk.look(c).cost, sum(c), c)))
    return desk.result(max(every, key=lambda c: (desk.gap(c), -sum(c))))
