"""The mutation gate on outside vectors: each case carries its own parameters, so they are moved in the case."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plimsoll.conformance.auction_vectors import TERMS
from plimsoll.conformance.mutation import Trial, Value, moves, must_pass, near, numbers
from plimsoll.conformance.outcome import CaseOutcome
from plimsoll.conformance.run import RUNNERS
from plimsoll.documents import DocumentError
from plimsoll.margin import Rules

Doc = dict[str, Any]
Steps = tuple[str | int, ...]

FILES = {
    "derive-pmrm1": ("pmrm1_cases.json", "pmrm1_portfolio_cases.json", "pmrm1_liquidation_cases.json"),
    "derive-pmrm2": ("pmrm2_cases.json",),
    "derive-srm": ("srm_cases.json", "srm_portfolio_cases.json"),
}
"""The vectors of each model in the folder `derive`."""

REFUSED = "refused: "


@dataclass(frozen=True)
class Site:
    """Where a parameter of a pack stands in a case: at `steps` of `document`.

    `role`: it does there what it does in the pack. Where it does not, the case can pin the formula only.
    """

    document: Doc
    steps: Steps
    role: bool = True


Locator = Callable[[Doc, Rules, str], Site | None]


class VectorProbe:
    """The cases of one model's vectors; what a file says for all its cases is written into each."""

    def __init__(self, model: str, contents: Sequence[Doc]) -> None:
        self._locate = LOCATORS[model]
        self._cases: list[tuple[str, Doc]] = []
        for content in contents:
            common = {name: value for name, value in content.items() if name != "cases"}
            self._cases += [(case["id"], {**common, **case}) for case in content["cases"]]
        # large books first: they notice most
        self._cases.sort(key=lambda c: -len(json.dumps(c[1]["inputs"])))
        self._seen: dict[tuple[str, Steps], bool] = {}
        for _, document in self._cases:
            must_pass(_run(document))

    @classmethod
    def load(cls, model: str, folder: Path) -> VectorProbe:
        """From the files of `model` in the folder of outside vectors."""
        texts = [(folder / "derive" / name).read_text(encoding="utf-8") for name in FILES[model]]
        return cls(model, [json.loads(text) for text in texts])

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """See `Probe.trials`."""
        value, found = numbers(rules)[path], []
        for case, document in self._cases:
            site = self._locate(document, rules, path)
            here = None if site is None else _read(site)
            if site is not None and here is not None:
                found.append((case, site, here, site.role and near(here, value)))
        for wanted in (True, False):
            for case, site, here, own in found:
                if own is wanted:
                    yield Trial(case, own, self._notices(case, site, here))

    def _notices(self, case: str, site: Site, here: Value) -> bool:
        key = (case, site.steps)
        if key not in self._seen:
            self._seen[key] = _try(site, here)
        return self._seen[key]


def _try(site: Site, here: Value) -> bool:
    for moved in moves(here):
        outcome = _run(_written(site.document, site.steps, moved))
        if not any(miss.startswith(REFUSED) for miss in outcome.misses):
            return not outcome.passed
    return False


def _run(document: Doc) -> CaseOutcome:
    outcome = CaseOutcome(document["id"])
    try:
        RUNNERS[document["schema"].split(" ")[0]](document, document, outcome)
    except DocumentError as error:
        outcome.misses.append(f"{REFUSED}{error}")
    return outcome


def _read(site: Site) -> Value | None:
    """The case's own value, or `None` if it has no such parameter. Whole numbers are amounts there, not counts."""
    here: Any = site.document
    for step in site.steps:
        if isinstance(here, dict) and step not in here:
            return None
        here = here[step]
    return float(here) if isinstance(here, int) and not isinstance(here, bool) else here


def _written(document: Any, steps: Steps, value: Any) -> Any:
    """A copy of `document` that holds `value` at `steps`; what is not on the way is shared."""
    if not steps:
        return value
    copy: Any = list(document) if isinstance(document, list) else dict(document)
    copy[steps[0]] = _written(document[steps[0]], steps[1:], value)
    return copy


def _in_row(case: Doc, steps: Steps, wanted: Doc, field: str) -> Site | None:
    """The scenario with the same shocks of spot and volatility in the table at `steps`."""
    table: Any = case
    for step in steps:
        table = table[step]
    for i, row in enumerate(table):
        if row["vol_shock"] == wanted["vol_shock"] and near(row["spot_shock"], wanted["spot_shock"]):
            return Site(case, (*steps, i, field))
    return None


def _pmrm1(case: Doc, rules: Rules, path: str) -> Site | None:
    match path.split("."):
        case [("margin" | "vol_shock" | "basis" | "other") as group, name]:
            return Site(case, ("params", group, name))
        case ["scenarios", index, field]:
            return _in_row(case, ("scenarios",), rules.parameters["scenarios"][int(index)], field)
        case ["auction", name] if name in TERMS:
            return Site(case, ("auction_params", TERMS[name]))
    return None


def _pmrm2(case: Doc, rules: Rules, path: str) -> Site | None:
    match path.split("."):
        case [("margin" | "vol_shock" | "basis" | "other" | "skew") as group, name]:
            return Site(case, ("params", group, name))
        case ["scenario_tables", table, index, field]:
            row = rules.parameters["scenario_tables"][table][int(index)]
            return _in_row(case, ("scenario_sets", case["scenario_set"]), row, field)
        case ["underlyings", underlying, "collaterals", asset, field]:
            role = rules.parameters["underlyings"][underlying]["collaterals"][asset]["risk_cancelling"]
            rows = [(i, r["risk_cancelling"] is role) for i, r in enumerate(case["inputs"]["collaterals"])]
            named = [row for row in rows if case["inputs"]["collaterals"][row[0]]["name"] == asset]
            # the same role first: an asset that moves with the account's scenarios has other haircuts
            for i, same in sorted(named, key=lambda row: not row[1])[:1]:
                return Site(case, ("inputs", "collaterals", i, field), same)
    return None


_SRM_GROUPS = {"perp": "perp", "option": "option", "oracle": "oracle_contingency", "base": "base"}


def _srm(case: Doc, rules: Rules, path: str) -> Site | None:
    traded = {row["market"] for row in case["inputs"].get("markets") or []}
    match path.split("."):
        case ["depeg", name]:
            return Site(case, ("params", "depeg", name))
        case ["defaults", part, name]:
            # a market that the pack gives terms of its own does not rest on the defaults there
            listed = rules.parameters["markets"]
            role = all(listed.get(market, {}).get(part) is None for market in traded)
            return Site(case, ("params", _SRM_GROUPS[part], name), role)
        case ["markets", market, part, name] if market in traded:
            # the case has one set of terms for all its markets: this market gets a copy, and only that is moved
            terms = {market: {part: case["params"][_SRM_GROUPS[part]]}}
            own = _written(case, ("params",), {**case["params"], "markets": terms})
            return Site(own, ("params", "markets", market, part, name))
    return None


LOCATORS: dict[str, Locator] = {"derive-pmrm1": _pmrm1, "derive-pmrm2": _pmrm2, "derive-srm": _srm}
"""How a path of a pack is found in a case, by model."""
