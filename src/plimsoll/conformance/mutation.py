"""The mutation gate: which numbers of a rule pack do outside cases hold in place?

Every number of a pack is moved a little and the outside cases are run again. A number is *pinned* when a case that
holds this very number then fails. Where a case carries parameters of its own, the same parameter is moved in the
case: if it fails, the formula's dependence on the parameter is pinned, and the number itself only if the case held
the same one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.outcome import CaseOutcome
from plimsoll.conformance.run import RUNNERS
from plimsoll.documents import DocumentError, refuse
from plimsoll.margin import Rules, flatten, with_parameter

Value = float | int | bool
STEP = 0.01
"""Relative size of a move."""


@dataclass(frozen=True)
class Pin:
    """One number of a pack.

    `pinned`: an outside case that holds `value` fails when it is moved. `formula`: some outside case fails when its
    own value of this parameter is moved. `carried`: any outside case has the parameter at all. `by` names the case.
    """

    pack: str
    path: str
    value: Value
    evidence: str
    pinned: bool
    formula: bool
    carried: bool
    by: str = ""

    @property
    def why(self) -> str:
        """Why the number is not pinned; empty if it is."""
        if self.pinned:
            return ""
        if self.formula:
            return "formula pinned, no case that depends on it holds this value"
        return "no outside case depends on it" if self.carried else "no outside case carries it"


@dataclass(frozen=True)
class Trial:
    """One outside case with one parameter moved: whether it held the pack's value, and whether it noticed."""

    case: str
    own: bool
    noticed: bool


class Probe(Protocol):
    """Outside cases that can be run with one parameter moved."""

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """A trial for each case that has the parameter, lazily; those that hold the pack's value come first."""
        ...


def moves(value: Value) -> tuple[Value, ...]:
    """What to move `value` to, in order of preference: 1 % up or down, a step of one for counts, the other flag.

    >>> moves(0.0), moves(11), moves(True)
    ((0.01, -0.01), (12, 10), (False,))
    """
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if value == 0.0:
        return STEP, -STEP
    return value * (1.0 + STEP), value * (1.0 - STEP)


def numbers(rules: Rules) -> dict[str, Value]:
    """The numbers and flags among a pack's parameters by path."""
    return {p: v for p, v in flatten(rules.parameters).items() if isinstance(v, (bool, int, float))}


def gate(rules: Rules, probe: Probe, paths: Sequence[str] | None = None) -> list[Pin]:
    """Move every number of `rules` (or those at `paths`) and see which case notices."""
    table = numbers(rules)
    return [_pin(rules, path, table[path], probe) for path in (table if paths is None else paths)]


def _pin(rules: Rules, path: str, value: Value, probe: Probe) -> Pin:
    pinned = formula = carried = False
    by = ""
    for trial in probe.trials(rules, path):
        carried = True
        if formula and not trial.own:
            break
        if trial.noticed:
            formula, pinned, by = True, trial.own, trial.case
            if pinned:
                break
    return Pin(rules.label, path, value, rules.evidence_for(path), pinned, formula, carried, by)


class CaseProbe:
    """Case documents that are run under the pack itself: each of them holds the pack's values."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = tuple(cases)
        self._labels = [c.rule_set().label for c in self._cases]
        for case in self._cases:
            _must_pass(run_case(case))

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """See `Probe.trials`."""
        value = flatten(rules.parameters)[path]
        for case, label in zip(self._cases, self._labels, strict=True):
            if label == rules.label:
                yield Trial(case.id, True, self._notices(case, rules, path, value))

    @staticmethod
    def _notices(case: Case, rules: Rules, path: str, value: Value) -> bool:
        for moved in moves(value):
            try:
                return not run_case(case, with_parameter(rules, path, moved)).passed
            except DocumentError:
                continue  # a number the schema does not allow is no trial: move it the other way
        return False


@dataclass(frozen=True)
class _Place:
    """Where a parameter of a PMRM_2 pack stands in a case: `params`, a `row` of the table, or `collateral`.

    `key`: group and name; spot, volatility shock and field; asset, risk cancelling and field.
    """

    kind: str
    key: tuple[Any, ...]


class Pmrm2Probe:
    """The cases of `derive-pmrm2-vectors/1`: each carries its own parameters, scenario table and haircuts."""

    SCHEMA = "derive-pmrm2-vectors/1"

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        # large books first: they notice most
        self._cases = sorted(content["cases"], key=lambda c: -len(c["inputs"]["options"]))
        self._seen: dict[tuple[str, _Place], bool] = {}
        for case in self._cases:
            _must_pass(self._run(case, self._table(case)))

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """See `Probe.trials`."""
        place, value = self._locate(rules, path), flatten(rules.parameters)[path]
        if place is None:
            return
        found = [(case, self._read(case, place)) for case in self._cases]
        present = [(case, here) for case, here in found if here is not None]
        own = [self._same(case, place, here, value) for case, here in present]
        for wanted in (True, False):
            for (case, here), is_own in zip(present, own, strict=True):
                if is_own is wanted:
                    yield Trial(case["id"], is_own, self._notices(case, place, here))

    @staticmethod
    def _locate(rules: Rules, path: str) -> _Place | None:
        match path.split("."):
            case [("margin" | "vol_shock" | "basis" | "other" | "skew") as group, name]:
                return _Place("params", (group, name))
            case ["scenario_tables", table, index, field]:
                row = rules.parameters["scenario_tables"][table][int(index)]
                return _Place("row", (row["spot_shock"], row["vol_shock"], field))
            case ["underlyings", underlying, "collaterals", asset, field]:
                row = rules.parameters["underlyings"][underlying]["collaterals"][asset]
                return _Place("collateral", (asset, row["risk_cancelling"], field))
        return None

    def _table(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        table: list[dict[str, Any]] = self._content["scenario_sets"][case["scenario_set"]]
        return table

    def _read(self, case: dict[str, Any], place: _Place) -> Value | None:
        """The case's own value, or `None` if it has no such parameter."""
        if place.kind == "params":
            group, name = place.key
            return _plain(case["params"][group].get(name))
        rows = self._rows(case, place)
        return _plain(rows[0][place.key[2]]) if rows else None

    def _rows(self, case: dict[str, Any], place: _Place) -> list[dict[str, Any]]:
        if place.kind == "row":
            spot, vol, _ = place.key
            return [r for r in self._table(case) if r["vol_shock"] == vol and _near(r["spot_shock"], spot)]
        rows = [r for r in case["inputs"]["collaterals"] if r["name"] == place.key[0]]
        # the same role first: an asset that moves with the account's scenarios has other haircuts
        return sorted(rows, key=lambda r: r["risk_cancelling"] is not place.key[1])

    def _same(self, case: dict[str, Any], place: _Place, here: Value, value: Value) -> bool:
        if place.kind == "collateral" and self._rows(case, place)[0]["risk_cancelling"] is not place.key[1]:
            return False
        return _near(here, value)

    def _notices(self, case: dict[str, Any], place: _Place, here: Value) -> bool:
        key = (case["id"], place)
        if key not in self._seen:
            self._seen[key] = self._try(case, place, here)
        return self._seen[key]

    def _try(self, case: dict[str, Any], place: _Place, here: Value) -> bool:
        for moved in moves(here):
            outcome = self._moved(case, place, moved)
            if not any(miss.startswith("refused") for miss in outcome.misses):
                return not outcome.passed
        return False

    def _moved(self, case: dict[str, Any], place: _Place, value: Value) -> CaseOutcome:
        table = self._table(case)
        if place.kind == "params":
            group, name = place.key
            params = {**case["params"], group: {**case["params"][group], name: value}}
            return self._run({**case, "params": params}, table)
        target, field = self._rows(case, place)[0], place.key[2]
        if place.kind == "row":
            return self._run(case, [{**r, field: value} if r is target else r for r in table])
        rows = [{**r, field: value} if r is target else r for r in case["inputs"]["collaterals"]]
        return self._run({**case, "inputs": {**case["inputs"], "collaterals": rows}}, table)

    def _run(self, case: dict[str, Any], table: list[dict[str, Any]]) -> CaseOutcome:
        outcome = CaseOutcome(case["id"])
        try:
            RUNNERS[self.SCHEMA]({"scenario_sets": {case["scenario_set"]: table}}, case, outcome)
        except DocumentError as error:
            outcome.misses.append(f"refused: {error}")
        return outcome


def _plain(value: Any) -> Value | None:
    """Whole numbers in a case are amounts, not counts."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _near(a: Value, b: Value) -> bool:
    return a is b if isinstance(a, bool) or isinstance(b, bool) else math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def _must_pass(outcome: CaseOutcome) -> None:
    if not outcome.passed:
        raise refuse(
            f"cases.{outcome.case}", "; ".join(outcome.misses[:3]), "a case that passes before anything is moved"
        )
