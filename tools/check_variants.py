"""Run the kernel tests on the variants that this processor passes over: `python tools/check_variants.py [options]`.

Options go to pytest. The loops are compiled for several instruction sets and the best that there is runs, so a machine
tests one of them only.
Here the package is built without AVX-512, so that the AVX2 variant runs, and without any choice, which is the plain
one, both optimised as they are shipped. Ends with 1 when a test fails. Elsewhere than on x86-64 there is one variant.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from kernel_copies import asked, build, environment_of, test

VARIANTS = {"x86-64-v3": ("-DPLIMSOLL_HIGHEST=v3",), "baseline": ("-DPLIMSOLL_DISPATCH=OFF",)}


def main(options: list[str]) -> int:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        print("one variant only on this kind of machine: nothing to do")
        return 0
    failed = 0
    for variant, how in VARIANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            place = build(Path(folder), *how)
            environment = environment_of(place)
            runs = asked(place, environment, "native.instruction_set()")
            print(f"{variant}: running {runs}", flush=True)
            if runs != variant:
                # without AVX2, or with a compiler that cannot dispatch, every build is the plain one
                print(f"this machine or compiler has no {variant}: left out")
                continue
            failed |= test(environment, *options)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
