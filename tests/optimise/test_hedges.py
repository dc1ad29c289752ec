"""Hedges on random books: never worse than the start, within their limits, in an order that never breaches."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import chain, holding, random_book
from plimsoll.optimise import (
    Answer,
    ConflictError,
    Desk,
    Holding,
    TradingTerms,
    Wish,
    capital,
    cost,
    hedge,
    make_desk,
    make_ticket,
    minimise,
    outside,
    protective,
)
from plimsoll.optimise.measure import measure, start

RULES = (
    ("prbm@2026-01-01", "linear"),
    ("prbm@2026-01-01", "inverse"),
    ("derive-pmrm2@2025-04-18", "linear"),
    ("deribit-pm@2026-02-15", "inverse"),
    ("deribit-sm@2026-02-15", "inverse"),
    ("span@2026-01-01", "linear"),
)


def held_to_its_word(desk: Desk, wish: Wish) -> Answer:
    """One hedge: what has to hold of every answer."""
    answer = hedge(desk, wish)
    assert answer.after <= answer.before + 1e-9 * max(1.0, abs(answer.before))
    for kept in answer.limits:
        slack = 2e-6 * max(1.0, abs(kept.bound))
        assert kept.sense == ">=" or kept.after <= kept.bound + slack, kept
        assert kept.sense == "<=" or kept.after >= kept.bound - slack, kept
    (place,), (book,) = desk.places, answer.books
    # what is reported is what the exact engine says of the account after the trades
    again = place.holding.model.requirement(desk.after(place, answer.trades[0]), desk.market)
    assert book.after.initial == pytest.approx(again.initial, rel=1e-12, abs=1e-9)
    floor = min(0.0, book.before.excess_initial) - 1e-6 * max(1.0, book.before.initial)
    assert answer.ticket.complete
    assert all(step.excess >= floor for step in answer.ticket.steps)
    traded = np.zeros(len(place.names))
    for step in answer.ticket.steps:
        traded[place.names.index(step.instrument)] += step.quantity
    assert traded == pytest.approx(answer.trades[0], abs=1e-9)
    if answer.ticket.steps:
        last = answer.ticket.steps[-1]
        assert last.excess == pytest.approx(book.after.excess_initial, rel=1e-9, abs=1e-5)
        assert sum(s.cost for s in answer.ticket.steps) == pytest.approx(answer.cost, rel=1e-9, abs=1e-6)
    if answer.gap is not None and answer.status != "stopped":
        assert answer.gap <= 2e-6
    return answer


def sweep(seeds: range) -> int:
    """How many of the books have a saving. A tree of whole numbers may use up its nodes, and says so: one in fifty."""
    saved, stopped = 0, 0
    for seed in seeds:
        rng = np.random.default_rng([9, seed])
        pack, style = RULES[seed % len(RULES)]
        market = chain(rng, style)
        lot = float(rng.choice([0.0, 0.0, 0.1]))
        book = random_book(rng, market, lot=lot)
        money = {"USDC": float(rng.uniform(0.0, 5e5))} if style == "linear" else {"BTC": float(rng.uniform(0.0, 8.0))}
        option_lot = lot or None
        terms = TradingTerms(size=float(rng.uniform(1.0, 30.0)), option_lot=option_lot)
        names = [c.name for c in market.instruments] if not lot else None
        few = None if names is None else sorted(rng.choice(names, 8, replace=False).tolist())
        desk = make_desk(market, [holding(pack, book, money)], terms=terms, candidates=few)
        wish = Wish(
            worth=float(rng.choice([0.005, 0.02, 0.2])),
            delta_band=float(rng.choice([0.0, 0.5])) if not lot else 0.5,
            most=int(rng.integers(1, 4)) if rng.random() < 0.2 else None,
        )
        answer = held_to_its_word(desk, wish)
        saved += answer.saving > 0.0
        stopped += answer.status == "stopped"
    assert stopped <= len(seeds) / 50
    return saved


def test_never_worse_than_the_start() -> None:
    assert sweep(range(12)) >= 6


@pytest.mark.long
def test_never_worse_than_the_start_on_1000_books() -> None:
    assert sweep(range(12, 1012)) >= 500


FAR = "60D-0.45-P"


def planted() -> Desk:
    """Calls are sold, and far puts of a high volatility could be: inside the grid some of them only ever help."""
    market = chain(np.random.default_rng(1), strikes=(0.45, 1.0, 1.1))
    content = market.to_dict()
    content["marks"][FAR]["vol"] = 1.6
    book = holding("prbm@2026-01-01", {"60D-1.1-C": -10.0, "60D-1-C": 2.0})
    terms = TradingTerms(size=400.0, spread=0.0001, option_spread=0.001)
    return make_desk(pl.Market.from_dict(content), [book], candidates=[FAR], terms=terms)


def test_a_far_short_that_is_free_inside_the_grid_is_refused_by_what_lies_beyond() -> None:
    desk = planted()
    bare = minimise(desk, capital() + cost())
    (put,) = np.flatnonzero(bare.trades[0])
    assert desk.places[0].names[put] == FAR
    assert bare.trades[0][put] < -10.0
    # the margin says that it helps, and at falls of 60 % it is a loss of many times what the desk could lose before
    assert bare.relief > 0.0
    assert start(desk, outside("down")) < 0.0
    assert measure(desk, outside("down"), bare.trades) > 100_000.0
    guarded = hedge(desk, Wish(worth=1.0, delta_band=None))
    assert guarded.status == "no saving"
    assert not guarded.trades[0].any()
    allowed = hedge(desk, Wish(worth=1.0, delta_band=None, beyond=300_000.0))
    assert bare.trades[0][put] < allowed.trades[0][put] < -1.0
    assert allowed.outside[1] <= 300_000.0 + 1e-3


def test_protection_is_bought_in_puts_and_nothing_else() -> None:
    market = chain(np.random.default_rng(12))
    book = holding("prbm@2026-01-01", {"PERP": 10.0, "60D-0.8-P": -5.0})
    plain = make_desk(market, [book])
    desk = make_desk(market, [book], most=protective(plain))
    today = start(desk, outside("down"))
    answer = hedge(desk, Wish(protect=0.5 * today))
    assert measure(desk, outside("down"), answer.trades) <= 0.5 * today * (1.0 + 1e-6)
    bought = {n: q for n, q in zip(answer.names[0], answer.trades[0].tolist(), strict=True) if q}
    assert bought
    assert all(n.endswith("P") and q > 0.0 for n, q in bought.items())
    for wrong in (-1.0, float("nan")):
        with pytest.raises(pl.DocumentError, match="protect"):
            hedge(desk, Wish(protect=wrong))
    with pytest.raises(pl.DocumentError, match="one that can only buy puts"):
        hedge(plain, Wish(protect=0.5 * today))
    with pytest.raises(ConflictError) as caught:
        hedge(
            make_desk(market, [book], most=protective(plain), terms=TradingTerms(size=0.01)), Wish(protect=0.5 * today)
        )
    assert caught.value.limits == (f"outside loss down <= {0.5 * today:.10g}",)


def test_a_spread_is_not_unwound_through_a_breach() -> None:
    """A call spread is closed on thin margin: the leg that was sold comes first, or both in slices."""
    market = chain(np.random.default_rng(13))
    book = {"60D-1-C": -20.0, "60D-1.1-C": 20.0}
    need = pl.margin_model("prbm@2026-01-01").requirement(holding("prbm@2026-01-01", book).account, market)
    spare = need.excess_initial - 1e6
    desk = make_desk(market, [holding("prbm@2026-01-01", book, {"USDC": 2_000.0 - spare})])
    place = desk.places[0]
    close = np.zeros(len(place.names))
    close[place.names.index("60D-1-C")], close[place.names.index("60D-1.1-C")] = 20.0, -20.0
    ticket = make_ticket(desk, (close,))
    assert ticket.complete
    assert ticket.steps[0].instrument == "60D-1-C"
    assert all(s.excess >= 0.0 for s in ticket.steps)
    # opening a naked leg alone can never be margined: no order is claimed
    naked = np.zeros(len(place.names))
    naked[place.names.index("60D-0.9-C")] = -40.0
    assert not make_ticket(desk, (naked,)).complete


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(worth=0.0), "worth: got 0.0"),
        (Wish(delta_band=-1.0), "delta_band: got -1.0"),
        (Wish(budget=float("nan")), "budget: got nan"),
        (Wish(es=(1.5, 1.0)), "es.level: got 1.5"),
    ],
)
def test_bad_wishes_are_refused(wish: Wish, said: str) -> None:
    with pytest.raises(pl.DocumentError) as caught:
        hedge(planted(), wish)
    assert said in str(caught.value)


def test_an_account_that_holds_nothing_is_left_alone() -> None:
    market = chain(np.random.default_rng(14))
    desk = make_desk(market, [holding("prbm@2026-01-01", {})])
    answer = hedge(desk, Wish())
    assert answer.status == "no saving"
    assert answer.capital == (0.0, 0.0)
    assert not answer.ticket.steps
    with pytest.raises(pl.DocumentError, match="a position, or an instrument that the rules take"):
        make_desk(market, [holding("prbm@2026-01-01", {})], candidates=[])


def test_rules_in_another_mode_are_refused() -> None:
    market = chain(np.random.default_rng(15))
    book = holding("prbm@2026-01-01", {"PERP": 1.0})
    changed = Holding("book", book.account.model_copy(update={"mode": "isolated"}), book.model)
    with pytest.raises(pl.DocumentError, match=r"book\.mode: got 'isolated'"):
        make_desk(market, [changed])
