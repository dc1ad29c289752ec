"""Our own conformance document: inputs and what an outside source says should come out."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from plimsoll.conformance.outcome import CaseOutcome, Tolerance
from plimsoll.documents import Document, DocumentError, JsonObject, Name, refuse
from plimsoll.margin import Account, Rules, find_rules, margin_model
from plimsoll.market import Market

EXACT = Tolerance(relative=1e-9)
"""For an expected JSON number."""


class Case(Document):
    """One account in one market under one rule set, and values of the requirement by path.

    `rules` is `NAME@DATE` or a whole rules document. In `expected` a JSON number must be met to 1e-9; a text that
    holds a number was printed with so many digits and must be met to half a unit of the last one; any other text must
    be equal. Paths: `initial`, `workings.BTC.scan`, `components.scan.maintenance`, `binding.0.label`.
    """

    SCHEMA: ClassVar[str] = "plimsoll.case"

    id: Name
    title: str = ""
    source: str = ""
    rules: str | JsonObject
    account: JsonObject
    market: JsonObject
    expected: dict[str, float | str | bool]

    def rule_set(self) -> Rules:
        """The rules the case is to be run under."""
        return find_rules(self.rules) if isinstance(self.rules, str) else Rules.from_dict(self.rules, "case.rules")


def run_case(case: Case, rules: Rules | None = None, *, absent: Literal["refuse", "pass"] = "refuse") -> CaseOutcome:
    """Compute the requirement from the case's inputs alone, then compare. `rules` replaces the case's own.

    A path that the requirement does not have is refused, or passed over: other rules may name a scenario otherwise.
    """
    account = Account.from_dict(case.account, "case.account")
    market = Market.from_dict(case.market, "case.market")
    found = margin_model(rules or case.rule_set()).requirement(account, market).to_dict()
    outcome = CaseOutcome(case.id)
    for path, expected in case.expected.items():
        try:
            value = look_up(found, path)
        except DocumentError:
            if absent == "refuse":
                raise
            continue
        number, tolerance = _expectation(expected)
        outcome.compare(path, value, number, tolerance)
    return outcome


def look_up(content: Any, path: str) -> Any:
    """The value at a dotted path; a list step is an index or the `name` of an item; keys may hold dots themselves."""
    here, rest = content, path
    while rest:
        if isinstance(here, dict):
            keys = [k for k in here if rest == k or rest.startswith(k + ".")]
            if not keys:
                raise refuse(f"expected.{path}", rest, "a path of the requirement: " + ", ".join(list(here)[:20]))
            key = max(keys, key=len)
            here, rest = here[key], rest[len(key) + 1 :]
            continue
        step, _, rest = rest.partition(".")
        if not isinstance(here, list):
            raise refuse(f"expected.{path}", step, "a path of the requirement")
        if step.isdigit() and int(step) < len(here):
            here = here[int(step)]
            continue
        named = [i for i in here if isinstance(i, dict) and i.get("name") == step]
        if not named:
            raise refuse(f"expected.{path}", step, "an index or the name of an item")
        here = named[0]
    return here


def _expectation(expected: float | str | bool) -> tuple[float | str | bool, Tolerance]:
    if not isinstance(expected, str):
        return expected, EXACT
    try:
        number = float(expected)
    except ValueError:
        return expected, EXACT
    digits = len(expected.partition(".")[2])
    # half a unit of the last digit, and a hair for values that sit on the boundary; where more digits are printed than
    # arithmetic keeps, a few units of the last place of a double
    return number, Tolerance(absolute=(0.5 + 1e-9) * 10.0**-digits + 8.0 * math.ulp(number))
