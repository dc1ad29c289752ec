"""The page of backtests: every figure computed is on it, and every rejection."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from tests.validate import walks
from tests.validate.test_published import toy_returns, write_folder

import make_backtests_page as tool
from plimsoll.validate.disclosure import disclosure
from plimsoll.validate.judge import judge
from plimsoll.validate.published import reproduce


@cache
def document() -> dict[str, object]:
    """The disclosure of the small walk, as a file would hold it."""
    walk, models = walks.walk(), list(walks.models())
    made = disclosure(walk, judge(walk, draws=9), models, command="plimsoll validate run", data={})
    read: dict[str, object] = json.loads(json.dumps(made))
    return read


def test_page_holds_every_figure_and_rejection(tmp_path: Path) -> None:
    returns = toy_returns(0)
    found = reproduce(write_folder(tmp_path, returns, returns))
    text = tool.page(found, document(), simulated=["## Size and power of the tests"])
    assert "80 figures equal, 0 different" in text
    for column in ("qV", "p_cc_raw", "QS_cp", "z2_corr", "q_hat_E"):
        assert f"| `{column}` |" in text
    for model in ("fhs", "halved", "hs"):
        assert f"### {model}" in text
    assert text.endswith("## Size and power of the tests\n")
    assert "| skewed t | none | 3 | 11 | 28 | 55 |" in text
    twice = tool.page(found, document(), document())
    assert twice.count("### halved") == 2 * text.count("### halved")
    assert "## The days from 2022-01-01 on alone" in twice
    assert text.count("**rejected**") == sum(
        v["rejected"] and v["regime"] == "all"
        for v in document()["verdicts"]  # type: ignore[attr-defined]
    )


def test_a_document_that_was_changed_makes_no_page(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = document() | {"level": 0.02}
    path = tmp_path / "document.json"
    path.write_text(json.dumps(changed), encoding="utf-8")
    returns = toy_returns(0)
    toy = reproduce(write_folder(tmp_path, returns, returns))
    monkeypatch.setattr(tool, "reproduce", lambda _: toy)
    monkeypatch.setattr(tool, "section", list)
    page, sound = tmp_path / "page.md", tmp_path / "sound.json"
    sound.write_text(json.dumps(document()), encoding="utf-8")
    for one, two in ((path, sound), (sound, path)):
        command = ["--shared", str(shared), "--document", str(one), "--later", str(two), "--output", str(page)]
        assert tool.main(command) == 1
        assert not page.exists()
    command = ["--shared", str(shared), "--document", str(sound), "--later", str(sound), "--output", str(page)]
    assert tool.main([*command, "--check"]) == 1
    assert tool.main(command) == 0
    assert page.read_text(encoding="utf-8").startswith("# Backtests")
    assert tool.main([*command, "--check"]) == 0


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    assert tool.main(["--shared", str(shared), "--check"]) == 0
