"""Placement over books and modes: what was split is put together again, as well as by trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.margin.many import Positions
from plimsoll.optimise import ConflictError, Holding, TradingTerms, Venue, capital, make_desk, place

PM, SM = "deribit-pm@2026-02-15", "deribit-sm@2026-02-15"
LINEAR = ("prbm@2026-01-01", "derive-pmrm2@2025-04-18", "paradex-pm@2026-01-01")
WORTH = 0.5


def split(seed: int, style: str) -> tuple[pl.Market, list[dict[str, float]]]:
    """A hedged book of which every leg was given to one of two accounts by chance."""
    rng = np.random.default_rng([17, seed])
    market = chain(rng, style)
    perpetual = 7_000.0 if style == "inverse" else 1.0
    size = float(rng.integers(2, 8))
    legs = [
        ("60D-1.1-C", -size),
        ("60D-1.25-C", size),
        ("60D-0.9-P", -size),
        ("14D-0.8-P", size),
        ("PERP", perpetual * size * float(rng.uniform(-0.3, 0.5))),
    ]
    books: list[dict[str, float]] = [{}, {}]
    for k, (name, q) in enumerate(legs):
        books[k % 2 if rng.random() < 0.8 else int(rng.integers(2))][name] = q
    return market, [b or {"60D-1-C": 0.01} for b in books]


def test_rules_under_which_a_limit_cannot_be_kept_are_named_and_the_others_are_placed() -> None:
    market, books = split(3, "inverse")
    whole = account({n: q for b in books for n, q in b.items()}, {"BTC": 40.0})
    models = (pl.margin_model(PM), pl.margin_model(SM))
    (book,) = make_desk(market, [Holding("a", whole, models[0])]).places
    cap = 1.01 * models[0].requirement(whole, market).initial * book.rate
    assert models[1].requirement(whole, market).initial * book.rate > cap
    found = place(market, [Venue("a", whole, models)], worth=WORTH, further=[capital() <= cap])
    assert found.rules == (models[0].rules.label,)
    (other,) = (t for t in found.tried if t.answer is None)
    assert other.rules == (models[1].rules.label,)
    assert "keep these limits" in other.why
    with pytest.raises(ConflictError):
        place(market, [Venue("a", whole, models[::-1])], worth=WORTH, further=[capital() <= cap])


def margins(model: pl.MarginModel, market: pl.Market, names: list[str], held: np.ndarray) -> np.ndarray:
    """Exact margins of many accounts, US dollars."""
    count, size = held.shape
    positions = Positions(tuple(names), np.arange(count + 1) * size, np.tile(np.arange(size), count), held.ravel())
    totals = model.many(positions, market).check()
    prices = [market.price_of(str(c)) for c in totals.currency]
    assert all(p is not None or not m for p, m in zip(prices, totals.initial.tolist(), strict=True))
    return totals.initial * np.array([1.0 if p is None else p.price for p in prices])


def best_of_all(
    market: pl.Market, books: list[dict[str, float]], models: list[list[pl.MarginModel]], fee: dict[str, float]
) -> float:
    """The least `WORTH margin + cost` with every leg as a whole in one of the books, under every choice of modes."""
    names = sorted({n for b in books for n in b})
    total = np.array([sum(b.get(n, 0.0) for b in books) for n in names])
    own = np.array([books[0].get(n, 0.0) for n in names])
    where = np.array(list(product((0.0, 1.0), repeat=len(names))))
    first = np.vstack([where * total, own[None, :]])
    moved = np.abs(first - own) @ np.array([fee[n] for n in names])
    sums = [
        margins(one, market, names, first) + margins(two, market, names, total - first) for one, two in product(*models)
    ]
    return float((WORTH * np.array(sums) + moved).min())


def planted(seed: int) -> tuple[float, float, float]:
    """What the placement and the best of all save, and the gap of the former."""
    inverse = seed % 3 == 0
    market, books = split(seed, "inverse" if inverse else "linear")
    rng = np.random.default_rng([18, seed])
    packs = [[PM, SM], [PM]] if inverse else [[LINEAR[seed % 3]], [LINEAR[int(rng.integers(3))]]]
    models = [[pl.margin_model(p) for p in row] for row in packs]
    money = {"BTC": 100.0} if inverse else {"USDC": 1e7}
    venues = [
        Venue(f"book {k}", account(b, money).model_copy(update={"mode": m[0].MODES[0]}), tuple(m))
        for k, (b, m) in enumerate(zip(books, models, strict=True))
    ]
    terms = TradingTerms(size=1e4, future_fee=1e-5, option_fee=1e-5, spread=1e-5, option_spread=1e-4)
    found = place(market, venues, worth=WORTH, terms=terms)
    desk = make_desk(market, [Holding("all", venues[0].account, models[0][0])], terms=terms)
    fee = dict.fromkeys((n for b in books for n in b), 0.0)
    for n, sides in zip(desk.places[0].names, desk.places[0].sides, strict=True):
        if n in fee:
            fee[n] = sides[0].cost[0] + sides[1].cost[0]
    want = best_of_all(market, books, models, fee)
    assert found.after <= found.before + 1e-6
    # nothing was bought or sold on balance
    for n in fee:
        assert sum(
            float(y[row.index(n)]) for y, row in zip(found.answer.trades, found.answer.names, strict=True) if n in row
        ) == pytest.approx(0.0, abs=1e-6 * max(abs(b.get(n, 0.0)) for b in books) + 1e-9)
    return found.saving, found.before - want, found.gap if found.gap is not None else float("nan")


def recovered(seeds: range) -> None:
    shares = []
    for seed in seeds:
        saved, most, gap = planted(seed)
        assert saved >= 0.95 * most - 1e-3, (seed, saved, most)
        assert not gap > 2e-6, seed
        if most > 1.0:
            shares.append(saved / most)
    assert len(shares) > len(seeds) // 2
    assert np.median(shares) >= 0.999


def test_a_netted_book_that_was_split_is_put_together_again() -> None:
    recovered(range(9))


@pytest.mark.long
def test_a_netted_book_that_was_split_is_put_together_again_200_times() -> None:
    recovered(range(9, 209))


def test_a_book_without_the_money_takes_no_more_than_it_can_margin() -> None:
    market = chain(np.random.default_rng(3))
    model = pl.margin_model("prbm@2026-01-01")
    rich = Venue("rich", account({"60D-1-C": -5.0}), (model,))
    poor = Venue("poor", account({"PERP": 2.5}, {"USDC": 30_000.0}), (model,))
    found = place(market, [rich, poor], worth=1.0)
    assert found.saving > 0.0
    for book in found.answer.books:
        assert book.after.excess_initial >= -1e-3
    assert found.answer.ticket.complete
    assert all(s.excess >= -1e-3 for s in found.answer.ticket.steps)


def test_bad_placements_are_refused() -> None:
    market = chain(np.random.default_rng(3))
    model = pl.margin_model("prbm@2026-01-01")
    one = Venue("one", account({"60D-1-C": -5.0}), (model,))
    with pytest.raises(pl.DocumentError, match="two books or modes"):
        place(market, [one])
    with pytest.raises(pl.DocumentError, match="worth: got 0"):
        place(market, [one, one], worth=0.0)
    with pytest.raises(pl.DocumentError, match="each name once"):
        place(market, [one, one])
    other = Venue("two", account({"PERP": 1.0}), (model, pl.margin_model("prbm-whole@2026-01-01")))
    found = place(market, [one, other])
    refused = [t for t in found.tried if t.answer is None]
    assert len(refused) == 1
    assert "a model with a form" in refused[0].why


def test_what_changes_hands_does_so_step_by_step() -> None:
    market = chain(np.random.default_rng(3))
    model = pl.margin_model("prbm@2026-01-01")
    one = Venue("one", account({"60D-1-C": -5.0, "60D-0.9-P": -5.0}), (model,))
    two = Venue("two", account({"60D-1.1-C": 5.0, "60D-0.8-P": 5.0}), (model,))
    steps = place(market, [one, two], worth=1.0).answer.ticket.steps
    assert len(steps) >= 4
    for given, taken in zip(steps[::2], steps[1::2], strict=True):
        assert given.instrument == taken.instrument
        assert given.book != taken.book
        assert given.quantity == pytest.approx(-taken.quantity, rel=1e-9)
