"""What open pages cost the server: `python tools/measure_dashboard.py --clients 10 --seconds 60`.

The service runs in a process of its own with a feed; live connections of the fleet page read as a browser does. Printed
are the resident memory and processor time of the server before, with and after them, and what was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def serve(accounts: int, speed: float) -> None:
    """The service until its standard input closes; first its address and a cookie's worth of token, then for each line
    what it has in use."""
    from dashboard_house import running

    with tempfile.TemporaryDirectory() as folder, running(Path(folder), accounts=accounts, speed=speed) as house:
        print(json.dumps({"url": house.url, "token": house.token("moving", "read")}), flush=True)
        engine = house.service.tenants["moving"].live.engine
        for _ in sys.stdin:
            told = {"bytes": allocated(), "blocks": sys.getallocatedblocks(), "events": engine.events}
            print(json.dumps(told), flush=True)


class _Allocated(ctypes.Structure):
    """`struct mallinfo2` of the C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def allocated() -> int:
    """Bytes that the C library has given out and not got back; what Python's own allocator holds are its blocks."""
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _Allocated
    return int(library.mallinfo2().uordblks)


def used(process: int) -> tuple[float, float]:
    """Resident memory in MB and processor time in seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    ticks = os.sysconf("SC_CLK_TCK")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, (int(fields[11]) + int(fields[12])) / ticks


async def client(url: str, cookie: str, until: float, told: list[int]) -> None:
    """One open page."""
    import websockets

    address = url.replace("http", "ws") + "/dashboard/live?page=fleet"
    async with websockets.connect(address, origin=url, additional_headers={"Cookie": cookie}) as socket:  # type: ignore[arg-type]
        while time.monotonic() < until:
            try:
                message = await asyncio.wait_for(socket.recv(), max(0.01, until - time.monotonic()))
            except TimeoutError:
                return
            told.append(len(message))


async def measure(clients: int, seconds: float, accounts: int, speed: float) -> None:
    """Idle, then with the clients in three equal parts, then without."""
    import httpx

    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", "--accounts", str(accounts), "--speed", str(speed)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        place = json.loads(server.stdout.readline())
        url = place["url"]
        with httpx.Client(base_url=url, headers={"Origin": url}) as login:
            login.post("/dashboard/login", data={"token": place["token"]})
            cookie = "; ".join(f"{k}={v}" for k, v in login.cookies.items())
            login.get("/dashboard")
        part = seconds / 3.0
        await asyncio.sleep(5.0)
        await report("before", server, part)
        told: list[int] = []
        until = time.monotonic() + seconds
        pages = [asyncio.create_task(client(url, cookie, until, told)) for _ in range(clients)]
        for n in range(3):
            await report(f"{clients} pages, part {n + 1} of 3", server, part)
        await asyncio.gather(*pages)
        await report("after", server, part)
        print(f"{len(told):,} messages, {sum(told) / 1e6:.1f} MB before compression")
    finally:
        server.stdin.close()
        server.wait()


async def over(process: int, seconds: float) -> tuple[float, float]:
    """Memory at the end of a stretch and the part of one core that was used in it."""
    _, before = used(process)
    await asyncio.sleep(seconds)
    memory, after = used(process)
    return memory, (after - before) / seconds


async def report(name: str, server: subprocess.Popen[str], seconds: float) -> None:
    """One line, of a stretch of so many seconds and what was in use at its end."""
    memory, part = await over(server.pid, seconds)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write("\n")
    server.stdin.flush()
    told = json.loads(await asyncio.to_thread(server.stdout.readline))
    used = f"{told['bytes'] / 1e6:6.2f} MB and {told['blocks']:,} blocks in use, {told['events']:,} events"
    print(f"{name:<22} {memory:7.1f} MB  {100 * part:5.1f} % of a core, {used}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--speed", type=float, default=2.0)
    parser.add_argument("--serve", action="store_true")
    given = parser.parse_args()
    if given.serve:
        serve(given.accounts, given.speed)
    else:
        asyncio.run(measure(given.clients, given.seconds, given.accounts, given.speed))
