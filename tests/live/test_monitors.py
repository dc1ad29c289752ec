"""The monitors against loops in plain Python, exact lines, and the machine of the calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import MODEL, TIME, engine_of, small_accounts, small_market
from naive import monitors as naive
from plimsoll.documents import DocumentError
from plimsoll.liquidation.calls import CallPolicy, Seen, Standing, step
from plimsoll.liquidation.density import edges, exposures
from plimsoll.live import Clock, Engine, Fill, Prices
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.live.monitors import CoverageWatch, MonitorRule, read
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.coverage import BETS
from plimsoll.live.monitors.density import density
from plimsoll.live.monitors.ladder import STEPS, steps_of
from plimsoll.margin.path import moved

FEW = settings(max_examples=max(4, settings.default.max_examples // 20))
MARKET = small_market()


def naive_accounts(engine: Engine) -> list[naive.NaiveAccount]:
    """What the loops need, from documents: requirements of the exact engine, deltas of each position by itself."""
    market, found = engine.market(), []
    for a in range(len(engine.holdings)):
        account = engine.account(a)
        need = engine.model.assess(account, market, "refuse")
        initial, maintenance = (sum(getattr(c, n) for c in need.components) for n in ("initial", "maintenance"))
        own = naive.NaiveAccount(account.name, initial, maintenance, need.net_equity)
        for asset, amount in account.collateral.items():
            price = market.price_of(asset)
            assert price is not None
            own.collateral[asset] = amount * price.price
        for p in account.positions:
            contract = market.contracts[p.instrument]
            if contract.kind == "spot":
                continue
            index = market.indices[contract.underlying].price
            if contract.kind == "option":
                each = contract.multiplier * index
            elif contract.settlement == "inverse":
                # the dollars of the contract in coins at its price, at the index
                mark = market.marks.get(p.instrument)
                forward = {(e.underlying, e.expiry): e.forward.price for e in market.expiries if e.forward}
                price_of = mark.price if mark and mark.price else forward[contract.underlying, contract.expiry]
                each = contract.multiplier / price_of * index
            else:
                mark = market.marks.get(p.instrument)
                forward = {(e.underlying, e.expiry): e.forward.price for e in market.expiries if e.forward}
                price_of = mark.price if mark and mark.price else forward[contract.underlying, contract.expiry]
                each = contract.multiplier * price_of * market.assets["USDC"].price
            alone = account.model_copy(update={"positions": (p,), "collateral": {}})
            delta = exposures(alone, market).get(contract.underlying, 0.0) / p.quantity
            own.positions.append(naive.NaivePosition(p.instrument, contract.underlying, p.quantity, each, delta))
        found.append(own)
    return found


def played(seed: int, events: int = 40, size: int = 8, **options: Any) -> Engine:
    """An engine after a day of a few events."""
    engine = engine_of(MARKET, small_accounts(MARKET, size, seed, 8_000.0), **options)
    for event in disturbed(
        generated_day(MARKET, list(engine.holdings.names), events, seed, DayRule(daily_vol=0.2)), seed, 0.1
    ):
        engine.apply(event)
    return engine


@FEW
@given(seed=st.integers(0, 10_000), link=st.sampled_from([0.1, 0.3, 0.6]))
def test_the_readings_are_those_of_plain_loops(seed: int, link: float) -> None:
    engine = played(seed)
    found = read(engine, MonitorRule(link_positions=link, link_collateral=link, worst=1_000), with_density=False)
    accounts = naive_accounts(engine)
    used = naive.utilisation(accounts)
    for name in ("total", "free", "missing"):
        assert getattr(found.utilisation, name) == pytest.approx(used[name], rel=1e-7, abs=1e-4)
    assert found.utilisation.over == used["over"]
    largest = found.utilisation.quantiles["largest"]
    assert (largest is None) == (used["largest"] is None)
    assert largest is None or largest == pytest.approx(used["largest"], rel=1e-6)
    for key, own in (("underlying", found.concentration.underlyings), ("instrument", found.concentration.instruments)):
        expected = naive.herfindahl(accounts, key)
        if key == "underlying":
            assert set(own) == set(expected)
        for market, sides in own.items():
            assert set(sides) == set(expected[market])
            for side, held in sides.items():
                index, total, holders = expected[market][side]
                assert held.herfindahl == pytest.approx(index, rel=1e-9)
                assert held.notional == pytest.approx(total, rel=1e-9)
                assert held.holders == holders
    sizes = naive.leverages(accounts)
    assert {n: x for n, x in found.leverage.largest.items() if x is not None} == pytest.approx(
        {n: x for n, x in sizes.items() if np.isfinite(x)}, rel=1e-6
    )
    assert sum(b.accounts for b in found.leverage.bands.values()) == len(sizes)
    for band in list(found.leverage.bands.values())[:-1]:
        most = np.inf if band.most is None else band.most
        assert band.accounts == sum(band.least <= x < most for x in sizes.values())
    groups = sorted((set(g.members) for g in found.linked.groups), key=sorted)
    assert groups == naive.groups(accounts, link, link)
    assert found.linked.alone == len(accounts) - sum(map(len, groups))


@FEW
@given(
    equity=st.lists(st.one_of(st.floats(-50.0, 250.0), st.sampled_from([0.0, 100.0, 120.0, 150.0])), min_size=1),
    positions=st.integers(0, 2),
    maintenance=st.sampled_from([0.0, 100.0]),
)
def test_the_ladder_is_the_machine_of_the_calls(equity: list[float], positions: int, maintenance: float) -> None:
    size = len(equity)
    policy = CallPolicy()
    on = steps_of(policy, np.array(equity), np.full(size, maintenance), np.full(size, positions))
    for k, own in enumerate(equity):
        standing, _ = step(policy, Standing("a"), Seen(0, TIME, own, maintenance, positions=positions))
        assert STEPS[on[k]] == standing.state


def test_the_density_map_is_that_of_exact_requirements_and_of_the_exact_lines() -> None:
    engine = played(5, size=7)
    moves = (0.03, 0.1, 0.25, 0.45)
    block = Block.of(engine)
    found = density(engine, block, moves)
    market, model = engine.market(), engine.model
    documents = [engine.account(a) for a in range(len(engine.holdings))]
    lines = {(e.account, e.underlying): e for e in edges(model, documents, market)}
    gross = block.gross_by_underlying()
    some = 0
    for k, name in enumerate(block.underlyings):
        for sign, side in ((-1.0, found.underlyings[name].fall), (1.0, found.underlyings[name].rise)):
            sums = {b: [0, 0.0] for b in range(len(moves) + 1)}
            for a, account in enumerate(documents):
                if gross[a, k] == 0.0:
                    continue
                below = []
                for move in moves:
                    need = model.assess(*moved(account, market, {name: 1.0 + sign * move}), "refuse")
                    below.append(need.net_equity < sum(c.maintenance for c in need.components))
                at = naive.bucket(below, engine.status(a) == "called")
                if at is None:
                    continue
                sums[at][0] += 1
                sums[at][1] += float(gross[a, k])
                line = lines.get((account.name, name))
                if line is not None:
                    some += 1
                    exact = line.fall if sign < 0 else line.rise
                    assert exact <= (moves[at] if at < len(moves) else np.inf)
                    # on this day nobody dips below his line and is back before the edge
                    assert exact > (moves[at - 1] if at else 0.0)
            for b, one in enumerate(side.buckets):
                assert one.accounts == sums[b][0]
                assert one.notional == pytest.approx(sums[b][1])
            assert side.beyond == sums[len(moves)][0]
    assert some > 10
    # nothing of the engine has changed
    assert engine.market().hash() == market.hash()


def test_another_model_goes_along_its_paths_to_the_same_map() -> None:
    engine = played(11, size=3)
    block = Block.of(engine)
    by_rows = density(engine, block, (0.1, 0.3))

    from plimsoll.live.margins import ExactMargins

    engine.margins = ExactMargins(engine.model, engine.prices)
    by_path = density(engine, block, (0.1, 0.3))
    assert json.dumps(by_rows.to_dict()) == json.dumps(by_path.to_dict())


def test_feeds_grow_old_and_an_index_off_the_others_is_seen() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 2))
    limits = MonitorRule(stale_index=30.0, stale_mark=100.0, stale_vol=200.0)
    engine.apply(Clock("clock", 1, TIME + timedelta(seconds=50)))
    found = read(engine, limits, with_density=False)
    assert (found.feeds.fields["indices"].stale, found.feeds.fields["vols"].stale) == (2, 0)
    engine.apply(Prices("feed", 1, TIME + timedelta(seconds=50), indices={"BTC": 70_010.0}))
    found = read(engine, limits, with_density=False)
    assert found.feeds.fields["indices"].stale == 1
    assert found.feeds.fields["indices"].oldest == "ETH"
    assert found.oracle.furthest == 0.0
    # ten per cent in an instant is not believed: set apart, and the monitor sees how far off it is
    engine.apply(Prices("feed", 2, TIME + timedelta(seconds=50), indices={"BTC": 77_000.0}))
    found = read(engine, limits, with_density=False)
    own = found.oracle.indices["BTC"]
    assert own.status == "suspect"
    assert own.price == 70_010.0
    assert own.furthest > 1.0
    assert own.sources["feed"] == pytest.approx(np.log(77_000.0 / 70_010.0))
    # a fact behind a gap is counted as waiting
    engine.apply(Fill("matching", 3, TIME, "account 0", "BTC-PERP-linear", 1.0, 70_000.0))
    source = read(engine, limits, with_density=False).feeds.sources["matching"]
    assert (source.waiting, source.missing) == (1, 1)


def test_what_was_heard_survives_a_restart() -> None:
    from plimsoll.live.frozen import freeze, thaw

    engine = played(3)
    again = thaw(freeze(engine))
    one, other = (read(e, with_density=False).to_dict() for e in (engine, again))
    assert one == other


@FEW
@given(seed=st.integers(0, 1_000))
def test_an_interval_loses_what_its_positions_lose(seed: int) -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 5, seed))
    watch = CoverageWatch(engine, MonitorRule(horizon_hours=1.0))
    before = [engine.account(a).model_copy(update={"collateral": {}}) for a in range(5)]
    start = engine.market()
    initial = [engine.charged(a)[0] / 10**engine.model.rules.decimals for a in range(5)]
    names = list(engine.holdings.names)
    for event in generated_day(MARKET, names, 60, seed, DayRule(fills=0.3, daily_vol=3.0, seconds=90.0)):
        engine.apply(event)
        if watch.look() is not None:
            break
    assert watch.last is not None
    end = engine.market()

    def worth(account: pl.Account, market: pl.Market) -> float:
        """USD of the positions: options and spot by themselves, futures at their mark."""
        from plimsoll.risk import compile_plan, unit_values
        from plimsoll.risk.plan import INVERSE
        from plimsoll.scenarios import Scenarios

        total = 0.0
        for p in account.positions:
            plan = compile_plan([market.contracts[p.instrument]], market)
            if plan.contracts[0].kind in ("future", "perpetual"):
                m, price = float(plan.multiplier[0]), float(plan.price[0])
                each = (-m / price if plan.style[0] == INVERSE else m * price) * float(plan.settle[0])
            else:
                each = float(unit_values(plan, Scenarios.build([1.0]), "usd")[0, 0])
            total += p.quantity * each
        return total

    lost = [worth(b, start) - worth(b, end) for b in before]
    held = [bool(b.positions) for b in before]
    over = [x > i for x, i, h in zip(lost, initial, held, strict=True) if h]
    assert watch.last.accounts == sum(held)
    assert watch.last.exceptions == sum(over)
    ratios = [x / i for x, i, h in zip(lost, initial, held, strict=True) if h and i > 0]
    assert watch.last.worst == pytest.approx(max([0.0, *ratios]), rel=1e-6, abs=1e-9)


def test_the_evidence_is_that_of_a_loop_and_speaks_when_the_margin_is_too_low() -> None:
    engine = engine_of(MARKET, small_accounts(MARKET, 4))
    rule = MonitorRule(level=0.05, window=30)
    watch = CoverageWatch(engine, rule)
    rng = np.random.default_rng(3)
    shares: list[float] = []
    quiet = 0
    for k in range(60):
        chance = 0.02 if k < 30 else 0.4
        lost = (rng.random(4) < chance).astype(float)
        watch.close(TIME + timedelta(days=k), lost, np.full(4, 0.5))
        shares.append(float(lost.mean()))
        value, restarted = naive.evidence(shares, 0.05, BETS)
        found = watch.read()
        assert found.evidence == pytest.approx(value)
        assert found.detector == pytest.approx(restarted)
        if k < 30:
            quiet += found.drift
    assert quiet == 0
    assert found.drift
    assert found.observed == 4 * 30
    assert found.kupiec is not None
    assert found.kupiec < 0.01
    again = CoverageWatch(engine, rule)
    again.thaw(json.loads(json.dumps(watch.freeze())))
    assert again.read() == found


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_a_right_margin_is_seldom_accused(level: float) -> None:
    """Ville: over any length, at most `alpha` of the runs; here accounts that fall together entirely."""
    rng = np.random.default_rng(7)
    runs, alarms = 400, 0
    for _ in range(runs):
        shares = (rng.random(150) < level).astype(float)
        step_ = 1.0 + np.array(BETS)[:, None] / level * (shares - level)[None, :]
        alarms += bool((np.cumprod(step_, axis=1).mean(axis=0) >= 1.0 / 0.05).any())
    assert alarms / runs <= 0.05 + 3.0 * (0.05 * 0.95 / runs) ** 0.5


def test_a_document_holds_no_infinities_and_a_rule_no_edges_that_fall() -> None:
    accounts = [a.model_copy(update={"collateral": {"USDC": -1e6}}) for a in small_accounts(MARKET, 2)]
    engine = engine_of(MARKET, accounts)
    found = read(engine, coverage=CoverageWatch(engine, MonitorRule())).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["health"]["steps"]["full"]["accounts"] == 2
    assert found["leverage"]["bands"]["no equity"]["accounts"] == 2
    with pytest.raises(DocumentError, match="increasing edges"):
        MonitorRule.from_dict({**MonitorRule().to_dict(), "moves": [0.2, 0.1]})
    assert pl.margin_model(MODEL).rules.currency == "USD"
