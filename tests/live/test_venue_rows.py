"""Hot rows of every rule set that has them: the batch to the unit, and a bound that no book can break."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import TIME, furthest, small_market
from live_venues import FAMILIES, family, venue_accounts, venue_day, venue_engine
from plimsoll.live import Clock, Engine, Fill, Order, Prices, Transfer, forward_key
from plimsoll.live.calls import CallRule
from plimsoll.live.generated import disturbed
from plimsoll.live.margins import ExactMargins, RowMargins
from plimsoll.margin.many.universe import Lots

FEW = settings(max_examples=max(1, settings.default.max_examples // 60))
"""Each example is a day of events of every rule set."""

MARKET = small_market()
LABELS = tuple(FAMILIES)
BOUNDED = tuple(label for label in LABELS if not label.startswith(("dsa", "deribit-sm")))


def rows_of(engine: Engine) -> RowMargins:
    assert isinstance(engine.margins, RowMargins)
    return engine.margins


@pytest.mark.parametrize("label", LABELS)
@FEW
@given(seed=st.integers(0, 10_000), wild=st.sampled_from([0.05, 0.6]))
def test_after_a_random_day_the_engine_is_the_batch_to_the_unit(label: str, seed: int, wild: float) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, seed=seed)
    engine = venue_engine(label, MARKET, accounts)
    for event in disturbed(venue_day(MARKET, label, accounts, 30, seed, fills=0.3, daily_vol=wild), seed, 0.1):
        assert engine.apply(event).problems == ()
    assert furthest(engine) <= 1
    # and the rows that followed the ticks are those of a table made anew, bit for bit
    followed = engine.margins.sheet(engine.holdings, engine.everyone)
    assert not followed.exact.any()
    engine.margins.reprice(None)
    anew = engine.margins.sheet(engine.holdings, engine.everyone)
    for name in ("initial", "maintenance", "equity", "currency"):
        np.testing.assert_array_equal(getattr(followed, name), getattr(anew, name))


@pytest.mark.parametrize("label", BOUNDED)
@FEW
@given(seed=st.integers(0, 10_000), wild=st.sampled_from([0.02, 0.3]))
def test_who_sleeps_has_the_status_he_would_have_awake(label: str, seed: int, wild: float) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, seed=seed)
    sleepy, awake = (venue_engine(label, MARKET, accounts, skip=skip) for skip in (True, False))
    for event in venue_day(MARKET, label, accounts, 14, seed, fills=0.1, daily_vol=wild):
        assert sleepy.apply(event).decisions == awake.apply(event).decisions
        now = np.array(sleepy.amounts(sleepy.everyone))
        for a in range(len(accounts)):
            _, moved = sleepy.sleep.bound(a)
            for margin, then in ((now[0, a], sleepy.initial[a]), (now[1, a], sleepy.maintenance[a])):
                change = (now[2, a] - margin) - (sleepy.equity[a] - then)
                if moved >= sleepy.sleep.further[a]:
                    continue
                assert abs(change) <= moved + sleepy.margins.slack + 1e-9 * float(sleepy.sleep.gross[a].sum())


def shaken(engine: Engine, rng: np.random.Generator, by: float) -> None:
    """Every price moves by itself: index, forwards, marks, volatilities, now and then the dollar coin."""

    def step() -> float:
        return float(np.exp(by * rng.normal()))

    prices = engine.prices
    market = engine.market()
    tick = Prices(
        "feed",
        1,
        TIME,
        indices={u: i.price * step() for u, i in market.indices.items()},
        forwards={
            forward_key(e.underlying, e.expiry): e.forward.price * step()
            for e in market.expiries
            if e.forward is not None
        },
        vols={n: m.vol * step() ** 3 for n, m in market.marks.items() if m.vol is not None},
        marks={n: m.price * step() for n, m in market.marks.items() if m.price is not None},
        assets={"USDC": market.assets["USDC"].price * float(np.exp(0.1 * by * rng.normal()))},
    )
    rows = prices.move(tick)
    engine.margins.reprice(rows)


def books(engine: Engine, label: str, rng: np.random.Generator, size: int, worst: bool) -> Lots:
    """Books of one family, of sizes from a contract to a thousandfold; some of one lot, some of the lots that moved."""
    universe = engine.prices.universe
    reach = engine.margins.reach
    assert reach is not None
    account, item, quantity = [], [], []
    for a in range(size):
        names = family(MARKET, *FAMILIES[label][a % len(FAMILIES[label])])
        rows = np.array(sorted(engine.prices.row[n] for n in names))
        count = 1 if a % 3 == 0 else int(rng.integers(2, 8))
        held = np.sort(rng.choice(rows, min(count, rows.size), replace=False))
        if worst:
            held = np.sort(rows[np.argsort(-reach[rows])][: held.size])
        for row in held.tolist():
            account.append(a)
            item.append(row)
            notional = float(engine.sleep.scale[row])
            quantity.append(
                float(rng.choice([-1.0, 1.0]) * 10.0 ** rng.uniform(0, 3))
                / max(notional, 1e-12)
                * (1.0 if engine.margins.priced else 0.01)
            )
    return Lots(
        universe,
        size,
        np.array(account, dtype=np.int64),
        np.array(item, dtype=np.int64),
        np.array(quantity),
        np.zeros(size, dtype=bool),
    )


LINES = (1.1, 1.25, 3.0)
"""Healths that a desk for calls watches: equity less `k` maintenance margins moves by at most `k` times the bound."""


def net(engine: Engine, lots: Lots) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """`[2 + L, A]` equity of the positions less each margin, and the `k`-th part of it less `k` maintenance margins."""
    margins = rows_of(engine)
    found = margins.tables.amounts(lots)
    assert not found.odd.any()
    equity = found.equity + lots.sum(lots.quantity * margins.marks()[1][lots.item])
    lines = [equity / k - found.maintenance for k in LINES]
    return np.array([equity - found.initial, equity - found.maintenance, *lines])


@pytest.mark.parametrize("label", BOUNDED)
@settings(max_examples=max(3, settings.default.max_examples // 30))
@given(seed=st.integers(0, 10_000), by=st.sampled_from([0.001, 0.03, 0.4]), worst=st.booleans())
@example(seed=1, by=0.03, worst=True)
def test_no_book_moves_by_more_than_its_reach(label: str, seed: int, by: float, worst: bool) -> None:
    rng = np.random.default_rng(seed)
    engine = venue_engine(label, MARKET, [pl.Account(name="nobody", collateral={"USDC": 1.0})])
    margins = rows_of(engine)
    first = books(engine, label, rng, 60, False)
    lots = [first, replace(first, quantity=1e6 * first.quantity)]
    before = [(net(engine, own), margins.tables.further(own)) for own in lots]
    shaken(engine, rng, by)
    if worst:
        # the contracts that moved most, held by books that were not there before: computed at the reference again
        chosen = books(engine, label, rng, 60, True)
        other = venue_engine(label, MARKET, [pl.Account(name="nobody", collateral={"USDC": 1.0})])
        lots.append(chosen)
        chosen = replace(chosen, universe=other.prices.universe)
        before.append((net(other, chosen), rows_of(other).tables.further(chosen)))
    reach = margins.reach
    assert reach is not None
    assert np.isfinite(reach[margins.prices.universe.taken]).all()
    for own, (then, further) in zip(lots, before, strict=True):
        change = np.abs(net(engine, own) - then)
        gross = own.sum(np.abs(own.quantity) * engine.sleep.scale[own.item])
        allowed = own.sum(np.abs(own.quantity) * reach[own.item]) + margins.slack + 1e-9 * gross
        # the bound speaks for those who stay within `further` of it
        spoken = allowed < further
        assert (change <= allowed)[:, spoken].all(), (change / allowed)[:, spoken].max()
        # and a bound that no book comes near would let nobody sleep
        if own is first:
            assert spoken.all()
            assert (change / np.maximum(allowed, 1e-300)).max() > 0.05


@pytest.mark.parametrize("label", BOUNDED)
@FEW
@given(seed=st.integers(0, 10_000))
def test_who_sleeps_has_the_calls_he_would_have_awake(label: str, seed: int) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, seed=seed, room=1.3)
    sleepy, awake = (venue_engine(label, MARKET, accounts, skip=skip, calls=CallRule()) for skip in (True, False))
    for event in venue_day(MARKET, label, accounts, 14, seed, fills=0.1, daily_vol=0.2):
        one, other = sleepy.apply(event), awake.apply(event)
        assert (one.decisions, one.calls) == (other.decisions, other.calls)
    assert sleepy.desk is not None
    assert awake.desk is not None
    assert sleepy.desk.freeze() == awake.desk.freeze()


@pytest.mark.parametrize("label", BOUNDED)
def test_safe_accounts_do_sleep(label: str) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, 8, 3, room=30.0)
    engine = venue_engine(label, MARKET, accounts)
    outcomes = [engine.apply(e) for e in venue_day(MARKET, label, accounts, 30, 5, fills=0.0, daily_vol=0.01)]
    ticks = [o for o in outcomes if not o.full]
    assert sum(o.skipped for o in ticks) > 0.5 * sum(o.touched for o in ticks) > 0


@pytest.mark.parametrize("label", LABELS)
def test_a_check_is_what_the_fill_makes(label: str) -> None:
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, 4, 6)
    engine = venue_engine(label, MARKET, accounts)
    exact = ExactMargins(engine.model, engine.prices)
    for a, account in enumerate(accounts):
        own = family(MARKET, *FAMILIES[label][a % len(FAMILIES[label])])
        name = next(n for n in own if MARKET.contracts[n].kind == "perpetual")
        verdict = engine.check(Order.of(account.name, name, -3.0, 70_100.0))
        engine.apply(Fill("matching", a + 1, TIME, account.name, name, -3.0, 70_100.0))
        after = [float(x[0]) for x in engine.amounts([a])]
        np.testing.assert_allclose(
            [verdict.after.initial, verdict.after.maintenance, verdict.after.equity], after, rtol=1e-9, atol=1e-9
        )
        said = exact.each([engine.account(a)])[1][0]
        if label.startswith(("prbm", "deribit-pm", "derive-pmrm")):
            assert verdict.binding == said
        else:
            assert verdict.binding.split(" ")[0] == said.split(" ")[0]


def test_amounts_are_told_in_the_currency_of_the_account() -> None:
    label = "deribit-pm@2026-02-15"
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, 3)
    engine = venue_engine(label, MARKET, accounts)
    assert engine.currency.tolist() == ["BTC", "ETH", "USDC"]
    outcome = engine.apply(Transfer("bank", 1, TIME, accounts[1].name, "ETH", -1e4))
    assert [(d.after, d.currency) for d in outcome.decisions] == [("called", "ETH")]


def test_accounts_that_no_block_covers_are_the_exact_engines_and_never_sleep() -> None:
    label = "derive-pmrm2@2026-01-21"
    model = pl.margin_model(label)
    accounts = venue_accounts(model, MARKET, label, 2, 4, room=50.0)
    coins = accounts[0].model_copy(update={"collateral": {**accounts[0].collateral, "BTC": 0.5}})
    engine = venue_engine(label, MARKET, [coins, accounts[1]])
    assert engine.margins.sheet(engine.holdings, engine.everyone).exact.tolist() == [True, False]
    for event in venue_day(MARKET, label, accounts, 30, 8, fills=0.0, daily_vol=0.01):
        outcome = engine.apply(event)
        exact = model.requirement(engine.account(0), engine.market()).charged
        assert engine.charged(0) == (exact.initial, exact.maintenance, exact.equity)
        assert engine.initial[0] == engine.amounts([0])[0][0]
    assert outcome.margined >= 0


def test_a_mode_that_the_rules_refuse_is_refused_by_the_rows_too() -> None:
    account = pl.Account(
        name="x",
        mode="isolated",
        positions=(pl.Position(instrument="BTC-PERP-linear", quantity=1.0),),
        collateral={"USDC": 1e6},
    )
    engine = venue_engine("deribit-pm@2026-02-15", MARKET, [account])
    assert engine.status(0) == "refused"


def test_time_and_the_dollar_coin_reach_every_account() -> None:
    label = "derive-pmrm2@2026-01-21"
    accounts = venue_accounts(pl.margin_model(label), MARKET, label, 4, 9)
    engine = venue_engine(label, MARKET, accounts)
    engine.apply(Prices("feed", 1, TIME, assets={"USDC": 0.95}))
    assert furthest(engine) <= 1
    engine.apply(Clock("clock", 1, TIME + timedelta(hours=6)))
    assert furthest(engine) <= 1


@pytest.mark.parametrize("label", LABELS)
def test_the_price_of_an_asset_in_which_nothing_settles_touches_no_row(label: str) -> None:
    """A stable coin that serves as collateral only: its tick reaches who holds it, and stops nobody."""
    content = MARKET.to_dict()
    content["assets"]["USDT"] = {"price": 1.0}
    market = pl.Market.from_dict(content)
    accounts = venue_accounts(pl.margin_model(label), market, label, 2)
    if label.startswith("prbm"):
        accounts[0] = accounts[0].model_copy(update={"collateral": {**accounts[0].collateral, "USDT": 5_000.0}})
    engine = venue_engine(label, market, accounts)
    equity = engine.amounts([0])[2][0]
    outcome = engine.apply(Prices("feed", 1, TIME, assets={"USDT": 0.97}))
    assert outcome.refusals == outcome.problems == ()
    assert outcome.touched == int(label.startswith("prbm"))
    assert (engine.amounts([0])[2][0] < equity) == label.startswith("prbm")
    assert furthest(engine) <= 1
