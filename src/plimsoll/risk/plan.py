"""Declare, plan, compute: contracts and a market become plain arrays once, whatever is asked of them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import (
    AsianOption,
    Contract,
    Exotic,
    Option,
    PerpetualOption,
    Settlement,
    is_dated,
    is_exotic,
    is_option,
)
from plimsoll.documents import Failure, Reason
from plimsoll.market import Expiry, Market

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
BOOL = npt.NDArray[np.bool_]

LINEAR, INVERSE, QUANTO = 0, 1, 2
_STYLE = {Settlement.LINEAR: LINEAR, Settlement.INVERSE: INVERSE, Settlement.QUANTO: QUANTO}


@dataclass(frozen=True, eq=False)
class Plan:
    """`N` contracts as arrays, grouped by their `E` expiries; USD prices, seconds, coins.

    * per contract `[N]`: `option` (European vanilla), `exotic` (any other option), `call`, `strike`, `vol` (NaN if
      unknown), `multiplier`, `style`, `spot` (index), `price` (mark of a future, perpetual or spot; forward of an
      option, index if it has no expiry), `settle` (USD price of the settlement currency), `settle_moves` (whether
      that currency moves with the scenario), `group` (expiry, or -1);
    * `time`, the instant of the market;
    * per expiry `[E]`: `seconds`, `variable`, `fixed` (forward), `rate`.

    `failures` maps the position in `contracts` to the named reason why it cannot be valued.
    """

    contracts: tuple[Contract, ...]
    time: datetime
    option: BOOL
    exotic: BOOL
    call: BOOL
    strike: F64
    vol: F64
    multiplier: F64
    style: npt.NDArray[np.int8]
    spot: F64
    price: F64
    settle: F64
    settle_moves: BOOL
    group: I64
    expiries: tuple[Expiry, ...]
    seconds: F64
    variable: F64
    fixed: F64
    rate: F64
    failures: dict[int, Failure]

    def __len__(self) -> int:
        return len(self.contracts)

    @property
    def forward(self) -> F64:
        """`[E]` forward, USD."""
        return self.variable + self.fixed

    @property
    def options(self) -> I64:
        """Indices of the European vanilla options that can be valued, or are carried at a bound."""
        return np.flatnonzero(self.option).astype(np.int64)

    @property
    def exotics(self) -> I64:
        """Indices of the other options."""
        return np.flatnonzero(self.exotic).astype(np.int64)

    @property
    def valued(self) -> BOOL:
        """`[N]` options of any kind: what holds a value that is never below zero."""
        return self.option | self.exotic


def compile_plan(contracts: Sequence[Contract], market: Market) -> Plan:
    """Look every contract up in the market. Nothing is guessed: what is missing becomes a failure of that contract.

    An expired option with a settlement price is worth its intrinsic value there and no longer moves.
    """
    size = len(contracts)
    columns = {n: np.full(size, np.nan) for n in ("strike", "vol", "multiplier", "spot", "price", "settle")}
    option, exotic, call, moves = (np.zeros(size, bool) for _ in range(4))
    style, group = np.zeros(size, np.int8), np.full(size, -1, np.int64)
    expiries: dict[tuple[str, str], int] = {}
    rows: list[Expiry] = []
    failures: dict[int, Failure] = {}
    for i, contract in enumerate(contracts):
        index = market.indices.get(contract.underlying)
        settle = market.price_of(contract.currency)
        columns["spot"][i] = np.nan if index is None else index.price
        columns["settle"][i] = np.nan if settle is None else settle.price
        moves[i] = contract.currency in market.indices
        columns["multiplier"][i] = getattr(contract, "multiplier", 1.0)
        style[i] = _STYLE[getattr(contract, "settlement", Settlement.LINEAR)]
        option[i], exotic[i] = isinstance(contract, Option), is_exotic(contract)
        if is_dated(contract):
            row = market.expiry_table.get((contract.underlying, contract.expiry))
            row = row or Expiry(underlying=contract.underlying, expiry=contract.expiry)
            key = (row.underlying, row.expiry.isoformat())
            if key not in expiries:
                expiries[key] = len(rows)
                rows.append(row)
            group[i] = expiries[key]
        if is_option(contract):
            call[i], columns["strike"][i] = contract.call, contract.strike
            columns["vol"][i] = _vol(contract, market, None if group[i] < 0 else rows[group[i]])
        columns["price"][i] = _price(contract, market, None if group[i] < 0 else rows[group[i]])
        reason = _why_not(contract, market, columns, i)
        if reason is not None:
            failures[i] = reason
    seconds, variable, fixed = (np.zeros(len(rows)) for _ in range(3))
    for e, row in enumerate(rows):
        seconds[e] = market.seconds_to(row.expiry)
        variable[e], fixed[e] = _forward_parts(row, market)
    return Plan(
        contracts=tuple(contracts),
        time=market.time,
        option=option,
        exotic=exotic,
        call=call,
        style=style,
        settle_moves=moves,
        group=group,
        expiries=tuple(rows),
        seconds=seconds,
        variable=variable,
        fixed=fixed,
        rate=np.array([r.rate.value for r in rows], dtype=np.float64),
        failures=failures,
        **columns,
    )


def expired(row: Expiry, market: Market) -> bool:
    """Past its expiry; at the very instant only once the settlement is known, until then its forward counts."""
    if row.expiry == market.time:
        return row.settlement is not None or row.forward is None
    return row.expiry < market.time


def _forward_parts(row: Expiry, market: Market) -> tuple[float, float]:
    if expired(row, market):
        return 0.0, np.nan if row.settlement is None else row.settlement
    if row.forward is None:
        return np.nan, 0.0
    return row.forward.variable, row.forward.fixed


def _vol(contract: Option | Exotic, market: Market, row: Expiry | None) -> float:
    """The marked volatility, else that of the smile at the strike; without an expiry there is no smile."""
    if row is not None and expired(row, market):
        return 0.0
    mark = market.marks.get(contract.name)
    if mark is not None and mark.vol is not None:
        return mark.vol
    if row is None or row.svi is None:
        return np.nan
    from plimsoll.pricing.svi import svi_vol

    s = row.svi
    try:
        return float(svi_vol(contract.strike, s.a, s.b, s.rho, s.m, s.sigma, s.forward, s.tau))
    except ValueError:
        return np.nan


def _price(contract: Contract, market: Market, row: Expiry | None) -> float:
    """The USD price that the contract's linear shocks act on."""
    if contract.kind == "spot" or isinstance(contract, PerpetualOption):
        index = market.indices.get(contract.underlying)
        return np.nan if index is None else index.price
    if is_option(contract) or (row is not None and expired(row, market)):
        return np.nan if row is None else sum(_forward_parts(row, market))
    mark = market.marks.get(contract.name)
    if mark is not None and mark.price is not None:
        return mark.price
    return np.nan if row is None or row.forward is None else row.forward.price


def _why_not(contract: Contract, market: Market, columns: dict[str, F64], i: int) -> Failure | None:
    """The first thing that keeps contract `i` from being valued."""
    where = f"of {contract.name}"
    due = getattr(contract, "expiry", None) is not None and contract.expiry <= market.time  # type: ignore[union-attr]
    if not np.isfinite(columns["spot"][i]):
        known = ", ".join(market.indices) or "none"
        return _failure(Reason.MISSING_INDEX, contract, f"no index {where}: market.indices has {known}")
    if not np.isfinite(columns["settle"][i]):
        return _failure(
            Reason.MISSING_PRICE,
            contract,
            f"no price of its settlement currency {contract.currency} in market.assets",
        )
    if not np.isfinite(columns["price"][i]):
        if due:
            message = f"expired {contract.expiry.isoformat()} and market.expiries has no settlement for it"  # type: ignore[union-attr]
            return _failure(Reason.EXPIRED_UNSETTLED, contract, message)
        if is_option(contract):
            return _failure(Reason.MISSING_FORWARD, contract, f"no forward {where} in market.expiries")
        return _failure(Reason.MISSING_MARK, contract, f"no price {where} in market.marks")
    if columns["price"][i] <= 0 and not due:
        return _failure(Reason.MISSING_MARK, contract, f"the price {where} is zero")
    if is_option(contract) and not np.isfinite(columns["vol"][i]):
        return _failure(
            Reason.MISSING_VOL,
            contract,
            f"no volatility {where}: neither market.marks nor a valid smile has one",
        )
    if isinstance(contract, AsianOption) and contract.accrued is None and contract.fixings[0] <= market.time:
        first = contract.fixings[0].isoformat()
        return _failure(Reason.MISSING_FIXING, contract, f"no accrued average {where}, whose fixings began {first}")
    return None


def _failure(reason: Reason, contract: Contract, message: str) -> Failure:
    return Failure(reason=reason, subject=contract.name, message=message, effect="refused")
