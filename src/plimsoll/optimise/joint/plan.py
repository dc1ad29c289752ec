"""A joint answer before it is told: trades and moves, and where they leave the accounts under the exact rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.optimise import algebra as al
from plimsoll.optimise.collateral.capital_rules import gross_notional
from plimsoll.optimise.collateral.limits import desk_limits
from plimsoll.optimise.collateral.moves import Wanted, moves_cost, tidy, transferred
from plimsoll.optimise.collateral.posted import exact_room, with_balances
from plimsoll.optimise.joint.rows import (
    Coupled,
    delta_limit,
    equity_limit,
    leverage_limit,
    margin_limit,
    outside_limit,
    outside_terms,
    swaps_effect,
    thought,
)
from plimsoll.optimise.measure import Trades, outside_rows, start
from plimsoll.optimise.minimising import HELD


@dataclass(frozen=True, eq=False)
class Plan:
    """`trades` of each account and `moves` of collateral; `worth` of a dollar of initial margin in the objective."""

    coupled: Coupled
    trades: Trades
    moves: tuple[Wanted, ...]
    worth: float

    @property
    def empty(self) -> bool:
        """Whether nothing is done."""
        return not self.moves and not any(y.any() for y in self.trades)

    def held(self) -> list[dict[str, float]]:
        """Balances less loans of every node: premiums and costs paid, moves made."""
        c = self.coupled
        t = c.treasury
        found = [t.held(n) for n in range(len(t.nodes))]
        for k, (place, y) in enumerate(zip(c.desk.places, self.trades, strict=True)):
            found[c.first + k] = dict.fromkeys(found[c.first + k], 0.0) | net_of(
                c.desk.after(place, y), c.treasury.accounts[k].owed
            )
        for m in self.moves:
            transferred(t, found, m)
        return found

    def accounts(self) -> list[Account]:
        """The accounts after everything."""
        c, held = self.coupled, self.held()
        result = []
        for k, (place, posted, y) in enumerate(zip(c.desk.places, c.treasury.accounts, self.trades, strict=True)):
            net = tidy(c.treasury, held[c.first + k])
            result.append(with_balances(c.desk.after(place, y), net, posted.beside, posted.owed))
        return result

    def rooms(self) -> dict[str, float]:
        """`equity - (1 + buffer) initial - floor` of each account under the exact rules, US dollars."""
        c = self.coupled
        return {
            p.name: exact_room(p.holding.model, account, c.desk.market, p.buffer) - p.floor
            for p, account in zip(c.treasury.accounts, self.accounts(), strict=True)
        }

    def margins(self) -> dict[str, float]:
        """Initial margin of each account, US dollars."""
        c = self.coupled
        return {p.name: c.desk.margin(p, a)[0] for p, a in zip(c.desk.places, self.accounts(), strict=True)}

    def objective(self) -> float:
        """What is minimised: costs of trades and moves, what the state costs, `worth` times initial margin."""
        c = self.coupled
        t = c.treasury
        total = t.carrying(self.held()) + moves_cost(t, self.moves) + self.trading
        for k, (place, y) in enumerate(zip(c.desk.places, self.trades, strict=True)):
            rate = np.array([t.terms.of(x.currency).carry for x in place.exposures.plan.contracts])
            total -= float((c.premium[k] * rate) @ y) * t.years
        if self.worth:
            total += self.worth * sum(self.margins().values())
        return float(total)

    @property
    def trading(self) -> float:
        """What the trades cost against the marks, US dollars."""
        return float(sum(p.cost(y).sum() for p, y in zip(self.coupled.desk.places, self.trades, strict=True)))

    def broken(self, band: float) -> tuple[str, ...]:
        """Limits that the exact rules find broken."""
        c = self.coupled
        t, found = c.treasury, []
        held = self.held()
        for p, (name, room) in zip(t.accounts, self.rooms().items(), strict=True):
            if room < -HELD * max(1.0, abs(p.floor), abs(p.room)):
                found.append(margin_limit(name))
        found += [name for name, value, bound in self.capital() if value < bound - HELD * max(1.0, bound)]
        for k in range(len(t.accounts)):
            rows = desk_limits(t, k, held[c.first + k])
            found += [name for name, value, bound in rows if value > bound + HELD * max(1.0, bound)]
        for coin in c.desk.underlyings:
            slack = band + HELD * max(1.0, abs(start(c.desk, al.delta(coin))))
            if abs(self.delta(coin)) > slack:
                found.append(delta_limit(coin, band))
        found += [name for name, value, cap in self.outside() if value > cap + HELD * max(1.0, cap)]
        return tuple(found)

    def capital(self) -> list[tuple[str, float, float]]:
        """Limits by rules of capital: name, the equity that there is under the exact rules, and that it takes."""
        c, found = self.coupled, []
        for p, account in zip(c.treasury.accounts, self.accounts(), strict=True):
            if p.equity is None:
                continue
            equity = exact_room(p.holding.model, account, c.desk.market, -1.0)
            if p.rules.least_equity:
                found.append((equity_limit(p.name, p.rules), equity, p.rules.least_equity))
            if p.rules.leverage is not None:
                gross = gross_notional(account, c.desk.market)
                found.append((leverage_limit(p.name, p.rules), equity, gross / p.rules.leverage))
        return found

    def delta(self, coin: str) -> float:
        """Coins that the whole desk has more than today."""
        c = self.coupled
        total = 0.0
        for place, y in zip(c.desk.places, self.trades, strict=True):
            e = place.exposures
            mine = np.array([x.underlying == coin for x in e.plan.contracts], dtype=bool)
            total += float(y[mine] @ e.delta[mine])
        effect = {a: 1.0 / c.desk.spot(coin) for a in c.treasury.assets if c.treasury.moves(a) == coin}
        return total + swaps_effect(c, self.moves, effect)

    def outside(self) -> list[tuple[str, float, float]]:
        """Limits on losses beyond every grid: name, the worst loss that there is in US dollars, and its cap."""
        c, found = self.coupled, []
        for term, cap, effects in outside_terms(c):
            base, rows, chosen = outside_rows(c.desk, term)
            gains = base + sum((y @ r for y, r in zip(self.trades, rows, strict=True)), np.zeros(base.size))
            gains = gains + np.array([swaps_effect(c, self.moves, e) for e in effects])
            found.append((outside_limit(term, cap), float((-gains)[chosen].max()), cap))
        return found


def net_of(account: Account, owed: Mapping[str, float]) -> dict[str, float]:
    """Balances less loans of an account, by asset; what is `owed` beside what is held is left out."""
    found = {a: x for a, x in account.collateral.items() if x}
    for a, x in account.borrowed.items():
        found[a] = found.get(a, 0.0) - (x - owed.get(a, 0.0))
    return found


def nothing(c: Coupled, worth: float) -> Plan:
    """The start."""
    return Plan(c, tuple(np.zeros(len(p.names)) for p in c.desk.places), (), worth)


def gap_of(c: Coupled, plan: Plan) -> Mapping[str, float]:
    """The exact room of each account less what the program thought of it."""
    held, exact = plan.held(), plan.rooms()
    names = [p.name for p in c.treasury.accounts]
    return {name: exact[name] - thought(c, k, plan.trades[k], held[c.first + k]) for k, name in enumerate(names)}


def best_of(plans: Sequence[Plan], band: float) -> Plan:
    """The cheapest of plans that break nothing; the first where all do."""
    fine = [p for p in plans if not p.broken(band)]
    return min(fine, key=lambda p: p.objective()) if fine else plans[0]
