"""The locked libraries: each pinned with its hashes, and none with a known vulnerability.

    python tools/audit_dependencies.py [--strict] [LOCK...]

The pins are checked from the files alone. What is known of them is asked of the vulnerability service by `pip-audit`;
where that cannot be reached, or does not know the libraries, this says so, and nothing is claimed: exit code 0, and 1
with `--strict`. Exit code 1 for a line without a pin or hash, and for a vulnerability.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("run", "test", "docs", "dev")
SECONDS = 120

PIN = re.compile(r"^([A-Za-z0-9._-]+)(\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def unpinned(text: str) -> list[str]:
    """Requirements of a lock that have no exact version or no hash."""
    joined = re.sub(r"\\\s*\n", " ", text)
    lines = [line.strip() for line in joined.splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "--"))]
    return [line.split()[0] for line in wanted if not (PIN.match(line) and HASH.search(line))]


def audited(lock: Path) -> tuple[list[str], int, int, str]:
    """Vulnerabilities in words, how many libraries were looked up, how many were not, and why nothing was learnt."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--require-hashes", "--disable-pip", "-f", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [], 0, 0, f"no answer in {SECONDS} seconds"
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        words = [line for line in done.stderr.strip().splitlines() if line.strip()]
        return [], 0, 0, words[-1] if words else f"pip-audit ended with {done.returncode}"
    rows = found.get("dependencies", [])
    skipped = [row for row in rows if "skip_reason" in row]
    known = [row for row in rows if "skip_reason" not in row]
    told = [
        f"{row['name']} {row['version']}: {v['id']} (repaired in {', '.join(v.get('fix_versions', [])) or 'nothing'})"
        for row in known
        for v in row.get("vulns", [])
    ]
    reason = "" if known or not skipped else str(skipped[0]["skip_reason"])
    return told, len(known), len(skipped), reason


def main() -> int:
    """Check the pins, then ask."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--strict", action="store_true", help="what could not be asked is a failure")
    parser.add_argument("locks", nargs="*", type=Path)
    given = parser.parse_args()
    locks = given.locks or [ROOT / "requirements" / f"{name}.txt" for name in LOCKS]
    code = 0
    for lock in locks:
        loose = unpinned(lock.read_text(encoding="utf-8"))
        for name in loose:
            print(f"{lock.name}: {name} has no exact version with a hash")
        told, known, skipped, reason = audited(lock)
        for words in told:
            print(f"{lock.name}: {words}")
        if loose or told:
            code = 1
        print(f"{lock.name}: {known} libraries looked up, {skipped} not, {len(told)} vulnerabilities")
        if not known:
            print(f"{lock.name}: NOT AUDITED, the vulnerability service gave nothing: {reason or 'no libraries'}")
            code = max(code, int(given.strict))
    return code


if __name__ == "__main__":
    sys.exit(main())
