"""Damaged files through the command line: exit 0 with a document or 2 with one message, never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from builders import PMRM2, PRBM
from fuzz_documents import fuzz_documents
from mutations import mutated_text
from plimsoll.cli import run


def sweep(folder: Path, capsys: Any, seed: int, count: int) -> dict[int, int]:
    intact, seen = fuzz_documents(), {0: 0, 1: 0, 2: 0}
    files = {name: folder / f"{name.replace(' ', '-')}.json" for name in intact}
    for name, content in intact.items():
        files[name].write_text(json.dumps(content))
    damaged = folder / "damaged.json"
    for i in range(count):
        own = random.Random(seed * 1_000_003 + i)
        name = own.choice(list(intact))
        damaged.write_bytes(mutated_text(intact[name], own))
        if name == "case":
            arguments = ["conformance", str(damaged), "--json"]
        else:
            given = {"account": files["account"], "market": files["market"]} | {name: damaged}
            rules = str(damaged) if name.startswith("rules") else own.choice([PRBM, PMRM2])
            arguments = ["margin", "-a", str(given["account"]), "-m", str(given["market"]), "-r", rules, "--json"]
            arguments += own.choice([[], ["--on-failure", "conservative"]])
        code = run(arguments)
        out, err = capsys.readouterr()
        where = f"mutation {i} of seed {seed}: {name}: exit {code}: {err[:300]}"
        assert code in ((0, 1, 2) if name == "case" else (0, 2)), where
        assert "Traceback" not in err, where
        if code == 2:
            assert err.startswith("error: "), where
            assert out == "", where
        else:
            assert err == "", where
            assert isinstance(json.loads(out), dict), where
        seen[code] += 1
    return seen


def test_damaged_files_exit_with_a_document_or_a_message(tmp_path: Path, capsys: Any, record_property: Any) -> None:
    seen = sweep(tmp_path, capsys, seed=7, count=1_000)
    assert seen[0] > 50, seen
    assert seen[2] > 500, seen
    record_property("count of damaged files given to the command line", sum(seen.values()))


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_twenty_thousand_damaged_files(tmp_path: Path, capsys: Any, record_property: Any) -> None:
    seed = random.SystemRandom().randrange(10**9)
    record_property("seed", seed)
    seen = sweep(tmp_path, capsys, seed, count=20_000)
    record_property("count of damaged files given to the command line", sum(seen.values()))
