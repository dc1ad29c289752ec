"""A PMRM_2 rule set in which every rule is switched off until a test switches it on."""

from __future__ import annotations

from typing import Any

from plimsoll.margin import Requirement
from plimsoll.margin.venues.derive.pmrm2 import Pmrm2
from rule_books import Desk, changed, rules_of

Row = tuple[float, str] | tuple[float, str, float]

PLAIN: dict[str, Any] = {
    "cash": "USDC",
    "margin": {
        "im_factor": 1.0,
        "mm_factor": 1.0,
        "long_base_static_discount": 1.0,
        "long_rate_mult": 0.0,
        "long_rate_add": 0.0,
        "short_base_static_discount": 1.0,
        "short_rate_mult": 0.0,
        "short_rate_add": 0.0,
    },
    "vol_shock": {
        "range_up": 0.5,
        "range_down": 0.3,
        "short_term_power": 0.0,
        "long_term_power": 0.0,
        "dte_floor_days": 1.0,
        "min_vol_up_shock": 0.0,
    },
    "basis": {"spot_up": 1.0, "spot_down": 1.0, "add_factor": 0.0, "mult_factor": 0.0},
    "other": {
        "peg_loss_threshold": 0.0,
        "peg_loss_factor": 0.0,
        "conf_threshold": 0.0,
        "conf_margin": 0.0,
        "mm_perp_pct": 0.0,
        "im_perp_pct": 0.0,
        "mm_option_pct": 0.0,
        "im_option_pct": 0.0,
    },
    "skew": {
        "linear_base_cap": 0.25,
        "abs_base_cap": 0.25,
        "linear_c_base": 0.0,
        "abs_c_base": 0.0,
        "min_k_star": 0.01,
        "width_scale": 4.0,
        "vol_param_static": 0.6,
        "vol_param_scale": 0.0,
    },
    "underlyings": {
        "BTC": {
            "scenarios": "table",
            "collaterals": {
                "BTC": {"risk_cancelling": True, "mm_haircut": 0.0, "im_haircut_extra": 0.0},
                "GOLD": {"risk_cancelling": False, "mm_haircut": 0.0, "im_haircut_extra": 0.0},
            },
        }
    },
    "scenario_tables": {},
}

STILL: tuple[Row, ...] = ((1.0, "none"),)


def model(*rows: Row, **changes: Any) -> Pmrm2:
    """The model over `(spot, vol[, dampening])` rows; in keyword names two underscores stand for a dot."""
    parameters = changed(PLAIN, {k.replace("__", "."): v for k, v in changes.items()})
    parameters["scenario_tables"]["table"] = [
        {"spot_shock": row[0], "vol_shock": row[1], "dampening": row[2] if len(row) == 3 else 1.0}
        for row in rows or STILL
    ]
    return Pmrm2(rules_of("derive-pmrm2", "USDC", parameters))


def require(desk: Desk, *rows: Row, **changes: Any) -> Requirement:
    """The requirement."""
    return model(*rows, **changes).requirement(desk.account, desk.market)


def pnl(desk: Desk, *rows: Row, **changes: Any) -> list[float]:
    """Profit or loss of the account in each row."""
    return [s.pnl for s in require(desk, *rows, **changes).scenarios[:-1]]


def option_value(desk: Desk, **changes: Any) -> float:
    """The options of the account, marked."""
    return require(desk, **changes).workings["option_mtm"]
