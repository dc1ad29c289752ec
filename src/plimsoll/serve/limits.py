"""How much a caller may send, ask and start."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceLimits:
    """Bounds of the service, the same for every tenant.

    `body` in bytes, `depth` levels of JSON, `events` of one call; `jobs` at once and `waiting` behind them for each
    tenant, `kept_jobs` that ended, `job_seconds` of one; `reads` that compute at once for each tenant and
    `read_seconds` of one; `backlog` frames for a client of the stream, `streams` of a tenant, `frame` bytes of what a
    client says; `failures` per second of one address without a token that holds.
    """

    body: int = 16 * 2**20
    depth: int = 24
    events: int = 1_000
    jobs: int = 1
    waiting: int = 8
    kept_jobs: int = 100
    job_seconds: float = 300.0
    reads: int = 4
    read_seconds: float = 60.0
    backlog: int = 256
    streams: int = 100
    frame: int = 4_096
    failures: float = 10.0


class Buckets:
    """Token buckets by key: `rate` per second, and as much as `burst` seconds of it at once.

    >>> now = [0.0]
    >>> buckets = Buckets(clock=lambda: now[0])
    >>> [buckets.wait("a", 2.0) for _ in range(5)]
    [0.0, 0.0, 0.0, 0.0, 0.5]
    """

    def __init__(self, burst: float = 2.0, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        self.burst, self.most, self.clock = burst, most, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, rate: float, cost: float = 1.0) -> float:
        """Take `cost`; zero where it was there, else the seconds until it will be, and nothing is taken.

        What costs more than a whole bucket takes a full one.
        """
        now = self.clock()
        full = max(1.0, rate * self.burst)
        left, at = self._left.get(key, (full, now))
        left = min(full, left + (now - at) * rate)
        cost = min(cost, full)
        short = cost - left
        self._left[key] = (left if short > 0.0 else left - cost, now)
        self._left.move_to_end(key)
        while len(self._left) > self.most:
            self._left.popitem(last=False)
        return max(0.0, short / rate)


__all__ = ["Buckets", "ServiceLimits"]
