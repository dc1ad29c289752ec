"""Paired one-sided tests: against the textbook, and honest about chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from plimsoll.documents import DocumentError
from plimsoll.optimise.paired import paired


def test_it_is_students_t_on_the_means_of_blocks() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=120)
    two = one + rng.normal(0.2, 1.0, 120)
    for block in (1, 5, 7):
        found = paired(one, two, block=block)
        means = (two - one)[: 120 // block * block].reshape(-1, block).mean(axis=1)
        assert found.larger == pytest.approx(ttest_1samp(means, 0.0, alternative="greater").pvalue)
        assert found.smaller == pytest.approx(1.0 - found.larger)
        assert found.blocks == 120 // block


def test_without_a_difference_it_cries_wolf_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    wolves = sum(paired(rng.normal(size=30), rng.normal(size=30)).worse(0.05) for _ in range(2000))
    # 100 expected; four standard deviations are 39
    assert 61 <= wolves <= 139


def test_numbers_that_never_differ_are_certain() -> None:
    one = np.arange(5.0)
    assert paired(one, one).larger == 0.5
    assert paired(one, one + 1.0).larger == 0.0
    assert paired(one, one - 1.0).larger == 1.0


@pytest.mark.parametrize(
    ("one", "two", "block", "said"),
    [([1.0], [1.0], 1, "block"), ([1.0, 2.0], [1.0], 1, "after"), ([1.0, np.nan], [1.0, 2.0], 1, "before")],
)
def test_bad_input_is_refused(one: list[float], two: list[float], block: int, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        paired(one, two, block=block)
