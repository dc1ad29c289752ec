"""An environment for each peer, `.venv-bench-<peer>`, from its hashed lock; one that cannot be made has a reason."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.harness.process import ROOT, ContenderError, fit_to_print

PEERS = ROOT / "benchmarks" / "peers"


def peers() -> tuple[str, ...]:
    """Names of the peers' folders."""
    return tuple(sorted(path.parent.name for path in PEERS.glob("*/requirements.in")))


def interpreter(environment: str) -> Path:
    """The Python of an environment that is there. Raises `ContenderError` where it is not."""
    if environment == "project":
        return Path(sys.executable)
    if environment not in peers():
        raise ValueError(f"environment: got {environment!r}, must be 'project' or one of {', '.join(peers())}")
    found = _interpreter(environment)
    if not _is_ready(environment):
        raise ContenderError("its environment was not made")
    return found


def make(environment: str) -> None:
    """Bring a peer's environment to its lock; done at once where it is. Raises `ContenderError` with the reason."""
    if environment == "project" or _is_ready(environment):
        return
    where = _folder(environment)
    if where.is_symlink():
        # making it anew would first empty whatever it points to
        raise ContenderError(f"{where.name} is a link, and an environment belongs to one checkout: remove the link")
    venv.EnvBuilder(with_pip=True, clear=True).create(where)
    pip = (str(_interpreter(environment)), "-m", "pip", "--disable-pip-version-check", "install", "-qq")
    for lock in _locks(environment):
        done = subprocess.run(
            [*pip, "--require-hashes", "--no-build-isolation", "-r", str(lock)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            told = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "error"))]
            raise ContenderError("not installed: " + fit_to_print("\n".join(told) or done.stderr))
    _stamp(environment).write_text(_digest(environment))


def _locks(environment: str) -> list[Path]:
    """In the order of installation: what builds source archives, where there are any, then the rest."""
    return sorted((PEERS / environment).glob("*requirements.txt"))


def _folder(environment: str) -> Path:
    return ROOT / f".venv-bench-{environment}"


def _interpreter(environment: str) -> Path:
    return _folder(environment) / "bin" / "python"


def _stamp(environment: str) -> Path:
    return _folder(environment) / ".installed"


def _digest(environment: str) -> str:
    locks = b"".join(lock.read_bytes() for lock in _locks(environment))
    return hashlib.sha256(locks + sys.version.encode() + str(ROOT).encode()).hexdigest()


def _is_ready(environment: str) -> bool:
    stamp = _stamp(environment)
    return stamp.is_file() and stamp.read_text() == _digest(environment) and _interpreter(environment).exists()
