"""Count the instructions of each kernel on fixed inputs and compare: `python -m benchmarks.gate.check [--update]`.

Seconds depend on the day and the neighbours; the number of instructions that callgrind counts depends on the compiler
alone. The kernels are compiled with the package's own options, without run-time dispatch, once for plain x86-64 and
once for x86-64-v3 (AVX2 and FMA; valgrind knows nothing wider), and linked to a small driver. More instructions than
`counts.json` says, by over 3 %, end the check with 1; fewer are told. Counts are kept per compiler: with one that
has none yet they are printed and nothing fails. Without valgrind, a compiler or such a processor the check says so
and ends well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness.machine import compiler, this_machine
from benchmarks.harness.process import ROOT

HERE = ROOT / "benchmarks" / "gate"
NATIVE = ROOT / "src" / "plimsoll" / "kernels" / "native"
COUNTS = HERE / "counts.json"
VARIANTS = ("x86-64", "x86-64-v3")
TOLERANCE = 0.03

Counts = dict[str, dict[str, int]]  # variant, case


def main(arguments: list[str] | None = None) -> int:
    """Count, compare, tell."""
    parser = argparse.ArgumentParser(description="Compare instruction counts of the kernels with the recorded ones.")
    parser.add_argument("--update", action="store_true", help="record what is counted now, for this compiler")
    chosen = parser.parse_args(arguments)
    reason = obstacle()
    if reason:
        print(f"instruction counts: not compared, {reason}")
        return 0
    found = count_all()
    recorded: dict[str, Counts] = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.is_file() else {}
    name = compiler()
    if chosen.update:
        recorded[name] = {**recorded.get(name, {}), **found}
        COUNTS.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{COUNTS.relative_to(ROOT).as_posix()}: {sum(map(len, found.values()))} counts for {name}")
        return 0
    if name not in recorded:
        print(f"instruction counts: none are recorded for {name}, so nothing is compared")
        for variant, cases in found.items():
            for case, number in cases.items():
                print(f"  {variant}: {case}: {number:,}")
        return 0
    lines, faults = compare(found, recorded[name])
    print("\n".join(lines))
    print(f"instruction counts: {name}, {len(lines)} compared, {faults} too high or without a partner")
    return 1 if faults else 0


def obstacle() -> str | None:
    """Why nothing can be counted here, if so."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"the counts are of x86-64 and this is {platform.machine()}"
    if shutil.which("valgrind") is None:
        return "valgrind is not installed"
    return "there is no C++ compiler" if compiler() == "none" else None


def compare(found: Counts, recorded: Counts) -> tuple[list[str], int]:
    """A line per count, and how many are at fault. Only variants that were counted are looked at.

    >>> compare({"v": {"a": 104, "b": 90}}, {"v": {"a": 100, "b": 100}})[1]
    1
    """
    lines, faults = [], 0
    for variant, cases in found.items():
        known = recorded.get(variant, {})
        for case in sorted(cases.keys() | known.keys()):
            now, then = cases.get(case), known.get(case)
            if now is None or then is None:
                verdict, fault = "no such case any more" if now is None else "not recorded yet", True
            else:
                change = now / then - 1.0
                fault = now > then * (1.0 + TOLERANCE)
                verdict = f"{change:+.2%}" + (" MORE" if fault else " fewer, record it" if change < -TOLERANCE else "")
            faults += fault
            lines.append(f"  {variant}: {case}: {'-' if now is None else f'{now:,}'} ({verdict})")
    return lines, faults


def count_all() -> Counts:
    """Instructions of every case in every variant that this processor can run."""
    variants = [v for v in VARIANTS if v == "x86-64" or "avx2 fma" in this_machine().vectors]
    with tempfile.TemporaryDirectory() as folder:
        commands = _compile_commands(Path(folder) / "configured")
        found: Counts = {}
        for variant in variants:
            driver = _build(commands, variant, Path(folder) / variant)
            names = subprocess.run([str(driver)], check=True, capture_output=True, text=True).stdout.splitlines()
            found[variant] = {name: _count(driver, name, Path(folder)) for name in names}
        return found


def _compile_commands(build: Path) -> list[list[str]]:
    """How the package compiles each kernel, without output and source; bindings to Python are left out."""
    configure = ["cmake", "-S", str(ROOT), "-B", str(build), "-DPLIMSOLL_DISPATCH=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    configure += ["-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", f"-DPython_EXECUTABLE={sys.executable}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(configure, check=True, env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    commands = []
    for entry in entries:
        source = Path(entry["file"])
        if source.parent == NATIVE and source.name != "module.cpp" and not source.name.startswith("bind_"):
            commands.append(shlex.split(entry["command"]))
    return commands


def _build(commands: list[list[str]], variant: str, folder: Path) -> Path:
    folder.mkdir()
    objects = []
    for command in commands:
        # compiler, options, -o OBJECT -c SOURCE
        at = command.index("-o")
        options, source = command[:at], command[-1]
        objects.append(folder / f"{Path(source).stem}.o")
        target = ["-march=" + variant, "-mtune=generic", "-g1", "-o", str(objects[-1]), "-c", source]
        subprocess.run([*options, *target], check=True)
    cxx = commands[0][0]
    for case in sorted(HERE.glob("*.cpp")):
        objects.append(folder / f"gate_{case.stem}.o")
        options = ["-std=c++17", "-O2", f"-march={variant}", f"-I{NATIVE}", "-Wall", "-Wextra"]
        subprocess.run([cxx, *options, "-o", str(objects[-1]), "-c", str(case)], check=True)
    driver = folder / "driver"
    subprocess.run([cxx, *map(str, objects), "-pthread", "-o", str(driver)], check=True)
    return driver


def _count(driver: Path, case: str, folder: Path) -> int:
    to = folder / "callgrind.out"
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=plimsoll_measured", f"--callgrind-out-file={to}"]
    # A variable of the C library decides which variant of its functions runs; the processor's own choice would differ.
    environment = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX2,-FMA_Usable,-FMA,-FMA4"}
    subprocess.run([*command, str(driver), case], check=True, capture_output=True, env=environment)
    total = re.search(r"^(?:summary|totals): (\d+)", to.read_text(encoding="utf-8"), re.MULTILINE)
    if total is None or int(total.group(1)) == 0:
        raise RuntimeError(f"callgrind counted nothing for {case}")
    return int(total.group(1))


if __name__ == "__main__":
    sys.exit(main())
