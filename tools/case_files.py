"""Case documents as files: written, or compared with what lies there. What every `make_cases_*.py` ends with."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "src" / "plimsoll" / "conformance" / "cases"


def keep(
    documents: Sequence[dict[str, Any]], tool: str, arguments: Sequence[str] | None, own: tuple[str, ...] = ()
) -> int:
    """Write `documents`, or with --check compare them; `tool` is the file that makes them.

    A file whose name begins with one of `own` and that is none of the documents is stale. Returns 1 for a stale file,
    which is named, else 0.
    """
    parser = argparse.ArgumentParser(description=f"The case documents of {tool}.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the documents lie")
    chosen = parser.parse_args(arguments)
    wanted = {f"{d['id']}.json": json.dumps(d, indent=1) + "\n" for d in documents}
    stale = [p.name for start in own for p in chosen.folder.glob(f"{start}*.json") if p.name not in wanted]
    if not chosen.check:
        chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, text in wanted.items():
        path = chosen.folder / name
        if not chosen.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"{name} is stale: python tools/{tool}", file=sys.stderr)
    print(f"{len(wanted)} cases, {len(stale)} problems")
    return 1 if stale else 0
