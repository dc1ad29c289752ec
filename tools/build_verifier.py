"""Bundle the JavaScript verifier for the page under `serve` and for the tests.

    python3 tools/build_verifier.py [--if-node]

`npm ci` from the lock in `verifier/`, then two scripts into `src/plimsoll/serve/verifier/` (never committed; they
travel with the wheel) and one into `verifier/build/` that the tests talk to. A stamp makes a second call instant.
With `--if-node` a machine without Node.js is no failure. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "verifier"
PAGE = ROOT / "src" / "plimsoll" / "serve" / "verifier"
CASES = SOURCE / "build" / "cases.mjs"
OUTPUTS = {"page.js": PAGE / "page.js", "worker.js": PAGE / "worker.js", "cases.js": CASES}
STAMP = SOURCE / "build" / "stamp"


def _digest() -> str:
    whole = hashlib.sha256()
    for path in (SOURCE / "package.json", SOURCE / "package-lock.json", *sorted((SOURCE / "src").glob("*.js"))):
        whole.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def is_built() -> bool:
    """Whether the bundles are those of the sources."""
    return all(p.is_file() for p in OUTPUTS.values()) and STAMP.is_file() and STAMP.read_text() == _digest()


def build(npm: str) -> None:
    """Install what the lock names and write the three bundles."""
    subprocess.run([npm, "ci", "--silent"], check=True, cwd=SOURCE)
    for name, output in OUTPUTS.items():
        for_node = ("--platform=node", "--format=esm") if output == CASES else ("--format=iife", "--minify")
        subprocess.run(
            [
                npm, "exec", "--offline", "--", "esbuild", f"src/{name}", "--bundle", "--target=es2022",
                "--log-level=warning", "--legal-comments=inline", *for_node, f"--outfile={output}",
            ],
            check=True,
            cwd=SOURCE,
        )  # fmt: skip
    STAMP.write_text(_digest())


def main() -> int:
    parser = argparse.ArgumentParser(description="Bundle the JavaScript verifier.")
    parser.add_argument("--if-node", action="store_true", help="do nothing on a machine without Node.js")
    chosen = parser.parse_args()
    if is_built():
        return 0
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        if chosen.if_node:
            print("no Node.js: the page that verifies proofs in a browser is left out")
            return 0
        print("the verifier is bundled by Node.js 20 or newer with npm, which are not here", file=sys.stderr)
        return 2
    print("bundling the verifier", flush=True)
    build(npm)
    return 0


if __name__ == "__main__":
    sys.exit(main())
