"""Write the type stub of the compiled kernels from the extension itself: `python tools/make_stubs.py [--check]`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "src" / "plimsoll" / "kernels" / "_native.pyi"


def stub() -> str:
    """What the stub has to say, formatted like the rest of the house."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "_native.pyi"
        generate = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "plimsoll.kernels._native", "-o", str(target)]
        subprocess.run(generate, check=True)
        tidy = [sys.executable, "-m", "ruff", "format", "-q", "--config", str(ROOT / "pyproject.toml"), str(target)]
        subprocess.run(tidy, check=True)
        return target.read_text(encoding="utf-8")


def main(options: list[str]) -> int:
    text = stub()
    if "--check" in options:
        if not STUB.is_file() or STUB.read_text(encoding="utf-8") != text:
            print(f"{STUB.relative_to(ROOT)} is not what the extension has: run tools/make_stubs.py", file=sys.stderr)
            return 1
        return 0
    STUB.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
