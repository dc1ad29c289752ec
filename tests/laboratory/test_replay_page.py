"""The page of the replay, and the fit that travels with the package, are what the shared file gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.laboratory.replay.calibration import halves
from plimsoll.laboratory.replay.fit import fit, shipped_fit
from plimsoll.laboratory.replay.marks import marks_of


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    import make_replay_page

    assert make_replay_page.main(["--data", str(shared / "data"), "--check"]) == 0


def test_the_shipped_fit_is_what_half_of_the_accounts_give(shared: Path) -> None:
    import make_replay_page
    from plimsoll.feeds.positions import read_positions

    positions = read_positions(shared / "data" / make_replay_page.FILE)
    found, shipped = fit(positions.rows(halves(positions, 0)), marks_of(positions)), shipped_fit()
    assert shipped.accounts == found.accounts
    for name, c in found.flags.items():
        assert shipped.flags[name].mean == pytest.approx(c.mean, rel=1e-6, abs=1e-8)
    assert shipped.cushion.mean == pytest.approx(found.cushion.mean, rel=1e-6, abs=1e-8)
    assert shipped.cushion.covariance[0] == pytest.approx(found.cushion.covariance[0], rel=1e-6, abs=1e-8)
