"""Create or reuse a virtual environment that holds one of the locked sets and this project.

    python3 tools/bootstrap.py run|test|docs|dev [--venv DIR]

Two steps, both without resolving anything: the hashed requirements, then the project itself in editable form
with `--no-deps --no-build-isolation`. A stamp in the environment records the digest of what was installed, so
that a second call is instant and a changed lock installs again. Only the standard library is used: this runs
before anything else.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
# Sets whose installation already provides everything of the named set.
COVERED_BY = {"run": ("test", "docs"), "test": (), "docs": (), "dev": ()}
# The maintainer's own tools run beside the project and do not import it.
WITHOUT_PROJECT = ("dev",)
# What a build listens to: another compiler or other flags build again.
BUILD_SETTINGS = ("CC", "CXX", "CXXFLAGS", "CMAKE_ARGS", "SKBUILD_CMAKE_DEFINE")


def _interpreter(where: Path) -> Path:
    return where / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _digest(name: str) -> str:
    """Digest of the lock, the package metadata, the compiled sources, the interpreter and the place of the tree."""
    parts = [(ROOT / "requirements" / f"{name}.txt").read_bytes(), sys.version.encode(), str(ROOT).encode()]
    if name not in WITHOUT_PROJECT:
        sources = (ROOT / "src/plimsoll/kernels/native").glob("*.[ch]pp")
        built_from = (ROOT / "pyproject.toml", ROOT / "CMakeLists.txt", *sorted(sources))
        parts.extend(path.read_bytes() for path in built_from)
        parts.append(repr([os.environ.get(name) for name in BUILD_SETTINGS]).encode())
        # a compiler that was installed since builds what an earlier installation had to leave out
        parts.append(repr([shutil.which(name) for name in ("c++", "g++", "clang++")]).encode())
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _stamp(where: Path, name: str) -> Path:
    return where / f".installed-{name}"


def is_ready(where: Path, name: str) -> bool:
    """Whether the environment holds the set, by itself or inside a wider one."""
    if not _interpreter(where).exists():
        return False
    return any(
        _stamp(where, other).is_file() and _stamp(where, other).read_text() == _digest(other)
        for other in (name, *COVERED_BY[name])
    )


def _pip(where: Path, *arguments: str) -> None:
    command = [
        str(_interpreter(where)),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-qq",
        *arguments,
    ]
    subprocess.run(command, check=True, cwd=ROOT)


def install(where: Path, name: str) -> None:
    """Bring the environment to the locked set; an environment of another interpreter is made anew."""
    interpreter = _interpreter(where)
    if interpreter.exists():
        probe = "import sys; print(sys.version)"
        seen = subprocess.run([str(interpreter), "-c", probe], capture_output=True, text=True, check=False)
        fresh = seen.returncode != 0 or seen.stdout.strip() != sys.version.replace("\r", "").strip()
    else:
        fresh = True
    if fresh:
        print(f"making {where.name} with Python {sys.version.split()[0]}", flush=True)
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(where)
    _stamp(where, name).unlink(missing_ok=True)
    print(f"installing requirements/{name}.txt into {where.name}", flush=True)
    _pip(where, "--require-hashes", "-r", f"requirements/{name}.txt")
    if name not in WITHOUT_PROJECT:
        # what an earlier build found (a compiler that failed, other flags) must not decide this one
        shutil.rmtree(ROOT / "build", ignore_errors=True)
        _pip(where, "--no-deps", "--no-build-isolation", "--editable", ".")
    _stamp(where, name).write_text(_digest(name))


def main() -> int:
    parser = argparse.ArgumentParser(description="Create or reuse a virtual environment with a locked set.")
    parser.add_argument("name", choices=sorted(COVERED_BY))
    parser.add_argument("--venv", default=".venv", help="folder of the environment, relative to the root")
    chosen = parser.parse_args()
    if sys.version_info < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        print(f"Python {wanted} or newer is needed, this is {sys.version.split()[0]}", file=sys.stderr)
        return 2
    where = ROOT / chosen.venv
    if not is_ready(where, chosen.name):
        install(where, chosen.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
