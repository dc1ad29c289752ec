"""The mutation gate: which numbers of a rule pack do outside cases hold in place?

Every number of a pack is moved a little and the outside cases are run again. A number is *pinned* when a case that
holds this very number then fails. Cases that hold parameters of their own, or of another pack of the model, have the
same parameter moved there: if one fails, the formula's dependence on the parameter is pinned, and the number itself
only if the case held the same one.

Where cases come from: `plimsoll.conformance.mutation_cases` and `plimsoll.conformance.mutation_vectors`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from plimsoll.conformance.outcome import CaseOutcome
from plimsoll.documents import refuse
from plimsoll.margin import Rules, flatten

Value = float | int | bool
STEP = 0.01
"""Relative size of a move."""


@dataclass(frozen=True)
class Pin:
    """One number of a pack.

    `pinned`: an outside case that holds `value` fails when it is moved. `formula`: some outside case fails when its
    own value of this parameter is moved. `carried`: any outside case has the parameter at all. `by` names the case;
    `elsewhere` the other rule set under which that case holds `value`, if it is only there.
    """

    pack: str
    path: str
    value: Value
    evidence: str
    pinned: bool
    formula: bool
    carried: bool
    by: str = ""
    elsewhere: str = ""

    @property
    def why(self) -> str:
        """Why the number is not pinned; empty if it is."""
        if self.pinned:
            return ""
        if self.elsewhere:
            return f"formula pinned, this value only under {self.elsewhere}"
        if self.formula:
            return "formula pinned, no case that depends on it holds this value"
        return "no outside case depends on it" if self.carried else "no outside case carries it"


@dataclass(frozen=True)
class Trial:
    """One outside case with one parameter moved.

    `own`: it holds the pack's value. `elsewhere`: it holds that value too, but under this other rule set, of which it
    speaks and not of the pack. `noticed`: it failed.
    """

    case: str
    own: bool
    noticed: bool
    elsewhere: str = ""


class Probe(Protocol):
    """Outside cases that can be run with one parameter moved."""

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """A trial for each case that has the parameter, lazily: own ones first, then those that hold it elsewhere."""
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
    by = elsewhere = ""
    for trial in probe.trials(rules, path):
        carried = True
        if formula and not trial.own:
            break
        if trial.noticed:
            formula, pinned, by, elsewhere = True, trial.own, trial.case, trial.elsewhere
            if pinned:
                break
    return Pin(rules.label, path, value, rules.evidence_for(path), pinned, formula, carried, by, elsewhere)


def near(a: Value, b: Value) -> bool:
    """Whether two values are one number, but for the last digits of a double; a flag is like a flag alone."""
    return a is b if isinstance(a, bool) or isinstance(b, bool) else math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-15)


def must_pass(outcome: CaseOutcome) -> None:
    """Refuse a case that fails before anything is moved: it would notice everything."""
    if not outcome.passed:
        raise refuse(
            f"cases.{outcome.case}", "; ".join(outcome.misses[:3]), "a case that passes before anything is moved"
        )
