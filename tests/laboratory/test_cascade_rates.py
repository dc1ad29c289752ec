"""Rate policies in a cascade: the past only, scalars, add-ons, published series; and books with options."""

from __future__ import annotations

from dataclasses import replace
from math import erf, exp, log, sqrt

import numpy as np
import pytest

from cascade_fleets import PRICES, fall, liquidity, random_fleet, rates, schedule
from plimsoll.documents import DocumentError
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.deleveraging import scores, taken_lots
from plimsoll.laboratory.fleet import FleetArrays, from_fleet, usual_lot
from plimsoll.laboratory.instruments import Catalogue, Instrument
from plimsoll.laboratory.policy import AddOn, Asked, Past, PublishedRates, RaisedRates, StaticRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.liquidation.waterfall import Holding, Member, VenueState, deleveraged
from plimsoll.margin.avsl import ThresholdRule
from plimsoll.rates.impact import Fleet, margins

VENUE = CascadeVenue(insurance_fund=50_000.0)


class Watch:
    """A policy that writes down what it is shown."""

    def __init__(self) -> None:
        self.seen: list[Past] = []

    def asked(self, past: Past) -> Asked:
        self.seen.append(replace(past, marks=past.marks.copy(), lots=past.lots.copy()))
        return rates().asked(past)


def test_a_policy_sees_the_past_and_cannot_write() -> None:
    fleet = random_fleet(np.random.default_rng(1), 30)
    watch = Watch()
    run = cascade(fleet, fall(), liquidity(), VENUE, watch)
    assert [p.step for p in watch.seen] == list(range(1, 13))
    for p in watch.seen:
        assert p.marks.shape == (p.step + 1, 3)
        assert np.array_equal(p.marks[:-1], run.mark[: p.step])
    # what comes later does not change what was seen before
    longer = fall()
    other = Watch()
    price = longer.price.copy()
    price[8:] = 2.0
    cascade(fleet, replace(longer, price=price), liquidity(), VENUE, other)
    for p, q in zip(watch.seen[:7], other.seen[:7], strict=True):
        assert np.array_equal(p.marks, q.marks)

    class Writes:
        def asked(self, past: Past) -> Asked:
            past.lots[0] = 0
            return rates().asked(past)

    with pytest.raises(ValueError, match="read-only"):
        cascade(fleet, fall(), liquidity(), VENUE, Writes())


def test_scalar_and_add_on_raise_the_line() -> None:
    """maintenance = scalar * tiers + addon, in whole units rounded up, account by account."""
    fleet = random_fleet(np.random.default_rng(2), 40)
    run = cascade(fleet, fall(), liquidity(), VENUE, rates())
    world = run.world
    now = world.catalogue.worth(world.outside[0], world.vol[0], 0.0)
    plain = rates().asked(_first(run))
    addon = np.arange(40.0)
    raised = replace(plain, scalar=1.5, addon=addon)
    low, high = (world.stand(run.before, a, 0, world.outside[0], now, None) for a in (plain, raised))
    notional = np.zeros((40, 3))
    np.add.at(notional, (world.owner, fleet.indices), run.before.lots * now.size[fleet.indices] / 1e6)
    expected = margins(schedule(), world.underlyings, notional).maintenance
    assert low.line / 1e6 == pytest.approx(expected, abs=2e-6)
    assert high.line / 1e6 == pytest.approx(1.5 * expected + addon, abs=2e-6)
    assert np.array_equal(high.line, high.red)
    # amber: called at the raised line, closed at once below the base
    amber = world.stand(run.before, replace(raised, grace=60.0), 0, world.outside[0], now, None)
    assert amber.red / 1e6 == pytest.approx(expected + addon, abs=2e-6)


def _first(run: object) -> Past:
    world = run.world  # type: ignore[attr-defined]
    empty = np.zeros(0, dtype=np.int64)
    return Past(0, 0.0, 60.0, world.underlyings, world.outside[:1], empty, empty, empty, np.zeros(0))


def test_thresholds_that_follow_volatility_close_amber_accounts_after_their_deadline() -> None:
    fleet = random_fleet(np.random.default_rng(3), 200)
    rule = ThresholdRule(reference=0.3, cap=3.0, up=60.0, down=0.02)
    still = replace(fall(-0.03, 20), price=np.concatenate([fall(-0.03, 4).price, np.full((16, 3), 0.97)]))
    plain = cascade(fleet, still, liquidity(), VENUE, rates())
    at_once = cascade(fleet, still, liquidity(), VENUE, RaisedRates(rates(), rule, window=300.0, grace=0.0))
    waits = cascade(fleet, still, liquidity(), VENUE, RaisedRates(rates(), rule, window=300.0, grace=600.0))
    never = cascade(fleet, still, liquidity(), VENUE, RaisedRates(rates(), rule, window=300.0, grace=1e9))
    assert plain.times_closed.sum() < at_once.times_closed.sum()
    assert waits.closed[:8].sum() < at_once.closed[:8].sum()
    assert waits.closed[8:].sum() > 0
    assert np.array_equal(never.closed, plain.closed)
    # a policy starts anew with each path
    policy = RaisedRates(rates(), rule, window=300.0, grace=0.0)
    one, two = (cascade(fleet, still, liquidity(), VENUE, policy) for _ in range(2))
    assert np.array_equal(one.closed, two.closed)


def test_an_add_on_of_each_account_is_called_with_the_past() -> None:
    fleet = random_fleet(np.random.default_rng(4), 60)
    hit = np.zeros(60)
    hit[7] = 1e9

    def amount(past: Past) -> np.ndarray:
        return hit if past.step >= 5 else np.zeros(60)

    run = cascade(fleet, fall(-0.001), liquidity(), VENUE, AddOn(rates(), amount))
    assert run.times_closed.nonzero()[0].tolist() == [7]
    assert run.closed.nonzero()[0].tolist() == [5]
    with pytest.raises(
        DocumentError, match=r"rates.addon: got 'shape \(3,\)'; allowed: a finite number, or one for all"
    ):
        cascade(fleet, fall(), liquidity(), VENUE, AddOn(rates(), lambda _: np.zeros(3)))


def test_published_rates_hold_from_their_time_on() -> None:
    class Series:
        times = np.array([0, 300 * 10**9], dtype=np.int64)
        rate = np.array([[0.02, 0.05, 0.1], [0.9, 0.9, 0.9]])

    tiers = dict(schedule().assets)
    policy = PublishedRates(dict.fromkeys(tiers, Series()), tiers, 0)  # type: ignore[arg-type]
    fleet = random_fleet(np.random.default_rng(5), 60)
    run = cascade(fleet, fall(-0.001), liquidity(1e7), VENUE, policy)
    static = cascade(fleet, fall(-0.001), liquidity(1e7), VENUE, rates())
    assert run.closed[:5].sum() == static.closed[:5].sum() == 0
    assert run.closed[5] == 60  # maintenance is half of 0.9, beyond what anybody has
    with pytest.raises(DocumentError, match="start: got -1; allowed: a time from 0 on"):
        PublishedRates(dict.fromkeys(tiers, Series()), tiers, -1)  # type: ignore[arg-type]


def test_a_fleet_document_in_lots() -> None:
    fleet = Fleet.from_dict(
        {
            "schema": Fleet.SCHEMA,
            "schema_version": 1,
            "prices": {"BTC": 60_000.0, "ETH": 2_500.0},
            "volume": {"BTC": 1e9, "ETH": 1e9},
            "accounts": [
                {"name": "a", "equity": 1_000.0, "positions": {"ETH": -1.5, "BTC": 0.1}},
                {"name": "b", "equity": -5.5, "positions": {}},
            ],
        }
    )
    found = from_fleet(fleet, CascadeVenue())
    assert [i.lot for i in found.instruments] == [usual_lot(60_000.0), usual_lot(2_500.0)] == [1e-4, 1e-3]
    assert found.lots.tolist() == [1000, -1500]
    assert found.cash[:, 0].tolist() == [(1_000 - 6_000 + 3_750) * 10**6, -5_500_000]
    assert found.entry.tolist() == [6_000 * 10**6, -3_750 * 10**6]
    with pytest.raises(DocumentError, match=r"lots.SOL: got 'SOL'; allowed: an asset of the fleet \(BTC, ETH\)"):
        from_fleet(fleet, CascadeVenue(lots={"SOL": 1.0}))


def test_deleveraging_ranks_as_the_waterfall_does() -> None:
    """Random holders: the same lots by profit and leverage; pro rata within a lot of it."""
    rng = np.random.default_rng(6)
    for _ in range(40):
        many, price = int(rng.integers(1, 9)), int(rng.integers(50, 500))
        lots = rng.integers(1, 60, many)
        profit = rng.integers(-2_000, 2_000, many)
        equity = rng.integers(1, 5_000, many)
        entry = lots * price - profit
        needed = int(rng.integers(1, 80))
        names = [f"m{k:03d}" for k in range(many)]
        held = {n: {"X": Holding(lots=int(q), profit=int(p))} for n, q, p in zip(names, lots, profit, strict=True)}
        for ranking in ("profit-leverage", "pro-rata"):
            failed = Member(name="z", equity=-1, positions={"X": Holding(lots=-int(lots.sum()))})
            venue = VenueState(
                currency="USD",
                decimals=0,
                members=(*(Member(name=n, equity=1, positions=p) for n, p in held.items()), failed),
                ranking=ranking,
                prices={"X": price},
            )
            their = deleveraged(venue, "X", -needed, held, dict(zip(names, equity.tolist(), strict=True)))
            ours = taken_lots(
                ranking, needed, lots, entry, price, equity, np.arange(many), price, np.array([np.inf]), np.array([0.1])
            )
            expected = np.array([their.get(n, 0) for n in names])
            assert ours.sum() == expected.sum() == min(needed, lots.sum())
            assert np.abs(ours - expected).max() <= (0 if ranking == "profit-leverage" else 1)
    assert scores(np.array([10, -10]), np.array([800, -800]), 100, np.array([500, 500])).tolist() == [0.5, -0.125]


def test_the_least_risk_is_taken_from_the_highest_tier() -> None:
    ends, tiers = np.array([1_000.0, np.inf]), np.array([0.01, 0.05])
    lots, none = np.array([30, 12, 8]), np.zeros(3, dtype=np.int64)
    rest = (lots, none, 100, np.ones(3, dtype=np.int64), np.arange(3), 100, ends, tiers)
    assert taken_lots("least-risk", 15, *rest).tolist() == [15, 0, 0]
    assert taken_lots("least-risk", 21, *rest).tolist() == [20, 1, 0]
    assert taken_lots("least-risk", 25, *rest).tolist() == [23, 2, 0]
    assert taken_lots("least-risk", 99, *rest).tolist() == [30, 12, 8]


COLUMNS = (np.array([-0.16, -0.08, 0.0, 0.08, 0.16]), np.array([1.3, 1.0, 1.3, 1.0, 1.3]))


def option_fleet() -> FleetArrays:
    """A seller of puts with little, one with much, and the buyer of both."""
    kinds = (
        Instrument("BTC-PERP", "BTC", 1e-3),
        Instrument("BTC-P-55000", "BTC", 1e-2, "put", strike=55_000.0, days=7.0, vol=0.6),
    )
    lots = np.array([-200, -200, 400])
    unit, value = 10**6, round(black_put(60_000.0, 55_000.0, 0.6 * sqrt(7 / 365)) * 1e-2 * 10**6)
    cash = np.array([15_000 * unit, 80_000 * unit, 20_000 * unit]) - lots * value
    return FleetArrays(
        kinds,
        PRICES,
        ("USD",),
        (6,),
        np.array([0, 1, 2, 3]),
        np.array([1, 1, 1]),
        lots,
        cash.reshape(-1, 1),
        lots * value,
        np.arange(3),
    )


def black_put(f: float, k: float, s: float) -> float:
    up, down = log(f / k) / s + s / 2, log(f / k) / s - s / 2
    normal = [0.5 * (1.0 + erf(-x / sqrt(2.0))) for x in (up, down)]
    return k * normal[1] - f * normal[0]


def test_a_book_of_options_is_margined_by_its_worst_column_about_the_price() -> None:
    fleet = option_fleet()
    free = schedule(0.0)
    policy = StaticRates(free, columns=COLUMNS)
    run = cascade(fleet, fall(-0.12, 24), liquidity(1e7), VENUE, policy, check=True)
    world = run.world
    price = np.array([60_000.0])
    now = world.catalogue.worth(price, np.ones(1), 0.0)
    asked = policy.asked(_first(run))
    standing = world.stand(run.before, asked, 0, price, now, None)
    s = 0.6 * sqrt(7 / 365)
    worst = max(
        black_put(60_000.0 * (1 + m), 55_000.0, s * v) - black_put(60_000.0, 55_000.0, s)
        for m, v in zip(*COLUMNS, strict=True)
    )
    assert standing.line[0] / 1e6 == pytest.approx(200 * 0.01 * worst, rel=1e-6)
    assert run.times_closed.tolist() == [1, 0, 0]
    # the buyer of puts sells the underlying's book nothing; who buys puts back sells it
    assert run.forced[:, 0, 0].sum() > 0
    assert run.forced[:, 0, 1].sum() == 0
    assert run.price[-1, 0] < run.outside[-1, 0]


def test_an_option_is_worth_what_the_formula_says() -> None:
    kinds = [
        Instrument("p", "BTC", 0.01, "put", strike=55_000.0, days=7.0, vol=0.6),
        Instrument("c", "BTC", 0.01, "call", strike=55_000.0, days=7.0, vol=0.6),
        Instrument("i", "BTC", 10.0, "inverse"),
    ]
    found = Catalogue(kinds, np.zeros(3, dtype=np.int64), np.array([1e6, 1e6, 1e8]), 1e6)
    now = found.worth(np.array([52_000.0]), np.array([1.1]), 2.0)
    s = 0.66 * sqrt(5 / 365)
    put = black_put(52_000.0, 55_000.0, s)
    assert now.usd[0] == pytest.approx(put * 0.01 * 1e6, abs=1)
    assert now.usd[1] == pytest.approx((put + 52_000.0 - 55_000.0) * 0.01 * 1e6, abs=1)
    bump = (black_put(52_000.0 * exp(1e-5), 55_000.0, s) - black_put(52_000.0 * exp(-1e-5), 55_000.0, s)) / 2e-5
    assert now.delta[0] == pytest.approx(bump * 0.01 * 1e6, rel=1e-6)
    assert now.price[2] == -round(10.0 / 52_000.0 * 1e8)
    assert now.usd[2] == pytest.approx(-10.0 * 1e6, rel=1e-4)


def test_columns_are_refused_where_they_would_be_wrong() -> None:
    policy = StaticRates(schedule(), columns=COLUMNS)
    coins = random_fleet(np.random.default_rng(1), 5, inverse=True)
    with pytest.raises(DocumentError, match=r"rates.columns: got 'scenario columns'; allowed: tiers alone where"):
        cascade(coins, fall(), liquidity(), VENUE, policy)
    least = VENUE.model_copy(update={"ranking": "least-risk"})
    with pytest.raises(DocumentError, match="ranking: got 'least-risk'; allowed: profit-leverage or pro-rata"):
        cascade(option_fleet(), fall(), liquidity(), least, policy)
    with pytest.raises(DocumentError, match=r"instruments.x: got 'strike 0.0, days 1.0, vol 1.0'; allowed: all three"):
        Instrument("x", "BTC", 1.0, "call", days=1.0, vol=1.0)
