"""Problems small enough to try everything: the answer is the cheapest of all transfers in whole lots."""

from __future__ import annotations

import numpy as np
import pytest

from plimsoll.optimise import ConflictError
from plimsoll.optimise.collateral import cheapest, make_treasury
from treasuries import everything, small

SAMPLE, ALL = (0, 4, 5, 10, 13, 24), range(92)


def check(seed: int) -> tuple[str, float]:
    """Solve a problem in both ways: the status, and what is saved."""
    problem = small(seed)
    best = everything(problem)
    treasury = make_treasury(**problem)
    if best == np.inf:
        with pytest.raises(ConflictError) as told:
            cheapest(treasury)
        assert any("margin of" in name for name in told.value.limits)
        return "none", 0.0
    answer = cheapest(treasury)
    assert answer.order.complete, seed
    assert answer.after == pytest.approx(best, rel=1e-6, abs=1e-6), seed
    assert answer.bound is not None
    assert answer.bound <= best + 1e-6 * max(1.0, best)
    assert answer.gap is not None
    assert answer.gap <= 1e-6
    assert all(a.room[1] >= -1e-6 for a in answer.accounts)
    if answer.status != "repaired":
        assert answer.saving >= 0.0
    return answer.status, answer.saving


def test_the_answer_is_the_cheapest_of_all() -> None:
    found = [check(seed) for seed in SAMPLE]
    statuses = {s for s, _ in found}
    assert {"optimal", "repaired", "none"} <= statuses
    assert max(saved for _, saved in found) > 10.0


@pytest.mark.long
@pytest.mark.parametrize("seed", ALL)
def test_the_answer_is_the_cheapest_of_all_at_length(seed: int) -> None:
    check(seed)
