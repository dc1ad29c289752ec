"""The arithmetic of PMRM_2, step by step, with every intermediate kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.book import Book
from plimsoll.margin.components import known_collateral
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters, Scenario
from plimsoll.risk import Plan, option_values
from plimsoll.scenarios import ABSOLUTE_SKEW, LINEAR_SKEW, NO_SKEW, Scenarios, SkewRule, VolRule, years_of

F64 = npt.NDArray[np.float64]

BLOCKS = ("regular", "tail", "skew", "fwd_contingency")
TIE_TOLERANCE = 1e-8
"""Losses closer than this (relative, with a floor of one unit) are one loss: the earlier block is named."""


@dataclass(frozen=True, eq=False)
class Workings:
    """Intermediates in the order of the calculation; amounts in the settlement currency.

    `scenario_pnl[S]` is weighted and signed (loss negative); `span_shares[P]` splits `min_span` over positions and
    collateral; `*_notional[P]` and haircuts are amounts before or after their percentage as named, all `>= 0`.
    """

    book: Book
    underlying: str
    scenarios: Scenarios
    forbidden: tuple[int, ...]
    assets: tuple[str, ...]
    option_mtm: float
    collateral_mtm: float
    perp_mtm: float
    equity: float
    discount: F64
    expiry_mtm: F64
    static_long: F64
    static_short: F64
    scenario_pnl: F64
    basis_contingency: float
    min_span: float
    worst: int
    worst_block: str
    im_factor: float
    span_shares: F64
    perp_notional: F64
    naked_notional: F64
    mm_haircut: F64
    im_haircut_extra: F64
    oracle: F64


def scenario_columns(p: Pmrm2Parameters, table: tuple[Scenario, ...]) -> tuple[Scenarios, tuple[int, ...]]:
    """The table as columns, and the rows that both tilt and move spot (forbidden: taken at unmoved spot)."""
    tilts = {"skew_linear": LINEAR_SKEW, "skew_abs": ABSOLUTE_SKEW}
    vols = {"up": p.vol_shock.range_up, "down": -p.vol_shock.range_down}
    skew = [tilts.get(row.vol_shock, NO_SKEW) for row in table]
    kinds = ["skew" if t else "regular" if row.dampening == 1.0 else "tail" for t, row in zip(skew, table, strict=True)]
    forbidden = tuple(s for s, row in enumerate(table) if skew[s] and row.spot_shock != 1.0)
    columns = Scenarios.build(
        [1.0 if skew[s] else row.spot_shock for s, row in enumerate(table)],
        [vols.get(row.vol_shock, 0.0) for row in table],
        [row.dampening for row in table],
        skew=skew,
        vol_rule=VolRule(
            short_power=p.vol_shock.short_term_power,
            long_power=p.vol_shock.long_term_power,
            floor_days=p.vol_shock.dte_floor_days,
            min_up_vol=p.vol_shock.min_vol_up_shock,
        ),
        skew_rule=SkewRule(
            linear_base_cap=p.skew.linear_base_cap,
            abs_base_cap=p.skew.abs_base_cap,
            linear_c_base=p.skew.linear_c_base,
            abs_c_base=p.skew.abs_c_base,
            min_k_star=p.skew.min_k_star,
            width=p.skew.width_scale,
            vol_static=p.skew.vol_param_static,
            vol_scale=p.skew.vol_param_scale,
        ),
        kinds=kinds,
    )
    return columns, forbidden


def evaluate(p: Pmrm2Parameters, book: Book, underlying: str) -> Workings:
    """Run the whole calculation for one account of one `underlying`."""
    plan, market, q = book.plan, book.market, book.quantity * book.plan.multiplier
    rules = p.underlyings[underlying]
    known_collateral(book.account.collateral, {**rules.collaterals, p.cash: None})
    index = market.indices.get(underlying)
    stable = market.price_of(p.cash)
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{p.cash}", None if stable is None else stable.price, "a price above zero")
    if index is None:
        raise refuse(f"market.indices.{underlying}", None, "an index price")
    scenarios, forbidden = scenario_columns(p, p.scenario_tables[rules.scenarios])
    assets, value, confidence = _collateral(book, p, stable.price)
    count = len(plan)
    pad = len(assets)

    # every option value the rules need, in one pass: the table, the unshocked market and the two basis shocks
    size = len(scenarios)
    years = years_of(plan.seconds)
    discount = np.exp(-np.maximum(plan.rate, 0.0) * years)
    plain = Scenarios.build([1.0] * 3, basis=[1.0, p.basis.spot_up, p.basis.spot_down])
    rows = plan.options
    values = np.zeros((count, size + 3))
    values[rows, :size] = option_values(plan, scenarios, discount=discount, side=q)
    values[rows, size:] = option_values(plan, plain, discount=discount, side=q)
    values *= q[:, None]
    nets = _by_expiry(plan, values)
    mtm = nets[:, size]

    long_factor, short_factor = static_discounts(p, plan.rate, years)
    move = scenarios.spot - 1.0
    perp = np.array([c.kind == "perpetual" for c in plan.contracts], dtype=bool)
    linear = np.zeros(count + pad)
    linear[:count][perp] = np.where(q == 0.0, 0.0, q * plan.price)[perp]
    cancelling = np.array([rules.collaterals[a].risk_cancelling for a in assets], dtype=bool)
    linear[count:] = np.where(cancelling, value, 0.0)
    discounted = nets[:, :size] * np.where(nets[:, :size] >= 0, long_factor[:, None], short_factor[:, None])
    moves = discounted - mtm[:, None]
    tilted = scenarios.skew != NO_SKEW
    moves = np.where(tilted[None, :], -np.abs(moves), moves)
    pnl = scenarios.weight * (moves.sum(axis=0) + linear.sum() * move)

    basis_factor = p.basis.add_factor + p.basis.mult_factor * years
    basis_moves = np.minimum(np.minimum(nets[:, size + 1] - mtm, nets[:, size + 2] - mtm), 0.0) * basis_factor
    basis = float(basis_moves.sum())
    worst, block = _worst(pnl, basis, scenarios)
    min_span = basis if worst == size else float(pnl[worst])

    shares = np.zeros(count + pad)
    if worst == size:
        shares[:count] = _basis_shares(plan, values, nets, size, basis_factor)
    else:
        weight = float(scenarios.weight[worst])
        factor = np.where(nets[:, worst] >= 0, long_factor, short_factor)
        sign = np.ones(len(factor))
        if tilted[worst]:
            sign = -np.sign(discounted[:, worst] - mtm)
        grouped = plan.group >= 0
        g = plan.group[grouped]
        own = values[grouped, worst] * factor[g] - values[grouped, size]
        shares[:count][grouped] = weight * sign[g] * own
        shares += weight * linear * move[worst]

    spot = index.price
    peg = max(0.0, p.other.peg_loss_threshold - stable.price) * p.other.peg_loss_factor
    perp_notional = np.zeros(count + pad)
    perp_notional[:count][perp] = np.abs(q[perp]) * spot
    naked = np.zeros(count + pad)
    naked[:count] = _naked_shorts(plan, q) * spot
    held_mm = np.array([rules.collaterals[a].mm_haircut for a in assets])
    held_im = np.array([rules.collaterals[a].im_haircut_extra for a in assets])
    nothing = np.zeros(count)
    option_mtm = float(values[:, size].sum())
    perp_mtm = float(book.unrealised[perp].sum())
    cash = book.account.collateral.get(p.cash, 0.0)
    return Workings(
        book=book,
        underlying=underlying,
        scenarios=scenarios,
        forbidden=forbidden,
        assets=assets,
        option_mtm=option_mtm,
        collateral_mtm=float(value.sum()),
        perp_mtm=perp_mtm,
        equity=option_mtm + float(value.sum()) + perp_mtm + float(book.funding[perp].sum()) + cash,
        discount=discount,
        expiry_mtm=mtm,
        static_long=long_factor,
        static_short=short_factor,
        scenario_pnl=pnl,
        basis_contingency=basis,
        min_span=min_span,
        worst=worst,
        worst_block=block,
        im_factor=p.margin.im_factor + peg,
        span_shares=shares,
        perp_notional=perp_notional,
        naked_notional=naked,
        mm_haircut=np.concatenate([nothing, value * held_mm]),
        im_haircut_extra=np.concatenate([nothing, value * held_im]),
        oracle=_oracle(p, book, q, perp, spot, index.confidence, value, confidence),
    )


def _collateral(book: Book, p: Pmrm2Parameters, stable: float) -> tuple[tuple[str, ...], F64, F64]:
    """Assets other than cash, their value `amount * price / stable` and the confidence in their price."""
    assets, value, confidence = [], [], []
    for asset, amount in book.account.collateral.items():
        if asset == p.cash or amount == 0.0:
            continue
        if amount < 0:
            raise refuse(
                f"account.collateral.{asset}",
                amount,
                f"an amount of at least zero; only {p.cash} can be owed",
            )
        price = book.market.price_of(asset)
        if price is None:
            raise refuse(f"market.assets.{asset}", None, "a USD price of this collateral")
        assets.append(asset)
        value.append(amount * price.price / stable)
        confidence.append(price.confidence)
    return tuple(assets), np.array(value, dtype=np.float64), np.array(confidence, dtype=np.float64)


def _by_expiry(plan: Plan, values: F64) -> F64:
    """`[E, S]` sums of the rows of each expiry."""
    nets = np.zeros((len(plan.expiries), values.shape[1]))
    for e in range(len(plan.expiries)):
        nets[e] = values[plan.group == e].sum(axis=0)
    return nets


def static_discounts(p: Pmrm2Parameters, rates: F64, years: F64) -> tuple[F64, F64]:
    """Factors on a positive and on a negative net expiry value; a short is marked up to undiscounted at most."""
    m, rate = p.margin, np.maximum(rates, 0.0)
    long = m.long_base_static_discount * np.exp(-years * (rate * m.long_rate_mult + m.long_rate_add))
    short = m.short_base_static_discount * np.exp(years * (rate * m.short_rate_mult + m.short_rate_add))
    return long, np.minimum(np.exp(rate * years), short)


def _worst(pnl: F64, basis: float, scenarios: Scenarios) -> tuple[int, str]:
    """Index of the least P&L (`S` for the basis contingency) and its block; see `TIE_TOLERANCE`."""
    least = min(float(pnl.min()), basis)
    near = least + TIE_TOLERANCE * max(1.0, abs(least))
    for block in BLOCKS[:3]:
        rows = [s for s, kind in enumerate(scenarios.kinds) if kind == block and pnl[s] <= near]
        if rows:
            return min(rows, key=lambda s: (float(pnl[s]), s)), block
    return len(pnl), BLOCKS[3]


def _basis_shares(plan: Plan, values: F64, nets: F64, size: int, factor: F64) -> F64:
    shares = np.zeros(len(plan))
    for e in range(len(plan.expiries)):
        column = size + 1 if nets[e, size + 1] <= nets[e, size + 2] else size + 2
        if nets[e, column] < nets[e, size]:
            mine = plan.group == e
            shares[mine] = (values[mine, column] - values[mine, size]) * factor[e]
    return shares


def _naked_shorts(plan: Plan, q: F64) -> F64:
    """Each option's part of the naked shorts: `max(-(call + put), 0)` for each strike of each expiry, in coins."""
    nets: dict[tuple[int, float], float] = {}
    for i in plan.options:
        key = (int(plan.group[i]), float(plan.strike[i]))
        nets[key] = nets.get(key, 0.0) + float(q[i])
    naked = np.zeros(len(plan))
    for i in plan.options:
        if nets[int(plan.group[i]), float(plan.strike[i])] < 0:
            naked[i] = -q[i]
    return naked


def _oracle(
    p: Pmrm2Parameters,
    book: Book,
    q: F64,
    perp: npt.NDArray[np.bool_],
    spot: float,
    spot_confidence: float,
    value: F64,
    confidence: F64,
) -> F64:
    """Confidence contingency of perpetuals, options (by expiry) and collateral, `>= 0`."""
    plan, market = book.plan, book.market

    def charge(trust: float) -> float:
        return (1.0 - trust) * p.other.conf_margin if trust < p.other.conf_threshold else 0.0

    marks = [market.marks.get(c.name) for c in plan.contracts]
    held = perp & (q != 0.0)
    perps = [m.confidence for m, is_held in zip(marks, held, strict=True) if is_held and m is not None]
    spot_trust = min([spot_confidence, *perps])
    charges = np.zeros(len(plan) + len(value))
    for i in np.flatnonzero(perp):
        charges[i] = charge(spot_trust) * abs(q[i]) * spot
    for e, row in enumerate(plan.expiries):
        forward_trust = row.forward.confidence if row.forward is not None else 1.0
        trust = min(spot_trust, forward_trust, row.rate.confidence, row.vol_confidence)
        mine = plan.group == e
        charges[: len(plan)][mine] = charge(trust) * np.abs(q[mine]) * spot
    for j in range(len(value)):
        charges[len(plan) + j] = charge(min(float(confidence[j]), spot_confidence)) * value[j]
    return charges
