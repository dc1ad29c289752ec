"""A PMRM_2 scenario table as columns of shocks."""

from __future__ import annotations

from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters, Scenario, VolPower, VolShock
from plimsoll.scenarios import ABSOLUTE_SKEW, LINEAR_SKEW, NO_SKEW, Scenarios, SkewRule, VolRule

BLOCKS = ("regular", "tail", "skew", "fwd_contingency")
"""The blocks of scenarios in the order in which a tie is decided; the last is the basis contingency."""


def scenario_columns(p: Pmrm2Parameters, table: tuple[Scenario, ...]) -> tuple[Scenarios, tuple[int, ...]]:
    """The table as columns, and the rows that both tilt and move spot (forbidden: taken at unmoved spot)."""
    tilts = {"skew_linear": LINEAR_SKEW, "skew_abs": ABSOLUTE_SKEW}
    vols = {"up": p.vol_shock.range_up, "down": -p.vol_shock.range_down}
    skew = [tilts.get(row.vol_shock, NO_SKEW) for row in table]
    plain = ["regular" if row.dampening == 1.0 else "tail" for row in table]
    columns = Scenarios.build(
        [1.0 if tilt else row.spot_shock for tilt, row in zip(skew, table, strict=True)],
        [vols.get(row.vol_shock, 0.0) for row in table],
        [row.dampening for row in table],
        skew=skew,
        vol_rule=vol_rule(p.vol_shock),
        skew_rule=skew_rule(p),
        kinds=["skew" if tilt else kind for tilt, kind in zip(skew, plain, strict=True)],
    )
    forbidden = tuple(s for s, row in enumerate(table) if skew[s] and row.spot_shock != 1.0)
    return columns, forbidden


def vol_rule(shock: VolPower) -> VolRule:
    """The pack's power law of volatility shocks."""
    return VolRule(
        short_power=shock.short_term_power,
        long_power=shock.long_term_power,
        floor_days=shock.dte_floor_days,
        min_up_vol=shock.min_vol_up_shock if isinstance(shock, VolShock) else 0.0,
    )


def skew_rule(p: Pmrm2Parameters) -> SkewRule:
    """The pack's tilt of the smile."""
    return SkewRule(
        linear_base_cap=p.skew.linear_base_cap,
        abs_base_cap=p.skew.abs_base_cap,
        linear_c_base=p.skew.linear_c_base,
        abs_c_base=p.skew.abs_c_base,
        min_k_star=p.skew.min_k_star,
        width=p.skew.width_scale,
        vol_static=p.skew.vol_param_static,
        vol_scale=p.skew.vol_param_scale,
    )
