"""Made-up holders and a liquidation desk, so that a replay has somebody who answers its calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from plimsoll.documents import DocumentError, refuse
from plimsoll.liquidation.calls import ModelBench, smallest
from plimsoll.live.calls.step import CallStep
from plimsoll.live.engine import Engine
from plimsoll.live.events import Acknowledge, Carried, Event, Fill, Transfer
from plimsoll.live.outcome import Outcome

LOTS = 4
"""Parts in which a position is closed here, for the search over twenty takes seconds for a book of many positions."""

HOLDERS, LIQUIDATION = "holders", "liquidation"


@dataclass(frozen=True)
class Promise:
    """What a holder will do at `time`: read the call, pay `part` of it, or close that part of his positions."""

    time: datetime
    account: str
    what: str
    call: str
    part: float = 0.0


class Holders:
    """Answers to the calls of an engine, the same for the same events and `seed`. No holder of flesh is like this.

    Of the calls a part `reads` is acknowledged, in the first half of the time that it has. A part `pays` is met by a
    transfer of what is missing then, a part `reduces` by closing half of every position, both before the deadline; the
    rest lapses. What is handed over is closed in quarters at the marks by `liquidation.calls.smallest`, at the policy's
    cost, as soon as the answers are asked for. Ask with `answers` after every event; apply what it gives in that order.
    """

    def __init__(
        self, engine: Engine, seed: int = 7, *, reads: float = 0.8, pays: float = 0.4, reduces: float = 0.3
    ) -> None:
        if engine.desk is None:
            raise refuse("engine.calls", "none", "an engine with a desk for calls")
        self.engine, self.desk = engine, engine.desk
        self.rng = np.random.default_rng(seed)
        self.reads, self.pays, self.reduces = reads, pays, reduces
        self.promises: list[Promise] = []
        known = engine.gate.sources()
        self.numbers = {name: known.get(name, (0, None))[0] for name in (HOLDERS, LIQUIDATION)}

    @staticmethod
    def told(engine: Engine) -> int:
        """How many of an engine's events were answers: the rest came from its feed."""
        known = engine.gate.sources()
        return sum(known[name][0] for name in (HOLDERS, LIQUIDATION) if name in known)

    def answers(self, outcome: Outcome) -> list[Event]:
        """What holders and liquidation do after an event, at the time of the clock."""
        events: list[Event] = []
        for one in outcome.calls:
            if one.kind == "raised":
                self._promise(one)
            elif one.kind == "handed over":
                events += self._liquidated(one)
        now = self.engine.prices.time
        due = [p for p in self.promises if p.time <= now]
        if due:
            self.promises = [p for p in self.promises if p.time > now]
            for promise in sorted(due, key=lambda p: (p.time, p.account, p.what)):
                events += self._kept(promise)
        return events

    def _promise(self, one: CallStep) -> None:
        own = self.desk.open.get(self.engine.holdings.number[one.account])
        when, what, read = self.rng.uniform(0.0, 1.0, 3).tolist()
        if own is None:
            return
        left = own.deadline - own.raised
        if read < self.reads:
            self.promises.append(Promise(own.raised + 0.5 * when * left, one.account, "reads", one.call))
        kept = own.raised + (0.3 + 0.6 * when) * left
        if what < self.pays:
            self.promises.append(Promise(kept, one.account, "pays", one.call, 1.0))
        elif what < self.pays + self.reduces:
            self.promises.append(Promise(kept, one.account, "reduces", one.call, 0.5))

    def _kept(self, promise: Promise) -> list[Event]:
        engine = self.engine
        a = engine.holdings.number[promise.account]
        own = self.desk.open.get(a)
        # a call that is over needs no answer
        if own is None or promise.call not in own.ids:
            return []
        if promise.what == "reads":
            return [Acknowledge(*self._head(HOLDERS), promise.account, promise.call)]
        if promise.what == "pays":
            standing = self.desk.standing[a]
            currency, asset = engine.model.rules.currency, engine.model.LINEAR[0]
            prices = [1.0 if c == "USD" else engine.prices.asset_price(c) for c in (currency, asset)]
            # a little more than was asked for: the marks may have moved while the money was on its way
            amount = 1.01 * max(standing.amount, own.amount) * prices[0] / prices[1]
            return [Transfer(*self._head(HOLDERS), promise.account, asset, round(amount, 6))]
        lots = [-promise.part * q for q in engine.holdings.quantity[a].tolist()]
        return self._fills(HOLDERS, a, engine.holdings.items[a].tolist(), lots, [0.0] * len(lots))

    def _liquidated(self, one: CallStep) -> list[Event]:
        engine = self.engine
        a = engine.holdings.number[one.account]
        policy = self.desk.policy.model_copy(update={"lots": LOTS})
        account, market = engine.account(a), engine.market()
        try:
            bench = ModelBench(engine.model, account, market, policy)
            lots = bench.sizes if one.call.endswith("close-all") else smallest(bench, policy.target).lots
            costs = [float(bench.costs[row, n]) for row, n in enumerate(lots)]
        except DocumentError:
            # the rules give no number while it is taken apart: everything goes, at the marks
            lots = (policy.lots,) * len(account.positions)
            costs = [0.0] * len(lots)
        parts = [n / policy.lots for n in lots]
        rows = engine.holdings.items[a].tolist()
        quantities = [-p * q for p, q in zip(parts, engine.holdings.quantity[a].tolist(), strict=True)]
        fills = self._fills(LIQUIDATION, a, rows, quantities, costs)
        return [*fills, Carried(*self._head(LIQUIDATION), one.account, one.call)]

    def _fills(self, source: str, a: int, rows: list[int], quantities: list[float], fees: list[float]) -> list[Event]:
        prices, names = self.engine.prices, self.engine.prices.universe.names
        values = self.engine.greeks.value()
        found: list[Event] = []
        for row, quantity, fee in zip(rows, quantities, fees, strict=True):
            if quantity == 0.0:
                continue
            plan = prices.plan
            each = float(plan.multiplier[row] * plan.settle[row])
            price = float(values[row]) / each if plan.option[row] else float(plan.price[row])
            account = self.engine.holdings.names[a]
            found.append(Fill(*self._head(source), account, names[row], quantity, max(price, 0.0), fee))
        return found

    def _head(self, source: str) -> tuple[str, int, datetime]:
        self.numbers[source] += 1
        return source, self.numbers[source], self.engine.prices.time
