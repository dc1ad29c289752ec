"""Distances to the two sides of variables or rows, and their prices, on the way of an interior point."""

from __future__ import annotations

import numpy as np

from plimsoll.risk.plan import F64


class Sides:
    """`far` from the lower and the upper side of `at[n]`, each above zero, and the `price` of each; a side that is not
    there has no price.
    """

    def __init__(self, low: F64, high: F64, at: F64) -> None:
        self.has = (np.isfinite(low), np.isfinite(high))
        self.at = at
        below, above = (np.where(h, s, 0.0) for h, s in zip(self.has, (low, high), strict=True))
        self.far = [np.where(self.has[0], at - below, 1.0), np.where(self.has[1], above - at, 1.0)]
        self.price = [np.zeros_like(at), np.zeros_like(at)]

    def begin(self, mu: float) -> None:
        """Prices by which each product is `mu`."""
        self.price = [np.where(h, mu / f, 0.0) for h, f in zip(self.has, self.far, strict=True)]

    @property
    def count(self) -> int:
        """Sides that are there."""
        return int(self.has[0].sum() + self.has[1].sum())

    @property
    def products(self) -> float:
        """Sum of distances times prices: zero at an optimum."""
        return float(sum((f * p).sum() for f, p in zip(self.far, self.price, strict=True)))

    @property
    def net(self) -> F64:
        """Price of the lower side less that of the upper one."""
        found: F64 = self.price[0] - self.price[1]
        return found

    @property
    def stiffness(self) -> F64:
        """What a move adds to the net price, reversed in sign."""
        found: F64 = self.price[0] / self.far[0] + self.price[1] / self.far[1]
        return found

    def push(self, wanted: list[F64]) -> F64:
        """What changes of the products add to the net price without a move."""
        found: F64 = wanted[0] / self.far[0] - wanted[1] / self.far[1]
        return found

    def wanted(self, mu: float) -> list[F64]:
        """Changes of the products to `mu` each."""
        return [np.where(h, mu - f * p, 0.0) for h, f, p in zip(self.has, self.far, self.price, strict=True)]

    def second(self, mu: float, move: F64, change: list[F64]) -> list[F64]:
        """Changes of the products by `mu` each, less the second-order term of a predicted step."""
        return [np.where(h, mu - s * move * c, 0.0) for h, s, c in zip(self.has, (1.0, -1.0), change, strict=True)]

    def change(self, wanted: list[F64], move: F64) -> list[F64]:
        """Changes of the prices that go with a move."""
        return [(wanted[0] - self.price[0] * move) / self.far[0], (wanted[1] + self.price[1] * move) / self.far[1]]

    def reach(self, move: F64, change: list[F64]) -> tuple[float, float]:
        """Largest steps within one that keep distances, and prices, at zero or above."""
        away = [np.where(h, s * move, 0.0) for h, s in zip(self.has, (1.0, -1.0), strict=True)]
        return (
            min(reach(f, a) for f, a in zip(self.far, away, strict=True)),
            min(reach(p, c) for p, c in zip(self.price, change, strict=True)),
        )

    def reaches(self, move: tuple[F64, F64], change: tuple[list[F64], list[F64]], parts: F64) -> tuple[F64, F64]:
        """`reach` of a move and its change of prices, each with these parts of a second one."""
        far = [
            reaches(f, np.where(h, s * move[0], 0.0), np.where(h, s * move[1], 0.0), parts)
            for h, s, f in zip(self.has, (1.0, -1.0), self.far, strict=True)
        ]
        price = [reaches(p, a, b, parts) for p, a, b in zip(self.price, *change, strict=True)]
        return np.minimum(*far), np.minimum(*price)

    def after(self, move: F64, change: list[F64], primal: float, dual: float) -> float:
        """Sum of products after a step."""
        parts = zip(self.has, self.far, (1.0, -1.0), self.price, change, strict=True)
        return float(sum((np.where(h, f + primal * s * move, 0.0) * (p + dual * c)).sum() for h, f, s, p, c in parts))

    def step(self, move: F64, change: list[F64], primal: float, dual: float) -> None:
        """Take it."""
        self.at = self.at + primal * move
        self.far = [
            np.where(h, f + primal * s * move, 1.0)
            for h, f, s in zip(self.has, self.far, (1.0, -1.0), strict=True)
        ]  # fmt: skip
        self.price = [p + dual * c for p, c in zip(self.price, change, strict=True)]


def reach(value: F64, move: F64) -> float:
    """The largest step within one at which `value` is not below zero."""
    down = move < 0.0
    return min(1.0, float((value[down] / -move[down]).min(initial=np.inf)))


def reaches(value: F64, move: F64, more: F64, parts: F64) -> F64:
    """`[P]` the largest step within one along `move + parts[p] * more`, for each part, at which `value` is not below
    zero.
    """
    moves = move + parts[:, None] * more
    length = np.full(moves.shape, np.inf)
    np.divide(value, -moves, out=length, where=moves < 0.0)
    found: F64 = np.minimum(1.0, length.min(axis=1, initial=np.inf))
    return found


def inside(low: F64, high: F64, wish: F64) -> F64:
    """`wish`, or what is nearest to it and well within the sides: by a tenth of the width, at most one."""
    width = np.where(np.isfinite(high - low), high - low, np.inf)
    room = np.minimum(0.1 * width, 1.0)
    return np.clip(wish, low + room, high - room)
