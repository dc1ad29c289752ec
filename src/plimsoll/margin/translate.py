"""The same exposure in other contracts: a coin-settled book as a linear one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from plimsoll.contracts import (
    Contract,
    Exotic,
    Future,
    Option,
    Perpetual,
    PerpetualOption,
    Settlement,
    is_option,
)
from plimsoll.documents import refuse
from plimsoll.margin.account import Account, Order, Position
from plimsoll.market import Mark, Market


def same_exposure(
    account: Account,
    market: Market,
    settlement: Literal["linear"] = "linear",
    currency: str = "USDC",
    *,
    futures_as_perpetual: bool = True,
    restate: bool = False,
) -> tuple[Account, Market]:
    """`account` with its inverse contracts replaced by linear ones in `currency`, and a market that lists these.

    An option on `multiplier` coins becomes `quantity * multiplier` linear options on one coin; an inverse future or
    perpetual of `multiplier` USD becomes `quantity * multiplier / mark` linear coins, which is its delta in coins.
    Unrealised profit and unsettled funding are converted at the index, so equity in USD stays. Spot, linear and quanto
    contracts stay as they are, and so does a name the market does not list, whose error comes when the book is opened.
    With `futures_as_perpetual` every dated linear future, translated or not, moves into the perpetual of its
    underlying coin by coin, for venues without dated futures. Positions that become the same contract are added up.
    Quantities are not rounded to lots.

    The venue's linear option is quoted in USD per coin, so its value is that of the inverse one times forward over
    index; what remains between the two books is this basis, and the currency of the premium: a coin premium moves
    with the coin, a linear one does not.

    With `restate` linear contracts that settle in another dollar coin also become those of `currency`, and the balances
    in such coins (market assets that no index moves) become `currency` at their prices.

    Names: `BTC-27MAR26-70000-C` becomes `BTC_USDC-27MAR26-70000-C`; a name that does not start with its underlying
    gets that prefix. In the market the linear contract stands in the place of the inverse one, with its volatility,
    and its prices multiplied by the forward for options. A linear contract already listed under that name is used
    with its own marks if its terms agree.

    Raises `DocumentError` for a `settlement` other than `"linear"`, a currency without a price, a name taken by
    another contract, an index, mark or forward that a held contract needs, and a future without a perpetual to move to.
    """
    if settlement != "linear":
        raise refuse("settlement", settlement, "'linear'")
    translation = _Translation(market, currency, restate)
    rows = [translation.position(p, f"account.positions[{i}]") for i, p in enumerate(account.positions)]
    orders = [translation.order(o, f"account.orders[{i}]") for i, o in enumerate(account.orders)]
    linear = translation.market
    if futures_as_perpetual:
        perpetuals = _Perpetuals(linear, currency)
        rows = [perpetuals.position(p, f"account.positions[{i}]") for i, p in enumerate(rows)]
        orders = [perpetuals.order(o, f"account.orders[{i}]") for i, o in enumerate(orders)]
    content = {
        **account.to_dict(),
        "positions": [p.model_dump() for p in _merged(rows, linear)],
        "orders": [o.model_dump() for o in orders],
    }
    if restate:
        content["collateral"] = translation.balances(account)
    return Account.from_dict(content, account.name or "account"), linear


def linear_name(name: str, underlying: str, currency: str = "USDC") -> str:
    """The name of the linear contract that stands for the inverse contract `name`.

    >>> linear_name("BTC-PERPETUAL", "BTC")
    'BTC_USDC-PERPETUAL'
    """
    rest = name.removeprefix(f"{underlying}-")
    return f"{underlying}_{currency}-{rest}"


def linear_market(market: Market, currency: str = "USDC") -> Market:
    """`market` with every inverse contract replaced by its linear twin; see `same_exposure`."""
    return _Translation(market, currency).market


@dataclass(frozen=True)
class _Twin:
    contract: Contract
    old: Option | Exotic | Future | Perpetual


class _Translation:
    """Every inverse contract of a market and what stands for it."""

    def __init__(self, market: Market, currency: str, restate: bool = False) -> None:
        unit = market.price_of(currency)
        if unit is None or unit.price <= 0:
            raise refuse(f"market.assets.{currency}", None if unit is None else unit.price, "a price above zero")
        self.old, self.currency, self.unit, self.restate = market, currency, unit.price, restate
        self.twins = {c.name: t for c in market.instruments if (t := self._twin(c)) is not None}
        self.market = self._market()

    def _twin(self, contract: Contract) -> _Twin | None:
        if contract.kind == "spot":
            return None
        other = self.restate and contract.settlement is Settlement.LINEAR and contract.currency != self.currency
        if contract.settlement is not Settlement.INVERSE and not (other and self._stable(contract.currency)):
            return None
        changes = {
            "name": linear_name(contract.name, contract.underlying, self.currency),
            "settlement": Settlement.LINEAR,
            "currency": self.currency,
            "multiplier": 1.0,
        }
        if contract.settlement is Settlement.LINEAR:
            old = contract.name.removeprefix(f"{contract.underlying}_{contract.currency}-")
            changes["name"] = linear_name(old, contract.underlying, self.currency)
        linear = contract.model_copy(update=changes)
        listed = self.old.contracts.get(linear.name)
        if listed is not None and listed != linear:
            allowed = f"the linear twin of {contract.name}"
            raise refuse(f"market.instruments.{linear.name}", "another contract of that name", allowed)
        return _Twin(linear, contract)

    def _market(self) -> Market:
        instruments: list[Contract] = []
        marks: dict[str, Mark] = {}
        for contract in self.old.instruments:
            twin = self.twins.get(contract.name)
            if twin is None:
                instruments.append(contract)
                if contract.name in self.old.marks:
                    marks[contract.name] = self.old.marks[contract.name]
            elif twin.contract.name not in self.old.contracts:
                instruments.append(twin.contract)
                mark = self.old.marks.get(contract.name)
                if mark is not None:
                    marks[twin.contract.name] = self._mark(mark, contract)
        changes = {
            "instruments": tuple(instruments),
            "marks": marks,
            # books of inverse contracts count other units; they are not translated
            "depth": {n: d for n, d in self.old.depth.items() if n not in self.twins},
            "source": f"{self.old.source}; inverse contracts written as linear in {self.currency}".removeprefix("; "),
        }
        return Market.model_validate({**{f: getattr(self.old, f) for f in Market.model_fields}, **changes})

    def _mark(self, mark: Mark, contract: Contract) -> Mark:
        """Prices of options in `currency` instead of coin; the others are in USD already."""
        if not is_option(contract):
            return mark
        price = self._price(contract)
        factor = None if price is None else price / self.unit
        prices = {
            f: None if factor is None or value is None else value * factor
            for f in ("price", "bid", "ask")
            for value in (getattr(mark, f),)
        }
        return mark.model_copy(update=prices)

    def _forward(self, contract: Option | Exotic) -> float | None:
        """The price at which a value in coin converts; the index where there is no expiry."""
        if isinstance(contract, PerpetualOption):
            index = self.old.indices.get(contract.underlying)
            return None if index is None else index.price
        row = self.old.expiry_table.get((contract.underlying, contract.expiry))
        return None if row is None or row.forward is None else row.forward.price

    def _stable(self, asset: str) -> bool:
        return asset not in self.old.indices and self.old.price_of(asset) is not None

    def _price(self, contract: Option | Exotic) -> float | None:
        """USD price of what the value of an option is in: its settlement currency, at its expiry for a coin."""
        if contract.settlement is Settlement.INVERSE:
            return self._forward(contract)
        unit = self.old.price_of(contract.currency)
        return None if unit is None else unit.price

    def balances(self, account: Account) -> dict[str, float]:
        """Collateral with every dollar coin as `currency`, at their prices."""
        found: dict[str, float] = {}
        for asset, amount in account.collateral.items():
            price = self.old.price_of(asset)
            stable = asset != self.currency and price is not None and self._stable(asset)
            name, held = (self.currency, amount * price.price / self.unit) if stable and price else (asset, amount)
            found[name] = found.get(name, 0.0) + held
        return found

    def _coins(self, contract: Option | Exotic | Future | Perpetual, path: str) -> float:
        """Linear coins that stand for one contract."""
        if isinstance(contract, Future | Perpetual) and contract.settlement is Settlement.INVERSE:
            return contract.multiplier / price_of(contract, self.old, path)
        return contract.multiplier

    def _money(self, contract: Option | Exotic | Future | Perpetual, path: str) -> float:
        """Units of `currency` for one unit of the settlement currency: the coin at its index."""
        if contract.settlement is Settlement.LINEAR:
            unit = self.old.price_of(contract.currency)
            return 1.0 if unit is None else unit.price / self.unit
        index = self.old.indices.get(contract.underlying)
        if index is None:
            raise refuse(f"market.indices.{contract.underlying}", None, f"an index price, for {path}")
        return index.price / self.unit

    def position(self, position: Position, path: str) -> Position:
        twin = self.twins.get(position.instrument)
        if twin is None:
            return position
        contract = twin.old
        money = self._money(contract, path)
        profit = None
        if isinstance(contract, Future | Perpetual):
            coins = position.unrealised_pnl
            if coins is None and position.entry_price is not None:
                mark, entry = price_of(contract, self.old, path), position.entry_price
                inverse = contract.settlement is Settlement.INVERSE
                gain = 1.0 / entry - 1.0 / mark if inverse else mark - entry
                coins = position.quantity * contract.multiplier * gain
            profit = None if coins is None else coins * money
        needed = position.quantity != 0.0
        return Position(
            instrument=twin.contract.name,
            quantity=position.quantity * self._coins(contract, path) if needed else 0.0,
            unrealised_pnl=profit,
            unsettled_funding=position.unsettled_funding * money,
            leverage=position.leverage,
            isolated_margin=None if position.isolated_margin is None else position.isolated_margin * money,
            leg=position.leg,
        )

    def order(self, order: Order, path: str) -> Order:
        twin = self.twins.get(order.instrument)
        if twin is None:
            return order
        price = order.price
        if is_option(twin.old):
            unit = self._price(twin.old)
            if unit is None:
                raise refuse(f"{path}.instrument", order.instrument, "an option with a forward in market.expiries")
            price *= unit / self.unit
        quantity = order.quantity * self._coins(twin.old, path)
        return order.model_copy(update={"instrument": twin.contract.name, "quantity": quantity, "price": price})


class _Perpetuals:
    """The perpetual that takes over the dated linear futures of each underlying."""

    def __init__(self, market: Market, currency: str) -> None:
        self.market = market
        found: dict[str, Perpetual] = {}
        for contract in sorted(market.instruments, key=lambda c: c.name):
            usable = isinstance(contract, Perpetual) and contract.settlement is Settlement.LINEAR
            if usable and contract.currency == currency and contract.name in market.marks:
                found.setdefault(contract.underlying, contract)  # type: ignore[arg-type]
        self.found = found

    def _future(self, name: str) -> Future | None:
        contract = self.market.contracts.get(name)
        dated = isinstance(contract, Future) and contract.settlement is Settlement.LINEAR
        return contract if dated else None  # type: ignore[return-value]

    def _perpetual(self, future: Future, path: str) -> Perpetual:
        perpetual = self.found.get(future.underlying)
        if perpetual is None or perpetual.currency != future.currency:
            allowed = f"a future with a marked linear perpetual of {future.underlying} in {future.currency} beside it"
            raise refuse(f"{path}.instrument", future.name, allowed)
        return perpetual

    def position(self, position: Position, path: str) -> Position:
        future = self._future(position.instrument)
        if future is None:
            return position
        perpetual = self._perpetual(future, path)
        changes = {
            "instrument": perpetual.name,
            "quantity": position.quantity * future.multiplier / perpetual.multiplier,
            "entry_price": None,
            "unrealised_pnl": profit_of(position, future, self.market, path),
        }
        return position.model_copy(update=changes)

    def order(self, order: Order, path: str) -> Order:
        future = self._future(order.instrument)
        if future is None:
            return order
        perpetual = self._perpetual(future, path)
        ratio = price_of(perpetual, self.market, path) / price_of(future, self.market, path)
        changes = {
            "instrument": perpetual.name,
            "quantity": order.quantity * future.multiplier / perpetual.multiplier,
            # as far from the mark as before
            "price": order.price * ratio,
        }
        return order.model_copy(update=changes)


def price_of(contract: Future | Perpetual, market: Market, path: str) -> float:
    """The mark of a future or perpetual in USD, or the forward of its expiry; raises `DocumentError` without either."""
    mark = market.marks.get(contract.name)
    price = None if mark is None else mark.price
    if price is None and isinstance(contract, Future):
        row = market.expiry_table.get((contract.underlying, contract.expiry))
        price = None if row is None or row.forward is None else row.forward.price
    if price is None or price <= 0:
        raise refuse(f"{path}.instrument", contract.name, "a contract with a mark price above zero in market.marks")
    return price


def profit_of(position: Position, contract: Future | Perpetual, market: Market, path: str) -> float | None:
    """Unrealised profit of a linear position in its currency; `None` when neither it nor an entry price is known."""
    if position.unrealised_pnl is not None or position.entry_price is None:
        return position.unrealised_pnl
    mark = price_of(contract, market, path)
    return position.quantity * contract.multiplier * (mark - position.entry_price)


def _merged(rows: Iterable[Position], market: Market) -> list[Position]:
    """Positions of one instrument added up: coins, profit and funding."""
    found: dict[tuple[str, str], Position] = {}
    for i, row in enumerate(rows):
        first = found.get((row.instrument, row.leg))
        if first is None:
            found[row.instrument, row.leg] = row
            continue
        contract = market.contracts[row.instrument]
        profit: float | None = None
        if isinstance(contract, (Future, Perpetual)):
            parts = [profit_of(p, contract, market, f"account.positions[{i}]") for p in (first, row)]
            profit = sum(p for p in parts if p is not None) if any(p is not None for p in parts) else None
        chosen = [p.leverage for p in (first, row) if p.leverage is not None]
        apart = [p.isolated_margin for p in (first, row) if p.isolated_margin is not None]
        found[row.instrument, row.leg] = Position(
            instrument=row.instrument,
            quantity=first.quantity + row.quantity,
            unrealised_pnl=profit,
            unsettled_funding=first.unsettled_funding + row.unsettled_funding,
            leverage=min(chosen, default=None),
            isolated_margin=sum(apart) if apart else None,
            leg=row.leg,
        )
    return list(found.values())
