"""The page of published rates is what the shared prices give."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    import make_rates_page

    assert make_rates_page.main(["--data", str(shared / "data" / "prices"), "--check"]) == 0
