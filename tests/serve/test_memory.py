"""A service that runs for months keeps nothing of a question that it has answered."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def counted() -> dict[str, list[int]]:
    """Blocks after each of six rounds of 300 what-ifs, and of 300 prices, in a process that does nothing else."""
    done = subprocess.run(
        [sys.executable, str(HERE / "answered.py")], capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[int]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("kind", ["questions", "prices"])
def test_what_was_answered_leaves_nothing_behind(counted: dict[str, list[int]], kind: str) -> None:
    """One block kept of each would be three hundred a round; of prices only the newest and some hashes are remembered.

    In the middle, for a cache that fills is one round's.
    """
    rounds = counted[kind]
    assert median(after - before for before, after in pairwise(rounds)) < 150, rounds
