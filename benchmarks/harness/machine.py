"""The machine in words that a reader elsewhere can use: no host name, no user, no path."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from plimsoll.documents import Count, Name, Number, Part
from plimsoll.kernels.backend import native


class Machine(Part):
    """Processor, caches of one core in KiB (the last level is shared), memory in GiB, system."""

    processor: Name
    family: str
    vectors: str
    cores: Count
    caches: dict[str, Count]
    memory: Count
    system: Name
    compiler: str


class Load(Part):
    """Processes that ran or waited, on average over a minute, when the run began and when it ended."""

    before: Number
    after: Number


def this_machine() -> Machine:
    """What the system tells; unknown parts are named so."""
    told = _cpuinfo()
    flags = told.get("flags", "").split()
    vectors = [name for name in ("avx512f", "avx2", "fma", "asimd") if name in flags]
    family = [f"{name.split()[-1]} {told[name]}" for name in ("cpu family", "model") if name in told]
    return Machine(
        processor=told.get("model name") or platform.processor() or platform.machine(),
        family=", ".join(family),
        vectors=" ".join(vectors),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        caches=caches(),
        memory=_memory(),
        system=_system(),
        compiler=compiler(),
    )


def load_now() -> float:
    """Average over the last minute."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0


def own_versions() -> dict[str, str]:
    """Of what our side of every comparison runs on."""
    names = {"plimsoll": "plimsoll-margin", "numpy": "numpy", "scipy": "scipy"}
    told = {"python": platform.python_version()} | {name: version(found) for name, found in names.items()}
    return told | {"kernels": "numpy twins" if native() is None else "compiled"}


def caches() -> dict[str, int]:
    """KiB of the first core's data caches: L1, L2, L3."""
    found = {}
    for entry in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((entry / name).read_text().strip() for name in ("type", "level", "size"))
        if kind in ("Data", "Unified"):
            factor = {"K": 1, "M": 1024}[size[-1]]
            found[f"L{level}"] = int(size[:-1]) * factor
    return found


def compiler(command: str | None = None) -> str:
    """Name and version of the C++ compiler, `none` where there is none.

    >>> compiler("a-compiler-that-is-nowhere")
    'none'
    """
    try:
        told = subprocess.run(
            [command or os.environ.get("CXX", "c++"), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "none"
    name = "clang" if "clang" in told else "gcc" if "Free Software Foundation" in told else "other"
    numbers = re.findall(r"\d+\.\d+(?:\.\d+)?", told.splitlines()[0])
    return f"{name} {numbers[-1] if numbers else 'of unknown version'}"


def _cpuinfo() -> dict[str, str]:
    place = Path("/proc/cpuinfo")
    if not place.is_file():
        return {}
    first = place.read_text().split("\n\n")[0]
    rows = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in rows}


def _memory() -> int:
    place = Path("/proc/meminfo")
    found = re.search(r"MemTotal:\s+(\d+) kB", place.read_text()) if place.is_file() else None
    return round(int(found.group(1)) / 1024**2) if found else 0


def _system() -> str:
    # the kernel's name may end in words of whoever runs the machine
    release = ".".join(re.findall(r"\d+", platform.release())[:2])
    libc = " ".join(platform.libc_ver()).strip()
    return f"{platform.system()} {release}, {platform.machine()}" + (f", {libc}" if libc else "")
