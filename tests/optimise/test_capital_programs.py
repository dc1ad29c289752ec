"""Capital as an objective: the best of all trades on tiny problems, its bound, and where least margin is not least."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain, holding, random_book
from plimsoll.margin import find_rules
from plimsoll.margin.forms import Relieved, Tail, Worst
from plimsoll.margin.forms.expression import total
from plimsoll.optimise import (
    Desk,
    Holding,
    TradingTerms,
    capital,
    cost,
    delta,
    initial_margin,
    make_desk,
    minimise,
    today,
)
from plimsoll.optimise.measure import measure
from plimsoll.optimise.placement import exchanged
from plimsoll.optimise.variation import Outlook, evaluate, least, running, same_time, tail_mean
from plimsoll.optimise.variation.slopes import slope
from transfer_paths import brownian

HOURS, BREACH = 144.0, 0.05


def tiny(seed: int, pack: str = "prbm@2026-01-01", lots: bool = True) -> tuple[Desk, list[str], float]:
    rng = np.random.default_rng([77, seed])
    market = chain(rng)
    names = [market.instruments[i].name for i in rng.choice(len(market.instruments), 2, replace=False)]
    lot = float(rng.choice([0.5, 1.0]))
    terms = TradingTerms(size=2.0 * lot, lot=lot if lots else None, option_lot=lot if lots else None)
    outlook = Outlook(brownian(60, HOURS, 2, seed=seed), same_time(HOURS))
    held = [holding(pack, random_book(rng, market, 4), {"USDC": 1e6})]
    return make_desk(market, held, candidates=names, terms=terms, outlook=outlook), names, lot


def by_trying(desk: Desk, names: list[str], lot: float, worth: float, whole: bool) -> float:
    """The least `worth capital + cost` of every trade in lots, capital by the exact engine on every path."""
    place, found = desk.places[0], []
    outlook = desk.outlook
    assert outlook is not None
    own = [place.names.index(n) for n in names]
    for lots in product(range(-2, 3), repeat=len(names)):
        y = np.zeros(len(place.names))
        y[own] = np.array(lots, dtype=float) * lot
        after = desk.after(place, y)
        run = running(place.holding.model, after, desk.market, outlook.paths, HOURS)
        weight = np.ones(run.worst.size)
        beside = least(run.worst, weight, BREACH).amount if whole else tail_mean(run.worst, weight, BREACH)
        found.append(worth * max(run.initial, beside) + float(place.cost(y).sum()))
    return min(found)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("pack", ["prbm@2026-01-01", "derive-pmrm2@2025-04-18"])
def test_the_best_of_all_trades_in_lots_is_found(pack: str, whole: bool) -> None:
    differs = saved = missed = 0
    for seed in range(4):
        desk, names, lot = tiny(seed, pack)
        answer = minimise(desk, 0.2 * capital(p=BREACH, whole=whole) + cost())
        want = by_trying(desk, names, lot, 0.2, whole)
        missed += answer.after > want * (1.0 + 1e-6) + 1e-6
        assert answer.after >= want * (1.0 - 1e-6) - 1e-6
        if pack.startswith("prbm"):
            # maintenance is a fixed part of a convex form: a bound is claimed
            assert answer.after == pytest.approx(want, rel=2e-6, abs=1e-4), seed
            assert answer.bound is not None
            assert answer.bound <= want * (1.0 + 1e-6) + 1e-4
        saved += answer.saving > 1.0
        differs += answer.after > 0.2 * answer.capital[1] + answer.cost + 1.0
    assert saved >= 2
    # the paths, not initial margin, decide in some of them
    assert differs >= 2
    # where maintenance is no fixed part the cuts are local: better than the start, and here seldom not the best
    assert missed <= (0 if pack.startswith("prbm") else 1)


def test_the_mean_of_the_tail_asks_no_less_than_the_exact_amount() -> None:
    for seed in range(4):
        desk, _, _ = tiny(seed, lots=False)
        soft, hard = (minimise(desk, 0.2 * capital(p=BREACH, whole=w) + cost()) for w in (False, True))
        assert hard.after <= soft.after * (1.0 + 1e-6) + 1e-6
        assert soft.gap is not None
        assert soft.gap <= 2e-6
        # what is held against the tail breaks on fewer paths than were allowed
        place = desk.places[0]
        after = desk.after(place, soft.trades[0])
        assert desk.outlook is not None
        found = evaluate([("a", after, place.holding.model)], desk.market, desk.outlook, BREACH)
        assert found.venues[0].breach <= BREACH
        assert 0.2 * found.capital + soft.cost <= soft.after * (1.0 + 1e-9) + 1e-6


def two_venues() -> Desk:
    """The same futures at two venues: little margin that is nearly all maintenance, or more of which a third is."""
    market = chain(np.random.default_rng(1))
    rules = find_rules("prbm@2026-01-01").to_dict()
    models = []
    for scale, part in ((0.25, 0.95), (0.4, 1.0 / 3.0)):
        content = rules["parameters"] | {
            "maintenance_factor": part,
            "scenarios": [row | {"move": scale * row["move"]} for row in rules["parameters"]["scenarios"]],
        }
        models.append(pl.margin_model(pl.Rules.from_dict(rules | {"parameters": content})))
    held = [
        Holding(name, account({"PERP": q}, {"USDC": 2e6}).model_copy(update={"mode": m.MODES[0]}), m)
        for name, m, q in zip(("tight", "wide"), models, (10.0, 10.0), strict=True)
    ]
    outlook = Outlook(brownian(1_000, 24.0, 4), same_time(24.0))
    return make_desk(market, held, candidates=["PERP"], terms=TradingTerms(size=50.0), outlook=outlook)


def test_least_margin_and_least_capital_disagree_and_the_latter_is_found() -> None:
    desk = two_venues()
    limits = exchanged(desk)
    by_margin = minimise(desk, initial_margin() + cost(), limits)
    by_capital = minimise(desk, capital(p=0.01) + cost(), limits)
    perp = [p.names.index("PERP") for p in desk.places]
    # margin alone brings everything to the venue that asks least today, capital to the one that leaves room to fall
    assert [p.quantity[i] + y[i] for p, y, i in zip(desk.places, by_margin.trades, perp, strict=True)] == pytest.approx(
        [20.0, 0.0]
    )
    assert [
        p.quantity[i] + y[i] for p, y, i in zip(desk.places, by_capital.trades, perp, strict=True)
    ] == pytest.approx([0.0, 20.0])
    assert desk.outlook is not None
    found = []
    for trades in (by_margin.trades, by_capital.trades):
        held = [(p.name, desk.after(p, y), p.holding.model) for p, y in zip(desk.places, trades, strict=True)]
        found.append(evaluate(held, desk.market, desk.outlook, 0.01))
    assert by_margin.capital[1] < by_capital.capital[1] - 1_000.0
    assert found[1].capital < found[0].capital - 1_000.0


def test_a_limit_on_capital_is_kept_under_the_exact_rules() -> None:
    rng = np.random.default_rng(4)
    market = chain(rng)
    outlook = Outlook(brownian(400, HOURS, 3), same_time(HOURS))
    held = [holding("prbm@2026-01-01", {"60D-1-C": -10.0, "60D-1-P": -10.0}, {"USDC": 1e6})]
    desk = make_desk(market, held, outlook=outlook, terms=TradingTerms(size=20.0))
    term = capital("book", p=BREACH, transfer=12.0)
    now = measure(desk, term, (np.zeros(len(desk.places[0].names)),))
    answer = minimise(desk, cost(), [term <= 0.7 * now, delta("BTC") == today])
    (kept, _) = answer.limits
    assert kept.name == f"capital book (5 % in 12 h) <= {0.7 * now:.10g}"
    assert kept.before == pytest.approx(now)
    assert kept.after == pytest.approx(0.7 * now, rel=1e-5)
    # a dollar less of capital costs what the price of the limit says, a little further down at least as much
    lower = minimise(desk, cost(), [term <= 0.69 * now, delta("BTC") == today])
    assert lower.after - answer.after >= -kept.price * 0.01 * now * (1.0 - 1e-6)


def test_slopes_touch_and_lie_below() -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        worst = Worst.parts(range(4), rng.normal(size=(5, 4)), 3.0 + rng.normal(size=(5, 4)), rng.normal(size=5))
        two = Worst.parts(range(4), rng.normal(size=(2, 4)), 3.0 + rng.normal(size=(2, 4)), rng.normal(size=2))
        price = np.where(rng.random(4) < 0.5, rng.uniform(0.1, 1.0, 4), np.inf)
        for e in (worst, Tail(worst, 2.5), Relieved(two, price), total([worst, Tail(worst, 1.5)])):
            at, to = rng.uniform(0.0, 2.0, (2, 4)), rng.uniform(0.0, 2.0, (2, 4))
            found = slope(e, at[0], at[1])
            assert found.value == pytest.approx(e.value(at[0], at[1]), rel=1e-9, abs=1e-9)
            below = found.value + found.long @ (to[0] - at[0]) + found.short @ (to[1] - at[1])
            assert below <= e.value(to[0], to[1]) + 1e-9


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: capital(p=0.0), "capital.p: got 0.0"),
        (lambda: capital(p=0.01, transfer=-1.0), "capital.transfer: got -1.0"),
        (lambda: capital(transfer=4.0), "capital.p: got 'nothing'"),
        (lambda: capital(p=0.01) >= 5.0, "convex terms below a bound: capital (1 %)"),
    ],
)
def test_what_is_no_capital_is_refused(write: Any, said: str) -> None:
    with pytest.raises(pl.DocumentError) as caught:
        write()
    assert said in str(caught.value).replace('"', "'")


def test_a_desk_without_paths_is_told_so() -> None:
    market = chain(np.random.default_rng(1))
    desk = make_desk(market, [holding("prbm@2026-01-01", {"PERP": 1.0})])
    with pytest.raises(pl.DocumentError, match=r"desk\.outlook"):
        minimise(desk, capital(p=0.01) + cost())
