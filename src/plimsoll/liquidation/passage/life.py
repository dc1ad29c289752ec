"""The life of one account on one path: looked at, called, topped up, closed, and carried on with what is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.calls.bench import ModelBench
from plimsoll.liquidation.calls.closes import smallest
from plimsoll.liquidation.calls.machine import Command, Done, Seen, Standing, step
from plimsoll.liquidation.calls.policy import CallPolicy
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import later
from plimsoll.liquidation.mechanisms.compare import mechanisms_for
from plimsoll.liquidation.mechanisms.contract import Scene
from plimsoll.liquidation.mechanisms.terms import CloseTerms
from plimsoll.liquidation.passage.stand import Ground
from plimsoll.margin import Account
from plimsoll.margin.path import States, moved, tracks_of
from plimsoll.market import Market
from plimsoll.scenarios.moves import IV

if TYPE_CHECKING:
    from plimsoll.liquidation.passage.living import Lives

F64 = npt.NDArray[np.float64]
Answer = Callable[[Command], tuple[float, float] | None]
"""What the holder does when called: the hours until he pays and the part of the amount, or nothing."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What all lives share; `equity` and `needed[K, P]` are those of the account as it is, with nothing done to it."""

    ground: Ground
    policy: CallPolicy
    answer: Answer | None
    terms: CloseTerms
    asset: str
    equity: F64
    needed: F64


@dataclass(eq=False)
class Life:
    """One path. `held` are the account and market of instant `at` once something was done to the account."""

    setting: Setting
    path: int
    held: tuple[Account, Market] | None = None
    at: int = 0
    standing: Standing = field(default_factory=lambda: Standing("account"))
    sequence: int = 0
    promised: list[tuple[float, float]] = field(default_factory=list)
    called: int | None = None
    liquidated: int | None = None
    closed: float = 0.0
    fees: float = 0.0
    cost: float = 0.0
    paid: float = 0.0
    debt: float = 0.0
    mechanisms: list[str] = field(default_factory=list)

    def run(self, first: int) -> None:
        """From the first instant at which anything can happen to the end, or until nothing is left."""
        for k in range(first, self.setting.ground.paths.days.size):
            self._top_up(k)
            self._look(k)
            if self.standing.state == "settled" or self.debt > 0.0:
                return

    def _here(self, k: int) -> tuple[Account, Market]:
        """Account and market at instant `k`, from where they were last changed."""
        ground, p = self.setting.ground, self.path
        if self.held is None:
            return ground.moved(k, p)
        if k != self.at:
            paths = ground.paths
            ratio = paths.multiplier[k, :, p] / paths.multiplier[self.at, :, p]
            spot = {n: float(ratio[paths.names.index(n)]) for n in ground.spots}
            vol = {n: float(ratio[paths.names.index(n + IV)]) for n in ground.vols}
            # prices first, then time: what expires is paid at the price of the path
            after = moved(*self.held, spot, vol)
            days = float(paths.days[k] - paths.days[self.at])
            self.held, self.at = later(*after, days, hours_of(ground.model)), k
        return self.held

    def _top_up(self, k: int) -> None:
        """Pay in what was promised for this instant."""
        hours = float(self.setting.ground.paths.days[k]) * 24.0
        due = sum(amount for at, amount in self.promised if at <= hours)
        self.promised = [x for x in self.promised if x[0] > hours]
        if due <= 0.0:
            return
        account, market = self._here(k)
        currency, asset = self.setting.ground.model.rules.currency, self.setting.asset
        prices = [1.0 if c == "USD" else _usd(market, c) for c in (currency, asset)]
        balances = dict(account.collateral)
        balances[asset] = balances.get(asset, 0.0) + due * prices[0] / prices[1]
        self.paid += due
        self.held, self.at = (account.model_copy(update={"collateral": balances}), market), k

    def _margined(self, k: int) -> tuple[float, float, int]:
        """Equity, what is needed, and how many positions are held at instant `k`."""
        ground = self.setting.ground
        if self.held is None:
            gone = frozenset[str]() if ground.paid is None else ground.paid.gone[k]
            held = sum(p.quantity != 0.0 and p.instrument not in gone for p in ground.account.positions)
            return float(self.setting.equity[k, self.path]), float(self.setting.needed[k, self.path]), held
        account, market = self._here(k)
        held = sum(p.quantity != 0.0 for p in account.positions)
        if not held:
            return 0.0, 0.0, 0
        with np.errstate(all="ignore"):
            # one state: the engine's own assessment, not the arithmetic on many states
            found = tracks_of(ground.model.assess, account, market, States({}, np.ones(1)))[0]
        return float(found.equity[0]), float(found.needed[0]), held

    def _look(self, k: int) -> None:
        ground, policy = self.setting.ground, self.setting.policy
        equity, needed, held = self._margined(k)
        self.sequence += 1
        now = ground.market.time + timedelta(days=float(ground.paths.days[k]))
        seen = Seen(self.sequence, now, equity, needed, positions=held)
        before = self.standing.state
        self.standing, record = step(policy, self.standing, seen)
        for command in () if record is None else record.commands:
            if command.kind == "call":
                if before not in ("called", "reduce-only") and self.called is None:
                    self.called = k
                self._asked(command, k)
            elif command.kind in ("close", "close all"):
                if self.liquidated is None:
                    self.liquidated = k
                if seen.equity < seen.line or command.kind == "close all":
                    self._liquidate(k)
                else:
                    self._reduce(k)
                self.sequence += 1
                self.standing, _ = step(policy, self.standing, Done(self.sequence, now, command.id))

    def _asked(self, command: Command, k: int) -> None:
        answered = None if self.setting.answer is None else self.setting.answer(command)
        if answered is None:
            return
        hours, part = answered
        if not (hours >= 0.0 and 0.0 <= part < float("inf")):
            raise refuse("answer", answered, "hours from zero up and a part of the amount from zero up")
        # a further call is for the whole that is missing: it takes the place of what was promised
        self.promised = [(float(self.setting.ground.paths.days[k]) * 24.0 + hours, part * command.amount)]

    def _liquidate(self, k: int) -> None:
        """The venue's own mechanism on the prices of this instant."""
        account, market = self._here(k)
        plain = account.model_copy(update={"orders": ()})
        scene = Scene(self.setting.ground.model, plain, market, self.setting.terms)
        mechanism = mechanisms_for(scene)[0]
        out = mechanism.run(scene)
        self.mechanisms.append(mechanism.name)
        self.closed += out.closed
        self.fees += out.fees + out.charges
        self.cost += out.cost
        self.debt += out.loss_of_others
        self.held, self.at = (out.account, market), k

    def _reduce(self, k: int) -> None:
        """The smallest closes that bring health to the policy's target, at a deadline that was not met."""
        account, market = self._here(k)
        bench = ModelBench(self.setting.ground.model, account, market, self.setting.policy)
        found = smallest(bench, self.setting.policy.target)
        part = np.array(found.lots) / self.setting.policy.lots
        currency = self.setting.ground.model.rules.currency
        usd = found.after.cost * (1.0 if currency == "USD" else _usd(market, currency))
        self.closed += float(bench.notional @ part)
        self.fees += usd
        self.cost += usd
        self.mechanisms.append("smallest closes at a deadline")
        self.held, self.at = (bench.paid(found.lots), market), k

    def into(self, out: Lives) -> None:
        """Write what became of it."""
        p, count = self.path, out.paths.days.size
        out.called[p] = count if self.called is None else self.called
        out.liquidated[p] = count if self.liquidated is None else self.liquidated
        for name in ("closed", "fees", "cost", "paid", "debt"):
            getattr(out, name)[p] = getattr(self, name)
        out.bankrupt[p] = self.debt > 0.0
        for name in self.mechanisms:
            out.mechanisms[name] = out.mechanisms.get(name, 0) + 1


def _usd(market: Market, asset: str) -> float:
    price = market.price_of(asset)
    if price is None:
        raise refuse(f"market.assets.{asset}", "nothing", "a USD price of what calls are paid in")
    return price.price
