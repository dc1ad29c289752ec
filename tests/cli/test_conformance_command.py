"""`plimsoll conformance` on small files whose numbers the naive twins computed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from builders import CALL, account_doc, case_doc, market_doc
from naive.black import black, svi_vol
from naive.pmrm2 import pmrm2
from plimsoll.cli import run

Doc = dict[str, Any]

TABLE = [
    {"spot_shock": 1.18, "vol_shock": "up", "dampening": 1.0},
    {"spot_shock": 1.0, "vol_shock": "down", "dampening": 1.0},
    {"spot_shock": 0.82, "vol_shock": "up", "dampening": 1.0},
    {"spot_shock": 3.0, "vol_shock": "up", "dampening": 0.1},
    {"spot_shock": 1.0, "vol_shock": "skew_linear", "dampening": 1.0},
]
PARAMS: Doc = {
    "margin": {
        "im_factor": 1.1,
        "mm_factor": 0.7,
        "long_base_static_discount": 0.9,
        "long_rate_mult": 1.0,
        "long_rate_add": 0.1,
        "short_base_static_discount": 1.1,
        "short_rate_mult": 0.6,
        "short_rate_add": 0.1,
    },
    "vol_shock": {
        "range_up": 0.4,
        "range_down": 0.2,
        "short_term_power": 0.3,
        "long_term_power": 0.1,
        "dte_floor_days": 1.0,
        "min_vol_up_shock": 0.4,
    },
    "basis": {"spot_up": 1.05, "spot_down": 0.95, "add_factor": 0.4, "mult_factor": 1.5},
    "other": {
        "peg_loss_threshold": 0.99,
        "peg_loss_factor": 3.0,
        "conf_threshold": 0.6,
        "conf_margin": 0.9,
        "mm_perp_pct": 0.02,
        "im_perp_pct": 0.01,
        "mm_option_pct": 0.004,
        "im_option_pct": 0.003,
    },
    "skew": {
        "linear_base_cap": 0.2,
        "abs_base_cap": 0.2,
        "linear_c_base": -0.05,
        "abs_c_base": -0.05,
        "min_k_star": 0.01,
        "width_scale": 4.0,
        "vol_param_static": 0.6,
        "vol_param_scale": -0.1,
    },
}
INPUTS: Doc = {
    "spot": {"price": 100.0, "confidence": 1.0},
    "stable": {"price": 0.98, "confidence": 1.0},
    "perp": {"price": 100.5, "confidence": 0.5, "position": -2.0, "unrealised_pnl": 7.0, "unsettled_funding": -1.0},
    "cash": 500.0,
    "collaterals": [],
    "expiries": [
        {
            "seconds_to_expiry": 864_000.0,
            "forward_variable": 101.0,
            "forward_fixed": 0.0,
            "forward_confidence": 1.0,
            "rate": 0.05,
            "rate_confidence": 1.0,
            "vol_confidence": 1.0,
            "svi": None,
        }
    ],
    "options": [{"seconds_to_expiry": 864_000.0, "strike": 110.0, "type": "call", "amount": -3.0, "vol": 0.6}],
}


def margin_vectors(*shifts: float) -> Doc:
    """One case for each shift of the expected initial margin; zero is the truth."""
    cases = []
    for i, shift in enumerate(shifts):
        expected = pmrm2(PARAMS, TABLE, INPUTS)
        expected["im"] += shift
        cases.append({"id": f"c{i}", "params": PARAMS, "scenario_set": "S", "inputs": INPUTS, "expected": expected})
    return {"schema": "derive-pmrm2-vectors/1", "scenario_sets": {"S": TABLE}, "cases": cases}


def pricing_vectors(shift: float = 0.0) -> Doc:
    terms = {"seconds_to_expiry": 864_000.0, "forward": 101.0, "strike": 110.0, "vol": 0.6, "discount": 0.97}
    call, put = (black(c, 101.0, 110.0, 864_000.0 / 31_536_000.0, 0.6, 0.97) for c in (True, False))
    svi = {"a": 0.01, "b": 0.2, "rho": -0.3, "m": 0.0, "sigma": 0.3, "forward": 100.0, "tau": 0.1}
    smile = {"inputs": {"strike": 110.0, "svi": svi}, "expected": {"vol": svi_vol(svi, 110.0)}}
    cases = [{"id": "a", "inputs": terms, "expected": {"call": call + shift, "put": put}}, {"id": "b", **smile}]
    return {"schema": "derive-pricing-vectors/1 (a remark)", "cases": cases}


def write(folder: Path, **contents: Any) -> list[str]:
    """Files of those names in `folder`."""
    paths = []
    for name, content in contents.items():
        path = folder / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        paths.append(str(path))
    return paths


def conformance(capsys: Any, *paths: str) -> tuple[int, Doc]:
    code = run(["conformance", *paths, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_true_numbers_pass(tmp_path: Path, capsys: Any) -> None:
    paths = write(tmp_path, case=case_doc(), margin=margin_vectors(0.0, 0.0), pricing=pricing_vectors())
    code, found = conformance(capsys, *paths)
    assert code == 0
    assert set(found) == {"files", "passed", "total"}
    assert (found["passed"], found["total"]) == (5, 5)
    assert [(f["path"], f["model"], f["passed"], f["total"]) for f in found["files"]] == [
        (paths[0], "prbm", 1, 1),
        (paths[1], "derive-pmrm2", 2, 2),
        (paths[2], "derive-pricing", 2, 2),
    ]
    assert all(set(f) == {"path", "model", "passed", "total", "worst_error"} for f in found["files"])
    assert found["files"][1]["worst_error"] <= 1e-9
    assert run(["conformance", *paths]) == 0
    out = capsys.readouterr().out
    assert all(heading in out for heading in ("file", "model", "passed", "total", "worst error"))


def test_a_folder_is_walked_in_order(tmp_path: Path, capsys: Any) -> None:
    below = tmp_path / "b" / "c"
    below.mkdir(parents=True)
    write(tmp_path, z=case_doc(), a=pricing_vectors())
    write(below, m=margin_vectors(0.0))
    (tmp_path / "read.me").write_text("not a file of cases")
    code, found = conformance(capsys, str(tmp_path))
    assert code == 0
    assert [Path(f["path"]).name for f in found["files"]] == ["a.json", "m.json", "z.json"]


@pytest.mark.parametrize(("shift", "code"), [(1e-7, 0), (1e-5, 1), (-0.01, 1)])
def test_a_miss_is_beyond_a_relative_tolerance_of_1e8(shift: float, code: int, tmp_path: Path, capsys: Any) -> None:
    paths = write(tmp_path, margin=margin_vectors(0.0, shift))
    assert conformance(capsys, *paths)[0] == code
    assert run(["conformance", *paths]) == code
    out = capsys.readouterr().out
    assert ("c1: im: got" in out) is (code == 1)
    assert ("MISS" in out) is (code == 1)


def test_a_case_passes_only_when_all_its_assertions_hold(tmp_path: Path, capsys: Any) -> None:
    code, found = conformance(capsys, *write(tmp_path, pricing=pricing_vectors(1e-9)))
    assert (code, found["passed"], found["total"]) == (1, 1, 2)
    tampered = margin_vectors(0.0)
    tampered["cases"][0]["expected"]["scenario_pnl"][3] += 0.001
    assert conformance(capsys, *write(tmp_path, tampered=tampered))[0] == 1
    short = margin_vectors(0.0)
    short["cases"][0]["expected"]["scenario_pnl"].pop()
    assert conformance(capsys, *write(tmp_path, short=short))[0] == 1
    stranger = margin_vectors(0.0)
    stranger["cases"][0]["expected"]["colour"] = 1.0
    assert conformance(capsys, *write(tmp_path, stranger=stranger))[0] == 1


def test_the_evaluator_sees_neither_names_nor_expected_values(tmp_path: Path, capsys: Any) -> None:
    blind = margin_vectors(0.0)
    for case in blind["cases"]:
        case["id"], case["name"] = "another", "name"
        case["expected"] = {"im": case["expected"]["im"]}
    assert conformance(capsys, *write(tmp_path, blind=blind))[0] == 0
    before = copy.deepcopy(blind)
    blind["cases"][0]["inputs"] = copy.deepcopy(INPUTS) | {"cash": 501.0}
    code, found = conformance(capsys, *write(tmp_path, other=blind))
    assert code == 1
    assert found["files"][0]["worst_error"] > 1e-4
    assert before["cases"][0]["inputs"] == INPUTS


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        ({"workings.BTC.scan": "7993"}, 0),
        ({"workings.BTC.scan": "7994"}, 1),
        ({"workings.BTC.scan": "7992.8"}, 0),
        ({"workings.BTC.scan": 7993.0}, 1),
        ({"components.scan.maintenance": "3996", "binding.0.label": "-12% iv -22%"}, 0),
        ({"binding.0.label": "-16% iv +40%"}, 1),
        ({"health": True}, 1),
        ({"nowhere.at.all": 1.0}, 1),
        ({}, 1),
    ],
)
def test_a_case_of_our_own(expected: Doc, code: int, tmp_path: Path, capsys: Any) -> None:
    assert conformance(capsys, *write(tmp_path, case=case_doc(expected=expected)))[0] == code


def test_a_case_that_the_model_refuses_is_a_miss(tmp_path: Path, capsys: Any) -> None:
    broken = case_doc(market=market_doc(marks={}), account=account_doc({CALL: 2.0}))
    paths = write(tmp_path, case=broken)
    assert conformance(capsys, *paths)[0] == 1
    assert run(["conformance", *paths]) == 1
    assert "refused: account.positions[0].instrument" in " ".join(capsys.readouterr().out.split())


def test_files_without_an_assertion(tmp_path: Path, capsys: Any) -> None:
    code, found = conformance(capsys, *write(tmp_path, none=margin_vectors()))
    assert (code, found["files"][0]["total"]) == (1, 0)
    silent = margin_vectors(0.0)
    silent["cases"][0]["expected"] = {"im": None}
    assert conformance(capsys, *write(tmp_path, silent=silent))[0] == 1
    only = {"schema": "derive-parameters/1", "deploy": {"a": 1}}
    code, found = conformance(capsys, *write(tmp_path, only=only))
    assert (code, found["files"][0]["passed"], found["files"][0]["total"]) == (0, 0, 0)
    assert run(["conformance", *write(tmp_path, only=only)]) == 0
    assert "parameters" in capsys.readouterr().out


def with_input(vectors: Doc, place: tuple[str | int, ...], name: str) -> Doc:
    """The first case with one more field among its inputs."""
    here = vectors["cases"][0]["inputs"] = copy.deepcopy(vectors["cases"][0]["inputs"])
    for step in place:
        here = here[step]
    here[name] = 1.0
    return vectors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            with_input(margin_vectors(0.0), (), "cahs"),
            "cases[0].inputs.cahs: got an unknown field; allowed: one of spot",
        ),
        (with_input(margin_vectors(0.0), ("options", 0), "vols"), "cases[0].inputs.options[0].vols: got an unknown"),
        (with_input(margin_vectors(0.0), ("perp",), "size"), "cases[0].inputs.perp.size: got an unknown field"),
        (with_input(pricing_vectors(), (), "rate"), "cases[0].inputs.rate: got an unknown field"),
        ({"schema": "someone-elses/1", "cases": []}, "schema: got 'someone-elses/1'; allowed: one of derive-pricing"),
        ({"cases": []}, "schema: got None"),
        ([], "schema: got None"),
        ("{", "not JSON"),
        ("", "not JSON"),
        ({"schema": "derive-pmrm2-vectors/1"}, "cases: got None; allowed: a list of cases"),
        ({"schema": "derive-pmrm2-vectors/1", "cases": [1]}, "cases: got [1]"),
        (margin_vectors(0.0) | {"scenario_sets": {}}, "cases[0]: got \"nothing at 'S'\""),
        (case_doc(colour="red"), "colour: got an unknown field"),
        (case_doc(rules="nope@2026-01-01"), "rules: got 'nope'"),
    ],
)
def test_unknown_or_broken_files(content: Any, message: str, tmp_path: Path, capsys: Any) -> None:
    good = write(tmp_path, good=case_doc())
    assert run(["conformance", *good, *write(tmp_path, bad=content), "--json"]) == 2
    out, err = capsys.readouterr()
    assert (out, err[:7]) == ("", "error: ")
    assert message in err
    assert "bad.json" in err or "rules" in message


def test_paths_that_hold_nothing(tmp_path: Path, capsys: Any) -> None:
    assert run(["conformance", str(tmp_path)]) == 2
    assert "a folder without JSON files" in capsys.readouterr().err
    assert run(["conformance", str(tmp_path / "none.json")]) == 2
    assert "a readable file" in capsys.readouterr().err
