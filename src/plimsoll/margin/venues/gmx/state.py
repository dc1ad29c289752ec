"""Positions at GMX as rows: size, collateral, what closing costs, and the margins that follow."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.contracts import Perpetual, Settlement
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.linear import named
from plimsoll.margin.venues.gmx.factors import impact_charge, open_factor, price_impact
from plimsoll.margin.venues.gmx.parameters import GmxMarket, GmxParameters
from plimsoll.market import Market

SIDES = ("long", "short")


@dataclass(frozen=True)
class Interest:
    """Open interest of a market in USD; `None` where it is not reported."""

    long: float | None
    short: float | None

    @classmethod
    def of(cls, account: Account, name: str) -> Interest:
        """What the account reports of it."""
        longs, shorts = (account.reported.get(f"open_interest_{side}.{name}") for side in SIDES)
        return cls(longs, shorts)

    def side(self, market: GmxMarket, long: bool) -> float:
        """Open interest of a side: the largest that the market allows where none is reported."""
        own = self.long if long else self.short
        most = market.max_open_interest_long if long else market.max_open_interest_short
        return most if own is None else own


@dataclass(frozen=True)
class Row:
    """One position in USD: `size` as it was opened (it does not move with the price), `margin` set apart for it.

    `tokens` is signed, `profit` holds what is not realised and funding, `costs` what closing takes: fee, borrowing and
    price impact. `factor` is what opening asks for, `initial` and `maintenance` are margins without the costs.
    """

    subject: str
    market: GmxMarket
    tokens: float
    price: float
    size: float
    margin: float
    profit: float
    fee: float
    borrowing: float
    impact: float
    factor: float
    least: float

    @property
    def costs(self) -> float:
        """Fee, borrowing and price impact of closing."""
        return self.fee + self.borrowing + self.impact

    @property
    def maintenance(self) -> float:
        """Collateral that has to remain after the costs."""
        return max(self.size * self.market.min_collateral_factor_liquidation, self.least)

    def initial(self, profit: float) -> float:
        """Collateral to open, less the costs, at a profit: the margin alone must do, no profit helps."""
        opened = self.size * self.factor + profit - self.costs
        return max(opened, self.size * self.market.min_collateral_factor, self.least)

    @property
    def line(self) -> float | None:
        """Price at which the position can be liquidated, `None` where there is none above zero."""
        short_of = self.maintenance + self.costs - self.margin - self.profit
        price = self.price + short_of / self.tokens
        return price if price > 0.0 else None


def rows_of(p: GmxParameters, account: Account, market: Market, book: Book) -> tuple[Row, ...]:
    """The positions of a book. Raises `DocumentError` for a profit that leaves no size to have been opened."""
    cash, found = cash_price(p, market), []
    for i, position in enumerate(book.positions):
        contract, price = book.plan.contracts[i], float(book.plan.price[i])
        rule, tokens = p.markets[contract.underlying], float(book.quantity[i] * book.plan.multiplier[i])
        if tokens == 0.0:
            continue
        long, unrealised = tokens > 0, float(book.unrealised[i])
        size = abs(tokens) * price - (unrealised if long else -unrealised)
        if size <= 0.0:
            path = next(n for n, x in enumerate(account.positions) if x is position or x == position)
            allowed = "a profit below the value of the position: it was opened at a price above zero"
            raise DocumentError(Problem(f"account.positions[{path}].unrealised_pnl", repr(unrealised), allowed))
        name = position.instrument
        interest = Interest.of(account, name)
        impact = account.reported.get(f"price_impact.{name}")
        if impact is None and interest.long is not None and interest.short is not None:
            impact = price_impact(rule, long, -size, interest.long, interest.short)
        fee = rule.position_fee_positive if impact is not None and impact > 0.0 else rule.position_fee_negative
        found.append(
            Row(
                name if position.leg == "net" else f"{name} {position.leg}",
                rule,
                tokens,
                price,
                size,
                (position.isolated_margin or 0.0) * cash,
                unrealised + float(book.funding[i]) * cash,
                size * fee,
                account.reported.get(f"borrowing_fee.{name}", 0.0),
                impact_charge(rule, size, impact),
                open_factor(rule, long, interest.side(rule, long)),
                p.min_collateral_usd,
            )
        )
    return tuple(found)


def cash_price(p: GmxParameters, market: Market) -> float:
    """USD price of the collateral token. Raises `DocumentError` where there is none."""
    found = market.price_of(p.collateral)
    if found is None or found.price <= 0.0:
        got = "nothing" if found is None else repr(found.price)
        raise DocumentError(Problem(f"market.assets.{p.collateral}", got, "a USD price above zero of this token"))
    return found.price


def gmx_problems(p: GmxParameters, account: Account, market: Market) -> list[Problem]:
    """Contracts, balances, margins and reported amounts that are not taken."""
    found = []
    for path, contract in named(account, market):
        linear = isinstance(contract, Perpetual) and contract.settlement is Settlement.LINEAR
        if not (linear and contract.currency == p.collateral and contract.underlying in p.markets):
            got = f"{contract.name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
            allowed = f"linear perpetuals settled in {p.collateral} on " + ", ".join(sorted(p.markets))
            found.append(Problem(path, got, allowed))
    for i, order in enumerate(account.orders):
        if order.instrument not in market.contracts:
            got = f"{order.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})"
            allowed = f"one of the {len(market.contracts)} instruments of the market"
            found.append(Problem(f"account.orders[{i}].instrument", got, allowed))
    for i, position in enumerate(account.positions):
        if position.quantity and position.isolated_margin is None:
            allowed = "the collateral of this position: every position has its own"
            found.append(Problem(f"account.positions[{i}].isolated_margin", "nothing", allowed))
    for asset, amount in account.collateral.items():
        if amount != 0.0 and asset != p.collateral:
            got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
            found.append(Problem(f"account.collateral.{asset}", got, p.collateral))
    for name, value in account.reported.items():
        if name.partition(".")[0] in ("open_interest_long", "open_interest_short", "borrowing_fee") and value < 0.0:
            found.append(Problem(f"account.reported.{name}", repr(value), "an amount from zero, USD"))
    return found
