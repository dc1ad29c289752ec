"""Text that is no document, files that are no files, nesting without end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from builders import CALL, account_doc, rules_doc
from plimsoll.documents import DocumentError, Problem

NAN, INF = float("nan"), float("inf")


def refused(build: Any, content: Any) -> Problem:
    """The one problem that `build` finds in `content`."""
    with pytest.raises(DocumentError) as caught:
        build(content)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def position(**changes: Any) -> dict[str, Any]:
    return account_doc(positions=[{"instrument": CALL, "quantity": 1.0} | changes])


@pytest.mark.parametrize(
    ("text", "path", "got"),
    [
        (json.dumps(position(quantity=NAN)), "positions[0].quantity", "nan"),
        (json.dumps(position(quantity=INF)), "positions[0].quantity", "inf"),
        (json.dumps(position()).replace('"quantity": 1.0', '"quantity": 1e999'), "positions[0].quantity", "inf"),
        (json.dumps(position()).replace('"quantity"', '"quantity": 1, "quantity"'), "positions[0].quantity", "twice"),
        ('{"schema": "plimsoll.account", "schema": 1}', "schema", "twice"),
        (json.dumps(position()).replace("1.0", "1" + "0" * 5_000), "$", "4300 digits"),
        ("", "$", "not JSON"),
        ("{", "$", "not JSON"),
        ("[" * 100_000, "$", "not JSON"),
        (b"\xff\xfe\x00", "$", "not JSON"),
        (b'{"name": "\xff"}', "$", "not JSON"),
        ("﻿{}", "$", "not JSON"),
        (json.dumps(account_doc(name="x")).replace('"x"', '"\\ud800"'), "$", r"\ud800"),
    ],
)
def test_text(text: str | bytes, path: str, got: str) -> None:
    problem = refused(pl.Account.from_json, text)
    assert problem.path == path
    assert got in problem.got


def test_nesting_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(20_000):
        deep = [deep]
    assert refused(pl.Rules.from_dict, rules_doc() | {"parameters": {"a": deep}}).got == "'values nested too deeply'"


@pytest.mark.parametrize("name", [".", "missing.json", "nul\0.json"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(DocumentError, match=r"readable file") as caught:
        pl.Account.load(path)
    assert caught.value.source == str(path)
