"""The shipped packs of the standard and the first portfolio manager against the constants of the deploy script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.margin import find_rules, margin_model

Doc = dict[str, Any]

PERP = {"mmPerpReq": "mm_req", "imPerpReq": "im_req"}
OPTION = {
    "maxSpotReq": "max_spot_req",
    "minSpotReq": "min_spot_req",
    "mmCallSpotReq": "mm_call_spot_req",
    "mmPutSpotReq": "mm_put_spot_req",
    "MMPutMtMReq": "mm_put_mtm_req",
    "unpairedIMScale": "unpaired_im_scale",
    "unpairedMMScale": "unpaired_mm_scale",
    "mmOffsetScale": "mm_offset_scale",
}
ORACLE = {
    "perpThreshold": "perp_threshold",
    "optionThreshold": "option_threshold",
    "baseThreshold": "base_threshold",
    "OCFactor": "factor",
}
BASE = {"marginFactor": "margin_factor", "IMScale": "im_scale"}
AUCTION = {
    "startingMtMPercentage": "start_pct",
    "fastAuctionCutoffPercentage": "fast_cutoff_pct",
    "fastAuctionLength": "fast_seconds",
    "slowAuctionLength": "slow_seconds",
    "insolventAuctionLength": "insolvent_seconds",
    "liquidatorFeeRate": "fee_rate",
    "bufferMarginPercentage": "buffer_pct",
}


def renamed(block: Doc, names: dict[str, str]) -> Doc:
    assert set(block) == set(names)
    return {names[field]: value for field, value in block.items()}


@pytest.fixture(scope="module")
def script(shared: Path) -> Doc:
    path = shared / "vectors" / "derive" / "parameters.json"
    content: Doc = json.loads(path.read_text(encoding="utf-8"))["mainnet_deploy"]
    return content


def test_pmrm1_holds_the_constants_of_the_script(script: Doc) -> None:
    p, s = find_rules("derive-pmrm1@2025-04-18").parameters, script["pmrm1"]
    margin, shock = s["marginParams"], s["volShockParams"]
    basis, other = s["basisContParams"], s["otherContParams"]
    assert list(p["margin"].values()) == [
        margin[k] for k in ("imFactor", "baseStaticDiscount", "rateMultScale", "rateAddScale")
    ]
    assert p["vol_shock"].pop("dte_floor_days") * 86_400 == shock["dteFloor"]
    assert list(p["vol_shock"].values()) == [
        shock[k] for k in ("volRangeUp", "volRangeDown", "shortTermPower", "longTermPower")
    ]
    assert list(p["basis"].values()) == [
        basis[k] for k in ("scenarioSpotUp", "scenarioSpotDown", "basisContAddFactor", "basisContMultFactor")
    ]
    fields = ("pegLossThreshold", "pegLossFactor", "confThreshold", "confMargin", "basePercent", "perpPercent")
    assert list(p["other"].values()) == [other[k] for k in (*fields, "optionPercent")]
    assert p["scenarios"] == s["scenarios"]
    assert p["max_positions"] == script["pmrm_max_account_size"]


@pytest.mark.parametrize("pack", ["derive-pmrm1@2025-04-18", "derive-srm@2025-04-18", "derive-srm@2026-01-21"])
def test_the_auction_is_that_of_the_script(script: Doc, pack: str) -> None:
    assert find_rules(pack).parameters["auction"] == {**renamed(script["auction"], AUCTION), "whole_below": 0.0}


def test_srm_holds_the_constants_of_the_script(script: Doc) -> None:
    p, s = find_rules("derive-srm@2025-04-18").parameters, script["srm"]
    blocks = {"perp": ("perpMarginRequirements", PERP), "option": ("optionMarginParams", OPTION)}
    oracle = {"oracle": ("oracleContingencyParams", ORACLE)}
    for part, (field, names) in {**blocks, **oracle}.items():
        assert p["defaults"][part] == renamed(s["defaults"][field], names)
    assert p["depeg"] == {"threshold": s["depeg"]["threshold"], "factor": s["depeg"]["depegFactor"]}
    assert p["max_positions"] == s["max_account_size"]
    coins = {name.upper(): name for name in (*s["market_overrides"], *s["position_caps"])}
    assert set(p["markets"]) == set(coins)
    for coin, name in coins.items():
        expected: Doc = {}
        for part, (field, names) in {**blocks, "base": ("baseMarginParams", BASE)}.items():
            if field in s["market_overrides"].get(name, {}):
                expected[part] = renamed(s["market_overrides"][name][field], names)
        caps = s["position_caps"][name]
        kinds = (("perpetual", "perpCap"), ("option", "optionCap"))
        expected["contracts"] = [kind for kind, field in kinds if caps[field] > 0]
        assert p["markets"][coin] == expected, coin


def test_the_packs_differ_in_the_perpetual_rates_of_two_markets() -> None:
    early, late = find_rules("derive-srm@2025-12-31"), find_rules("derive-srm@2026-06-30")
    assert (early.label, late.label) == ("derive-srm@2025-04-18", "derive-srm@2026-01-21")
    rates = {"mm_req": 0.05, "im_req": 0.066}
    markets = {
        coin: {**row, "perp": rates} if coin in ("BTC", "ETH") else row
        for coin, row in early.parameters["markets"].items()
    }
    assert late.parameters == {**early.parameters, "markets": markets}


@pytest.mark.parametrize("pack", ["derive-pmrm1@2025-04-18", "derive-srm@2025-04-18", "derive-srm@2026-01-21"])
def test_each_pack_names_its_sources_and_how_well_it_knows_its_numbers(pack: str) -> None:
    rules = margin_model(pack).rules
    assert all(source.reference and source.note for source in rules.sources)
    assert rules.evidence_for("auction.fee_rate") == "read"
    assert rules.evidence_for("auction.whole_below") == rules.evidence_for("max_positions") == "assumed"
