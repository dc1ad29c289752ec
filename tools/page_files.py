"""Generated pages as files: written, or compared with what lies there. What every page with `--check` ends with."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def keep(texts: Mapping[Path, str], *, check: bool) -> int:
    """Write each text to its path, or with `check` name those that differ. Returns 1 where one does, else 0."""
    if check:
        stale = [p for p, text in texts.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
        for path in stale:
            print(f"{path.name} is stale: run this without --check", file=sys.stderr)
        return 1 if stale else 0
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0
