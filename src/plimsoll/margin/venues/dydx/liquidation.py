"""Liquidation: who is liquidated, at which price an account is worth nothing, and which price an order may fill at.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from plimsoll.documents import refuse
from plimsoll.margin.venues.dydx.funding import settled
from plimsoll.margin.venues.dydx.margin import Held, Market, Risk, Subaccount, market_of, position_risk, risk_of
from plimsoll.margin.venues.dydx.units import ONE_MILLION, fill_quote, ppm_down, whole


@dataclass(frozen=True)
class LiquidationConfig:
    """Parameters of liquidations, in ppm.

    `max_liquidation_fee_ppm` of the fill is the most that the insurance fund gets; `bankruptcy_adjustment_ppm`
    (at the venue at least the whole) says how fast the fillable price leaves the oracle price, and
    `spread_to_maintenance_margin_ratio_ppm` of the position's maintenance margin how far.
    """

    max_liquidation_fee_ppm: int
    bankruptcy_adjustment_ppm: int
    spread_to_maintenance_margin_ratio_ppm: int

    def __post_init__(self) -> None:
        whole("config.max_liquidation_fee_ppm", self.max_liquidation_fee_ppm, least=0, most=ONE_MILLION)
        for name in ("bankruptcy_adjustment_ppm", "spread_to_maintenance_margin_ratio_ppm"):
            whole(f"config.{name}", getattr(self, name), least=0)


def is_liquidatable(risk: Risk) -> bool:
    """`MMR > 0` and `MMR > NC`, strictly: an account without positions is never liquidated, whatever it owes.

    >>> is_liquidatable(Risk(100, 200, 100)), is_liquidatable(Risk(99, 200, 100)), is_liquidatable(Risk(-1, 0, 0))
    (False, True, False)
    """
    return risk.mmr > 0 and risk.mmr > risk.nc


def settled_risk(account: Subaccount, markets: Mapping[int, Market]) -> Risk:
    """Risk of a subaccount after its funding."""
    return risk_of(settled(account, markets), markets)


def bankruptcy_price(account: Subaccount, markets: Mapping[int, Market], market: int, delta: int) -> int:
    """Quote quantums at which closing `delta` base quantums of one position uses up its share of the collateral.

    ```
    -DNNV - floor(TNC * |DMMR| / TMMR)
    ```

    `DNNV` and `DMMR` are the position's notional and maintenance margin after less before, each of them rounded as
    the position's own; `TNC` and `TMMR` are the subaccount's. Signed: what the account gets. It is rounded up, in the
    account's favour, so that a fill at this price costs the insurance fund nothing. It can be negative for a sale
    where the account is worth more than the position. Raises `DocumentError` for a delta that does not reduce the
    position, and where nothing is required, since there is nothing to share out by.
    """
    held, here = _closing(account, markets, market, delta)
    total = _with_margin(settled_risk(account, markets))
    before = position_risk(held, here)
    after = position_risk(Held(held.base_quantums + delta, quote_balance=held.quote_balance), here)
    return before.nc - after.nc - total.nc * abs(after.mmr - before.mmr) // total.mmr


def fillable_price(
    account: Subaccount, markets: Mapping[int, Market], market: int, delta: int, config: LiquidationConfig
) -> Fraction:
    """Worst price at which the liquidation order of a position may fill, quote quantums for one base quantum.

    ```
    (PNNV - ABR * SMMR * PMMR) / size        ABR = clamp(BA * (1 - TNC / TMMR), 0, 1)
    ```

    The oracle price where the account just meets maintenance, moving away from it as net collateral runs out; `size`,
    notional and maintenance are those of the whole position, whatever part of it is closed. Exact. Raises what
    `bankruptcy_price` raises.
    """
    held, here = _closing(account, markets, market, delta)
    total = _with_margin(settled_risk(account, markets))
    mine = position_risk(held, here)
    missing = (1 - Fraction(total.nc, total.mmr)) * Fraction(config.bankruptcy_adjustment_ppm, ONE_MILLION)
    rating = min(max(missing, Fraction(0)), Fraction(1))
    spread = rating * mine.mmr * Fraction(config.spread_to_maintenance_margin_ratio_ppm, ONE_MILLION)
    return (here.notional(held.base_quantums) - spread) / held.base_quantums


def insurance_fund_delta(quote: int, bankruptcy: int, config: LiquidationConfig) -> int:
    """What the insurance fund gets (pays, if negative) for a liquidation fill, in quote quantums.

    `quote` is what the account got for the fill and `bankruptcy` its bankruptcy price, both signed. What is left above
    bankruptcy is the fund's, up to `max_liquidation_fee_ppm` of the fill, rounded down; what is missing it pays whole.
    """
    delta = quote - bankruptcy
    return min(delta, ppm_down(abs(quote), config.max_liquidation_fee_ppm)) if delta > 0 else delta


@dataclass(frozen=True)
class Fill:
    """A fill of a liquidation order: base quantums without sign, and a price of the order book."""

    buy: bool
    base_quantums: int
    subticks: int
    quantum_conversion_exponent: int

    def __post_init__(self) -> None:
        whole("fill_amount", self.base_quantums, least=1)
        whole("subticks", self.subticks, least=0)

    @property
    def delta(self) -> int:
        """Base quantums that the account gets, signed."""
        return self.base_quantums if self.buy else -self.base_quantums

    @property
    def quote(self) -> int:
        """Quote quantums that the account gets, signed."""
        paid = fill_quote(self.subticks, self.base_quantums, self.quantum_conversion_exponent)
        return -paid if self.buy else paid


def liquidation_fill(
    account: Subaccount, markets: Mapping[int, Market], market: int, fill: Fill, config: LiquidationConfig
) -> int:
    """The insurance fund's delta for a fill that closes part of a position; see `insurance_fund_delta`."""
    return insurance_fund_delta(fill.quote, bankruptcy_price(account, markets, market, fill.delta), config)


def _closing(account: Subaccount, markets: Mapping[int, Market], market: int, delta: int) -> tuple[Held, Market]:
    """The position that `delta` closes a part of. Raises `DocumentError` where it does not."""
    here = market_of(markets, market)
    held = account.positions.get(market, Held(0))
    whole("delta_base_quantums", delta)
    if held.base_quantums * delta >= 0 or abs(delta) > abs(held.base_quantums):
        allowed = f"of the other sign than the position of {held.base_quantums}, and no larger"
        raise refuse("delta_base_quantums", delta, allowed)
    return held, here


def _with_margin(total: Risk) -> Risk:
    if total.mmr == 0:
        raise refuse("maintenance", 0, "a subaccount with a maintenance margin above zero, to share collateral by")
    return total
