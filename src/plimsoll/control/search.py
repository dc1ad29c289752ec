"""Direct policy search: CMA-ES on the parameters of a policy, episodes in rotation, the same ones within a generation.

Needs the extra `controller` (`cma`). The result is the mean of the search's last distribution, frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.control.courses import Course
from plimsoll.control.evaluate import episode
from plimsoll.control.policies import WIDTHS, FrozenPolicy, Kind, policy_of
from plimsoll.control.terms import ControlTerms
from plimsoll.documents import PlimsollError, refuse

F64 = npt.NDArray[np.float64]

STARTS: dict[Kind, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "static": ((0.4,), (0.3,)),
    "rule": ((0.5, 0.25, 0.0), (0.3, 0.2, 0.3)),
    "pid": ((0.4, 0.2, 0.2, 0.0, 0.1), (0.3, 0.3, 0.3, 0.2, 0.1)),
    "search": ((0.4, *([0.0] * (WIDTHS["search"] - 1))), (0.3, *([0.2] * (WIDTHS["search"] - 1)))),
}
"""Where a search begins and how wide it looks."""


class MissingControllerError(PlimsollError):
    """A library of the extra `controller` is not installed."""


def train(
    kind: Kind,
    terms: ControlTerms,
    courses: Sequence[Course],
    *,
    candidates: int = 200,
    batch: int = 16,
    seed: int = 1,
    told: Callable[[str, int, int], None] | None = None,
    trained: dict[str, Any] | None = None,
) -> FrozenPolicy:
    """A policy of `kind`, whose mean cost over the courses is low, after about so many candidates.

    A generation sees `batch` courses, the next one the next, round and round, so that no candidate is kept for its luck
    with one set. The same arguments give the same policy on the same machine kind. Raises `MissingControllerError`
    without `cma`, `DocumentError` for a kind that is not trained here.
    """
    try:
        import cma  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingControllerError("training needs cma: pip install 'plimsoll-margin[controller]'") from error
    if kind not in STARTS:
        raise refuse("kind", kind, f"one of {', '.join(STARTS)}")
    if not courses or batch < 1:
        raise refuse("courses", len(courses), "at least one, in batches of one or more")
    start, width = (np.array(x) for x in STARTS[kind])
    # one parameter has no covariance to adapt: a second one that nothing reads keeps the search in its own terms
    padded = max(2, start.size)
    mean, scale = np.zeros(padded), np.ones(padded)
    mean[: start.size], scale[: width.size] = start, width
    options = {"seed": seed, "verbose": -9, "CMA_stds": scale.tolist(), "maxfevals": candidates, "tolx": 1e-4}
    strategy: Any = cma.CMAEvolutionStrategy(mean.tolist(), 1.0, options)
    generation = done = 0
    while not strategy.stop():
        asked = strategy.ask()
        rows = [(generation * batch + b) % len(courses) for b in range(min(batch, len(courses)))]
        values = []
        for x in asked:
            if told is not None:
                told(f"{kind}: generation {generation + 1}", done, candidates)
            values.append(mean_cost(kind, np.asarray(x)[: start.size], terms, courses, rows))
            done += 1
        strategy.tell(asked, values)
        generation += 1
    best = [round(float(v), 6) for v in strategy.result.xfavorite[: start.size]]
    story = {"candidates": done, "batch": batch, "seed": seed, "courses": len(courses), "terms": terms.hash()}
    return FrozenPolicy(
        name=kind, kind=kind, parameters=tuple(best), step=terms.bounds.step, trained=story | (trained or {})
    )


def mean_cost(
    kind: Kind, parameters: F64, terms: ControlTerms, courses: Sequence[Course], rows: Sequence[int]
) -> float:
    """Basis points a year, over the courses of `rows`, with the people of each course's place."""
    total = 0.0
    for k in rows:
        total += episode(terms, courses[k], 10_000 + k, policy_of(kind, parameters, terms.bounds.step)).cost
    return total / len(rows)
