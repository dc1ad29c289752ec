"""Copies of the package whose extension is built otherwise than the installed one, and tests on them.

A copy is compiled beside the installed package and takes everything else from the environment that runs this file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(folder: Path, *options: str) -> Path:
    """The package with an extension built by CMake with `options`, in a new place under `folder`."""
    made, place = folder / "build", folder / "place"
    shutil.copytree(ROOT / "src", place, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in (
        ["cmake", "-S", str(ROOT), "-B", str(made), f"-DPython_EXECUTABLE={sys.executable}", *options],
        ["cmake", "--build", str(made), "--parallel", "2"],
        ["cmake", "--install", str(made), "--prefix", str(place)],
    ):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return place


def environment_of(place: Path, **more: str) -> dict[str, str]:
    """What a process needs to import the copy, with few random examples in its tests."""
    libraries = os.pathsep.join([str(place), sysconfig.get_paths()["purelib"], str(ROOT / "tests")])
    return {
        **os.environ,
        "PYTHONPATH": libraries,
        "PLIMSOLL_KERNELS": "native",
        "PLIMSOLL_HYPOTHESIS_PROFILE": "quick",
        **more,
    }


def asked(place: Path, environment: dict[str, str], question: str) -> str:
    """What the copy's extension, `native` in the `question`, answers; it is made sure that it is the copy's."""
    code = f"import plimsoll.kernels._native as native; print(native.__file__); print({question})"
    # -S keeps the editable installation's import hook away: the copy is the package
    command = [sys.executable, "-S", "-c", code]
    seen = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()
    assert Path(seen[0]).is_relative_to(place), seen
    return seen[1]


def test(environment: dict[str, str], *options: str) -> int:
    """Exit status of the kernel tests on the copy, half of their files in each of two processes; `-m long` as options
    for the many attacks that take long.

    Not by the workers of a plugin: those start without -S and would import the installed package.
    """
    files = sorted((ROOT / "tests/kernels").rglob("test_*.py"), key=lambda file: file.stat().st_size)
    # the twins in numpy are the same in every copy
    chosen = ["-k", "not backend and not numpy", "-m", "not long"]
    run = [sys.executable, "-S", "-m", "pytest", "-p", "no:cacheprovider", "-o", "pythonpath=", *chosen]
    with tempfile.TemporaryFile() as later:
        halves = [
            subprocess.Popen(
                [*run, *options, *map(str, files[i::2])], env=environment, cwd=ROOT, stdout=out, stderr=out
            )
            for i, out in enumerate((None, later))
        ]
        # pytest ends with 5 where options left no test of a half
        statuses = [status for status in [half.wait() for half in halves] if status != 5] or [5]
        later.seek(0)
        sys.stdout.flush()
        sys.stdout.buffer.write(later.read())
        sys.stdout.flush()
    return max(map(abs, statuses))
