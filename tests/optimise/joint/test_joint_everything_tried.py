"""Joint problems small enough to try everything: exchanges, transfers and modes in lots."""

from __future__ import annotations

import numpy as np
import pytest

from joint_desks import best_of_everything, small_joint
from plimsoll.optimise import ConflictError
from plimsoll.optimise.joint import joint

SAMPLE, PLANTED = (4, 5, 10), range(200)


def check(seed: int) -> tuple[float, float]:
    """Solve a problem in both ways: what it and what everything saves, where the start keeps its limits."""
    p = small_joint(seed)
    best = best_of_everything(p)
    if best == np.inf:
        with pytest.raises(ConflictError) as told:
            joint(p.market, p.venues, [p.wallet], p.terms, **p.keywords())
        assert any(name.startswith("margin of") for name in told.value.limits)
        return 0.0, 0.0
    answer = joint(p.market, p.venues, [p.wallet], p.terms, **p.keywords())
    assert answer.order.complete, seed
    assert all(a.room[1] >= -1e-3 for a in answer.accounts), seed
    if all(c.bound is not None for c in answer.tried):
        assert answer.after == pytest.approx(best, rel=1e-6, abs=1e-5), seed
        assert answer.bound is not None
        assert answer.bound <= best + 1e-6 * max(1.0, best)
    else:
        # no bound is claimed: how near it comes is counted over all problems
        assert answer.after >= best - 1e-5 * max(1.0, best), seed
    if answer.status == "repaired":
        return 0.0, 0.0
    assert answer.saving >= 0.0
    return answer.saving, answer.before - best


def test_the_answer_is_the_best_of_all() -> None:
    found = [check(seed) for seed in SAMPLE]
    assert sum(saved for saved, _ in found) >= 0.95 * sum(most for _, most in found) > 0.0


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_planted_splits_recover_what_everything_saves() -> None:
    found = np.array([check(seed) for seed in PLANTED])
    assert found[:, 0].sum() >= 0.95 * found[:, 1].sum()
    saving = found[:, 1] > 1.0
    assert saving.sum() >= 100
    assert (found[saving, 0] >= 0.95 * found[saving, 1]).mean() >= 0.95
