"""One contender in a process and an environment of its own: a request per line in, an answer per line out.

    python worker.py CORE

Everything is JSON. CORE is the number of the core to run on, or `any`. Requests, with what is answered:

- ``{"do": "hello", "distributions": [...]}``: versions of the interpreter and of those distributions;
- ``{"do": "load", "file": F, "call": C, "inputs": NPZ, "options": {}}``: the work that function C of file F makes of
  the inputs, done once: how many units of work one call does;
- ``{"do": "turn", "calls": n}``: the work n times: seconds of this process, of its children and on the clock. Work
  with a list of arguments is timed call by call instead, and the answer has the 50 and 99 per cent quantiles;
- ``{"do": "save", "to": NPZ}``: the result of one call, an array or a dictionary of arrays, with `peak`: the largest
  memory of this process so far in GB, inputs included, where the system tells it.

A failure is an answer too, ``{"error": text}``. A contender's function takes the inputs (name to array) and the
options and returns ``{"run": callable, "units": number}``, or ``{"call": callable, "arguments": list of tuples}``
where single calls are timed; ``units`` is 1 if left out. This file needs numpy and nothing of the project, since it
runs in the environments of the peers.
"""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import resource
import sys
import time
from typing import Any


class Contender:
    """The work of this process."""

    def __init__(self) -> None:
        self.job: dict[str, Any] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "hello":
                return {"versions": versions(request["distributions"])}
            case "load":
                return self.load(request)
            case "turn":
                return self.turn(request["calls"])
            case "save":
                return self.save(request["to"])
        raise ValueError(f"do: got {request['do']!r}, must be hello, load, turn or save")

    def load(self, request: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        self.job = {}
        with np.load(request["inputs"]) as stored:
            inputs = {name: stored[name] for name in stored.files}
        found = importlib.util.spec_from_file_location("contender", request["file"])
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        self.job = getattr(module, request["call"])(inputs, request["options"])
        if "run" in self.job:
            self.job["run"]()
        else:
            self.job["call"](*self.job["arguments"][0])
        return {"units": self.job.get("units", 1)}

    def turn(self, calls: int) -> dict[str, float]:
        gc.collect()
        gc.disable()
        try:
            if "run" in self.job:
                return self._whole(calls)
            return self._each(calls)
        finally:
            gc.enable()

    def _whole(self, calls: int) -> dict[str, float]:
        run = self.job["run"]
        children, cpu, wall = _children(), time.process_time(), time.perf_counter()
        for _ in range(calls):
            run()
        return {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "children": _children() - children,
        }

    def _each(self, calls: int) -> dict[str, float]:
        call, clock = self.job["call"], time.perf_counter_ns
        taken = []
        wall, cpu = time.perf_counter(), time.process_time()
        for arguments in itertools.islice(itertools.cycle(self.job["arguments"]), calls):
            before = clock()
            call(*arguments)
            taken.append(clock() - before)
        whole = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "children": 0.0}
        taken.sort()
        at = {"p50": taken[len(taken) // 2], "p99": taken[min(len(taken) - 1, len(taken) * 99 // 100)]}
        return whole | {name: nanoseconds * 1e-9 for name, nanoseconds in at.items()}

    def save(self, to: str) -> dict[str, Any]:
        import numpy as np

        result = self.job["run"]() if "run" in self.job else [self.job["call"](*a) for a in self.job["arguments"]]
        arrays = result if isinstance(result, dict) else {"result": np.asarray(result)}
        largest = peak()
        if largest is not None:
            arrays = {"peak": np.asarray(largest), **arrays}
        np.savez(to, **arrays)
        return {}


def peak() -> float | None:
    """Largest memory of this program in GB; that of `getrusage` begins with what the starting process had."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1e6 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def versions(distributions: list[str]) -> dict[str, str]:
    """Versions of the interpreter and of the distributions."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in distributions}


def main() -> None:
    core = sys.argv[1]
    if core != "any" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core)})
    # What a library prints goes where errors go: the answers have the line for themselves.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    contender = Contender()
    for line in sys.stdin:
        try:
            answer = contender.answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 whatever a contender raises is told by name on the other side
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
