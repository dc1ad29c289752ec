"""SRM for one account: every intermediate, market by market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.venues.derive.srm_options import ExpiryMargin, Legs, expiry_margin
from plimsoll.margin.venues.derive.srm_parameters import SrmParameters
from plimsoll.market import Expiry
from plimsoll.risk import option_values
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SrmWorkings:
    """Amounts in the settlement currency. Arrays `[N + C]` run over positions, then collateral (`subjects`).

    `option_*` are net margins (at most zero), `base_*` net margins (at least zero), `option_mtm` and `base_mtm` values;
    `perp_*`, `oracle` and `depeg` are charges (at least zero). `expiries` are in the order of the book.
    """

    book: Book
    assets: tuple[str, ...]
    expiries: tuple[tuple[Expiry, ExpiryMargin], ...]
    equity: float
    perp_initial: F64
    perp_maintenance: F64
    option_mtm: F64
    option_initial: F64
    option_maintenance: F64
    base_mtm: F64
    base_initial: F64
    base_maintenance: F64
    oracle: F64
    depeg: F64
    unrealised: float
    funding: float

    @property
    def subjects(self) -> tuple[str, ...]:
        """Instrument names, then `collateral ASSET`."""
        return (*self.book.names, *(f"collateral {a}" for a in self.assets))

    def by_market(self, amounts: F64) -> dict[str, float]:
        """`amounts[N + C]` summed by market, for the markets that are held."""
        markets = [c.underlying for c in self.book.plan.contracts] + list(self.assets)
        totals: dict[str, float] = {}
        for market, amount in zip(markets, amounts.tolist(), strict=True):
            totals[market] = totals.get(market, 0.0) + amount
        return totals


def evaluate(p: SrmParameters, book: Book) -> SrmWorkings:
    """Run the whole calculation for one account."""
    plan, market = book.plan, book.market
    stable = market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{p.cash}", None if stable is None else stable.price, "a price above zero")
    n = len(plan)
    coins = book.quantity * plan.multiplier
    names = [c.underlying for c in plan.contracts]
    perpetual = np.array([c.kind == "perpetual" for c in plan.contracts], dtype=bool)
    size = np.where(perpetual, np.abs(coins), 0.0)
    short = np.where(plan.option, np.maximum(-coins, 0.0), 0.0)
    # a position of size zero may stand without a price, only to carry money that is still to settle
    notional = np.where(size > 0.0, size * plan.price, 0.0)

    values = np.zeros(n)
    values[plan.options] = option_values(plan, Scenarios.build([1.0]), side=coins)[:, 0] * coins[plan.options]
    initial, maintenance, expiries = _options(p, book, coins, values)

    below = max(0.0, p.depeg.threshold - stable.price) * p.depeg.factor
    assets, amounts, prices, doubts = _bases(p, book)
    base = amounts * prices
    terms = [p.base(a) for a in assets]
    factor = np.array([0.0 if t is None else t.margin_factor for t in terms], dtype=np.float64)
    scale = np.array([0.0 if t is None else t.im_scale for t in terms], dtype=np.float64)
    base_oracle = np.where(base * factor * scale != 0.0, doubts * base, 0.0)
    nothing, none = np.zeros(n), np.zeros(len(assets))
    unrealised, funding = float(book.unrealised[perpetual].sum()), float(book.funding[perpetual].sum())
    settled = unrealised + funding + book.account.collateral.get(p.cash, 0.0)
    return SrmWorkings(
        book=book,
        assets=assets,
        expiries=expiries,
        equity=float(values.sum()) + float((base / stable.price).sum()) + settled,
        perp_initial=np.append(notional * np.array([p.perp(u).im_req for u in names]), none),
        perp_maintenance=np.append(notional * np.array([p.perp(u).mm_req for u in names]), none),
        option_mtm=np.append(values, none),
        option_initial=np.append(initial, none),
        option_maintenance=np.append(maintenance, none),
        base_mtm=np.append(nothing, base / stable.price),
        base_initial=np.append(nothing, base * factor * scale),
        base_maintenance=np.append(nothing, base * factor),
        oracle=np.append(_oracle(p, book, size, short), base_oracle),
        depeg=np.append(np.where(size + short > 0.0, (size + short) * below * plan.spot, 0.0), none),
        unrealised=unrealised,
        funding=funding,
    )


def _options(
    p: SrmParameters, book: Book, coins: F64, values: F64
) -> tuple[F64, F64, tuple[tuple[Expiry, ExpiryMargin], ...]]:
    """Initial and maintenance net margin `[N]` of the options, expiry by expiry."""
    plan = book.plan
    initial, maintenance, found = np.zeros(len(plan)), np.zeros(len(plan)), []
    for e, row in enumerate(plan.expiries):
        mine = np.flatnonzero((plan.group == e) & plan.option & (coins != 0.0))
        if mine.size == 0:
            continue
        legs = Legs(plan.call[mine], plan.strike[mine], coins[mine], values[mine])
        spot, forward = float(plan.spot[mine[0]]), float(plan.forward[e])
        margin = expiry_margin(p.option(row.underlying), legs, spot, forward)
        initial[mine], maintenance[mine] = margin.initial.shares, margin.maintenance.shares
        found.append((row, margin))
    return initial, maintenance, tuple(found)


def _oracle(p: SrmParameters, book: Book, size: F64, short: F64) -> F64:
    """`[N]` charge for doubtful prices on perpetuals and short options."""
    plan, market = book.plan, book.market
    charges = np.zeros(len(plan))
    for i, contract in enumerate(plan.contracts):
        if size[i] == 0.0 and short[i] == 0.0:
            continue
        terms, spot = p.oracle(contract.underlying), market.indices[contract.underlying]
        if size[i] > 0.0:
            mark = market.marks.get(contract.name)
            trust, threshold = min(spot.confidence, 1.0 if mark is None else mark.confidence), terms.perp_threshold
        else:
            row = plan.expiries[plan.group[i]]
            forward = 1.0 if row.forward is None else row.forward.confidence
            trust, threshold = min(spot.confidence, forward, row.vol_confidence), terms.option_threshold
        charges[i] = terms.charge(trust, threshold) * (size[i] + short[i]) * spot.price
    return charges


def _bases(p: SrmParameters, book: Book) -> tuple[tuple[str, ...], F64, F64, F64]:
    """Collateral besides cash: assets, amounts, spot prices and the rate at which doubt about these is charged."""
    assets, amounts, prices, doubts = [], [], [], []
    for asset, amount in book.account.collateral.items():
        if asset == p.cash or amount == 0.0:
            continue
        spot = book.market.indices.get(asset) or book.market.price_of(asset)
        if spot is None:
            raise refuse(f"market.assets.{asset}", None, "a USD price of this collateral")
        terms = p.oracle(asset)
        assets.append(asset)
        amounts.append(amount)
        prices.append(spot.price)
        doubts.append(terms.charge(spot.confidence, terms.base_threshold))
    columns = (np.array(c, dtype=np.float64) for c in (amounts, prices, doubts))
    first, second, third = columns
    return tuple(assets), first, second, third
