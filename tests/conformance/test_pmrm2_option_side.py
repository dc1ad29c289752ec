"""An option of a PMRM_2 vector is a call or a put, never what is left over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.conformance.run import run_file
from plimsoll.documents import DocumentError


@pytest.mark.parametrize("side", ["CALL", "straddle", ""])
def test_an_unknown_side_is_bad_input(shared: Path, tmp_path: Path, side: str) -> None:
    vectors = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    case = next(c for c in vectors["cases"] if c["inputs"]["options"])
    case["inputs"]["options"][0]["type"] = side
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps({**vectors, "cases": [case]}), encoding="utf-8")
    with pytest.raises(DocumentError, match=r"cases\[0\].*neither 'call' nor 'put'"):
        run_file(str(path))
