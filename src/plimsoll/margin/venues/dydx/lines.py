"""Prices of one position at which its subaccount is liquidated and worth nothing, and where a liquidation fills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from plimsoll.margin.venues.dydx.liquidation import LiquidationConfig, bankruptcy_price, fillable_price
from plimsoll.margin.venues.dydx.margin import Held, Market, Risk, Subaccount, position_risk
from plimsoll.margin.venues.dydx.units import ONE_MILLION, QUOTE_RESOLUTION


def per_coin(quote_per_base: Fraction, market: Market) -> float:
    """USDC for one coin of a price in quote quantums for one base quantum."""
    return float(quote_per_base * Fraction(10) ** (QUOTE_RESOLUTION - market.atomic_resolution))


def liquidation_price(held: Held, market: Market, risk: Risk) -> float | None:
    """Price of a coin at which net collateral meets maintenance, every other price staying; `None` where none is above
    zero.

    Both are straight in the price but for the rounding of a few quote quantums, which is not undone: the price of a
    position worth `n` quantums is right to a few parts in `n`.
    """
    own = position_risk(held, market)
    rate = Fraction(market.tier.initial_margin_ppm * market.tier.maintenance_fraction_ppm, ONE_MILLION**2)
    size = held.base_quantums
    # what the rest of the subaccount is short of, less what this position is worth at its price
    left = Fraction(risk.nc - (risk.mmr - own.mmr) - market.notional(size))
    slope = rate * abs(size) - size
    if slope == 0:
        return None
    found = left / slope
    return per_coin(found, market) if found > 0 else None


def lines(
    account: Subaccount, risk: Risk, markets: Mapping[int, Market], names: Sequence[str], config: LiquidationConfig
) -> dict[str, float]:
    """Liquidation, bankruptcy and fillable price of each whole position of a settled subaccount, USDC for one coin.

    The bankruptcy price is that of a fill now, which takes the position's share of the net collateral by maintenance;
    the fillable price is the oracle's as long as maintenance is met. Nothing is said where no maintenance is required.
    """
    found: dict[str, float] = {}
    for number, held in account.positions.items():
        market, size = markets[number], held.base_quantums
        if size == 0 or risk.mmr == 0:
            continue
        line = liquidation_price(held, market, risk)
        if line is not None:
            found[f"liquidation_price.{names[number]}"] = line
        quote = bankruptcy_price(account, markets, number, -size)
        found[f"bankruptcy_price.{names[number]}"] = per_coin(Fraction(quote, size), market)
        fill = fillable_price(account, markets, number, -size, config)
        found[f"fillable_price.{names[number]}"] = per_coin(fill, market)
    return found
