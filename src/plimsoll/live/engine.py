"""The engine: one process that owns the books, events in their order, margins that are always the batch's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from plimsoll.documents import Problem, refuse, to_units
from plimsoll.live.calls import CallDesk, CallRule, CallStep, Cause
from plimsoll.live.chance import Chance
from plimsoll.live.check import ORDERS, Probability, judge
from plimsoll.live.dated import clock_problem, market_with, settlement_problem
from plimsoll.live.events import (
    Acknowledge,
    Carried,
    Clock,
    Event,
    Fill,
    Listing,
    Prices,
    Settlement,
    Transfer,
    forward_key,
)
from plimsoll.live.gate import Gate
from plimsoll.live.gate_rule import GateRule
from plimsoll.live.greeks import UnitGreeks
from plimsoll.live.holdings import Holdings, within_limits
from plimsoll.live.margins import Sheet, allowed_assets, margins_of
from plimsoll.live.orders import Candidates, Limits, Order, Standing, Verdict, Verdicts
from plimsoll.live.outcome import STATUSES, Decision, Outcome, Status
from plimsoll.live.prices import HotPrices
from plimsoll.live.sleep import Sleep
from plimsoll.margin import Account, MarginModel, Requirement
from plimsoll.margin.many.positions import F64, I64
from plimsoll.market import Market

CAUSES: dict[type[Event], Cause] = {
    Fill: "reduction",
    Transfer: "transfer",
    Prices: "market",
    Clock: "clock",
    Settlement: "market",
    Listing: "market",
    Acknowledge: "acknowledgement",
    Carried: "close",
}
"""What an event is to a margin call that moves with it."""

BLOCK = 256
"""Accounts margined together; no amount depends on it. Some milliseconds, after which whoever asks may be answered."""


class Engine:
    """Margins of `A` accounts under one rule set, kept up to date event by event.

    ```
    fill         changes one account and margins it
    prices       price the touched rows anew and margin the accounts that the bound cannot vouch for
    clock        takes the valuation to its time: every row, every account
    settlement   turns an expiry into money, then the same
    acknowledge  a margin call was read;  carried: a close was carried out (with a desk for calls only)
    listing      takes contracts up that were not traded before, then the same
    ```

    The status of an account is `healthy` with equity at or above its initial margin, `reduce only` below it, `called`
    below its maintenance margin, `refused` where the rules give no number. An account that is not healthy never sleeps.
    Same start and same events in the same order: same bits, whatever was asked in between. Not for several threads:
    see `plimsoll.live.runner`.

    `between` is called before each block of accounts while prices, a clock or another full pass is margined. Holdings,
    prices and rows are those after it by then, so `check` and `amounts` give what they give when it is over; statuses
    and margin calls are still being brought up, and of several facts that a gap held back the later ones are to come.

    `skip=False` margins every touched account. `full_every`: a full pass after so many events beside those of clocks.
    `calls`: warn and call accounts by this rule, see `plimsoll.live.calls`; the desk judges what an event margins, so
    the first of everybody is the first clock.
    Raises `DocumentError` for accounts that the engine cannot carry, naming each.

    >>> from plimsoll.feeds.demo import demo_account, demo_market
    >>> import plimsoll as pl
    >>> engine = Engine(pl.margin_model("prbm@2026-01-01"), demo_market(), [demo_account()])
    >>> engine.status(0), engine.charged(0)[0] == pl.margin_model("prbm@2026-01-01").requirement(
    ...     demo_account(), demo_market()).charged.initial
    ('healthy', True)
    """

    def __init__(
        self,
        model: MarginModel,
        market: Market,
        accounts: Sequence[Account],
        *,
        gate: GateRule | None = None,
        skip: bool = True,
        full_every: int = 0,
        limits: Limits | None = None,
        probability: Probability | None = None,
        calls: CallRule | None = None,
    ) -> None:
        self.model = model
        self.prices = HotPrices(model, market)
        self.holdings = Holdings(accounts, self.prices, allowed_assets(model))
        self.margins = margins_of(model, self.prices)
        self.gate = Gate(gate or GateRule(), self.prices)
        self.full_every = full_every
        self.limits = limits or Limits()
        self.probability = probability
        if self.limits.probability is not None and probability is None:
            raise refuse("limits.probability", self.limits.probability, "nothing without a function that computes it")
        self.greeks = UnitGreeks(self.prices)
        self.events = 0
        self.totals: Counter[str] = Counter()
        size = len(self.holdings)
        self.initial, self.maintenance, self.equity = (np.full(size, np.nan) for _ in range(3))
        self.currency = np.full(size, model.rules.currency, dtype="<U16")
        self.level = np.zeros(size, dtype=np.int8)
        self.reason: dict[int, Problem] = {}
        self.sleep = Sleep(self.prices, self.holdings, self.margins, skip)
        self.everyone = np.arange(size, dtype=np.int64)
        self.desk = None if calls is None else CallDesk(calls, model, self.holdings.names)
        self.between: Callable[[], None] | None = None
        self._cause: Cause | None = None
        self._steps: list[CallStep] = []
        self._full()

    def apply(self, event: Event) -> Outcome:
        """Judge one event, book what is taken, and margin what it may have changed."""
        self.events += 1
        admitted = self.gate.admit(event)
        decisions: list[Decision] = []
        problems: list[Problem] = []
        touched = margined = 0
        full = False
        self._steps = []
        for one in admitted.events:
            self._cause = CAUSES[type(one)]
            found = self._take(one)
            if isinstance(found, Problem):
                problems.append(found)
                continue
            full |= found is None
            t, m, own = self._full() if found is None else self._margin(*found)
            touched, margined = touched + t, margined + m
            decisions += own
        if self.full_every and self.events % self.full_every == 0 and not full:
            full = True
            t, m, own = self._full()
            touched, margined = touched + t, margined + m
            decisions += own
        self._cause = None
        skipped = touched - margined
        counts = {"touched": touched, "margined": margined, "skipped": skipped, "full": full}
        self.totals.update(counts | {"applied": len(admitted.events) - len(problems), "refused": len(problems)})
        self.totals["calls"] += sum(d.after == "called" for d in decisions)
        return Outcome(
            self.events, len(admitted.events) - len(problems), touched, margined, skipped,
            tuple(decisions), admitted.refusals, tuple(problems), full, tuple(self._steps),
        )  # fmt: skip

    def status(self, account: int) -> Status:
        """The status of an account, by number: right at any time, asleep or not."""
        return STATUSES[int(self.level[account])]

    def amounts(self, accounts: Sequence[int] | I64) -> tuple[F64, F64, F64]:
        """Initial, maintenance and equity `[K]` as floats, of this moment; of sleepers too, nothing changes."""
        sheet = self.margins.sheet(self.holdings, np.asarray(accounts, dtype=np.int64))
        return sheet.initial, sheet.maintenance, sheet.equity

    def charged(self, account: int) -> tuple[int, int, int]:
        """Initial, maintenance and equity of one account in the smallest unit, rounded as the requirement document."""
        initial, maintenance, equity = (float(x[0]) for x in self.amounts([account]))
        return self._units(initial, maintenance, equity)

    def requirement(self, account: int) -> Requirement:
        """The requirement document of one account as it stands, by the exact engine."""
        return self.model.requirement(self.holdings.account(account), self.prices.snapshot())

    def market(self) -> Market:
        """The market as the engine sees it."""
        return self.prices.snapshot()

    def account(self, account: int) -> Account:
        """The document of an account as it stands."""
        return self.holdings.account(account)

    def full_pass(self) -> tuple[Decision, ...]:
        """Price every row and margin every account."""
        return tuple(self._full()[2])

    def check(self, order: Order) -> Verdict:
        """May this order be sent? Nothing is filled. Raises `DocumentError` for an order that is none.

        >>> from plimsoll.feeds.demo import demo_account, demo_market
        >>> import plimsoll as pl
        >>> engine = Engine(pl.margin_model("prbm@2026-01-01"), demo_market(), [demo_account()])
        >>> perpetual = next(c.name for c in demo_market().instruments if c.kind == "perpetual")
        >>> verdict = engine.check(Order.of(demo_account().name, perpetual, -1e6))
        >>> verdict.allowed, verdict.reasons[0].split(",")[0]
        (False, 'margin: excess after the order is below 0')
        """
        return self.verdict(self.check_many(Candidates.of(self.holdings, [order])), 0)

    def verdict(self, found: Verdicts, order: int) -> Verdict:
        """One of many verdicts, in words."""
        before, after = (Standing(*(float(x) for x in amounts[:, order])) for amounts in (found.before, found.after))
        words = []
        for reason in found.reasons(order):
            text = {"margin": f"margin: excess after the order is below {self.limits.excess:g}, at {after.excess:,.2f}"}
            text["not computed"] = "not computed: the rules give no number, or no account may hold what it leaves"
            if "call" in found.reasons(order):
                text["call"] = (
                    "call: reduce-only by its margin call, and the maintenance margin would go from "
                    f"{before.maintenance:,.2f} to {after.maintenance:,.2f}, equity from {before.equity:,.2f} "
                    f"to {after.equity:,.2f}"
                )
            if isinstance(self.probability, Chance):
                text["probability"] = f"probability: {self.probability.words}"
            words.append(text.get(reason, f"{reason}: over the limit"))
        return Verdict(bool(found.allowed[order]), tuple(words), before, after, str(found.binding[order]))

    def check_many(self, candidates: Candidates) -> Verdicts:
        """Verdicts on many orders, each by itself, in the order in which they stand. Nothing is filled.

        With hot rows all are computed together; with another model one requirement after the other. The probability of
        liquidation, where it is limited, is asked for orders that pass everything else. An account that its margin call
        has restricted may send only what reduces, whatever the limits.
        """
        parts = [
            self._judged(candidates.part(start, min(start + ORDERS, len(candidates))))
            for start in range(0, max(1, len(candidates)), ORDERS)
        ]
        if len(parts) == 1:
            return parts[0]
        return Verdicts(
            np.concatenate([p.allowed for p in parts]),
            np.concatenate([p.before for p in parts], axis=1),
            np.concatenate([p.after for p in parts], axis=1),
            np.concatenate([p.broken for p in parts], axis=1),
            np.concatenate([p.binding for p in parts]),
        )

    def _judged(self, orders: Candidates) -> Verdicts:
        restricted = np.zeros(0, dtype=np.int64) if self.desk is None else self.desk.restricted()
        found, now = judge(self.margins, self.holdings, self.greeks, self.limits, orders, restricted)
        if self.limits.probability is not None and self.probability is not None:
            market = self.market()
            for o in np.flatnonzero(found.allowed).tolist():
                document = now.document(self.holdings, o)
                found.broken[4, o] = not self.probability(document, market) <= self.limits.probability
            found.allowed[:] = ~found.broken.any(axis=0)
        return found

    def _take(self, event: Event) -> tuple[I64, I64 | None] | Problem | None:
        """Book an event: the accounts and rows that it touches, `None` for a full pass, or why it is refused."""
        if isinstance(event, Fill):
            problem = self.holdings.why_not(event)
            if problem is not None:
                return problem
            return np.array([self.holdings.book(event)], dtype=np.int64), None
        if isinstance(event, Transfer):
            return self._transfer(event)
        if isinstance(event, Prices):
            rows = self.prices.move(event)
            self.margins.reprice(rows)
            return self.sleep.touched(rows, tuple(event.assets) + tuple(event.indices)), rows
        if isinstance(event, Clock):
            problem = clock_problem(self.prices, event)
            if problem is not None:
                return problem
            self.prices.go_to(event.time)
            self.gate.ticked(event)
            if self.desk is not None:
                self._steps += self.desk.clock(event.time)
            return None
        if isinstance(event, Acknowledge | Carried):
            return self._answered(event)
        return self._list(event) if isinstance(event, Listing) else self._settle(event)

    def _list(self, event: Listing) -> Problem | None:
        """Everything over the rows of the larger market; positions, what they cost and what the gate knows stay."""
        market = market_with(self.prices, event, self.gate.rule)
        if isinstance(market, Problem):
            return market
        self.prices = HotPrices(self.model, market)
        self.holdings = self.holdings.over(self.prices, allowed_assets(self.model))
        self.margins = margins_of(self.model, self.prices)
        self.gate.over(self.prices)
        self.greeks = UnitGreeks(self.prices)
        self.sleep = Sleep(self.prices, self.holdings, self.margins, self.sleep.reach is not None)
        return None

    def _answered(self, event: Acknowledge | Carried) -> tuple[I64, None] | Problem:
        """What a holder or liquidation says of a call; the account is judged anew."""
        a = self.holdings.number.get(event.account)
        if a is None:
            return Problem("event.account", repr(event.account), f"one of {len(self.holdings)} accounts")
        if self.desk is None:
            return Problem("event", type(event).__name__.lower(), "events of an engine without a desk for calls")
        if isinstance(event, Acknowledge):
            found = self.desk.acknowledge(a, event.call, self.prices.time)
        else:
            found = self.desk.carried(a, event.command, self.prices.time)
        if isinstance(found, Problem):
            return found
        self._steps += found
        return np.array([a], dtype=np.int64), None

    def _transfer(self, event: Transfer) -> tuple[I64, None] | Problem:
        a, c = self.holdings.number.get(event.account), self.holdings.column.get(event.asset)
        if a is None:
            return Problem("transfer.account", repr(event.account), f"one of {len(self.holdings)} accounts")
        if c is None:
            return Problem("transfer.asset", repr(event.asset), ", ".join(self.holdings.assets))
        if not within_limits(self.holdings.collateral[a, c] + event.amount):
            return Problem("transfer.amount", repr(event.amount), "a balance that an account may hold")
        self.holdings.collateral[a, c] += event.amount
        return np.array([a], dtype=np.int64), None

    def _settle(self, event: Settlement) -> Problem | None:
        problem = settlement_problem(self.prices, event, self.gate.rule)
        if problem is not None:
            return problem
        key = forward_key(event.underlying, event.expiry)
        rows = np.flatnonzero(self.prices.plan.group == self.prices.groups[key]).astype(np.int64)
        self.holdings.settle(rows, event.price)
        self.prices.settle(event)
        return None

    def _margin(self, accounts: I64, rows: I64 | None) -> tuple[int, int, list[Decision]]:
        """Margin accounts that a fill changed, or of those that a tick touched the ones that are not asleep."""
        awake = accounts if rows is None else self.sleep.awake(accounts, self.level)
        return accounts.size, awake.size, self._blocks(awake)

    def _full(self) -> tuple[int, int, list[Decision]]:
        self.margins.reprice(None)
        self.margins.refer()
        self.sleep.refer()
        return self.everyone.size, self.everyone.size, self._blocks(self.everyone)

    def _blocks(self, accounts: I64) -> list[Decision]:
        decisions: list[Decision] = []
        for start in range(0, accounts.size, BLOCK):
            # what a fill changes is one account, and its other side may be the next event
            if accounts.size > 1 and self.between is not None:
                self.between()
            decisions += self._block(accounts[start : start + BLOCK])
        return decisions

    def _block(self, accounts: I64) -> list[Decision]:
        sheet = self.margins.sheet(self.holdings, accounts)
        self.initial[accounts], self.maintenance[accounts] = sheet.initial, sheet.maintenance
        self.equity[accounts], self.currency[accounts] = sheet.equity, sheet.currency
        level = np.where(sheet.equity < sheet.maintenance, 2, np.where(sheet.equity < sheet.initial, 1, 0))
        for k in range(accounts.size) if self.reason else ():
            self.reason.pop(int(accounts[k]), None)
        for k, problem in sheet.refused.items():
            level[k] = 3
            self.reason[int(accounts[k])] = problem
        before = self.level[accounts]
        self.level[accounts] = level
        if self.desk is None:
            self.sleep.set(accounts, sheet, level)
        else:
            self._call(self.desk, accounts, sheet, level)
        changed = np.flatnonzero(level != before)
        return [self._decision(int(accounts[k]), int(before[k]), int(level[k])) for k in changed]

    def _call(self, desk: CallDesk, accounts: I64, sheet: Sheet, level: I64) -> None:
        """The desk judges what an event margined; whoever it watches is kept awake."""
        # a pass that somebody asked for between two events moves nothing and is not judged
        if self._cause is not None:
            positions = np.array([self.holdings.items[a].size for a in accounts.tolist()], dtype=np.int64)
            time = self.prices.time
            self._steps += desk.see(accounts, sheet.equity, sheet.maintenance, positions, time, self._cause)
        watched = desk.watched(accounts, sheet.equity, sheet.maintenance)
        self.sleep.set(accounts, sheet, np.maximum(level, watched), desk.lines)

    def _decision(self, a: int, before: int, after: int) -> Decision:
        name = self.holdings.names[a]
        currency = str(self.currency[a])
        if after == 3:
            return Decision(name, STATUSES[before], STATUSES[3], None, None, None, currency, str(self.reason[a]))
        amounts = self._units(float(self.initial[a]), float(self.maintenance[a]), float(self.equity[a]))
        return Decision(name, STATUSES[before], STATUSES[after], *amounts, currency)

    def _units(self, initial: float, maintenance: float, equity: float) -> tuple[int, int, int]:
        decimals = self.model.rules.decimals
        return (
            to_units(initial, decimals, against="payer"),
            to_units(maintenance, decimals, against="payer"),
            to_units(equity, decimals, against="holder"),
        )
