"""`plimsoll optimise hedge --recheck`: refused, allowed, and left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hedge_desks import account, chain
from plimsoll.cli import run

STRIKES = (0.4, 0.8, 0.9, 1.0, 1.1, 1.25)


def files(folder: Path, *candidates: str) -> list[str]:
    """Short calls with little beside them, and what may be traded."""
    chain(np.random.default_rng(7), strikes=STRIKES).save(folder / "market.json")
    account({"60D-1-C": -6.0}, {"USDC": 150_000.0}).save(folder / "account.json")
    names = [a for n in candidates for a in ("--candidate", n)]
    paths = ["-a", str(folder / "account.json"), "-m", str(folder / "market.json"), "-r", "prbm@2026-01-01"]
    return ["optimise", "hedge", *paths, *names]


def test_a_hedge_is_checked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*files(tmp_path, "60D-1.1-C", "PERP"), "--worth", "0.2"]
    assert run(asked) == 0
    told = capsys.readouterr().out
    assert "CHECKED AGAIN" in told
    assert "sold by force on the venue" in told
    assert max(len(line) for line in told.splitlines()) <= 80


def test_a_riskier_hedge_is_refused_unless_it_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # puts are sold against short calls: less margin inside the grid, more to sell where a crash closes the account
    asked = [*files(tmp_path, "60D-0.8-P"), "--delta", "free", "--beyond", "1e7", "--worth", "1"]
    assert run([*asked, "--no-recheck", "--json"]) == 0
    free = json.loads(capsys.readouterr().out)
    assert "recheck" not in free
    traded = {s["instrument"]: s["quantity"] for s in free["ticket"]["steps"]}
    assert traded
    riskier = [*asked, "--json"]
    page = tmp_path / "refused.html"
    assert run([*riskier, "--html", str(page)]) == 1
    # the page says so before anything else, why, and draws nothing of trades that are not made
    text = page.read_text(encoding="utf-8")
    assert text.index("Refused: nothing is traded") < text.index("What stays as it is")
    assert "sold by force on the venue: " in text[: text.index("What stays as it is")]
    assert "<svg" not in text
    assert "What more and what less would cost" not in text
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "refused"
    assert found["ticket"]["steps"] == []
    assert found["recheck"]["passed"] is False
    assert any("sold by force" in note for note in found["notes"])
    assert run([*riskier, "--allow-riskier"]) == 0
    allowed = json.loads(capsys.readouterr().out)
    assert allowed["ticket"]["steps"] == free["ticket"]["steps"]
    assert allowed["recheck"]["passed"] is False


def test_a_placement_is_checked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain(np.random.default_rng(7), strikes=STRIKES).save(tmp_path / "market.json")
    # a hedged book in two halves, each of which stands alone
    account({"PERP": 4.0}, {"USDC": 150_000.0}).save(tmp_path / "a.json")
    account({"PERP": -4.0}, {"USDC": 150_000.0}).save(tmp_path / "b.json")
    paths = [a for n in ("a", "b") for a in ("-a", str(tmp_path / f"{n}.json"), "-r", "prbm@2026-01-01")]
    asked = ["optimise", "place", *paths, "-m", str(tmp_path / "market.json"), "--worth", "0.2", "--json"]
    assert run(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["saving"] > 0.0
    assert found["recheck"]["passed"] is True
    assert found["capital"]["after"] < 0.1 * found["capital"]["before"]
