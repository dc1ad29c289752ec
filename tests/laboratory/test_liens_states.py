"""Liens under every interleaving of a tiny instance, and what those find when a rule of the protocol is missing."""

from __future__ import annotations

import pytest

from laboratory.lien_states import TERMS, Left, Node, explore, start, wrong
from plimsoll.laboratory.liens.venue import Lien, Terms, Venue
from plimsoll.laboratory.liens.watcher import Fact, Heard


@pytest.mark.parametrize(
    ("left", "states"),
    [
        (Left(blocks=3, ticks=1, lost=0, doubled=1, undone=1, takes=0), 17_864),
        (Left(blocks=3, ticks=1, lost=1, doubled=0, undone=1, takes=0), 5_988),
        (Left(blocks=2, ticks=2, lost=0, doubled=0, undone=0, deep=1, takes=1), None),
    ],
)
def test_nothing_breaks_in_any_order(left: Left, states: int | None) -> None:
    seen, complete, bad = explore(start(left), 60_000)
    assert bad is None, "\n".join((str(bad and wrong(bad)), *(bad.path if bad else ())))
    assert complete
    # far fewer states would mean that something no longer happens
    assert seen == states or (states is None and seen > 5_000)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_nothing_breaks_in_any_order_of_more() -> None:
    for left in (
        Left(blocks=4, ticks=3, lost=1, doubled=0, undone=1, takes=1),
        Left(blocks=4, ticks=2, lost=0, doubled=1, undone=0, deep=1, takes=1),
        Left(locks=2, blocks=3, ticks=1, lost=0, doubled=0, undone=1, takes=0),
    ):
        _, _, bad = explore(start(left), 400_000)
        assert bad is None, "\n".join((str(bad and wrong(bad)), *(bad.path if bad else ())))


class _CountsAttested(Venue):
    """Counts a lock as soon as it is seen."""

    def _after(self, lien: Lien, fact: Fact, now: int) -> Lien:
        return super()._after(lien, fact._replace(confirmed=fact.status == "open" or fact.confirmed), now)


class _ForgetsTheEnded(Venue):
    """Drops a released lien and does not remember that it was."""

    def hear(self, fact: Fact, now: int) -> Heard:
        heard = super().hear(fact, now)
        key = (fact.chain, fact.lien)
        if key in self.liens and self.liens[key].state == "released":
            del self.liens[key]
        return heard


class _NeverLate(Venue):
    """Waits for a seizure for ever."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms.model_copy(update={"deadline": 1_000}))


def _of(kind: type[Venue]) -> type[Venue]:
    return type(kind.__name__, (kind,), {"clone": _clone})


def _clone(self: Venue) -> Venue:
    copy = Venue.clone(self)
    copy.__class__ = type(self)
    return copy


@pytest.mark.parametrize(
    ("kind", "left", "why"),
    [
        (_CountsAttested, Left(blocks=3, ticks=0, lost=0, doubled=0, undone=1, takes=0), "more active than locked"),
        (_ForgetsTheEnded, Left(blocks=4, ticks=0, lost=0, doubled=1, undone=0, takes=0), "more active than locked"),
        (_NeverLate, Left(blocks=2, ticks=3, lost=0, doubled=0, undone=0, takes=0), "a seizure is late and not booked"),
    ],
)
def test_a_venue_without_a_rule_is_found_out(kind: type[Venue], left: Left, why: str) -> None:
    _, _, bad = explore(start(left, _of(kind)(TERMS)), 60_000)
    assert bad is not None
    assert wrong(bad) == why


def test_a_guard_smaller_than_the_skew_is_found_out() -> None:
    # the chain's clock is three before the venue's: an owner takes the lock back while it still counts
    first = start(Left(blocks=3, ticks=3, lost=0, doubled=0, undone=0, takes=1))
    first.world.ahead["c"] = 3
    _, _, bad = explore(first, 60_000)
    assert isinstance(bad, Node)
    assert wrong(bad) == "more active than locked"
    safe = start(Left(blocks=2, ticks=3, lost=0, doubled=0, undone=0, takes=1))
    safe.world.ahead["c"] = 1
    _, complete, bad = explore(safe, 60_000)
    assert (complete, bad) == (True, None)
