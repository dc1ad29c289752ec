"""The numbers that Bybit's packs hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plimsoll.documents import Asset, Flag, Fraction, Name, NonNegative, Part, Positive
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.short_options import OptionFee, ShortOptionRates
from plimsoll.margin.parts.tiers import TierTable

Valued = Literal["mark", "entry"]
Action = Literal["cancel_spot_margin_orders", "repay", "cancel_orders", "reduce_positions"]
"""`cancel_spot_margin_orders`: those that would lose to a haircut; `repay`: loans out of what is held."""


class Contracts(TierTable):
    """Tiers of one symbol; `counted` says in what their sizes are: settlement currency, coins or contracts."""

    counted: Unit


class Coin(Part):
    """What the rules know of options on one coin."""

    options: ShortOptionRates


class CloseFee(Part):
    """Fee of closing at the bankruptcy price, part of both margins.

    `taker` of the value there; the part of a position that the other leg of a hedge offsets pays `hedged_factor` fees.
    """

    taker: Fraction
    hedged_factor: NonNegative


class Borrow(Part):
    """Margin of borrowed amounts, as parts of their value."""

    initial: Fraction
    maintenance: Fraction


class ValuedAt(Part):
    """Which price gives the value that futures are margined on, by the way they are margined."""

    cross: Valued
    isolated: Valued


class Liquidation(Part):
    """What happens as maintenance margin over balance rises.

    At `repay` loans are repaid out of what is held; at `trigger` the `steps` follow in their order, until the rate is
    at most `stop`.
    """

    repay: Positive
    trigger: Positive
    stop: Positive
    steps: tuple[Action, ...]


class UtaParameters(Part):
    """A pack of the unified account in cross and isolated margin.

    `futures` by symbol, `underlyings` of options. `haircuts` is the part of a balance that does not count, by asset;
    one that is not in the table is refused.
    """

    futures: Annotated[dict[Name, Contracts], Field(min_length=1)]
    underlyings: dict[Asset, Coin]
    option_fee: OptionFee
    close_fee: CloseFee
    default_leverage: Positive
    valued_at: ValuedAt
    haircuts: Annotated[dict[Asset, Fraction], Field(min_length=1)]
    borrow: Borrow
    liquidation: Liquidation


class RiskUnit(Part):
    """One underlying in portfolio margin: the grid and the contingencies, with the factor of the initial margin.

    Volatility shocks are quoted at 30 days and become `shock * (30 / days) ** power`. `short_option`, `future`,
    `future_delta` and `stable_spread` are parts of the index for each coin, `vega_spread` for each day between expiries
    and coin of vega, `basis` for each year between expiries and coin of delta.
    """

    price_range: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]
    vol_up: NonNegative
    vol_down: Fraction
    short_option: Fraction
    vega_spread: Fraction
    stable_spread: Fraction
    basis: NonNegative
    future_delta: Fraction
    future: Fraction
    initial_factor: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)]


class PmParameters(Part):
    """A pack of portfolio margin; `price_steps` lie on each side of the unmoved price, `unit` counts the losses."""

    underlyings: Annotated[dict[Asset, RiskUnit], Field(min_length=1)]
    unit: Asset
    price_steps: Annotated[int, Field(strict=True, ge=1, le=50)]
    vol_power_short: NonNegative
    vol_power_long: NonNegative
    whole_days: Flag
    haircuts: Annotated[dict[Asset, Fraction], Field(min_length=1)]
    borrow: Borrow
    liquidation: Liquidation
