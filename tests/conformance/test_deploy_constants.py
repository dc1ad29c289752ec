"""The packs of PMRM_2 against the venue's deploy constants, name by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.margin import find_rules

# The deploy script has the two base static discounts the other way round; the pack's source note says why they are
# not copied so.
NAMES = {
    ("basisContParams", "basis"): """
        scenarioSpotUp spot_up  scenarioSpotDown spot_down  basisContAddFactor add_factor
        basisContMultFactor mult_factor
    """,
    ("otherContParams", "other"): """
        pegLossThreshold peg_loss_threshold  pegLossFactor peg_loss_factor  confThreshold conf_threshold
        confMargin conf_margin  MMPerpPercent mm_perp_pct  IMPerpPercent im_perp_pct
        MMOptionPercent mm_option_pct  IMOptionPercent im_option_pct
    """,
    ("marginParams", "margin"): """
        imFactor im_factor  mmFactor mm_factor  shortRateMultScale short_rate_mult  longRateMultScale long_rate_mult
        shortRateAddScale short_rate_add  longRateAddScale long_rate_add
        shortBaseStaticDiscount long_base_static_discount  longBaseStaticDiscount short_base_static_discount
    """,
    ("skewShockParams", "skew"): """
        linearBaseCap linear_base_cap  absBaseCap abs_base_cap  linearCBase linear_c_base  absCBase abs_c_base
        minKStar min_k_star  widthScale width_scale  volParamStatic vol_param_static  volParamScale vol_param_scale
    """,
    ("volShockParams", "vol_shock"): """
        volRangeUp range_up  volRangeDown range_down  shortTermPower short_term_power  longTermPower long_term_power
        minVolUpShock min_vol_up_shock  dteFloor dte_floor_days
    """,
}


@pytest.mark.parametrize("day", ["2025-04-18", "2026-01-21"])
def test_the_packs_hold_the_deploy_constants(shared: Path, day: str) -> None:
    content = json.loads((shared / "vectors" / "derive" / "parameters.json").read_text(encoding="utf-8"))
    outside = content["mainnet_deploy"]["pmrm2"]
    pack = find_rules(f"derive-pmrm2@{day}").parameters
    for (theirs, ours), words in NAMES.items():
        pairs = words.split()
        named = dict(zip(pairs[::2], pairs[1::2], strict=True))
        seconds = {"dteFloor": 86_400.0}
        assert {named[k]: v / seconds.get(k, 1.0) for k, v in outside[theirs].items()} == pack[ours]
    assert outside["scenarios"] == pack["scenario_tables"]["majors"]
    assert {"BTC", "ETH"} <= {u for u, row in pack["underlyings"].items() if row["scenarios"] == "majors"}
