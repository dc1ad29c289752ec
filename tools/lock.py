"""Write the locked requirement sets: `python tools/lock.py [pip-compile options]` (or `make lock`).

The widest set is resolved first and the others take it as a constraint, so that a library has one version
everywhere. Nothing that names an index, a mirror or a folder of this machine may reach a lock; the last step
refuses if it did. Run it under the oldest supported Python, so that what that version needs is in the lock.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = (
    "--quiet",
    "--strip-extras",
    "--generate-hashes",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--no-emit-options",
    "--resolver=backtracking",
)
# In order: name, set that constrains it, further options.
SETS = (
    ("test", None, ()),
    ("run", "test", ()),
    ("docs", "test", ()),
    ("dev", "test", ("--allow-unsafe",)),
)
FOREIGN = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|(?:^|\s)(?:/|[A-Za-z]:\\)")


def foreign_lines(text: str) -> list[str]:
    """Lines of a lock that name an index, a mirror or an absolute path."""
    return [line for line in text.splitlines() if FOREIGN.search(line)]


def main(further: list[str]) -> int:
    for name, limit, own in SETS:
        source, target = f"requirements/{name}.in", f"requirements/{name}.txt"
        constraint = ("--constraint", f"requirements/{limit}.txt") if limit else ()
        command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *own, *constraint, *further]
        print(f"locking {target}", flush=True)
        subprocess.run([*command, "--output-file", target, source], check=True, cwd=ROOT)
        found = foreign_lines((ROOT / target).read_text())
        if found:
            print(f"{target} names an address or a path of this machine:", *found, sep="\n  ", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
