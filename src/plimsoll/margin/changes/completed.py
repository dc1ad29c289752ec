"""Two snapshots of one market, each with the holes that the other can fill."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import numpy as np

from plimsoll.contracts import Contract, Perpetual, is_dated, is_option
from plimsoll.documents import refuse
from plimsoll.margin.changes.shifts import mark_gaps
from plimsoll.market import AssetPrice, Expiry, Mark, Market
from plimsoll.risk import compile_plan

Settle = Literal["given", "index"]
Key = tuple[str, datetime]


def contracts_of(names: Iterable[str], before: Market, after: Market) -> dict[str, Contract]:
    """The contracts called `names` that either snapshot lists, and the perpetuals of their underlyings.

    Raises `DocumentError` for a name that stands for other terms in the later snapshot.
    """
    found: dict[str, Contract] = {}
    for name in names:
        old, new = before.contracts.get(name), after.contracts.get(name)
        contract = old or new
        if contract is None:
            continue
        if old is not None and new is not None and old != new:
            raise refuse(f"market_after.instruments.{name}", "other terms than before", f"the same terms: {old!r}")
        found[name] = contract
    underlyings = {c.underlying for c in found.values()}
    for contract in (*before.instruments, *after.instruments):
        if isinstance(contract, Perpetual) and contract.underlying in underlyings:
            found.setdefault(contract.name, contract)
    return found


class Snapshot:
    """One of the two snapshots as tables by name, for `contracts` only; what it lacks comes from the other.

    `index` and `asset` prices by name, `forward` and `row` by (underlying, expiry), `vol`, `price` (of futures and
    perpetuals, USD) and `mark` by instrument. An option's `gap` is its marked price less its model value (per coin,
    settlement currency), and `quoted` its marked price, where it has one.
    """

    def __init__(self, market: Market, contracts: dict[str, Contract]) -> None:
        self.market = market
        self.time = market.time
        self.index = dict(market.indices)
        self.asset: dict[str, AssetPrice] = dict(market.assets)
        self.row: dict[Key, Expiry] = {}
        for c in contracts.values():
            if is_dated(c) and (c.underlying, c.expiry) in market.expiry_table:
                self.row[c.underlying, c.expiry] = market.expiry_table[c.underlying, c.expiry]
        self.forward = {k: r.forward for k, r in self.row.items() if r.forward is not None}
        self.mark = {n: market.marks[n] for n in contracts if n in market.marks}
        self.vol: dict[str, float] = {}
        self.price: dict[str, float] = {}
        listed = [c for c in contracts.values() if c.kind != "spot"]
        plan = compile_plan(listed, market)
        for i, contract in enumerate(listed):
            if is_option(contract):
                # past its expiry an option has none
                if np.isfinite(plan.vol[i]) and not (is_dated(contract) and contract.expiry <= market.time):
                    self.vol[contract.name] = float(plan.vol[i])
            elif plan.price[i] > 0:
                self.price[contract.name] = float(plan.price[i])
        self.gap = mark_gaps(plan, market)
        self.quoted = {n: m.price for n, m in self.mark.items() if m.price is not None}

    def fill(self, other: Snapshot, contracts: dict[str, Contract], collateral: set[str], which: str) -> list[str]:
        """Take from `other` what is missing here; prices in proportion to the index. Returns what to tell the reader.

        `which` is `earlier` or `later`. What an expired contract no longer has is not worth a word.
        """
        said: list[str] = []
        used = {c.underlying for c in contracts.values()}
        currencies = {c.currency for c in contracts.values()} | collateral
        for name in sorted(used & (other.index.keys() - self.index.keys())):
            self.index[name] = other.index[name]
            said.append(f"the index of {name}")
        for name in sorted((other.asset.keys() | currencies) - self.asset.keys()):
            own, theirs = self.market.price_of(name), other.market.price_of(name)
            if own is None and theirs is not None:
                self.asset[name] = theirs
                said += [f"the price of {name}"] if name in currencies else []
            elif own is not None and name in other.asset:
                self.asset[name] = own
        for contract in contracts.values():
            said += self._fill_contract(contract, other)
        return [f"the {which} snapshot lacks {what}: taken from the other" for what in dict.fromkeys(said)]

    def _fill_contract(self, contract: Contract, other: Snapshot) -> list[str]:
        said: list[str] = []
        name, u = contract.name, contract.underlying
        ratio = self.index[u].price / other.index[u].price if u in self.index and u in other.index else 1.0
        expired = is_dated(contract) and contract.expiry <= self.time
        if is_dated(contract):
            key = (u, contract.expiry)
            if key not in self.row and key in other.row:
                self.row[key] = other.row[key].model_copy(update={"settlement": None})
            if key not in self.forward and key in other.forward:
                theirs = other.forward[key]
                scaled = {"variable": theirs.variable * ratio, "fixed": theirs.fixed * ratio}
                self.forward[key] = theirs.model_copy(update=scaled)
                said.append(f"the forward of {u} {contract.expiry:%d %b %Y}")
        if is_option(contract):
            if name not in self.vol and name in other.vol:
                self.vol[name] = other.vol[name]
                said.append(f"the volatility of {name}")
        elif name not in self.price and name in other.price:
            self.price[name] = other.price[name] * ratio
            said.append(f"the price of {name}")
        if name not in self.mark and name in other.mark:
            self.mark[name] = Mark(confidence=other.mark[name].confidence)
        return [] if expired else said


def settlements(
    before: Snapshot, after: Snapshot, ended: Iterable[Key], settle: Settle
) -> tuple[dict[Key, float], list[str]]:
    """Delivery prices of the expiries in `ended`, and what to tell the reader of those that were assumed.

    Raises `DocumentError` for one that is not known unless `settle` is `"index"`: then it is the later index.
    """
    found: dict[Key, float] = {}
    said = []
    for key in ended:
        underlying, expiry = key
        known = [s.row[key].settlement for s in (after, before) if key in s.row]
        price = next((p for p in known if p is not None), None)
        if price is None:
            day = f"{underlying} {expiry:%Y-%m-%dT%H:%MZ}"
            if settle != "index" or underlying not in after.index:
                allowed = "its delivery price in the later snapshot, or settling at the later index (--settle-at-index)"
                raise refuse(f"market_after.expiries[{day}].settlement", None, allowed)
            price = after.index[underlying].price
            said.append(f"{day} ended without a delivery price, settled at the later index {price:,.2f}")
        found[key] = price
    return found, said
