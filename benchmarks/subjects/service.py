"""The service under an open load: questions at their own rate, beside fills and prices, on a durable ledger."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.process import ROOT
from benchmarks.harness.statistics import Spread

TITLE = "The service"
ABOUT = (
    "One process with its durable ledger, REST over the loopback of the same machine. What-ifs arrive at a rate of "
    "their own (Poisson), whether or not the ones before were answered; a reply counts from the instant at which its "
    "question was due, so waiting for a connection is part of it, and none is left out. Beside them fills and prices "
    "of a generated day come in by REST, those that are due together in one call, acknowledged once they are durable. "
    "1,500 options, 300 scenarios. The load comes from the same machine and takes its part of it."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"accounts": 10_000, "positions": 20, "minutes": 10.0, "what_ifs": 300.0, "events": 40.0},
    "quick": {"accounts": 100, "positions": 5, "minutes": 0.05, "what_ifs": 100.0, "events": 20.0},
}
LATE = 0.05
"""Seconds after which a reply is late."""

CONNECTIONS = 64
TOGETHER = 500
WARM = 5.0
"""Seconds of load that are not measured."""


@dataclass
class Heard:
    """Seconds from due to reply, by kind; replies other than success; memory of the service, and the cores it used."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"what-if": [], "event": []})
    refused: dict[str, int] = field(default_factory=dict)
    memory: list[tuple[float, int]] = field(default_factory=list)
    cores: float = 0.0


class Connection:
    """HTTP/1.1 by hand: a client library would take more of the machine than the service."""

    def __init__(self, port: int, secret: str) -> None:
        self.port = port
        self.head = f"Host: localhost\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/json\r\n"
        self.lines: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> int:
        """The status of the reply, once all of it is here."""
        if self.lines is None:
            self.lines = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.lines
        writer.write(f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        low = head.lower()
        at = low.index(b"content-length:") + 15
        await reader.readexactly(int(low[at : low.index(b"\r\n", at)]))
        return int(head[9:12])

    def close(self) -> None:
        """Let it go."""
        if self.lines is not None:
            self.lines[1].close()


async def _asked(
    pool: asyncio.Queue[Connection], body: bytes, due: float, kept: list[float] | None, heard: Heard
) -> None:
    line = await pool.get()
    try:
        status = await line.post("/v1/what-if", body)
        if kept is not None:
            kept.append(time.perf_counter() - due)
            if status != 200:
                heard.refused[str(status)] = heard.refused.get(str(status), 0) + 1
    finally:
        pool.put_nowait(line)


async def _load(port: int, secret: str, orders: Iterator[bytes], events: Iterator[bytes], sizes: dict[str, Any],
                rng: np.random.Generator, pid: int) -> Heard:  # fmt: skip
    heard = Heard()
    lines = [Connection(port, secret) for _ in range(CONNECTIONS + 1)]
    pool: asyncio.Queue[Connection] = asyncio.Queue()
    for line in lines[:-1]:
        pool.put_nowait(line)
    began = time.perf_counter()
    end = began + WARM + 60.0 * sizes["minutes"]
    running: set[asyncio.Task[None]] = set()

    def start(body: bytes, due: float) -> None:
        kept = heard.seconds["what-if"] if due - began >= WARM else None
        task = asyncio.create_task(_asked(pool, body, due, kept, heard))
        running.add(task)
        task.add_done_callback(running.discard)

    async def arrivals(rate: float) -> None:
        due = time.perf_counter()
        while due < end:
            due += float(rng.exponential(1.0 / rate))
            wait = due - time.perf_counter()
            if wait > 0.0:
                await asyncio.sleep(wait)
            start(next(orders), due)

    async def feed(rate: float) -> None:
        """What is due goes in one call; the next waits for its reply, as a gateway does that keeps its order."""
        ahead = np.random.default_rng(1)
        due = time.perf_counter()
        while due < end:
            batch = []
            while True:
                batch.append((due, next(events)))
                due += float(ahead.exponential(1.0 / rate))
                if due > time.perf_counter() or len(batch) == TOGETHER:
                    break
            body = b'{"events":[' + b",".join(event for _, event in batch) + b"]}"
            status = await lines[-1].post("/v1/events", body)
            now = time.perf_counter()
            heard.seconds["event"] += [now - at for at, _ in batch if at - began >= WARM]
            if status != 200:
                heard.refused[str(status)] = heard.refused.get(str(status), 0) + 1
            if due > now:
                await asyncio.sleep(due - now)

    async def memory() -> None:
        while (now := time.perf_counter()) < end:
            heard.memory.append((now - began, _resident(pid)))
            await asyncio.sleep(min(1.0, 0.1 + 60.0 * sizes["minutes"] / 50))

    used = _cpu(pid)
    await asyncio.gather(arrivals(sizes["what_ifs"]), feed(sizes["events"]), memory())
    heard.cores = (_cpu(pid) - used) / (time.perf_counter() - began)
    if running:
        await asyncio.wait(set(running), timeout=60.0)
    for line in lines:
        line.close()
    return heard


def _resident(pid: int) -> int:
    """Bytes in memory of a process."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    return 0


def _cpu(pid: int) -> float:
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _orders(market: Any, accounts: int, rng: np.random.Generator) -> Iterator[bytes]:
    names = [c.name for c in market.instruments if c.kind == "option"]
    while True:
        leg = {"instrument": names[int(rng.integers(len(names)))], "quantity": float(rng.choice([-1.0, 1.0]))}
        yield json.dumps({"account": f"account {rng.integers(accounts)}", "legs": [leg]}).encode()


def _events(market: Any, accounts: int, seed: int) -> Iterator[bytes]:
    from plimsoll.live.events import to_json
    from plimsoll.live.generated import DayRule, generated_day

    names = [f"account {a}" for a in range(accounts)]
    for event in generated_day(market, names, 10**9, seed, DayRule(seconds=0.025)):
        yield json.dumps(to_json(event)).encode()


def measured(sizes: dict[str, Any], seed: int) -> Heard:
    """Start the service, load it, end it."""
    from benchmarks.ours.house import market as house_market

    rng = generator("service", seed)
    market = house_market()
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        command = [sys.executable, "-m", "benchmarks.ours.house", str(port), f"{folder}/load.db"]
        command += [str(sizes["accounts"]), str(sizes["positions"])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            secret = process.stdout.readline().strip()
            if not secret:
                raise RuntimeError(f"the service ended with {process.wait()}")
            _wait_for(port)
            try:
                orders = _orders(market, sizes["accounts"], rng)
                events = _events(market, sizes["accounts"], seed)
                return asyncio.run(_load(port, secret, orders, events, sizes, rng, process.pid))
            finally:
                process.communicate()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def run(bench: Bench) -> None:
    """Load the service for so many minutes and note what was heard."""
    sizes = dict(SIZES["quick" if bench.quick else "full"])
    if bench.minutes is not None:
        sizes["minutes"] = bench.minutes
    heard = measured(sizes, bench.seed)
    for kind, seconds in heard.seconds.items():
        for key, share in (("p50", 0.5), ("p99", 0.99), ("largest", 1.0)):
            value = Spread.exact(1e3 * float(np.quantile(seconds, share))) if seconds else None
            bench.note(f"{kind}, {key}", f"milliseconds from due to reply, {kind}, {key}", "ms", value)
        late = sum(s > LATE for s in seconds)
        bench.note(f"{kind}, replies", f"replies, {kind}", "", Spread.exact(len(seconds)))
        bench.note(f"{kind}, late", f"replies later than {1e3 * LATE:g} ms, {kind}", "", Spread.exact(late))
    bench.note("minutes", "minutes of load", "min", Spread.exact(sizes["minutes"]))
    bench.note("refused", "replies other than success", "", Spread.exact(sum(heard.refused.values())))
    bench.note("cores", "cores that the service used", "", Spread.exact(heard.cores))
    if len(heard.memory) > 3:
        grown = growth(heard.memory)
        bench.note("memory", "resident memory at the end", "MB", Spread.exact(heard.memory[-1][1] / 1e6))
        bench.note("growth", "resident memory gained a minute in the second half", "MB/min", Spread.exact(grown))


def growth(memory: list[tuple[float, int]]) -> float:
    """Megabytes a minute, by a straight line through the second half."""
    half = memory[len(memory) // 2 :]
    slope = np.polyfit([t for t, _ in half], [m for _, m in half], 1)[0]
    return float(slope) * 60.0 / 1e6
