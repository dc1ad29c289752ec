"""The probe of the machine as a contender among the others: the same turns, the same core, the same clock."""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("probe.cpp")


def fma(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Fused multiply-adds of doubles; a unit is one floating-point operation."""
    probe, rounds = _library(), 20_000
    return {"run": lambda: probe.probe_fma(rounds), "units": rounds * probe.probe_fma_flops()}


def read(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Reading `kib` KiB again and again; a unit is one byte."""
    probe, size = _library(), options["kib"] * 1024
    buffer = probe.probe_buffer(size)
    if not buffer:
        raise MemoryError(f"no room for {options['kib']} KiB")
    rounds = max(1, (8 << 20) // size)
    return {"run": lambda: probe.probe_read(buffer, size, rounds), "units": rounds * size}


def _library() -> Any:
    compiler, text = os.environ.get("CXX", "c++"), SOURCE.read_bytes()
    build = SOURCE.parent.parent.parent / "build" / "benchmarks"
    build.mkdir(parents=True, exist_ok=True)
    to = build / f"probe-{hashlib.sha256(compiler.encode() + text).hexdigest()[:12]}.so"
    if not to.exists():
        # beside its place first: two processes may want it at once
        with tempfile.TemporaryDirectory(dir=build) as folder:
            made = Path(folder) / "probe.so"
            options = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
            subprocess.run([compiler, *options, "-o", str(made), str(SOURCE)], check=True, stderr=subprocess.DEVNULL)
            os.replace(made, to)
    library = ctypes.CDLL(str(to))
    library.probe_fma.argtypes, library.probe_fma.restype = [ctypes.c_int64], ctypes.c_double
    library.probe_fma_flops.restype = ctypes.c_int64
    library.probe_buffer.argtypes, library.probe_buffer.restype = [ctypes.c_int64], ctypes.c_void_p
    library.probe_read.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64]
    library.probe_read.restype = ctypes.c_double
    return library
