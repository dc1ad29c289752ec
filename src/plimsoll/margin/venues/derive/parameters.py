"""The numbers a PMRM_2 pack holds."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Count, Flag, Fraction, NonNegative, Number, Part, Positive, fault


class Margin(Part):
    """Factors on the scenario loss and the two static discounts on each expiry's net value."""

    im_factor: NonNegative
    mm_factor: NonNegative
    long_base_static_discount: NonNegative
    long_rate_mult: Number
    long_rate_add: Number
    short_base_static_discount: NonNegative
    short_rate_mult: Number
    short_rate_add: Number


class VolPower(Part):
    """Volatility shocks at 30 days and their powers in time."""

    range_up: NonNegative
    range_down: NonNegative
    short_term_power: NonNegative
    long_term_power: NonNegative
    dte_floor_days: NonNegative


class VolShock(VolPower):
    """`VolPower` with the least shocked-up volatility."""

    min_vol_up_shock: NonNegative


class Basis(Part):
    """Forward shocks of the basis contingency and the factor `add + mult * years` on the loss."""

    spot_up: NonNegative
    spot_down: NonNegative
    add_factor: NonNegative
    mult_factor: NonNegative


class Doubt(Part):
    """What a stable coin below its peg and prices of little confidence cost."""

    peg_loss_threshold: NonNegative
    peg_loss_factor: NonNegative
    conf_threshold: Fraction
    conf_margin: NonNegative

    def peg(self, stable: float) -> float:
        """What a stable coin at `stable` USD adds to the factor of the initial margin."""
        return max(0.0, self.peg_loss_threshold - stable) * self.peg_loss_factor

    def charge(self, confidence: float) -> float:
        """Fraction of the notional that a price of this confidence costs: nothing at the threshold or above."""
        return (1.0 - confidence) * self.conf_margin if confidence < self.conf_threshold else 0.0


class Other(Doubt):
    """`Doubt` and the percentage contingencies; `im_*` come on top of `mm_*` and may be negative."""

    mm_perp_pct: NonNegative
    im_perp_pct: Number
    mm_option_pct: NonNegative
    im_option_pct: Number


class Skew(Part):
    """Shape of the two skew shocks."""

    linear_base_cap: Number
    abs_base_cap: Number
    linear_c_base: Number
    abs_c_base: Number
    min_k_star: NonNegative
    width_scale: Number
    vol_param_static: Number
    vol_param_scale: Number


class Scenario(Part):
    """One row of a scenario table: a spot multiplier, what happens to volatility, and the factor on the P&L."""

    spot_shock: Positive
    vol_shock: Literal["up", "down", "none", "skew_linear", "skew_abs"]
    dampening: NonNegative = 1.0


class Collateral(Part):
    """Haircuts on an asset's value; `risk_cancelling` assets move with the scenarios."""

    risk_cancelling: Flag
    mm_haircut: NonNegative
    im_haircut_extra: Number


class Underlying(Part):
    """What one underlying's manager uses: a scenario table by name and the collateral it takes."""

    scenarios: str
    collaterals: dict[Asset, Collateral] = {}


class Pmrm2Parameters(Part):
    """A whole PMRM_2 pack. `cash` is the settlement currency; its balance counts at face value."""

    cash: Asset
    margin: Margin
    vol_shock: VolShock
    basis: Basis
    other: Other
    skew: Skew
    scenario_tables: dict[str, Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=256)]]
    underlyings: Annotated[dict[Asset, Underlying], Field(min_length=1)]
    max_positions: Count = 128
    max_expiries: Count = 10

    @model_validator(mode="after")
    def _tables(self) -> Self:
        for name, underlying in self.underlyings.items():
            if underlying.scenarios not in self.scenario_tables:
                known = "one of the scenario_tables: " + ", ".join(self.scenario_tables)
                raise fault(f"underlyings.{name}.scenarios", underlying.scenarios, known)
        return self
