"""The states between two snapshots: some parts of account and market as they were, the others as they are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from plimsoll.contracts import Contract, Exotic, Option, Settlement, is_dated, is_option
from plimsoll.documents import refuse
from plimsoll.margin.account import Account, Leg, Position
from plimsoll.margin.changes.completed import Key, Settle, Snapshot, contracts_of, settlements
from plimsoll.margin.changes.shifts import payoffs, remarked
from plimsoll.margin.path import lasting_books, moved_book
from plimsoll.market import AssetPrice, Depth, Expiry, Index, Mark, Market

Held = tuple[str, Leg]
"""What tells one position of an account from the others: its instrument and leg."""

PARTS = ("trades", "spot", "vol", "time", "collateral", "other")
"""What account and market are made of here; the rules are a part of their own."""

NEGLIGIBLE = 1e-9
"""Two statements of profit that differ by less than this part of the position's notional say the same."""

SAME = 1e-14
"""The same to the last digits: then the entry price stands for the profit."""


class Between:
    """The account and market in which the parts named are already those of the later snapshot.

    * `trades`: the positions;
    * `spot`: indices, prices of coins, forwards, marks of futures and perpetuals;
    * `vol`: the volatility of each option (each strike keeps its own while others move);
    * `time`: the instant; what expires on the way is paid out at its delivery price;
    * `collateral`: the balances, and loans beside them;
    * `other`: rates, confidences, unsettled funding, stable coins and tokens without an index, orders, reported
      amounts, order books, how the account is margined (mode, settings, chosen leverage, money set apart), and how far
      marked option prices are from the model's value.

    Profit of a future or perpetual, be it reported, of an entry price or settled, is that at its own snapshot's price;
    with `spot` of the other snapshot it is carried there. What it says beyond the move of the price belongs to
    `collateral` if the balance in its currency changed, for then profit was settled and trades were paid there, else
    to `trades`. A position and balance that neither changed say that nothing was earned, and nothing is carried.
    Options that were traded are in `trades` with their value, and what was paid for them in `collateral`.
    """

    def __init__(
        self, account: Account, market: Market, account_after: Account, market_after: Market, settle: Settle = "given"
    ) -> None:
        if market_after.time < market.time:
            raise refuse("market_after.time", market_after.time.isoformat(), f"not before {market.time.isoformat()}")
        self.accounts = (account, account_after)
        self.held = [{(p.instrument, p.leg): p for p in a.positions} for a in self.accounts]
        self.names: tuple[Held, ...] = tuple(dict.fromkeys([*self.held[0], *self.held[1]]))
        named = [name for name, _ in self.names]
        named += [o.instrument for a in self.accounts for o in a.orders]
        named += [*lasting_books(market), *lasting_books(market_after)]
        self.contracts = contracts_of(dict.fromkeys(named), market, market_after)
        owned = [row for a in self.accounts for row in (*a.collateral.items(), *a.borrowed.items())]
        assets = {asset for asset, amount in owned if amount != 0.0}
        self.sides = (Snapshot(market, self.contracts), Snapshot(market_after, self.contracts))
        first, last = self.sides
        self.notes = first.fill(last, self.contracts, assets, "earlier")
        self.notes += last.fill(first, self.contracts, assets, "later")
        self.ended = self._ended()
        dates = {_key(self.contracts[name]) for name, _ in self.ended}
        self.settled, said = settlements(first, last, sorted(dates), settle)
        self.notes += said

    def _ended(self) -> tuple[Held, ...]:
        """Held before, expired since, and gone."""
        found = []
        for key, position in self.held[0].items():
            contract = self.contracts.get(key[0])
            later = self.held[1].get(key)
            gone = later is None or later.quantity == 0.0
            if position.quantity != 0.0 and gone and contract is not None and is_dated(contract):
                found += [key] if contract.expiry <= self.sides[1].time else []
        return tuple(found)

    def _pays_in(self, contract: Contract) -> bool:
        """Whether the balance in the settlement currency of `contract` changed."""
        old, new = (a.collateral.get(contract.currency, 0.0) for a in self.accounts)
        return old != new

    def at(self, done: Collection[str]) -> tuple[Account, Market]:
        """Account and market with the parts in `done` as in the later snapshot and the others as in the earlier."""
        bit = {part: int(part in done) for part in PARTS}
        return self._account(bit), self._market(bit)

    # --- market -------------------------------------------------------------------------------------------------

    def _market(self, bit: dict[str, int]) -> Market:
        spot, other = self.sides[bit["spot"]], self.sides[bit["other"]]
        time = self.sides[bit["time"]].time
        indices = {n: Index(price=x.price, confidence=other.index.get(n, x).confidence) for n, x in spot.index.items()}
        content: dict[str, Any] = {
            "time": time,
            "source": "between two snapshots",
            "indices": indices,
            "assets": self._assets(spot, other),
            "expiries": tuple(self._expiry(k, spot, other, bit["time"]) for k in self._keys()),
            "instruments": tuple(self.contracts.values()),
            "marks": {n: self._mark(n, bit) for n in self.contracts},
            "depth": self._books(spot, other),
        }
        # every part was validated when it was made
        market = Market.model_construct(**content)
        if not other.quoted:
            return market
        listed = list(self.contracts.values())
        marks = remarked(listed, market, other.gap)
        for name, price in other.quoted.items():
            # a mark without a volatility has no model value to keep a distance from
            if is_option(self.contracts[name]) and name not in other.gap:
                marks = marks | {name: marks[name].model_copy(update={"price": spot.quoted.get(name, price)})}
        return market.model_copy(update={"marks": marks})

    @staticmethod
    def _books(spot: Snapshot, other: Snapshot) -> dict[str, Depth]:
        """Order books of the other part, at the prices of the spot."""
        found = {}
        for name in lasting_books(other.market):
            here, there = spot.price.get(name), other.price.get(name)
            factor = here / there if here is not None and there is not None else 1.0
            found[name] = moved_book(other.market.depth[name], factor)
        return found

    def _assets(self, spot: Snapshot, other: Snapshot) -> dict[str, AssetPrice]:
        """Coins with an index follow the spot; the rest, stable coins first of all, are of the other part."""
        found = {}
        for name, x in other.asset.items():
            coin = name in spot.index and name in spot.asset
            found[name] = AssetPrice(price=spot.asset[name].price if coin else x.price, confidence=x.confidence)
        return found

    def _keys(self) -> list[Key]:
        return list(dict.fromkeys([*self.sides[0].row, *self.sides[1].row, *self.settled]))

    def _expiry(self, key: Key, spot: Snapshot, other: Snapshot, clock: int) -> Expiry:
        underlying, expiry = key
        row = other.row.get(key) or Expiry(underlying=underlying, expiry=expiry)
        forward = spot.forward.get(key)
        if forward is not None:
            trust = other.forward.get(key, forward).confidence
            forward = forward.model_copy(update={"confidence": trust})
        ended = self.sides[clock].row.get(key)
        settlement = self.settled.get(key, None if ended is None else ended.settlement)
        return row.model_copy(update={"forward": forward, "settlement": settlement, "svi": None})

    def _mark(self, name: str, bit: dict[str, int]) -> Mark:
        other = self.sides[bit["other"]].mark.get(name, Mark())
        changes: dict[str, Any] = {"bid": None, "ask": None, "price": None}
        if is_option(self.contracts[name]):
            changes["vol"] = self.sides[bit["vol"]].vol.get(name)
        else:
            changes["price"] = self.sides[bit["spot"]].price.get(name)
        return other.model_copy(update=changes)

    # --- account ------------------------------------------------------------------------------------------------

    def _account(self, bit: dict[str, int]) -> Account:
        other, money = self.accounts[bit["other"]], self.accounts[bit["collateral"]]
        balances = dict(money.collateral)
        rows: list[Position] = []
        for key in self.names:
            if key in self.ended:
                self._end(key, bit, rows, balances)
                continue
            position = self._row(key, bit)
            if position is not None:
                rows.append(position)
        changes = {
            "as_of": None,
            "positions": tuple(rows),
            "orders": other.orders,
            "collateral": balances,
            "borrowed": money.borrowed,
            "reported": other.reported,
            "settings": other.settings,
            "mode": other.mode,
        }
        return self.accounts[bit["trades"]].model_copy(update=changes)

    def _row(self, key: Held, bit: dict[str, int]) -> Position | None:
        position = self.held[bit["trades"]].get(key)
        money = self.held[bit["other"]].get(key)
        funding = 0.0 if money is None else money.unsettled_funding
        contract = self.contracts.get(key[0])
        quantity = 0.0 if position is None else position.quantity
        profit = None
        if contract is not None and contract.kind in ("future", "perpetual"):
            profit = self._profit(key, contract, quantity, bit)
        if quantity == 0.0 and not profit and funding == 0.0:
            return None
        # how it is margined is told by the part of that, of a position that is not there by its own
        told = money or position or next(h[key] for h in self.held if key in h)
        terms: dict[str, Any] = {"leverage": told.leverage, "isolated_margin": told.isolated_margin}
        terms |= self._stated(position, contract, profit, bit)
        return Position(instrument=key[0], leg=key[1], quantity=quantity, unsettled_funding=funding, **terms)

    def _stated(
        self, position: Position | None, contract: Contract | None, profit: float | None, bit: dict[str, int]
    ) -> dict[str, float | None]:
        """The profit, by the entry price of the position where it follows from that: some rules look at it."""
        price = None if contract is None else self.sides[bit["spot"]].price.get(contract.name)
        if position is not None and position.entry_price is not None and contract is not None and price is not None:
            follows = position.quantity * _flow(contract, position.entry_price, price)
            notional = abs(position.quantity * _flow(contract, price, 2.0 * price))
            if abs(follows - (profit or 0.0)) <= SAME * notional:
                return {"entry_price": position.entry_price}
        return {"unrealised_pnl": profit}

    def _booked(self, key: Held, contract: Contract, side: int) -> float:
        """Profit that snapshot `side` states for the position, at its own prices and in the settlement currency."""
        position = self.held[side].get(key)
        if position is None:
            return 0.0
        price = self.sides[side].price.get(key[0])
        if position.entry_price is not None and price is not None:
            return position.quantity * _flow(contract, position.entry_price, price)
        return position.unrealised_pnl or 0.0

    def _profit(self, key: Held, contract: Contract, quantity: float, bit: dict[str, int]) -> float:
        """Profit of `quantity` contracts not yet settled, carried from the snapshot that states it to the spot."""
        stated = [self._booked(key, contract, side) for side in (0, 1)]
        first, last = (s.price.get(key[0]) for s in self.sides)
        if first is None or last is None:
            return stated[bit["trades"]]
        sizes = [p.quantity if (p := held.get(key)) is not None else 0.0 for held in self.held]
        earned = sizes[0] * _flow(contract, first, last)
        notional = abs(sizes[0] * _flow(contract, first, 2.0 * first))
        if sizes[0] == sizes[1] and abs(stated[1] - stated[0] - earned) <= NEGLIGIBLE * notional:
            owner = 0
        elif self._pays_in(contract):
            owner = bit["collateral"]
        elif stated[0] == stated[1] and sizes[0] == sizes[1]:
            return stated[0]
        else:
            owner = bit["trades"]
        return stated[owner] + quantity * _flow(contract, (first, last)[owner], (first, last)[bit["spot"]])

    def _payoff(self, option: Option | Exotic, delivered: float) -> float:
        """What one option pays at its delivery price, in its settlement currency."""
        if isinstance(option, Option):
            return _vanilla(option, delivered)
        row = Expiry(underlying=option.underlying, expiry=_key(option)[1], settlement=delivered)
        later = self.sides[1].market
        changes = {"instruments": (option,), "expiries": (row,), "marks": {}, "depth": {}}
        return payoffs([option], later.model_copy(update=changes))[option.name]

    def _end(self, key: Held, bit: dict[str, int], rows: list[Position], balances: dict[str, float]) -> None:
        """A position that expired on the way: alive before the step of time, then cash until `collateral` holds it."""
        position, contract = self.held[0][key], self.contracts[key[0]]
        delivered = self.settled[_key(contract)]
        pays, alive = self._pays_in(contract), not bit["time"]
        paid = pays and bool(bit["collateral"])
        size, profit = position.quantity, None
        cash = 0.0 if paid else position.unsettled_funding
        funding = cash
        if is_option(contract):
            payoff = size * self._payoff(contract, delivered)
            cash = (0.0 if paid else cash + payoff) if not alive else (-payoff if paid else 0.0)
        else:
            stated = 0.0 if paid else self._booked(key, contract, 0)
            own = delivered if paid else self.sides[0].price.get(key[0], delivered)
            here = self.sides[bit["spot"]].price.get(key[0], delivered) if alive else delivered
            profit = stated + size * _flow(contract, own, here)
            cash = 0.0 if alive or paid else cash + profit
        if alive:
            terms: dict[str, Any] = {"leverage": position.leverage, "isolated_margin": position.isolated_margin}
            terms |= self._stated(position, contract, profit, bit)
            rows.append(Position(instrument=key[0], leg=key[1], quantity=size, unsettled_funding=funding, **terms))
        if pays and cash != 0.0:
            balances[contract.currency] = balances.get(contract.currency, 0.0) + cash


def _key(contract: Contract) -> Key:
    return contract.underlying, contract.expiry  # type: ignore[union-attr]


def _flow(contract: Contract, before: float, after: float) -> float:
    """Gain of one future or perpetual from one price to another, in its settlement currency."""
    size: float = getattr(contract, "multiplier", 1.0)
    if getattr(contract, "settlement", None) is Settlement.INVERSE:
        return size * (1.0 / before - 1.0 / after)
    return size * (after - before)


def _vanilla(option: Option, delivered: float) -> float:
    """What one option pays at its delivery price, in its settlement currency."""
    gain = delivered - option.strike if option.call else option.strike - delivered
    value = option.multiplier * max(0.0, gain)
    return value / delivered if option.settlement is Settlement.INVERSE and delivered > 0 else value
