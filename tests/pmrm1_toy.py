"""A PMRM rule set in which every rule is switched off until a test switches it on."""

from __future__ import annotations

from typing import Any

from plimsoll.margin import Requirement
from plimsoll.margin.venues.derive.pmrm1 import Pmrm1
from rule_books import Desk, changed, rules_of

Row = tuple[float, str]

PLAIN: dict[str, Any] = {
    "cash": "USDC",
    "margin": {"im_factor": 1.0, "base_static_discount": 1.0, "rate_mult": 0.0, "rate_add": 0.0},
    "vol_shock": {
        "range_up": 0.5,
        "range_down": 0.3,
        "short_term_power": 0.0,
        "long_term_power": 0.0,
        "dte_floor_days": 1.0,
    },
    "basis": {"spot_up": 1.0, "spot_down": 1.0, "add_factor": 0.0, "mult_factor": 0.0},
    "other": {
        "peg_loss_threshold": 0.0,
        "peg_loss_factor": 0.0,
        "conf_threshold": 0.0,
        "conf_margin": 0.0,
        "base_pct": 0.0,
        "perp_pct": 0.0,
        "option_pct": 0.0,
    },
    "scenarios": [],
    "underlyings": ["BTC"],
    "auction": None,
    "max_positions": 6,
    "max_expiries": 2,
}

STILL: tuple[Row, ...] = ((1.0, "none"),)


def model(*rows: Row, **changes: Any) -> Pmrm1:
    """The model over `(spot, vol)` rows; in keyword names two underscores stand for a dot."""
    table = [{"spot_shock": spot, "vol_shock": vol} for spot, vol in rows or STILL]
    parameters = changed(PLAIN, {"scenarios": table, **{k.replace("__", "."): v for k, v in changes.items()}})
    return Pmrm1(rules_of("derive-pmrm1", "USDC", parameters))


def require(desk: Desk, *rows: Row, **changes: Any) -> Requirement:
    """The requirement."""
    return model(*rows, **changes).requirement(desk.account, desk.market)


def pnl(desk: Desk, *rows: Row, **changes: Any) -> list[float]:
    """Profit or loss of the account in each row."""
    return [s.pnl for s in require(desk, *rows, **changes).scenarios[:-1]]
