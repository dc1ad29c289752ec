"""The mutation gate on case documents, which are run under a shipped pack or under rules of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.mutation import Trial, moves, must_pass, near, numbers
from plimsoll.documents import DocumentError
from plimsoll.margin import Rules, margin_model, with_parameter


class CaseProbe:
    """Case documents of any models.

    A case that is run under the pack itself holds the pack's values. One under another pack of the model (of another
    date, say) or under rules of its own speaks of those: it can pin the formula, never this pack's number.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = [(case, case.rule_set()) for case in cases]
        self._numbers = {case.id: numbers(rules) for case, rules in self._cases}
        self._seen: dict[tuple[str, str], bool] = {}
        for case, rules in self._cases:
            must_pass(run_case(case, rules))

    def trials(self, rules: Rules, path: str) -> Iterator[Trial]:
        """See `Probe.trials`."""
        value = numbers(rules)[path]
        others = []
        for case, held in self._cases:
            if isinstance(case.rules, str) and held.label == rules.label:
                yield Trial(case.id, True, _notices(case, rules, path))
            elif held.model == rules.model and path in self._numbers[case.id]:
                others.append((case, held, near(self._numbers[case.id][path], value)))
        for wanted in (True, False):
            for case, held, same in others:
                if same is wanted:
                    noticed = self._notices_its_own(case, held, path)
                    yield Trial(case.id, False, noticed, held.label if same else "")

    def _notices_its_own(self, case: Case, held: Rules, path: str) -> bool:
        key = (case.id, path)
        if key not in self._seen:
            self._seen[key] = _notices(case, held, path)
        return self._seen[key]


def _notices(case: Case, rules: Rules, path: str) -> bool:
    """Whether the case fails with the number moved.

    A scenario that is named after the number has another name then, which is no outside number: the case's others
    decide. An account that the moved rules refuse is a failure.
    """
    for moved in moves(numbers(rules)[path]):
        changed = with_parameter(rules, path, moved)
        try:
            margin_model(changed)
        except DocumentError:
            continue  # a number the schema does not allow is no trial: move it the other way
        try:
            return bool(run_case(case, changed, absent="pass").misses)
        except DocumentError:
            return True
    return False
