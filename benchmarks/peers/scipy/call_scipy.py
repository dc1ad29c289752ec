"""numpy and scipy at their best for each subject: blocks that stay in the cache, work in place, shared logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr

#: Bytes of one scratch array of a block; six of them stay within a level-2 cache of 1 MB.
BLOCK = 128 * 1024


def price(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The array of values [N, S] by Black's formula with ndtr, in blocks of rows."""
    return _Blocked(inputs).job()


def textbook(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The array of values [N, S] as one writes it down: whole arrays, one temporary per operation."""
    group, strike, total_vol = inputs["group"], inputs["strike"][:, None], inputs["total_vol"][:, None]
    side = np.where(inputs["call"], 1.0, -1.0)[:, None]

    def run() -> Any:
        forward, w = inputs["forward"][group], total_vol * inputs["vol_scale"][group]
        d1 = np.log(forward / strike) / w + 0.5 * w
        value = side * (forward * ndtr(side * d1) - strike * ndtr(side * (d1 - w)))
        return inputs["discount"][group][:, None] * value

    return {"run": run, "units": group.size * inputs["forward"].shape[1]}


def elements(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Values element by element, [n], in blocks that stay in the cache."""
    side = np.where(inputs["call"], 1.0, -1.0)
    out = np.empty_like(side)
    size = BLOCK // 8

    def run() -> dict[str, Any]:
        for left in range(0, side.size, size):
            part = slice(left, left + size)
            forward, strike, w, which = (
                a[part] for a in (inputs["forward"], inputs["strike"], inputs["total_vol"], side)
            )
            d1 = np.log(forward / strike) / w + 0.5 * w
            out[part] = which * (forward * ndtr(which * d1) - strike * ndtr(which * (d1 - w)))
        return {"result": out}

    return {"run": run, "units": side.size}


class _Blocked:
    def __init__(self, inputs: dict[str, Any]) -> None:
        self.group = inputs["group"]
        self.forward, self.scale = inputs["forward"], inputs["vol_scale"]
        self.scenarios = self.forward.shape[1]
        self.log_forward = np.log(self.forward)
        self.log_strike = np.log(inputs["strike"])[:, None]
        self.strike, self.total_vol = inputs["strike"][:, None], inputs["total_vol"][:, None]
        self.side = np.where(inputs["call"], 1.0, -1.0)[:, None]
        self.discount = inputs["discount"][self.group][:, None]
        self.out = np.empty((self.group.size, self.scenarios))
        self.rows = max(1, BLOCK // 8 // self.scenarios)
        self.room = np.empty((4, self.rows, self.scenarios))

    def job(self) -> dict[str, Any]:
        return {"run": self.run, "units": self.out.size}

    def run(self) -> Any:
        for top in range(0, self.group.size, self.rows):
            self.block(slice(top, min(top + self.rows, self.group.size)))
        return self.out

    def block(self, rows: slice) -> None:
        members, side, strike, out = self.group[rows], self.side[rows], self.strike[rows], self.out[rows]
        forward, w, d1, d2 = (room[: len(members)] for room in self.room)
        np.take(self.scale, members, axis=0, out=w, mode="clip")
        np.take(self.log_forward, members, axis=0, out=d1, mode="clip")
        np.take(self.forward, members, axis=0, out=forward, mode="clip")
        np.multiply(w, self.total_vol[rows], out=w)
        np.subtract(d1, self.log_strike[rows], out=d1)
        np.divide(d1, w, out=d1)
        np.multiply(w, 0.5, out=d2)
        np.add(d1, d2, out=d1)
        np.subtract(d1, w, out=d2)
        np.multiply(d1, side, out=d1)
        np.multiply(d2, side, out=d2)
        ndtr(d1, out=d1)
        ndtr(d2, out=d2)
        np.multiply(d1, forward, out=d1)
        np.multiply(d2, strike, out=d2)
        np.subtract(d1, d2, out=out)
        np.multiply(out, side * self.discount[rows], out=out)


def greeks(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Values and four derivatives, [N, S] each, in blocks of rows."""
    blocked = _Blocked(inputs)
    root = np.sqrt(inputs["time"])[:, None]
    out = np.empty((5, *blocked.out.shape))

    def run() -> dict[str, Any]:
        for top in range(0, blocked.group.size, blocked.rows):
            rows = slice(top, min(top + blocked.rows, blocked.group.size))
            members, side, strike = blocked.group[rows], blocked.side[rows], blocked.strike[rows]
            discount, forward = blocked.discount[rows], blocked.forward[members]
            w = blocked.total_vol[rows] * blocked.scale[members]
            d1 = (blocked.log_forward[members] - blocked.log_strike[rows]) / w + 0.5 * w
            inside = ndtr(side * d1)
            density = discount * np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
            out[0, rows] = discount * side * (forward * inside - strike * ndtr(side * (d1 - w)))
            out[1, rows] = discount * side * inside
            out[2, rows] = density / (forward * w)
            out[3, rows] = density * forward * root[rows]
            out[4, rows] = -0.5 * density * forward * w / root[rows] ** 2
        return dict(zip(("value", "delta", "gamma", "vega", "theta"), out, strict=True))

    return {"run": run, "units": blocked.out.size}


def book_values(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The value of a book per scenario, [S]: a loop over instruments, scenarios in blocks that stay in the cache."""
    group, strike, total_vol = inputs["group"], inputs["strike"], inputs["total_vol"]
    weight = inputs["quantity"] * inputs["discount"][group] * np.where(inputs["call"], 1.0, -1.0)
    side = np.where(inputs["call"], 1.0, -1.0)
    forward, scale = inputs["forward"], inputs["vol_scale"]
    log_forward, log_strike = np.log(forward), np.log(strike)
    scenarios, width = forward.shape[1], BLOCK // 16
    total = np.empty(scenarios)

    def run() -> Any:
        for left in range(0, scenarios, width):
            columns = slice(left, min(left + width, scenarios))
            total[columns] = 0.0
            for i, g in enumerate(group):
                w = total_vol[i] * scale[g, columns]
                d1 = log_forward[g, columns] - log_strike[i]
                d1 /= w
                w *= 0.5
                d2 = d1 - w
                d1 += w
                if side[i] < 0.0:
                    np.negative(d1, out=d1)
                    np.negative(d2, out=d2)
                ndtr(d1, out=d1)
                ndtr(d2, out=d2)
                d1 *= forward[g, columns]
                d2 *= strike[i]
                d1 -= d2
                d1 *= weight[i]
                total[columns] += d1
        return total

    return {"run": run, "units": group.size * scenarios}
