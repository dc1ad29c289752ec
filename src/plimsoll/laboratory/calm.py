"""What a recorded book says of a calm market: how much is posted within each move, and how fast it comes back.

Minutes of one day. They set the calm side of a cascade and nothing else: what makers do in a storm is a parameter of
the scenario (`Makers`), which these minutes cannot calibrate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.liquidity import Calm, Liquidity
from plimsoll.market.order_book import OrderBook

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

RATES = np.geomspace(0.05, 120.0, 60)
"""Refill rates that are tried, per minute: from a half life of a quarter of an hour to one of a third of a second."""

FILE = "liquidity.json"
HUBER, BLOCK_SECONDS = 1.345, 15.0


@dataclass(frozen=True, eq=False)
class DepthSeries:
    """A book watched over time, USD: `seconds` `[n]` since the first, `depth` `[n, K, 2]` posted within each of
    `moves` of the middle on the side of the bids and of the asks, `taken` `[n, 2]` what trades took from either side
    since the instant before."""

    moves: tuple[float, ...]
    seconds: F64
    depth: F64
    taken: F64

    def curve(self, since: float = 0.0) -> F64:
        """`[K]` USD on the thinner side, in the mean from the second `since` on: which side a crowd meets is not
        known."""
        rows = self.seconds >= since
        if not rows.any():
            raise refuse("since", since, f"at most {self.seconds[-1]:g}, the last instant")
        return np.asarray(self.depth[rows].mean(axis=0).min(axis=1))


@dataclass(frozen=True)
class Refill:
    """How what trades took comes back. `shown` is the part of it that is missing at the first look afterwards, `rate`
    the speed at which the rest returns (1 / minute), `missing` the part still missing after a minute,
    `shown exp(-rate)`, and `error` its standard error. What is replaced before the first look counts as come back."""

    shown: float
    rate: float
    missing: float
    error: float

    @property
    def refill(self) -> float:
        """The part of what was taken that is back after a minute."""
        return 1.0 - self.missing


def observe(
    books: Iterable[OrderBook], times: I64, usd: F64, signs: F64, moves: Sequence[float], *, reach: float
) -> DepthSeries:
    """Depth within each of `moves` in each book, and what trades took between them.

    `times` (ns, growing), `usd` (paid) and `signs` (+1 where the offer was taken) are of the trades. `reach` is how
    far from the middle the caller stands for the book; a move beyond is refused, because depth that was not recorded
    is not zero.
    """
    if not moves or any(b <= a for a, b in zip((0.0, *moves), moves, strict=False)) or moves[-1] > reach:
        raise refuse("moves", list(moves), f"growing, above zero and at most {reach:.6g}, to where the book is known")
    rows = [(b.time_ns, [np.multiply(b.depth(m), b.mid) for m in moves]) for b in books]
    if len(rows) < 3:
        raise refuse("books", len(rows), "three books or more")
    stamps = np.array([r[0] for r in rows], dtype=np.int64)
    if (np.diff(stamps) <= 0).any():
        raise refuse("books", "not in order of time", "each later than the one before")
    upto = np.searchsorted(times, stamps, side="right")
    taken = [
        np.diff(run := np.append(0.0, np.cumsum(np.where(signs == sign, usd, 0.0)))[upto], prepend=run[0])
        for sign in (-1.0, 1.0)
    ]
    return DepthSeries(
        tuple(moves), (stamps - stamps[0]) / 1e9, np.array([r[1] for r in rows]), np.array(taken).T.copy()
    )


def refill(seconds: F64, depth: F64, taken: F64, *, draws: int = 200, seed: int = 1) -> Refill:
    """Fit of one side, one band: USD `depth` `[n]` and `taken` `[n]` since the instant before.

    ```
    gap(t) = gap(t-1) exp(-rate dt) + taken(t)
    change of depth(t) = -shown * change of gap(t) + everything else
    ```
    Everything else is orders posted and withdrawn for reasons of their own: large and rare, so the fit is Huber's
    (1.345 times the median deviation of the changes) over a grid of rates, `RATES`, and its error comes from a
    bootstrap of blocks of 15 seconds. A negative `shown`, depth that grows where it is taken, is set to zero.

    Raises `DocumentError` for fewer than 30 instants or a side from which nothing was taken.
    """
    if len(seconds) < 30 or not (taken > 0.0).any():
        raise refuse("taken", f"{len(seconds)} instants, {int((taken > 0.0).sum())} with a trade", "30 and one or more")
    minutes = np.diff(seconds) / 60.0
    gap = np.zeros((len(RATES), len(seconds)))
    gap[:, 0] = taken[0]
    for n, wait in enumerate(minutes, 1):
        gap[:, n] = gap[:, n - 1] * np.exp(-RATES * wait) + taken[n]
    change, less = np.diff(depth), -np.diff(gap, axis=1)
    scale = 1.4826 * float(np.median(np.abs(change - np.median(change)))) or float(change.std()) or 1.0
    shown, rate = _fit(change, less, scale)
    rng = np.random.default_rng(seed)
    size = max(1, round(BLOCK_SECONDS / (float(np.median(minutes)) * 60.0)))
    found = []
    for _ in range(draws):
        starts = rng.integers(0, max(1, len(change) - size + 1), size=-(-len(change) // size))
        rows = (starts[:, None] + np.arange(size)).ravel()[: len(change)] % len(change)
        a, k = _fit(change[rows], less[:, rows], scale)
        found.append(a * np.exp(-k))
    return Refill(shown, rate, shown * float(np.exp(-rate)), float(np.std(found, ddof=1)))


def _fit(change: F64, less: F64, scale: float) -> tuple[float, float]:
    """The part shown and the rate of least Huber loss: `less` `[R, n]` has a row for each rate."""
    bend = HUBER * scale
    shown = np.zeros(len(less))
    for _ in range(30):
        off = np.abs(change - shown[:, None] * less)
        weight = bend / np.maximum(off, bend)
        square = np.maximum((weight * less * less).sum(axis=1), 1e-300)
        shown = np.maximum(0.0, (weight * less * change).sum(axis=1) / square)
    off = np.abs(change - shown[:, None] * less)
    loss = np.where(off <= bend, 0.5 * off * off, bend * (off - 0.5 * bend)).sum(axis=1)
    best = int(np.argmin(loss))
    return float(shown[best]), float(RATES[best])


def measured(moves: Sequence[float], depth: Sequence[float], found: Sequence[Refill]) -> Calm:
    """The calm terms of a watched book: USD `depth` within each of `moves`, and the least of the refills found.

    A refill is kept within one thousandth and one. Where the depth does not grow from one move to the next the further
    one is left out, because a `Calm` curve grows.
    """
    kept: list[tuple[float, float]] = []
    for move, usd in zip(moves, depth, strict=True):
        if round(usd) > (kept[-1][1] if kept else 0.0):
            kept.append((move, float(round(usd))))
    if not kept or not found:
        raise refuse("depth", [float(d) for d in depth], "a depth above zero, and a refill for it")
    least = min(r.refill for r in found)
    return Calm(
        moves=tuple(m for m, _ in kept),
        depth=tuple(d for _, d in kept),
        refill=min(1.0, max(0.001, round(least, 3))),
        evidence="measured",
    )


def scaled(calm: Calm, factor: float) -> Calm:
    """Another underlying, assumed: `factor` times the depth at each move, the same refill.

    >>> scaled(Calm(moves=(0.01,), depth=(200.0,), refill=0.5, evidence="measured"), 0.25).depth
    (50.0,)
    """
    if not (np.isfinite(factor) and factor > 0.0):
        raise refuse("factor", factor, "a number above zero")
    return Calm(moves=calm.moves, depth=tuple(d * factor for d in calm.depth), refill=calm.refill, evidence="assumed")


def default_liquidity() -> Liquidity:
    """The liquidity that comes with the package: BTC from a recorded book, the others scaled by what is traded of them.

    Made by `python tools/measure_depth.py`, which says how; the behaviour of makers in it is assumed.
    """
    return Liquidity.from_json(resources.files("plimsoll.laboratory").joinpath("data", FILE).read_bytes(), FILE)
