"""An SRM rule set of round numbers, and the requirement of a desk under it."""

from __future__ import annotations

from typing import Any

from plimsoll.margin import Requirement
from plimsoll.margin.venues.derive.srm import Srm
from rule_books import Desk, changed, rules_of

PERP = {"mm_req": 0.05, "im_req": 0.1}
OPTION = {
    "max_spot_req": 0.15,
    "min_spot_req": 0.1,
    "mm_call_spot_req": 0.07,
    "mm_put_spot_req": 0.08,
    "mm_put_mtm_req": 0.2,
    "unpaired_im_scale": 1.2,
    "unpaired_mm_scale": 1.1,
    "mm_offset_scale": 1.05,
}
ORACLE = {"perp_threshold": 0.6, "option_threshold": 0.5, "base_threshold": 0.4, "factor": 2.0}

PLAIN: dict[str, Any] = {
    "cash": "USDC",
    "defaults": {"perp": PERP, "option": OPTION, "oracle": ORACLE},
    "depeg": {"threshold": 0.98, "factor": 1.5},
    "markets": {
        "BTC": {"base": {"margin_factor": 0.75, "im_scale": 0.9}},
        "ETH": {"base": {"margin_factor": 0.8, "im_scale": 0.5}},
        "SOL": {"contracts": ["perpetual"], "perp": {"mm_req": 0.2, "im_req": 0.3}},
        "GOLD": {"contracts": [], "base": {"margin_factor": 0.0, "im_scale": 1.0}},
    },
    "max_positions": 6,
}


def model(**changes: Any) -> Srm:
    """The model; in keyword names two underscores stand for a dot."""
    return Srm(rules_of("derive-srm", "USDC", changed(PLAIN, {k.replace("__", "."): v for k, v in changes.items()})))


def require(desk: Desk, **changes: Any) -> Requirement:
    """The requirement."""
    return model(**changes).requirement(desk.account, desk.market)


def net(desk: Desk, **changes: Any) -> tuple[float, float]:
    """Net initial and maintenance margin, as the venue counts: equity less the requirement."""
    found = require(desk, **changes)
    return found.excess_initial, found.excess_maintenance
