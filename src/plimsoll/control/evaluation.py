"""All that is asked of policies at once: episodes, whole histories, other traders, and how far they are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plimsoll.control.courses import Course, Record
from plimsoll.control.cycle import Cycle, cycle_difference, cycle_storm, cycles
from plimsoll.control.evaluate import Judged, Told, difference, elasticities, judge, pooled, worst_storm
from plimsoll.control.intervals import Difference
from plimsoll.control.policies import FrozenPolicy
from plimsoll.control.terms import ControlTerms
from plimsoll.control.tracks import Storm

ALL = "all recorded"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Policies on sets of episodes by name, through whole recorded histories by name (`cycles`), and where volume has
    other elasticities; differences from `base` of both. Where there are several histories, `ALL` is all of them."""

    terms: ControlTerms
    base: str
    judged: Mapping[str, tuple[Judged, ...]]
    cycles: Mapping[str, tuple[Cycle, ...]]
    varied: Mapping[float, tuple[Judged, ...]]

    @property
    def differences(self) -> dict[str, tuple[Difference, ...]]:
        """On each set of episodes."""
        sets = dict(self.judged)
        recorded = [sets[name] for name in self.cycles]
        if len(recorded) > 1:
            sets[ALL] = pooled(recorded)
        return {name: _apart(rows, self.base, self.terms) for name, rows in sets.items()}

    @property
    def cycle_differences(self) -> dict[str, tuple[Difference, ...]]:
        """On each history in one run."""
        sets = {name: [rows] for name, rows in self.cycles.items()}
        if len(sets) > 1:
            sets[ALL] = list(self.cycles.values())
        found = {}
        for name, many in sets.items():
            by = [{c.name: c for c in rows} for rows in many]
            bases = [b[self.base] for b in by]
            found[name] = tuple(cycle_difference([b[n] for b in by], bases) for n in by[0] if n != self.base)
        return found

    def storms(self) -> tuple[Storm, ...]:
        """The worst fall of each history, or of the episodes where there is none, under the base and the policy that
        cost least there beside it."""
        if self.cycles:
            return tuple(cycle_storm(rows, _two([(c.name, float(c.costs.sum())) for c in rows], self.base))
                         for rows in self.cycles.values())  # fmt: skip
        return tuple(worst_storm(rows, self.terms, _two([(j.name, float(j.total.mean())) for j in rows], self.base))
                     for rows in self.judged.values())  # fmt: skip

    @property
    def violated(self) -> int:
        """Bounds that were broken, in everything that was run."""
        return sum(j.violated for j in self._judged()) + sum(
            len(c.violated) for rows in self.cycles.values() for c in rows
        )

    @property
    def steps(self) -> int:
        """Steps of everything that was run."""
        return sum(j.steps for j in self._judged()) + sum(c.steps for rows in self.cycles.values() for c in rows)

    def _judged(self) -> list[Judged]:
        return [j for rows in (*self.judged.values(), *self.varied.values()) for j in rows]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "terms": self.terms.hash(),
            "base": self.base,
            "steps": self.steps,
            "violations": self.violated,
            "sets": {name: [j.to_dict() for j in rows] for name, rows in self.judged.items()},
            "differences": _told(self.differences),
            "histories": {name: [c.to_dict() for c in rows] for name, rows in self.cycles.items()},
            "history_differences": _told(self.cycle_differences),
            "elasticity": {f"{e:g}": [j.to_dict() for j in rows] for e, rows in self.varied.items()},
        }


def evaluation(
    policies: Sequence[FrozenPolicy],
    terms: ControlTerms,
    base: str,
    drawn: Sequence[Course],
    records: Sequence[Record],
    *,
    since: int | None = None,
    elasticity: Sequence[float] = (),
    told: Told | None = None,
) -> Evaluation:
    """Each policy on the drawn courses, on the episodes of each record and through each record in one run, and on the
    drawn courses again for each value of `elasticity`."""
    sets = {"drawn": tuple(drawn)} if drawn else {}
    sets |= {r.name: r.courses(terms, since=since) for r in records}
    return Evaluation(
        terms,
        base,
        {name: judge(policies, terms, courses, told=told) for name, courses in sets.items()},
        {r.name: cycles(policies, terms, r, since=since, told=told) for r in records},
        elasticities(policies, terms, drawn, elasticity, told=told) if elasticity else {},
    )


def _apart(rows: Sequence[Judged], base: str, terms: ControlTerms) -> tuple[Difference, ...]:
    one = next(j for j in rows if j.name == base)
    return tuple(difference(j, one, terms) for j in rows if j is not one)


def _two(costs: Sequence[tuple[str, float]], base: str) -> list[str]:
    others = [(cost, name) for name, cost in costs if name != base]
    return [base, *(name for _, name in sorted(others)[:1])]


def _told(found: Mapping[str, tuple[Difference, ...]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(d) | {"verdict": d.verdict} for d in rows] for name, rows in found.items()}
