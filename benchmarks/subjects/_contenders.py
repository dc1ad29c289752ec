"""Contenders that several subjects race: this project, numpy with scipy, the machine itself."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.machine import caches
from benchmarks.harness.process import Clock, Contender

#: Floating-point operations of one price: 42 fused multiply-adds, 13 products, 6 sums and a division.
FLOPS_PER_PRICE = 104


def ours(name: str, function: str, unit: str, *, clock: Clock = "cpu", **options: Any) -> Contender:
    """A public function of this project; `function` may name its file before a colon."""
    call = _place("benchmarks/ours/call_", "plimsoll", function)
    return Contender(name, "project", call, unit, ("numpy",), options, clock)


def scipy(name: str, function: str, unit: str, *, clock: Clock = "cpu", **options: Any) -> Contender:
    """The same with numpy and scipy; `function` may name its file before a colon."""
    call = _place("benchmarks/peers/scipy/call_", "scipy", function)
    return Contender(name, "scipy", call, unit, ("numpy", "scipy"), options, clock)


def _place(folder: str, usual: str, function: str) -> str:
    file, _, name = function.rpartition(":")
    return f"{folder}{file or usual}.py:{name}"


def quantlib(function: str, unit: str, name: str = "QuantLib", **options: Any) -> Contender:
    """QuantLib from Python."""
    call = f"benchmarks/peers/quantlib/call_quantlib.py:{function}"
    return Contender(name, "quantlib", call, unit, ("QuantLib", "numpy"), options)


def financepy(function: str, unit: str, **options: Any) -> Contender:
    """FinancePy on its numba."""
    call = f"benchmarks/peers/financepy/call_financepy.py:{function}"
    return Contender("FinancePy", "financepy", call, unit, ("financepy", "numba", "numpy"), options)


def py_vollib_vectorized(function: str, unit: str, **options: Any) -> Contender:
    """py_vollib_vectorized on its numba."""
    call = f"benchmarks/peers/py_vollib_vectorized/call_py_vollib_vectorized.py:{function}"
    versions = ("py_vollib_vectorized", "numba", "numpy")
    return Contender("py_vollib_vectorized", "py_vollib_vectorized", call, unit, versions, options)


def peak() -> Contender:
    """Fused multiply-adds of doubles on this core."""
    return Contender("machine: FMA", "project", "benchmarks/roofline/call_probe.py:fma", "flop")


def reading(level: str) -> Contender:
    """Reading from a cache level (half of it) or from memory (eight times the last level) on this core."""
    found = caches()
    last = max(found.values(), default=32 * 1024)
    kib = 8 * last if level == "memory" else found.get(level, {"L1": 32, "L2": 1024, "L3": 32 * 1024}[level]) // 2
    call = "benchmarks/roofline/call_probe.py:read"
    return Contender(f"machine: {level} read", "project", call, "byte", (), {"kib": min(kib, 512 * 1024)})
