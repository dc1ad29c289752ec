"""The parent's end of a contender's process."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = ROOT / "benchmarks" / "harness" / "worker.py"
#: Libraries with threads of their own get one: a contender is one core unless its subject says otherwise.
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
#: The longest answer: compiling a peer's functions at its first call.
PATIENCE = 600.0

Clock = Literal["cpu", "wall", "children", "p50", "p99"]


class ContenderError(RuntimeError):
    """A contender that cannot run; the text is fit for a document."""


def fit_to_print(text: str) -> str:
    """The first line of a failure without addresses, paths and control characters, at most 200 characters.

    >>> fit_to_print("ERROR: no wheel for it at https://host.example/simple in /home/me/x")
    'ERROR: no wheel for it at … in …'
    """
    lines = [line for line in text.strip().splitlines() if line.strip()] or ["no reason was given"]
    first = re.sub(r"\w+://\S+|(?<![\w.])~?(?:/[\w.@+-]+)+/?|[A-Za-z]:\\\S+", "…", lines[0])
    return re.sub(r"[\x00-\x1f]", " ", first)[:200]


@dataclass(frozen=True)
class Contender:
    """Who runs what: `call` is ``file:function`` from the root of the repository.

    `environment` is ``project`` or a folder of ``benchmarks/peers``; `distributions` are the ones whose versions are
    told. `clock` is the measured time; `unit` what is counted, per second in the tables. Who gives no answer for
    `patience` seconds is ended.
    """

    name: str
    environment: str
    call: str
    unit: str
    distributions: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    clock: Clock = "cpu"
    patience: float = PATIENCE


class Process:
    """A running contender. Use as a context, or call `close`."""

    def __init__(self, interpreter: Path, core: int | None, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._child = subprocess.Popen(
            # -P: neither the worker's folder nor the root is on the path, so every environment sees itself alone
            [str(interpreter), "-P", str(WORKER), "any" if core is None else str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=os.environ | ONE_THREAD,
        )
        self._rest = b""

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait. Raises `ContenderError` for a failure on the other side, its end and a silence."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(request).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            raise ContenderError("its process has ended") from None
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise ContenderError(fit_to_print(answer["error"]))
        return answer

    def _line(self) -> bytes:
        assert self._child.stdout is not None
        pipe = self._child.stdout.fileno()
        until = time.monotonic() + self._patience
        while b"\n" not in self._rest:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                # left alone it would take the core from those that come after it
                self._child.kill()
                raise ContenderError(f"no answer within {self._patience:g} s")
            piece = os.read(pipe, 65536)
            if not piece:
                raise ContenderError("its process has ended")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def close(self) -> None:
        """End the process."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.close()
            self._child.wait(timeout=5)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()
