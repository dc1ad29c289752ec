"""Write the locked requirement sets: `python tools/lock.py [--peers] [pip-compile options]` (or `make lock`).

The widest set is resolved first and the others take it as a constraint, so that a library has one version
everywhere. The peers of the benchmarks come last, each for itself; `--peers` locks only them. Nothing that names an
index, a mirror or a folder of this machine may reach a lock; the last step refuses if it did. Run it under the
oldest supported Python, so that what that version needs is in the lock.
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
    # torch stands beside its lock: whoever installs it chooses the build for his machine
    ("rl", "test", ("--unsafe-package", "torch")),
)
FOREIGN = re.compile(r"://|--(?:extra-)?index-url|--find-links|--trusted-host|(?:^|\s)(?:/|[A-Za-z]:\\)")


def foreign_lines(text: str) -> list[str]:
    """Lines of a lock that name an index, a mirror or an absolute path."""
    return [line for line in text.splitlines() if FOREIGN.search(line)]


def lock(stem: str, *options: str) -> bool:
    """Resolve ``stem``.in into ``stem``.txt; False where the lock names what it must not."""
    print(f"locking {stem}.txt", flush=True)
    command = [sys.executable, "-m", "piptools", "compile", *OPTIONS, *options]
    subprocess.run([*command, "--output-file", f"{stem}.txt", f"{stem}.in"], check=True, cwd=ROOT)
    found = foreign_lines((ROOT / f"{stem}.txt").read_text())
    if found:
        print(f"{stem}.txt names an address or a path of this machine:", *found, sep="\n  ", file=sys.stderr)
    return not found


def main(further: list[str]) -> int:
    peers_only = "--peers" in further
    further = [option for option in further if option != "--peers"]
    for name, limit, own in () if peers_only else SETS:
        constraint = ("--constraint", f"requirements/{limit}.txt") if limit else ()
        if not lock(f"requirements/{name}", *own, *constraint, *further):
            return 1
    for source in sorted((ROOT / "benchmarks" / "peers").glob("*/*requirements.in")):
        if not lock(source.relative_to(ROOT).with_suffix("").as_posix(), "--allow-unsafe", *further):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
