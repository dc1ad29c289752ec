"""The life of a margin call, and the smallest set of closes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from line_books import listed
from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.liquidation.calls import (
    CallPolicy,
    Command,
    Done,
    Look,
    ModelBench,
    Record,
    Seen,
    Standing,
    called,
    exact,
    owed,
    smallest,
    step,
    walked,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = CallPolicy()


def seen(sequence: int, health: float, hours: float = 0.0, **more: Any) -> Seen:
    """An account with 100 of maintenance margin at a health."""
    return Seen(sequence, START + timedelta(hours=hours), 100.0 * health, 100.0, **more)


def run(events: list[Seen | Done], policy: CallPolicy = POLICY) -> tuple[Standing, list[Record]]:
    """All events in their order."""
    standing, records = Standing("a"), []
    for event in events:
        standing, record = step(policy, standing, event)
        if record is not None:
            records.append(record)
    return standing, records


def kinds(records: list[Record]) -> list[list[str]]:
    """The commands of each record."""
    return [[c.kind for c in r.commands] for r in records]


def test_the_whole_life_of_a_call() -> None:
    standing, records = run(
        [
            seen(1, 2.0),
            seen(2, 1.4, 1.0),
            seen(3, 1.15, 2.0),
            seen(4, 1.05, 3.0),
            seen(5, 0.95, 4.0),
            Done(6, START + timedelta(hours=4.1), "a:5:close"),
            seen(7, 1.31, 4.2),
            seen(8, -0.2, 5.0),
            Done(9, START + timedelta(hours=5.1), "a:8:close-all"),
            seen(10, 0.0, 5.2, positions=0),
        ]
    )
    assert [r.after for r in records] == [
        "warned",
        "called",
        "reduce-only",
        "partial",
        "warned",
        "full",
        "settled",
    ]
    assert kinds(records) == [
        ["warn"],
        ["call"],
        ["call", "restrict"],
        ["close"],
        ["lift"],
        ["restrict", "close all"],
        ["lift"],
    ]
    call = records[1].commands[0]
    # 1.3 x 100 - 115, within four hours of the first call; a later call keeps the deadline
    assert (call.amount, call.deadline) == (pytest.approx(15.0), START + timedelta(hours=6.0))
    assert records[2].commands[0].deadline == call.deadline
    assert records[2].commands[0].amount == pytest.approx(25.0)
    assert standing.state == "settled"
    assert not standing.restricted


def test_a_call_that_is_not_met_is_closed_at_its_deadline() -> None:
    events: list[Seen | Done] = [seen(1, 1.15, 0.0), seen(2, 1.25, 3.9), seen(3, 1.25, 4.0)]
    standing, records = run(events)
    # 1.25 is above the call level, but the call is over at the target only
    assert [r.after for r in records] == ["called", "partial"]
    assert "not met by" in records[1].reason
    assert standing.pending == "a:3:close"
    assert run([seen(1, 1.15, 0.0), seen(2, 1.3, 3.9), seen(3, 1.25, 4.0)])[0].state == "warned"


def test_a_raised_threshold_calls_and_does_not_close() -> None:
    # equity 6, base 4, threshold 8: below the threshold, above the base
    raised = Seen(1, START, 6.0, 8.0, base=4.0)
    standing, records = run([raised])
    assert standing.state == "reduce-only"
    assert kinds(records) == [["call", "restrict"]]
    assert standing.amount == pytest.approx(1.3 * 8.0 - 6.0)
    assert run([Seen(1, START, 3.9, 8.0, base=4.0)])[0].state == "partial"
    late = Seen(2, START + timedelta(hours=4), 6.0, 8.0, base=4.0)
    assert run([raised, late])[0].state == "partial"


EVENTS = st.lists(
    st.tuples(st.floats(-0.5, 2.5), st.floats(0.0, 3.0), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=40
)


@given(EVENTS, st.data())
def test_replayed_events_give_no_command_twice(raw: list[tuple[float, float, int, int]], data: Any) -> None:
    events: list[Seen | Done] = []
    standing, hours = Standing("a"), 0.0
    commands: list[Command] = []
    for k, (health, later, what, positions) in enumerate(raw):
        hours += later
        if what == 0 and standing.pending is not None:
            event: Seen | Done = Done(k, START + timedelta(hours=hours), standing.pending)
        else:
            event = seen(k, health, hours, positions=positions)
        events.append(event)
        before = standing
        standing, record = step(POLICY, standing, event)
        assert (record is None) or (record.before, record.after) == (before.state, standing.state)
        commands += record.commands if record is not None else ()
        # while a close is being carried out there is no other, but for one of everything
        ordered = [c.kind for c in (record.commands if record else ()) if c.kind in ("close", "close all")]
        if before.pending is not None and ordered:
            assert (ordered, before.state, standing.state) == (["close all"], "partial", "full")
    assert len({c.id for c in commands}) == len(commands)
    # any of the old events again, in any order: nothing happens
    for event in data.draw(st.permutations(events)):
        assert step(POLICY, standing, event) == (standing, None)
    again = run(events)
    assert again[0] == standing


@given(st.floats(1.0, 1e9), st.floats(1.0, 1e9))
def test_what_is_called_restores_the_target(equity: float, maintenance: float) -> None:
    amount = owed(POLICY, equity, maintenance)
    assert equity + amount >= POLICY.target * maintenance * (1 - 1e-15)
    assert amount == 0.0 or equity + amount == pytest.approx(POLICY.target * maintenance)


def test_nothing_flutters_around_a_threshold() -> None:
    """Health oscillating around the call level: one call, no record after it."""
    events: list[Seen | Done] = [seen(k, 1.2 + 0.01 * (-1) ** k, 0.01 * k) for k in range(100)]
    _, records = run(events)
    assert kinds(records) == [["warn"], ["call"]]


@dataclass(frozen=True)
class Toy:
    """Positions on one coin with a requirement that is the worst of some scenarios, and a cost for each lot."""

    sizes: tuple[int, ...]
    lots: np.ndarray
    gains: np.ndarray
    price: tuple[float, ...]
    equity: float

    def look(self, closed: tuple[int, ...]) -> Look:
        left = (np.array(self.sizes) - np.array(closed)) * self.lots
        worst = max(0.0, float(-(left @ self.gains).min()))
        cost = sum(n * c for n, c in zip(closed, self.price, strict=True))
        return Look(self.equity, cost, worst)


def toy(seed: int, positions: int, lots: int) -> Toy:
    """A random one that is below its target."""
    draw = np.random.default_rng(seed)
    sizes = tuple(int(x) for x in draw.integers(1, lots + 1, positions))
    made = Toy(
        sizes,
        draw.choice([-1.0, 1.0], positions),
        draw.normal(0.0, 10.0, (positions, 7)),
        tuple(float(x) for x in draw.uniform(0.05, 1.0, positions)),
        0.0,
    )
    worst = made.look((0,) * positions).maintenance
    return Toy(made.sizes, made.lots, made.gains, made.price, worst * float(draw.uniform(0.4, 1.25)) + 1.0)


def test_greedy_closes_against_every_set_of_closes() -> None:
    ratios = []
    for seed in range(300):
        bench = toy(seed, 3, 4)
        best, found = exact(bench, 1.3), smallest(bench, 1.3)
        if best.enough:
            assert found.enough, seed
            ratios.append(found.after.cost / best.after.cost if best.after.cost else 1.0)
            assert ratios[-1] >= 1.0 - 1e-12
            hold_smallest(bench, found.lots)
    assert len(ratios) > 150
    # what greedy costs more than the best there is
    assert float(np.mean(ratios)) < 1.08
    assert float(np.quantile(ratios, 0.9)) < 1.3


@pytest.mark.parametrize("seed", [10_416, 10_953, *range(60)])
def test_where_closing_is_dear_greedy_misses_no_set_that_is_enough(seed: int) -> None:
    """Everything closed is not enough there, since its cost eats the equity; a part of it may be."""
    draw = np.random.default_rng(seed)
    count = int(draw.integers(2, 5))
    sizes = tuple(int(x) for x in draw.integers(1, 5, count))
    dear = float(draw.choice([0.1, 1.0, 5.0]))
    lots, gains = draw.choice([-1.0, 1.0], count), draw.normal(0.0, 10.0, (count, 7))
    price = tuple(float(x) for x in dear * draw.uniform(0.05, 1.0, count))
    need = Toy(sizes, lots, gains, price, 0.0).look((0,) * count).maintenance
    bench = Toy(sizes, lots, gains, price, need * float(draw.uniform(0.1, 1.25)) + 1.0)
    best, found = exact(bench, 1.3), smallest(bench, 1.3)
    if float(np.prod([n + 1 for n in sizes])) <= 256:
        assert found.enough == best.enough
    if found.enough:
        hold_smallest(bench, found.lots)
    else:
        assert not best.enough or len(sizes) > 3
        # what comes nearest, as far as one can come
        assert found.after.gap(1.3) <= best.after.gap(1.3)


def hold_smallest(bench: Any, lots: tuple[int, ...]) -> None:
    """Nothing over-closed: giving back any one lot misses the target."""
    for i, n in enumerate(lots):
        if n:
            fewer = tuple(x - (k == i) for k, x in enumerate(lots))
            assert bench.look(fewer).gap(1.3) < 0.0


def test_one_leg_protects_the_other() -> None:
    """Two positions that hedge each other wholly and a third: closing one leg alone raises the requirement."""
    gains = np.array([[-10.0, 10.0], [10.0, -10.0], [-1.0, 1.0]])
    bench = Toy((4, 4, 1), np.ones(3), gains, (0.1, 0.1, 5.0), 1.0)
    found = smallest(bench, 1.3)
    assert found.enough == exact(bench, 1.3).enough
    spread = Toy((4, 4), np.ones(2), np.array([[-10.0, 10.0], [9.0, -10.0]]), (0.01, 0.01), 1.0)
    one = smallest(spread, 1.3)
    assert one.enough
    assert one.lots[0] == one.lots[1] > 0
    assert one.after.cost == exact(spread, 1.3).after.cost


@pytest.mark.parametrize(("first", "second"), [(10, 3), (12, 6), (5, 20), (7, 7), (20, 1)])
@pytest.mark.parametrize("health", [0.2, 0.6, 0.9, 1.1])
def test_a_hedge_in_an_uneven_ratio_is_closed_no_further_than_needed(first: int, second: int, health: float) -> None:
    """One leg protects the other lot by lot only in the ratio of their sizes: no lot and no pair of lots helps."""
    gains = np.array([[-10.0 / first, 10.0 / first], [9.9 / second, -10.0 / second]]) * 12.0
    costs = (0.01 / first, 0.01 / second)
    spread = Toy((first, second), np.ones(2), gains, costs, 0.0)
    need = spread.look((0, 0)).maintenance
    spread = Toy(spread.sizes, spread.lots, gains, costs, health * need)
    best, found = exact(spread, 1.3), smallest(spread, 1.3)
    assert found.enough == best.enough
    hold_smallest(spread, found.lots)
    if best.enough:
        # a lot of each leg at most beyond the best there is
        assert found.after.cost <= best.after.cost + sum(costs) + 1e-12


def below(rules: str, share: float) -> tuple[pl.MarginModel, pl.Account, pl.Market]:
    """The demo account with so much cash taken away that its health is `share`."""
    model, account, market = pl.margin_model(rules), demo_account(), demo_market()
    found = model.requirement(account, market)
    cash = dict(account.collateral)
    cash["USDC"] -= found.net_equity - share * found.maintenance
    return model, account.model_copy(update={"collateral": cash}), market


def test_the_demo_account_is_brought_back_by_its_closes() -> None:
    model, account, market = below("prbm@2026-03-01", 1.05)
    report = called(model, account, market)
    (pool,) = report.pools
    assert pool.state == "reduce-only"
    assert pool.deadline == market.time + timedelta(hours=4)
    paid = {**account.collateral, "USDC": account.collateral["USDC"] + pool.amount}
    again = called(model, account.model_copy(update={"collateral": paid}), market)
    assert again.pools[0].health == pytest.approx(1.3)
    # the closes instead of the payment: re-margined from the written account
    assert pool.after is not None
    assert pool.found is not None
    after = model.requirement(pool.after, market)
    assert after.health is not None
    assert after.health >= 1.3
    assert after.net_equity == pytest.approx(pool.found.after.equity - pool.found.after.cost)
    bench = ModelBench(model, account, market, POLICY)
    hold_smallest(bench, pool.found.lots)
    # what is closed is a part of what is held, on the other side
    held = {p.instrument: p.quantity for p in account.positions}
    for c in pool.closes:
        assert c.quantity * held[c.instrument] < 0
        assert abs(c.quantity) <= abs(held[c.instrument])


@pytest.mark.parametrize("rules", ["prbm@2026-03-01", "deribit-sm@2026-10-01", "binance-usdm@2026-10-01"])
def test_closing_everything_leaves_the_equity_less_its_cost(rules: str) -> None:
    """Closes are made at the mark: where rules value positions at their marks, equity falls by nothing else."""
    model = pl.margin_model(rules)
    market = pl.Market.from_dict(listed())
    perpetual = next(
        c.name
        for c in market.instruments
        if c.kind == "perpetual" and c.settlement == "linear" and c.currency == model.LINEAR[0]
    )
    account = pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "name": "a",
            "mode": model.MODES[0],
            "collateral": {model.LINEAR[0]: 200_000.0},
            "positions": [{"instrument": perpetual, "quantity": 1.5, "entry_price": 60_000.0}],
        }
    )
    bench = ModelBench(model, account, market, POLICY)
    start = bench.look((0,))
    for n in (1, 7, 20):
        at = bench.look((n,))
        assert at.equity == pytest.approx(start.equity, rel=1e-9)
        assert at.maintenance <= start.maintenance
    assert bench.look((20,)).maintenance == pytest.approx(0.0, abs=1e-9)


def test_an_isolated_position_is_called_and_closed_by_itself() -> None:
    market = pl.Market.from_dict(listed())
    model = pl.margin_model("binance-usdm@2026-10-01")
    price = market.indices["BTC"].price
    rows = [
        {"instrument": "BTCUSDT", "quantity": 10.0, "entry_price": price, "isolated_margin": 0.0052 * 10 * price},
        {"instrument": "ETHUSDT", "quantity": 5.0, "entry_price": market.indices["ETH"].price},
    ]
    account = pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "mode": "cross",
            "collateral": {"USDT": 500_000.0},
            "positions": rows,
        }
    )
    report = called(model, account, market)
    weak, shared = report.pools
    assert (weak.subject, shared.subject) == ("BTCUSDT", "shared")
    assert weak.state != "healthy"
    assert (shared.state, shared.found) == ("healthy", None)
    assert weak.found is not None
    assert weak.found.enough
    assert {c.instrument for c in weak.closes} == {"BTCUSDT"}
    assert weak.after is not None
    again = {p.subject: p for p in called(model, weak.after, market).pools}
    # the pool alone pays for its close, and is at its target; the others have what they had
    assert again["BTCUSDT"].health == pytest.approx(
        (weak.found.after.equity - weak.found.after.cost) / weak.found.after.maintenance
    )
    assert again["BTCUSDT"].health is not None
    assert again["BTCUSDT"].health >= 1.3
    assert again["shared"].equity == pytest.approx(shared.equity)


def test_the_price_of_walking_a_book() -> None:
    levels = ((99.0, 2.0), (98.0, 2.0))
    assert walked(levels, 1.0, 100.0, 0.01) == pytest.approx(0.01)
    assert walked(levels, 4.0, 100.0, 0.01) == pytest.approx(0.015)
    # four of eight beyond the book, at 2 % and 1 % more
    assert walked(levels, 8.0, 100.0, 0.01) == pytest.approx((2 * 0.01 + 2 * 0.02 + 4 * 0.03) / 8)
    draw = random.Random(3)
    for _ in range(50):
        sizes = sorted(draw.uniform(0.1, 12.0) for _ in range(2))
        one, other = (walked(levels, s, 100.0, 0.01) for s in sizes)
        assert one <= other + 1e-15


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"call": 1.6}, "call"),
        ({"target": 1.1}, "target"),
        ({"reduce_only": 0.9}, "reduce_only"),
        ({"lots": 0}, "lots"),
        ({"deadline_hours": -1.0}, "deadline_hours"),
        ({"patience": 1.0}, "patience"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(content: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as told:
        CallPolicy.from_dict({"schema": CallPolicy.SCHEMA, "schema_version": 1, **content})
    assert path in {p.path for p in told.value.problems}


def test_exact_refuses_what_it_cannot_look_at() -> None:
    with pytest.raises(DocumentError, match="sets of closes"):
        exact(toy(1, 8, 9), 1.3)


@given(st.floats(0.5, 1.19), st.floats(1e-3, 1e12))
def test_who_pays_exactly_what_was_called_has_met_the_call(health: float, maintenance: float) -> None:
    """Whatever rounding does to the sum: nothing is closed at the deadline for a fraction of a cent."""
    equity = health * maintenance
    standing, record = step(POLICY, Standing("a"), Seen(1, START, equity, maintenance))
    assert record is not None
    if standing.state in ("called", "reduce-only"):
        asked = next(c.amount for c in record.commands if c.kind == "call")
        paid = Seen(2, START + timedelta(hours=4), equity + asked, maintenance)
        assert step(POLICY, standing, paid)[0].state == "warned"
        short = Seen(2, START + timedelta(hours=4), equity + 0.999999 * asked, maintenance)
        assert step(POLICY, standing, short)[0].state == "partial"


def test_a_close_under_way_is_waited_for_whatever_the_account_looks_like() -> None:
    """Closed at its deadline; before that is done the account recovers, and falls below its line: no second close."""
    events: list[Seen | Done] = [seen(1, 1.15), seen(2, 1.15, 4.0), seen(3, 1.25, 4.1), seen(4, 0.9, 4.2)]
    standing, records = run(events)
    assert kinds(records) == [["call"], ["restrict", "close"]]
    assert (standing.state, standing.pending) == ("partial", "a:2:close")
    # once it is done the account is judged anew
    standing, records = run([*events, Done(5, START + timedelta(hours=4.3), "a:2:close"), seen(6, 0.9, 4.4)])
    assert kinds(records)[-1] == ["close"]
    assert standing.pending == "a:6:close"
    # nothing is left meanwhile: all of it, once
    standing, records = run([*events, seen(5, -0.1, 4.3), seen(6, -0.2, 4.4), seen(7, 0.5, 4.5)])
    assert [c for r in kinds(records) for c in r if c.startswith("close")] == ["close", "close all"]
    assert standing.state == "full"
    # and what is closed wholly is settled, whether or not anybody says that it is done
    assert run([*events, seen(5, 0.0, 4.5, positions=0)])[0].state == "settled"


def test_money_that_is_owed_without_any_margin_is_gone() -> None:
    assert run([Seen(1, START, -1.0, 0.0)])[0].state == "full"
    assert run([Seen(1, START, 0.0, 0.0)])[0].state == "healthy"


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"equity": float("nan")}, "event.equity"),
        ({"equity": float("inf")}, "event.equity"),
        ({"maintenance": float("nan")}, "event.maintenance"),
        ({"maintenance": -1.0}, "event.maintenance"),
        ({"base": float("nan")}, "event.base"),
        ({"positions": -1}, "event.positions"),
    ],
)
def test_what_is_no_number_never_passes_for_healthy(numbers: dict[str, Any], named: str) -> None:
    with pytest.raises(DocumentError, match=named):
        run([Seen(**({"sequence": 1, "time": START, "equity": 1.0, "maintenance": 100.0} | numbers))])


def test_an_account_without_equity_is_closed_whole() -> None:
    """`full` is the close of everything, though some of its positions would leave the smaller gap when kept."""
    model, account, market = below("prbm@2026-03-01", -0.4)
    (pool,) = called(model, account, market).pools
    assert pool.state == "full"
    assert pool.found is not None
    assert pool.after is not None
    assert {(c.instrument, -c.quantity) for c in pool.closes} == {(p.instrument, p.quantity) for p in account.positions}
    assert pool.after.positions == ()
    assert not pool.found.enough
    assert pool.found.after.maintenance == pytest.approx(0.0, abs=1e-9)
    # margined again as it is written: cash alone, after the cost
    rest = model.requirement(pool.after, market)
    assert rest.net_equity == pytest.approx(pool.found.after.equity - pool.found.after.cost)
    assert pool.found.after.cost == pytest.approx(sum(c.cost for c in pool.closes))


def test_rough_looks_choose_what_exact_ones_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    from hedge_desks import account as held
    from hedge_desks import chain

    market = chain(np.random.default_rng(3))
    model = pl.margin_model("prbm@2026-01-01")
    book = held({"60D-1-C": -3.0, "60D-1.1-C": 1.0, "60D-0.9-P": -2.0, "PERP": 0.5}, {"USDC": 45_000.0})
    bench = ModelBench(model, book, market, CallPolicy())
    assert bench.look((0,) * 4).equity < 3.5 * bench.look((0,) * 4).maintenance
    quick = smallest(bench, 3.5)
    monkeypatch.setattr(ModelBench, "rough", lambda *_: None)
    slow = smallest(bench, 3.5)
    assert quick.lots == slow.lots
    assert quick.after == slow.after
    assert quick.looked < slow.looked
