"""Run the kernel tests on an extension built with sanitizers: `python tools/check_sanitizers.py [pytest options]`.

The extension is compiled without run-time dispatch, since a sanitizer is not ready when the loader resolves a clone,
into a copy of the package; the environment that runs it takes everything else from the one that runs this file. Ends
with 1 when a sanitizer or a test finds something, with 2 when the compiler has no sanitizers.
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
KINDS = "address,undefined"


def _runtime(name: str) -> str:
    """The sanitizer's library, which has to be in the process before Python is."""
    compiler = os.environ.get("CXX", "g++")
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=False)
    path = found.stdout.strip()
    if found.returncode or not Path(path).is_absolute():
        print(f"{compiler} has no {name}: install the compiler's sanitizer libraries", file=sys.stderr)
        raise SystemExit(2)
    return path


def main(options: list[str]) -> int:
    # the sanitizer looks for the function that throws when it starts: the C++ library has to be there by then
    preload = " ".join(map(_runtime, ("libasan.so", "libstdc++.so.6")))
    with tempfile.TemporaryDirectory() as folder:
        build, place = Path(folder) / "build", Path(folder) / "place"
        shutil.copytree(ROOT / "src", place, ignore=shutil.ignore_patterns("__pycache__"))
        configure = ["cmake", "-S", str(ROOT), "-B", str(build), f"-DPLIMSOLL_SANITIZE={KINDS}"]
        configure += ["-DPLIMSOLL_DISPATCH=OFF", f"-DPython_EXECUTABLE={sys.executable}"]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        for command in (configure, ["cmake", "--build", str(build), "--parallel", "2"]):
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        install = ["cmake", "--install", str(build), "--prefix", str(place)]
        subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)
        # -S keeps the editable installation's import hook away: the copy is the package
        libraries = os.pathsep.join([str(place), sysconfig.get_paths()["purelib"], str(ROOT / "tests")])
        environment |= {
            "LD_PRELOAD": preload,
            "PYTHONPATH": libraries,
            "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "PLIMSOLL_KERNELS": "native",
            "PLIMSOLL_HYPOTHESIS_PROFILE": "quick",
        }
        probe = "import plimsoll.kernels._native as n; print(n.__file__)"
        seen = subprocess.run([sys.executable, "-S", "-c", probe], env=environment, check=True, capture_output=True)
        assert Path(seen.stdout.decode().strip()).is_relative_to(place), seen.stdout
        run = [sys.executable, "-S", "-m", "pytest", "-p", "no:cacheprovider", "-o", "pythonpath=", "tests/kernels"]
        return subprocess.run([*run, "-k", "not backend", *options], env=environment, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
