"""The page of published rates is what the shared prices give, and its tests of minutes count as they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from rates_perpetual import BLOCK_DAYS, PHASES, one_sided


def test_looks_that_share_no_minute_are_counted_by_themselves() -> None:
    hits = np.zeros((40 * PHASES, 2), dtype=bool)
    assert one_sided(hits) == (1.0, 1.0)
    # the second phase of the short side: six days of forty, all of them in one block of ten
    hits[1 : 1 + 6 * PHASES : PHASES, 1] = True
    days, blocks = one_sided(hits)
    assert days == pytest.approx(8 * binom.sf(5, 40, 0.01))
    assert blocks == 1.0
    # the same six in six blocks of sixty days
    spread = np.zeros((60 * PHASES, 2), dtype=bool)
    spread[1 + np.arange(6) * BLOCK_DAYS * PHASES, 1] = True
    days, blocks = one_sided(spread)
    assert days == pytest.approx(8 * binom.sf(5, 60, 0.01))
    assert blocks == pytest.approx(8 * 0.1**6)


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    import make_rates_page

    assert make_rates_page.main(["--data", str(shared / "data" / "prices"), "--check"]) == 0
