"""What is seen of a pool as its liquidation runs: the account and market at the clock, its worth, its margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from plimsoll.contracts import Contract, is_option
from plimsoll.liquidation.mechanisms.contract import Scene
from plimsoll.liquidation.mechanisms.state import State, digits_of, scale_of, unit_marks, units
from plimsoll.margin import Account, Position
from plimsoll.margin.path import moved
from plimsoll.margin.procedure import PoolView
from plimsoll.market import Market


@dataclass
class Sight:
    """The pool of a scene, `seconds` after the detection; `tried` and `stuck` as for `PoolView`."""

    scene: Scene
    seconds: float = 0.0
    since_partial: float | None = None
    tried: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    _seen: tuple[State, float, tuple[Account, Market]] | None = None
    _markets: dict[tuple[float, int], Market] = field(default_factory=dict)
    _units: dict[tuple[str, float], float] = field(default_factory=dict)
    _extra: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        s = self.scene
        rules = s.model.rules
        self.decimals = {rules.currency: rules.decimals}
        self.state = State.of(s.account, s.market, s.subject, self.decimals, s.terms.lots, s.lots)

    @cached_property
    def underlyings(self) -> tuple[str, ...]:
        """Everything that the path may move."""
        m = self.scene.market
        return tuple(sorted({*m.indices, *(e.underlying for e in m.expiries), *(c.underlying for c in m.instruments)}))

    def now(self) -> tuple[Account, Market]:
        """The account and the market at this moment."""
        if self._seen is not None and self._seen[0] is self.state and self._seen[1] == self.seconds:
            return self._seen[2]
        account, market = self.state.document(self.scene.market), self.scene.market
        at = {u: self.scene.path.multiplier(self.seconds, u) for u in self.underlyings}
        if any(x != 1.0 for x in at.values()):
            account, market = moved(account, market, at)
        self._seen = (self.state, self.seconds, (account, market))
        return account, market

    def view(self) -> PoolView:
        """The pool as its venue sees it now."""
        account, market = self.now()
        with np.errstate(all="ignore"):
            found = self.scene.model.assess(account, market, "refuse")
        equity, maintenance = found.net_equity, sum(c.maintenance for c in found.components)
        for pool in found.pools:
            if pool.subject == self.scene.subject or (not pool.isolated and self.state.margin is None):
                equity, maintenance = pool.equity, pool.maintenance
                break
        else:
            if self.state.margin is not None:
                row = next(iter(self.state.rows.values()))
                price = self.price(row.currency)
                equity, maintenance = self.state.margin / scale_of(self.decimals, row.currency) * price, 0.0
        return PoolView(
            account,
            market,
            self.scene.subject,
            equity,
            maintenance,
            self.seconds,
            None if self.since_partial is None else self.seconds - self.since_partial,
            self.tried,
            self.stuck,
        )

    def value(self) -> float:
        """USD: what the pool is worth at the marks of this moment, every asset at its full price."""
        worth: float = 0.0
        for row in self.state.rows.values():
            if row.lots or row.basis:
                each = row.lots * row.lot * self.unit(row.instrument) + row.basis / scale_of(
                    self.decimals, row.currency
                )
                worth += each * self.price(row.currency)
        if self.state.margin is not None:
            currency = str(self.state.isolated)
            return worth + self.state.margin / scale_of(self.decimals, currency) * self.price(currency)
        apart = self._apart()
        for currency, amount in self.state.money.items():
            mine = amount - apart.get(currency, 0)
            worth += mine / scale_of(self.decimals, currency) * self.price(currency)
        for currency, loan in self.scene.account.borrowed.items():
            worth -= loan * self.price(currency)
        return worth

    def _apart(self) -> dict[str, int]:
        """Money in the balances that belongs to isolated positions."""
        found: dict[str, int] = {}
        for p in self.scene.account.positions:
            if p.isolated_margin is not None:
                currency = self._contract(p.instrument).currency
                more = units(p.isolated_margin, digits_of(self.decimals, currency))
                found[currency] = found.get(currency, 0) + more
        return found

    def market_at(self, seconds: float) -> Market:
        """The market at a moment, with every instrument that the pool has held or traded."""
        names = {*(r.instrument for r in self.state.rows.values()), *self._extra}
        key = seconds, len(names)
        if key not in self._markets:
            at = {u: self.scene.path.multiplier(seconds, u) for u in self.underlyings}
            market = self.scene.market
            if any(x != 1.0 for x in at.values()):
                probe = Account(positions=tuple(Position(instrument=n, quantity=1.0) for n in sorted(names)))
                market = moved(probe, market, at)[1]
            self._markets[key] = market
        return self._markets[key]

    def unit(self, instrument: str, seconds: float | None = None) -> float:
        """What one contract is worth at its mark at a moment; see `unit_marks`."""
        when = self.seconds if seconds is None else seconds
        if (instrument, when) not in self._units:
            self._extra.add(instrument)
            worth = unit_marks([self._contract(instrument)], self.market_at(when))
            self._units[instrument, when] = float(worth[0])
        return self._units[instrument, when]

    def mark(self, instrument: str, seconds: float | None = None) -> float:
        """Price beside which an instrument trades: USD, an option's in its settlement currency."""
        contract, value = self._contract(instrument), self.unit(instrument, seconds)
        if is_option(contract) or contract.kind == "spot":
            return value
        multiplier = float(getattr(contract, "multiplier", 1.0))
        return -multiplier / value if value < 0.0 else value / multiplier

    def price(self, currency: str) -> float:
        """USD price of a currency at this moment, one for a dollar."""
        found = self.market_at(self.seconds).price_of(currency)
        return 1.0 if found is None else found.price

    def _contract(self, instrument: str) -> Contract:
        return self.scene.market.contracts[instrument]

    def _coins(self, contract: Contract, quantity: float, mark: float) -> float:
        multiplier = float(getattr(contract, "multiplier", 1.0))
        inverse = getattr(contract, "settlement", None) == "inverse" and not is_option(contract)
        return quantity * multiplier / mark if inverse else quantity * multiplier
