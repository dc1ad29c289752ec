"""Run the kernel tests on an extension built with sanitizers: `python tools/check_sanitizers.py [pytest options]`.

The extension is compiled without run-time dispatch, since a sanitizer is not ready when the loader resolves a clone.
Ends with 1 when a sanitizer or a test finds something, with 2 when the compiler has no sanitizers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from kernel_copies import asked, build, environment_of, test

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
        place = build(Path(folder), f"-DPLIMSOLL_SANITIZE={KINDS}", "-DPLIMSOLL_DISPATCH=OFF")
        environment = environment_of(
            place,
            LD_PRELOAD=preload,
            # what asks for more memory than there is gets an exception, as everywhere else
            ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1",
            UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
        )
        asked(place, environment, "native.instruction_set()")
        return test(environment, *options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
