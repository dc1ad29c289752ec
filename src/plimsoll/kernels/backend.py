"""Which kernels run: the compiled ones, or their numpy twins where the extension was not built."""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

#: Work per thread below which starting one costs more than it saves, in cells of about 2 ns.
CELLS_PER_THREAD = 500_000


class SlowKernels(RuntimeWarning):
    """The compiled kernels are not there: results are the same to rounding, but take many times longer."""


@cache
def native() -> ModuleType | None:
    """The extension module, or None where the numpy twins do the work; decided at the first call.

    ``PLIMSOLL_KERNELS=numpy`` chooses the twins and says nothing. Without it a missing extension is told once per
    process as a `SlowKernels` warning; ``PLIMSOLL_KERNELS=native`` makes it an ImportError. Any other value raises
    ValueError.
    """
    wanted = os.environ.get("PLIMSOLL_KERNELS", "")
    if wanted not in ("", "numpy", "native"):
        raise ValueError(f"PLIMSOLL_KERNELS: got {wanted!r}, must be 'native', 'numpy' or not set")
    if wanted == "numpy":
        return None
    try:
        return importlib.import_module("plimsoll.kernels._native")
    except ImportError as error:
        if wanted == "native":
            raise
        warnings.warn(
            "plimsoll was built without its compiled kernels and computes with numpy: the same numbers, many times "
            f"slower. Install a C++17 compiler and install plimsoll again. ({error})",
            SlowKernels,
            stacklevel=2,
        )
        return None


@cache
def available_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(threads: object, cells: int) -> int:
    """``threads`` checked, or by the size of the work when it is None. Results never depend on it."""
    if threads is None:
        return max(1, min(available_cores(), cells // CELLS_PER_THREAD))
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads: got {threads!r}, must be a whole number of at least 1, or None")
    return min(threads, 256)
