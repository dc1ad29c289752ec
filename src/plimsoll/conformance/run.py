"""Recognise files by their content, walk folders, run every case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plimsoll.conformance import (
    auction_vectors,
    dydx_vectors,
    pmrm1_vectors,
    pmrm2_vectors,
    pricing_vectors,
    srm_vectors,
)
from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.fields import INPUTS, check_inputs
from plimsoll.conformance.outcome import CaseOutcome, FileOutcome, Tolerance
from plimsoll.documents import DocumentError, Problem, parse_json, read_bytes, refuse

MODELS = {
    "derive-pricing-vectors/1": "derive-pricing",
    "derive-pmrm2-vectors/1": "derive-pmrm2",
    "derive-pmrm1-vectors/1": "derive-pmrm1",
    "derive-srm-vectors/1": "derive-srm",
    "derive-liquidation-vectors/1": "derive-auction",
    "dydx-v4-vectors/1": "dydx-v4",
    "derive-parameters/1": "derive",
    "plimsoll.case": "case",
}
"""Every schema that is recognised, and the model it speaks about."""

PARAMETERS_ONLY = {"derive-parameters/1"}

PARAMETER_FIELDS = {"dydx-v4-vectors/1": "initial_margin_ppm"}
"""A field which, standing in every case beside no inputs, tells a table of parameters from a file of cases."""


def run_paths(paths: list[str], progress: Callable[[str], None] | None = None) -> list[FileOutcome]:
    """Run every JSON file at or below `paths`, in order. Raises `DocumentError` on what is not a known file."""
    outcomes = []
    for path in _files(paths):
        if progress is not None:
            progress(path)
        outcomes.append(run_file(path))
    return outcomes


def _files(paths: list[str]) -> Iterator[str]:
    for path in paths:
        place = Path(path)
        if not place.is_dir():
            yield path
            continue
        inside = sorted(p for p in place.rglob("*.json") if p.is_file())
        if not inside:
            raise refuse(path, "a folder without JSON files", "a folder that holds some")
        yield from map(str, inside)


def run_file(path: str) -> FileOutcome:
    """Run one file."""
    content = parse_json(read_bytes(path), path)
    schema = content.get("schema") if isinstance(content, dict) else None
    # the vectors add a remark in brackets to the name of some schemas
    key = schema.split(" ")[0] if isinstance(schema, str) else ""
    if key not in MODELS:
        raise refuse("schema", schema, "one of " + ", ".join(MODELS), path)
    outcome = FileOutcome(path, MODELS[key])
    if key in PARAMETERS_ONLY:
        outcome.status = "parameters"
        return outcome
    if key == "plimsoll.case":
        case = Case.from_dict(content, path)
        outcome.model = case.rule_set().model
        outcome.cases.append(_guarded(case.id, lambda: run_case(case)))
        return outcome
    cases = content.get("cases")
    if not isinstance(cases, list) or not all(isinstance(c, dict) for c in cases):
        raise refuse("cases", cases, "a list of cases", path)
    marker = PARAMETER_FIELDS.get(key)
    if cases and marker is not None and all(marker in c and "inputs" not in c for c in cases):
        outcome.status = "parameters"
        return outcome
    if key not in RUNNERS:
        outcome.status, outcome.unchecked = "no model", len(cases)
        return outcome
    for index, case_content in enumerate(cases):
        outcome.cases.append(_run(key, content, case_content, index, path))
    return outcome


Runner = Callable[[dict[str, Any], dict[str, Any], CaseOutcome], None]


def _run(key: str, content: dict[str, Any], case: dict[str, Any], index: int, path: str) -> CaseOutcome:
    name = str(case.get("id", index))
    for field in ("inputs", "expected"):
        if not isinstance(case.get(field), dict):
            raise refuse(f"cases[{index}].{field}", case.get(field), "an object", path)
    if key == "dydx-v4-vectors/1":
        _check_dydx(case, index, path)
    else:
        check_inputs(INPUTS[key], case["inputs"], f"cases[{index}].inputs", path)
    outcome = CaseOutcome(name)
    try:
        RUNNERS[key](content, case, outcome)
    except DocumentError as error:
        outcome.misses.append(f"refused: {error}")
    except KeyError as error:
        raise refuse(f"cases[{index}]", f"nothing at {error}", "every field of its schema", path) from None
    except (TypeError, ValueError) as error:
        raise refuse(f"cases[{index}]", f"{type(error).__name__}: {error}", "the fields of its schema", path) from None
    return outcome


def _guarded(name: str, run: Callable[[], CaseOutcome]) -> CaseOutcome:
    try:
        return run()
    except DocumentError as error:
        return CaseOutcome(name, misses=[f"refused: {error}"])


def _pricing(_content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    found = pricing_vectors.evaluate(case["inputs"])
    for name, expected in case["expected"].items():
        outcome.compare(name, found[name], expected, pricing_vectors.tolerance(name, expected))


def _pmrm2(content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    table = content["scenario_sets"][case["scenario_set"]]
    found = pmrm2_vectors.evaluate(case["inputs"], case["params"], table)
    _compare(outcome, "", found, case["expected"], pmrm2_vectors.TOLERANCE)


def _pmrm1(content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    found = pmrm1_vectors.evaluate(case["inputs"], _own(content, case, "params"), _own(content, case, "scenarios"))
    _compare(outcome, "", found, case["expected"], pmrm1_vectors.TOLERANCE)


def _srm(content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    found = srm_vectors.evaluate(case["inputs"], _own(content, case, "params"))
    _compare(outcome, "", found, case["expected"], srm_vectors.TOLERANCE)


def _auction(content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    inputs = dict(case["inputs"])
    steps = [{name: value for name, value in step.items() if name != "expected"} for step in inputs["steps"]]
    expected = {**case["expected"], "steps": [step.get("expected", {}) for step in inputs["steps"]]}
    settings = (_own(content, case, name) for name in ("params", "scenarios", "auction_params"))
    found = auction_vectors.evaluate({**inputs, "steps": steps}, *settings)
    # the venue's branch asserts less than its main line, from which the file as a whole is taken
    main = content.get("source", {}).get("commit")
    exact = case.get("source_commit", main) == main
    _compare(outcome, "", found, expected, auction_vectors.EXACT if exact else auction_vectors.LOOSE)


def _check_dydx(case: dict[str, Any], index: int, path: str) -> None:
    """Its cases ask different things: each has the fields of its operation, and whole numbers in them."""
    where = f"cases[{index}]"
    try:
        fields = dydx_vectors.OPERATIONS[dydx_vectors.operation_of(case)]
    except DocumentError as error:
        raise DocumentError([Problem(f"{where}.{p.path}", p.got, p.allowed) for p in error.problems], path) from None
    check_inputs(fields, case["inputs"], f"{where}.inputs", path)
    try:
        dydx_vectors.check_whole(case["inputs"], f"{where}.inputs")
    except DocumentError as error:
        raise error.within(path) from None


def _dydx(_content: dict[str, Any], case: dict[str, Any], outcome: CaseOutcome) -> None:
    _compare(outcome, "", dydx_vectors.evaluate(case), case["expected"], dydx_vectors.EXACT)


def _own(content: dict[str, Any], case: dict[str, Any], name: str) -> Any:
    """A setting of the case, else that of its file."""
    return case[name] if name in case else content[name]


def _compare(outcome: CaseOutcome, path: str, found: Any, expected: Any, tolerance: Tolerance) -> None:
    """Compare expected values of any nesting; a list of another length or a field we do not give is a miss."""
    if isinstance(expected, dict):
        for name, value in expected.items():
            if value is None:
                continue
            if not isinstance(found, dict) or name not in found:
                outcome.misses.append(f"{path}.{name}: not computed".lstrip("."))
                continue
            _compare(outcome, f"{path}.{name}".lstrip("."), found[name], value, tolerance)
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            outcome.misses.append(f"{path}: a list of {len(expected)} expected")
            return
        for i, (mine, value) in enumerate(zip(found, expected, strict=True)):
            _compare(outcome, f"{path}[{i}]", mine, value, tolerance)
    else:
        # whole dollars that both sides have truncated are equal or wrong
        whole = path.endswith("_truncated")
        outcome.compare(path, found, expected, Tolerance() if whole else tolerance)


RUNNERS: dict[str, Runner] = {
    "derive-pricing-vectors/1": _pricing,
    "derive-pmrm2-vectors/1": _pmrm2,
    "derive-pmrm1-vectors/1": _pmrm1,
    "derive-srm-vectors/1": _srm,
    "derive-liquidation-vectors/1": _auction,
    "dydx-v4-vectors/1": _dydx,
}
"""Schemas that a model of this package can compute."""
