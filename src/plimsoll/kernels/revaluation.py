"""Values of N instruments in S scenarios, the scenario tables shared by E groups of instruments.

All three functions price the same thing, with ``g = group[i]``:

    value[i, s] = discount[g] * black(forward[g, s], strike[i], w)
    w = max(total_vol[i] * vol_scale[g, s] + vol_shift[g, s], vol_floor[g, s])

divided by ``forward[g, s]`` where ``per_forward[i]`` (0 where that forward is 0): a payoff in currency that is paid
in units of the underlying. Limits are those of `plimsoll.kernels.lognormal`. Where something is taken per forward, by
``per_forward`` or as a derivative, a forward below `LEAST_FORWARD` counts as 0: its inverse need not be a number.

Arguments in common
-------------------
group : integers [N], each from 0 to E - 1.
strike : [N], unit of the forward.
total_vol : [N], volatility times the square root of the time in years.
call : booleans [N], False for a put.
forward, vol_scale, vol_shift, vol_floor : [E, S], at least 0; ``vol_shift`` of any sign. Shift and floor act on the
    total volatility and may be None.
discount : [E].
per_forward : booleans [N], or None.
threads : how many share the work; None lets its size decide. The result has the same bits either way.

Every argument is checked before anything is computed: ValueError names it, with what was got and what is allowed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import BoolArray, FloatArray, IntArray, booleans, groups, reals, result

#: The smallest normal float64.
LEAST_FORWARD = float(np.finfo(np.float64).tiny)


class Cells(NamedTuple):
    """Checked arguments of one call."""

    group: IntArray
    strike: FloatArray
    total_vol: FloatArray
    call: BoolArray
    forward: FloatArray
    vol_scale: FloatArray
    vol_shift: FloatArray | None
    vol_floor: FloatArray | None
    discount: FloatArray
    per_forward: BoolArray | None

    @property
    def shape(self) -> tuple[int, int]:
        """N and S."""
        return self.group.size, self.forward.shape[1]


def lognormal_values(
    group: npt.ArrayLike,
    strike: npt.ArrayLike,
    total_vol: npt.ArrayLike,
    call: npt.ArrayLike,
    forward: npt.ArrayLike,
    vol_scale: npt.ArrayLike,
    vol_floor: npt.ArrayLike | None,
    discount: npt.ArrayLike,
    *,
    vol_shift: npt.ArrayLike | None = None,
    per_forward: npt.ArrayLike | None = None,
    threads: int | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """The whole array, float64 [N, S], scenario axis contiguous, unit of forward times discount.

    Each value is at least discounted intrinsic value and at most discount times F (call) or K (put). ``out`` is a
    C-contiguous, writable float64 array [N, S] to fill and return; one that shares memory with an argument is refused.
    The text of the module has the arguments.

    >>> lognormal_values([0, 0], [100.0, 100.0], [0.2, 0.2], [True, False],
    ...                  [[100.0, 120.0]], [[1.0, 0.0]], None, [1.0]).round(6).tolist()
    [[7.965567, 20.0], [7.965567, 0.0]]
    """
    cells = _cells(group, strike, total_vol, call, forward, vol_scale, vol_shift, vol_floor, discount, per_forward)
    out = result(out, cells.shape, "[N, S]", _named(cells))
    count = thread_count(threads, out.size)
    extension = native()
    if not out.size:
        return out
    if extension is None:
        from plimsoll.kernels.twins.revaluation import values

        return values(cells, out)
    extension.lognormal_values(**_named(cells), threads=count, out=out)
    return out


class LognormalGreeks(NamedTuple):
    """Value and derivatives, each [N, S], discounted: per unit of the forward, its square, 1.00 of volatility, a year.

    ``theta`` is what passing time adds at fixed forward and fixed discount factor.
    """

    value: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray


def lognormal_greeks(
    group: npt.ArrayLike,
    strike: npt.ArrayLike,
    total_vol: npt.ArrayLike,
    call: npt.ArrayLike,
    root_time: npt.ArrayLike,
    forward: npt.ArrayLike,
    vol_scale: npt.ArrayLike,
    vol_floor: npt.ArrayLike | None,
    discount: npt.ArrayLike,
    *,
    vol_shift: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> LognormalGreeks:
    """Values with delta, gamma, vega and theta from the same terms.

    ``root_time`` is [N], the square root of the time to expiry in years. Where no density is left (total volatility 0
    or saturated) gamma, vega and theta are 0 and delta is the step, at F = K its middle.

    >>> g = lognormal_greeks([0], [100.0], [0.3], [True], [0.5], [[100.0]], [[1.0]], None, [1.0])
    >>> [round(float(a[0, 0]), 6) for a in g]
    [11.923538, 0.559618, 0.013149, 19.723967, -23.66876]
    """
    cells = _cells(group, strike, total_vol, call, forward, vol_scale, vol_shift, vol_floor, discount, None)
    cells = cells._replace(forward=_normal(cells.forward))
    root = reals("root_time", root_time, (cells.group.size,), "[N]")
    out = result(None, (5, *cells.shape), "[5, N, S]")
    count = thread_count(threads, out.size)
    extension = native()
    if out.size and extension is None:
        from plimsoll.kernels.twins.revaluation import greeks

        greeks(cells, root, out)
    elif out.size and extension is not None:
        named = _named(cells)
        del named["per_forward"]
        extension.lognormal_greeks(**named, root_time=root, threads=count, out=out)
    return LognormalGreeks(*out)


def lognormal_book(
    group: npt.ArrayLike,
    strike: npt.ArrayLike,
    total_vol: npt.ArrayLike,
    call: npt.ArrayLike,
    quantity: npt.ArrayLike,
    forward: npt.ArrayLike,
    vol_scale: npt.ArrayLike,
    vol_floor: npt.ArrayLike | None,
    discount: npt.ArrayLike,
    *,
    vol_shift: npt.ArrayLike | None = None,
    per_forward: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> FloatArray:
    """``sum_i quantity[i] * value[i, s]``, [S]: a whole book in very many scenarios, N x S never stored.

    ``quantity`` is [N], signed. Instruments are added in stored order.

    >>> lognormal_book([0, 0], [100.0, 100.0], [0.2, 0.2], [True, False], [1.0, -1.0],
    ...                [[90.0, 120.0]], [[1.0, 1.0]], None, [1.0]).round(9).tolist()
    [-10.0, 20.0]
    """
    cells = _cells(group, strike, total_vol, call, forward, vol_scale, vol_shift, vol_floor, discount, per_forward)
    count, scenarios = cells.shape
    q = reals("quantity", quantity, (count,), "[N]", least=None)
    crew = thread_count(threads, count * scenarios)
    extension = native()
    if not count or not scenarios:
        return np.zeros(scenarios)
    if extension is None:
        from plimsoll.kernels.twins.revaluation import book

        return book(cells, q)
    out = result(None, (scenarios,), "[S]")
    extension.lognormal_book(**_named(cells), quantity=q, threads=crew, out=out)
    return out


def _normal(forward: FloatArray) -> FloatArray:
    small = forward < LEAST_FORWARD
    return np.where(small, 0.0, forward) if small.any() else forward


def _named(cells: Cells) -> dict[str, Any]:
    return cells._asdict()


def _cells(
    group: npt.ArrayLike,
    strike: npt.ArrayLike,
    total_vol: npt.ArrayLike,
    call: npt.ArrayLike,
    forward: npt.ArrayLike,
    vol_scale: npt.ArrayLike,
    vol_shift: npt.ArrayLike | None,
    vol_floor: npt.ArrayLike | None,
    discount: npt.ArrayLike,
    per_forward: npt.ArrayLike | None,
) -> Cells:
    shape = np.asarray(forward).shape
    if len(shape) != 2:
        raise ValueError(f"forward: got shape {shape}, must be [E, S]")
    g = groups(group, shape[0])
    count = g.size
    floor = None if vol_floor is None else reals("vol_floor", vol_floor, shape, "[E, S]")
    shift = None if vol_shift is None else reals("vol_shift", vol_shift, shape, "[E, S]", least=None)
    f = reals("forward", forward, shape, "[E, S]")
    return Cells(
        group=g,
        strike=reals("strike", strike, (count,), "[N]"),
        total_vol=reals("total_vol", total_vol, (count,), "[N]"),
        call=booleans("call", call, count),
        forward=f if per_forward is None else _normal(f),
        vol_scale=reals("vol_scale", vol_scale, shape, "[E, S]"),
        vol_shift=shift,
        # a floor of zero asks for nothing, and leaving it out changes no bit
        vol_floor=floor if floor is not None and floor.any() else None,
        discount=reals("discount", discount, (shape[0],), "[E]"),
        per_forward=None if per_forward is None else booleans("per_forward", per_forward, count),
    )
