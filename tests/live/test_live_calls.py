"""Margin calls of a running engine: raised, read, met, lapsed, handed over; by the clock of the events, and again."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import MODEL, TIME, engine_of, small_accounts, small_market
from plimsoll.documents import format_instant
from plimsoll.liquidation.calls import CallPolicy, Seen, Standing, step
from plimsoll.live import (
    Acknowledge,
    Candidates,
    Carried,
    Clock,
    Engine,
    Event,
    Fill,
    Limits,
    Order,
    Transfer,
    from_json,
    to_json,
)
from plimsoll.live.calls import CallRule, CallStep
from plimsoll.live.calls.desk import CallDesk, OpenCall
from plimsoll.live.calls.holders import Holders
from plimsoll.live.calls.rule import in_force
from plimsoll.live.frozen import freeze, thaw
from plimsoll.live.generated import DayRule, generated_day
from plimsoll.live.monitors import read

FEW = settings(max_examples=max(4, settings.default.max_examples // 20))
MARKET = small_market()
PERPETUAL = "BTC-PERP-linear"


def tight(cash: float, **options: object) -> tuple[Engine, float]:
    """An account long one perpetual with `cash` times its maintenance margin, and that margin."""
    row = pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "name": "one",
            "positions": [{"instrument": PERPETUAL, "quantity": 1.0, "unrealised_pnl": 0.0}],
            "collateral": {"USD": 1e6},
        }
    )
    need = pl.margin_model(MODEL).requirement(row, MARKET).maintenance
    row = row.model_copy(update={"collateral": {"USD": cash * need}})
    options.setdefault("calls", CallRule())
    return engine_of(MARKET, [row], **options), need


def clock(engine: Engine, number: int, hours: float) -> list[CallStep]:
    """The clock so many hours after the start."""
    outcome = engine.apply(Clock("clock", number, TIME + timedelta(hours=hours)))
    assert not outcome.problems
    return list(outcome.calls)


def kinds(steps: list[CallStep] | tuple[CallStep, ...]) -> list[str]:
    """What happened."""
    return [s.kind for s in steps]


def test_a_call_is_raised_read_and_met_by_a_transfer() -> None:
    engine, need = tight(1.15)
    (raised,) = clock(engine, 1, 0.0)
    assert (raised.kind, raised.before, raised.after) == ("raised", "healthy", "called")
    assert raised.amount == pytest.approx(0.15 * need * 1e6, abs=1.0)
    assert raised.deadline == format_instant(TIME + timedelta(hours=4))
    (read_,) = engine.apply(Acknowledge("holders", 1, TIME, "one", raised.call)).calls
    assert (read_.kind, read_.cause) == ("acknowledged", "acknowledgement")
    # a second one changes nothing, and one of another call is refused
    assert engine.apply(Acknowledge("holders", 2, TIME, "one", raised.call)).calls == ()
    wrong = engine.apply(Acknowledge("holders", 3, TIME, "one", "one:99:call"))
    assert raised.call in str(wrong.problems[0])
    # not enough: the call goes on by the same deadline
    assert engine.apply(Transfer("bank", 1, TIME, "one", "USD", 0.1 * need)).calls == ()
    assert read(engine, with_density=False).to_dict()["calls"]["open"]["one"]["deadline"] == raised.deadline
    asked = read(engine, with_density=False).to_dict()["calls"]["asked"]
    assert asked == {"USD": pytest.approx(raised.amount / 1e6, abs=1e-6)}
    (met,) = engine.apply(Transfer("bank", 2, TIME, "one", "USD", 0.06 * need)).calls
    assert (met.kind, met.cause, met.call) == ("met", "transfer", raised.call)
    assert engine.desk is not None
    assert engine.desk.open == {}
    assert engine.desk.met_by == {"transfer": 1}


def test_what_is_asked_is_added_up_by_currency() -> None:
    # an alert may hang on it before anybody is called
    assert tight(9.0)[0].desk.read(["USD"]).asked == {"USD": 0.0}  # type: ignore[union-attr]
    desk = CallDesk(CallRule(), pl.margin_model(MODEL), ("one", "two", "three"))
    desk.open = {a: OpenCall(f"{a}", (f"{a}:1:call",), 10.0 + a, TIME, TIME) for a in range(3)}
    found = desk.read(["USD", "BTC", "USD"])
    assert found.asked == {"BTC": 11.0, "USD": 22.0}
    assert [found.open[name]["currency"] for name in ("one", "two", "three")] == ["USD", "BTC", "USD"]


def test_a_call_is_met_by_a_reduction() -> None:
    engine, _ = tight(1.15)
    clock(engine, 1, 0.0)
    price = MARKET.marks[PERPETUAL].price
    assert price is not None
    (met,) = engine.apply(Fill("matching", 1, TIME, "one", PERPETUAL, -0.5, price)).calls
    assert (met.kind, met.cause) == ("met", "reduction")


def test_a_call_that_is_not_met_lapses_and_is_handed_over_once() -> None:
    engine, _ = tight(1.15)
    (raised,) = clock(engine, 1, 0.0)
    assert clock(engine, 2, 3.99) == []
    steps = clock(engine, 3, 4.0)
    assert kinds(steps) == ["lapsed", "restricted", "handed over"]
    assert steps[0].call == raised.call
    command = steps[-1].call
    assert clock(engine, 4, 5.0) == []
    refused = engine.apply(Carried("liquidation", 1, TIME, "one", "another"))
    assert command in str(refused.problems[0])
    price = MARKET.marks[PERPETUAL].price
    assert price is not None
    # the close is under way: whatever the account looks like, nothing else is ordered
    assert engine.apply(Fill("liquidation", 2, TIME, "one", PERPETUAL, -0.6, price)).calls == ()
    done = engine.apply(Carried("liquidation", 3, TIME, "one", command)).calls
    assert kinds(done) == ["carried out", "lifted", "recovered"]
    assert engine.desk is not None
    assert engine.desk.standing == {}


def test_who_is_reduce_only_by_his_call_may_send_only_what_reduces() -> None:
    # no limit of the engine's own would refuse anything
    loose = Limits(excess=-1e9)
    engine, need = tight(1.15, limits=loose)
    price = MARKET.marks[PERPETUAL].price
    assert price is not None
    more, less, over = (Order.of("one", PERPETUAL, q, price) for q in (0.1, -0.5, -2.5))
    assert kinds(clock(engine, 1, 0.0)) == ["raised"]
    assert [engine.check(o).allowed for o in (more, less, over)] == [True, True, True]
    steps = engine.apply(Transfer("bank", 1, TIME, "one", "USD", -0.1 * need)).calls
    assert "restricted" in kinds(steps)
    verdicts = [engine.check(o) for o in (more, less, over)]
    assert [v.allowed for v in verdicts] == [False, True, False]
    (words,) = verdicts[0].reasons
    assert words.startswith("call: reduce-only by its margin call, and the maintenance margin would go from ")
    assert f"{verdicts[0].before.maintenance:,.2f} to {verdicts[0].after.maintenance:,.2f}" in words
    # a smaller position at a price that gives the equity away is no reduction; a hedge is one
    assert not engine.check(Order.of("one", PERPETUAL, -0.1, 0.5 * price)).allowed
    hedge = next(n for n in engine.prices.row if n != PERPETUAL and n.startswith("BTC") and "PERP" in n)
    assert engine.check(Order.of("one", hedge, -0.2)).allowed
    many = engine.check_many(Candidates.of(engine.holdings, [more, less, over]))
    assert many.allowed.tolist() == [False, True, False]
    assert many.reasons(0) == ("call",)
    # after a restart as well, and no more once the call is met
    assert thaw(freeze(engine)).check(more) == verdicts[0]
    assert "lifted" in kinds(engine.apply(Transfer("bank", 2, TIME, "one", "USD", need)).calls)
    assert engine.check(more).allowed


def test_below_the_margin_it_is_handed_over_without_a_deadline_and_everything_once_nothing_is_left() -> None:
    engine, need = tight(1.15)
    clock(engine, 1, 0.0)
    steps = engine.apply(Transfer("bank", 1, TIME, "one", "USD", -0.3 * need)).calls
    assert kinds(steps) == ["restricted", "handed over"]
    steps = engine.apply(Transfer("bank", 2, TIME, "one", "USD", -need)).calls
    assert kinds(steps) == ["handed over"]
    assert steps[0].call.endswith("close-all")


@pytest.mark.parametrize(("leap", "extended"), [(6.0, 0.0), (30.0, 24.0)])
def test_a_leap_of_the_clock_moves_the_deadlines_by_what_is_beyond_its_longest_step(
    leap: float, extended: float
) -> None:
    rule = CallRule(policy=CallPolicy(deadline_hours=10.0))
    engine, _ = tight(1.15, calls=rule)
    clock(engine, 1, 0.0)
    steps = clock(engine, 2, leap)
    if not extended:
        assert steps == []
        return
    assert kinds(steps) == ["extended"]
    assert steps[0].deadline == format_instant(TIME + timedelta(hours=10.0 + extended))
    # ten hours of clock were served, not thirty-four
    assert clock(engine, 3, 33.9) == []
    assert kinds(clock(engine, 4, 34.0))[0] == "lapsed"


def test_a_clock_that_goes_back_is_refused_and_moves_no_deadline() -> None:
    engine, _ = tight(1.15)
    clock(engine, 1, 0.0)
    clock(engine, 2, 1.0)
    assert engine.desk is not None
    before = engine.desk.freeze()
    assert engine.apply(Clock("clock", 3, TIME)).problems
    assert engine.desk.freeze() == before


def test_the_deadline_is_the_packs_where_it_states_one() -> None:
    policy, whose = in_force(CallRule(), pl.margin_model(MODEL))
    assert (policy.deadline_hours, whose) == (4.0, "the operator's policy")

    class Period:
        call = 7.5

    class Liquidity:
        period = Period()

    class Parameters:
        liquidity = Liquidity()

    class Rules:
        label = "pack"

    class Model:
        parameters, rules = Parameters(), Rules()

    policy, whose = in_force(CallRule(), Model())  # type: ignore[arg-type]
    assert (policy.deadline_hours, whose) == (7.5, "pack, margin period")


def busy(seed: int, **options: object) -> tuple[Engine, list[Event]]:
    """Some tight accounts and a wild day that is as long as a deadline."""
    accounts = small_accounts(MARKET, 4, seed, 4_000.0)
    engine = engine_of(MARKET, accounts, **{"calls": CallRule(), **options})
    rule = DayRule(fills=0.3, transfers=0.1, daily_vol=0.3, seconds=600.0, clock_seconds=1_800.0)
    return engine, list(generated_day(MARKET, list(engine.holdings.names), 45, seed, rule))


@FEW
@given(seed=st.integers(0, 5_000))
def test_sleepers_have_the_calls_that_they_would_have_awake_and_the_machine_alone_says_the_same(seed: int) -> None:
    sleepy, events = busy(seed)
    awake, _ = busy(seed, skip=False)
    standing = {a: Standing(name) for a, name in enumerate(sleepy.holdings.names)}
    states: list[str] = []
    for number, event in enumerate(events[:30]):
        one, other = sleepy.apply(event), awake.apply(event)
        assert one.calls == other.calls
        if not any(isinstance(event, Clock) for event in events[: number + 1]):
            continue
        # the twin: everybody by the exact engine, after every event, through the machine of the liquidation room
        for a in range(len(standing)):
            account = awake.account(a)
            need = awake.model.assess(account, awake.market(), "refuse")
            seen = Seen(
                number, awake.prices.time, need.net_equity, sum(c.maintenance for c in need.components),
                positions=len(account.positions),
            )  # fmt: skip
            standing[a], _ = step(CallPolicy(), standing[a], seen)
    assert sleepy.desk is not None
    for a, own in standing.items():
        found = sleepy.desk.standing.get(a, Standing("healthy"))
        states.append(found.state)
        assert (found.state, found.deadline) == (own.state, own.deadline)


def answered(engine: Engine, events: list[Event], seed: int = 1) -> list[tuple[Event, tuple[CallStep, ...]]]:
    """Every event with those of made-up holders, and what they came to."""
    holders, found = Holders(engine, seed), []
    for event in events:
        queue = deque([event])
        while queue:
            one = queue.popleft()
            outcome = engine.apply(one)
            assert not outcome.problems
            found.append((one, outcome.calls))
            queue.extend(holders.answers(outcome))
    return found


def test_holders_answer_and_the_same_events_give_the_same_steps_again() -> None:
    engine, events = busy(2)
    told = answered(engine, events)
    every = {s.kind for _, steps in told for s in steps}
    assert {"raised", "acknowledged", "lapsed", "handed over", "carried out", "recovered"} <= every
    # through JSON, without the holders: the answers are events like any other
    again, _ = busy(2)
    for event, steps in told:
        assert again.apply(from_json(to_json(event))).calls == steps
    assert engine.desk is not None
    assert again.desk is not None
    assert again.desk.freeze() == engine.desk.freeze()
    for x, y in zip(engine.amounts(engine.everyone), again.amounts(again.everyone), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_frozen_desk_goes_on_as_if_it_had_not_been() -> None:
    engine, events = busy(2)
    for event in events[:25]:
        engine.apply(event)
    other = thaw(freeze(engine))
    for event in events[25:]:
        assert engine.apply(event).calls == other.apply(event).calls
    assert engine.desk is not None
    assert other.desk is not None
    assert engine.desk.freeze() == other.desk.freeze()


def test_every_step_is_in_the_ledger_and_a_restart_comes_to_the_same(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    from plimsoll.ledger import GroupCommit, Ledger
    from plimsoll.live.record import KIND, Recorder, resumed

    engine, events = busy(2)
    steps = 0
    with Ledger.open(str(tmp_path / "calls.db")) as ledger:
        with GroupCommit(ledger) as commits:
            recorder, holders = Recorder(engine, commits, every=25), Holders(engine, 1)
            for event in events:
                queue = deque([event])
                while queue:
                    one = queue.popleft()
                    outcome = engine.apply(one)
                    recorder.write(one, outcome).result()
                    steps += len(outcome.calls)
                    queue.extend(holders.answers(outcome))
        written = [s for e in ledger.entries(kind=KIND) for s in e.content["outcome"].get("calls", [])]
        assert len(written) == steps > 0
        again = resumed(ledger, every=25)
    assert engine.desk is not None
    assert again.desk is not None
    assert again.desk.freeze() == engine.desk.freeze()


def test_answers_of_nobody_and_of_an_engine_without_a_desk_are_refused() -> None:
    engine, _ = tight(1.15)
    time: datetime = TIME
    assert "accounts" in str(engine.apply(Acknowledge("holders", 1, time, "two", "x")).problems[0])
    bare, _ = tight(1.15, calls=None)
    assert "desk" in str(bare.apply(Acknowledge("holders", 1, time, "one", "x")).problems[0])
    with pytest.raises(pl.DocumentError, match="desk"):
        Holders(bare)
