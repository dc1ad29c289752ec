"""An account document and a market read into the whole numbers of Drift, and what of them Drift does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil

from plimsoll.contracts import Contract, Perpetual, Settlement, Spot
from plimsoll.documents import DocumentError, Failure, Problem, Reason
from plimsoll.margin.account import Account, Order, Position
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.venues.drift.holdings import Oracle, PerpHeld, SpotHeld, toward_zero, whole
from plimsoll.margin.venues.drift.parameters import DriftParameters
from plimsoll.margin.venues.drift.sums import Held
from plimsoll.margin.venues.drift.weights import BASE, WEIGHT
from plimsoll.market import Market

HIGH, STRICT, RATIO = "high_leverage", "strict", "max_margin_ratio"


@dataclass(frozen=True)
class Read:
    """The account in whole numbers, with the prices of its tokens and perpetuals in USD as the market has them."""

    held: Held
    tokens: tuple[float, ...]
    perps: tuple[float, ...]
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Resting:
    """Orders of one instrument in the smallest unit: what they buy, what they sell (below zero), how many they are."""

    bids: int
    asks: int
    count: int
    leverage: float | None

    @classmethod
    def of(cls, orders: Iterable[Order], unit: Callable[[float], int]) -> Resting:
        """Orders that only reduce count, but buy and sell nothing that is not held."""
        mine = [o for o in orders if o.quantity]
        live = [o for o in mine if not o.reduce_only]
        return cls(
            sum(unit(o.quantity) for o in live if o.quantity > 0),
            sum(unit(o.quantity) for o in live if o.quantity < 0),
            len(mine),
            min((o.leverage for o in live if o.leverage is not None), default=None),
        )


def oracle(account: Account, market: Market, asset: str) -> Oracle:
    """Price of a token and its five-minute mean, the price itself where none is reported.

    Raises `DocumentError` for a token without a price.
    """
    found = market.price_of(asset)
    price = 0 if found is None else whole(found.price, 6)
    if price <= 0:
        got = "nothing" if found is None else repr(found.price)
        raise DocumentError(Problem(f"market.assets.{asset}", got, "a price of this token of at least 0.000001 USD"))
    mean = account.reported.get(f"twap.{asset}")
    return Oracle(price, price if mean is None else whole(mean, 6))


def read(p: DriftParameters, account: Account, market: Market, on_failure: OnFailure) -> Read:
    """Everything an account holds. Raises `DocumentError` for what has no price."""
    book = open_book(account.model_copy(update={"orders": ()}), market, on_failure)
    orders: dict[str, list[Order]] = {}
    spot_orders: dict[str, list[Order]] = {}
    for order in account.orders:
        contract = market.contracts[order.instrument]
        if order.quantity and isinstance(contract, Spot):
            spot_orders.setdefault(contract.underlying, []).append(order)
        elif order.quantity:
            orders.setdefault(order.instrument, []).append(order)
    positions = {x.instrument: x for x in book.positions}
    names = [*book.names, *(n for n in orders if n not in positions)]
    perps = tuple(_perp(p, account, market, n, positions.get(n), orders.get(n, [])) for n in names)
    mine = [a for a, v in account.collateral.items() if v != 0.0 and a != p.quote.asset]
    assets = [p.quote.asset, *dict.fromkeys([*mine, *spot_orders])]
    tokens = tuple(_token(p, account, market, a, spot_orders.get(a, [])) for a in assets)
    held = Held(
        tokens,
        perps,
        whole(p.order_margin, 6),
        whole(p.pnl_cap_initial, 6),
        int(account.reported.get(RATIO, 0.0)),
        account.settings.get(HIGH, False),
        account.settings.get(STRICT, False),
    )
    found = [market.price_of(a) for a in assets]
    return Read(
        held, tuple(x.price for x in found if x is not None), tuple(_mark(market, n) for n in names), book.failures
    )


def _mark(market: Market, name: str) -> float:
    mark = market.marks.get(name)
    return 0.0 if mark is None or mark.price is None else mark.price


def _token(p: DriftParameters, account: Account, market: Market, asset: str, orders: list[Order]) -> SpotHeld:
    own = p.spot.get(asset)
    decimals = p.quote.decimals if own is None else own.decimals
    resting = Resting.of(orders, lambda q: whole(q, decimals))
    return SpotHeld(
        asset,
        own,
        decimals,
        whole(account.collateral.get(asset, 0.0), decimals),
        oracle(account, market, asset),
        resting.bids,
        resting.asks,
        resting.count,
        whole(account.reported.get(f"deposits.{asset}", 0.0), decimals),
    )


def _perp(
    p: DriftParameters, account: Account, market: Market, name: str, position: Position | None, orders: list[Order]
) -> PerpHeld:
    contract = market.contracts[name]
    assert isinstance(contract, Perpetual)  # `problems` has refused everything else
    price, size = whole(_mark(market, name), 6), contract.multiplier
    if price <= 0:
        got = repr(_mark(market, name))
        raise DocumentError(Problem(f"market.marks.{name}.price", got, "an oracle price of at least 0.000001 USD"))
    resting = Resting.of(orders, lambda q: whole(q * size, 9))
    base, quote, own = 0, 0, None
    if position is not None:
        base, own, quote = whole(position.quantity * size, 9), position.leverage, whole(position.unsettled_funding, 6)
        if position.entry_price is not None:
            # paid or received on entry, rounded against the holder
            quote += -base * whole(position.entry_price, 6) // BASE
        else:
            quote += whole(position.unrealised_pnl or 0.0, 6) - toward_zero(base * price, BASE)
    chosen = [x for x in (own, resting.leverage) if x is not None]
    return PerpHeld(
        name,
        p.perps[contract.underlying],
        base,
        quote,
        price,
        resting.bids,
        resting.asks,
        resting.count,
        ceil(WEIGHT / min(chosen)) if chosen else 0,
        whole(account.reported.get(f"net_unsettled_pnl.{name}", 0.0), 6),
    )


def problems(p: DriftParameters, account: Account, market: Market) -> list[Problem]:
    """Contracts, tokens and reported numbers that are not taken."""
    found = []
    for i, position in enumerate(account.positions):
        path, contract = f"account.positions[{i}].instrument", market.contracts.get(position.instrument)
        if isinstance(contract, Spot):
            got = f"{contract.name!r}, spot ({Reason.UNSUPPORTED_CONTRACT.value})"
            found.append(Problem(path, got, f"{contract.underlying} as a balance in account.collateral"))
        elif contract is not None:
            found += _perpetual_problem(p, path, contract)
    for i, order in enumerate(account.orders):
        path, contract = f"account.orders[{i}].instrument", market.contracts.get(order.instrument)
        if contract is None:
            got = f"{order.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})"
            found.append(Problem(path, got, f"one of the {len(market.contracts)} instruments of the market"))
        elif isinstance(contract, Spot):
            found += _token_problem(p, path, contract.underlying, f"{contract.name!r}, spot")
        else:
            found += _perpetual_problem(p, path, contract)
    for asset, amount in account.collateral.items():
        if amount != 0.0 and asset != p.quote.asset:
            found += _token_problem(p, f"account.collateral.{asset}", asset, f"{amount!r} of {asset}")
    return [*found, *_reported_problems(account)]


def _reported_problems(account: Account) -> list[Problem]:
    found = []
    ratio = account.reported.get(RATIO, 0.0)
    if not 0 <= ratio <= WEIGHT or ratio != int(ratio):
        allowed = f"a whole number of 1e-4 from 0 to {WEIGHT}"
        found.append(Problem(f"account.reported.{RATIO}", repr(ratio), allowed))
    for name, value in account.reported.items():
        kind = name.partition(".")[0]
        if (kind == "twap" and whole(value, 6) <= 0) or (kind == "deposits" and value < 0):
            allowed = "a price of at least 0.000001 USD" if kind == "twap" else "a number of coins from zero"
            found.append(Problem(f"account.reported.{name}", repr(value), allowed))
    return found


def _perpetual_problem(p: DriftParameters, path: str, contract: Contract) -> list[Problem]:
    linear = isinstance(contract, Perpetual) and contract.settlement is Settlement.LINEAR
    if linear and contract.currency == p.quote.asset and contract.underlying in p.perps:
        return []
    got = f"{contract.name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
    return [Problem(path, got, f"linear perpetuals settled in {p.quote.asset} on {', '.join(sorted(p.perps))}")]


def _token_problem(p: DriftParameters, path: str, asset: str, what: str) -> list[Problem]:
    if asset in p.spot:
        return []
    allowed = "tokens of these rules: " + ", ".join(sorted({p.quote.asset, *p.spot}))
    return [Problem(path, f"{what} ({Reason.UNKNOWN_CURRENCY.value})", allowed)]
