"""What computed a result: the version, and a hash of every source and pack of the package."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import plimsoll

KEPT = (".py", ".json", ".cpp", ".hpp", ".h")


@cache
def build() -> dict[str, str]:
    """`version` and `sources`, the SHA-256 over the names and bytes of the package's sources, packs and kernels."""
    root = Path(plimsoll.__file__).parent
    whole = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in KEPT and "__pycache__" not in p.parts):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(root).as_posix()}\n{digest}\n".encode())
    return {"version": plimsoll.__version__, "sources": whole.hexdigest()}
