"""The inverse of the lognormal value: the total volatility behind a time value, to full precision.

With ``x = -|ln(F/K)|``, h = x/s, t = s/2 and Y(z) = N(z)/n(z), the time value b(s) over sqrt(F K) obeys

    ln b(s) = -(h^2 + t^2)/2 - ln(2 pi)/2 + ln(Y(h + t) - Y(h - t)),        d ln b / ds = 1/(Y(h + t) - Y(h - t))

which holds without underflow for any strike; for small t the difference is a Taylor series in t, which keeps the digits
that subtraction would lose. Halley steps in ln s run inside a bracket that shrinks with every evaluation; a step out of
it is replaced by bisection. The normalised form follows Jaeckel (2015), "Let's be rational"; the iteration is our own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.kernels.backend import native, thread_count
from plimsoll.kernels.checks import BoolArray, FloatArray, reals

#: An inversion takes about as long as this many cells of `plimsoll.kernels.lognormal_values`.
_CELLS = 100


def lognormal_inverse(
    x: npt.ArrayLike, log_target: npt.ArrayLike, *, threads: int | None = None
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Total volatility [n], d ln b / d ln s there, and whether the iteration ended.

    ``x`` is [n], ``-|ln(F/K)|``, finite and at most 0; ``log_target`` is [n], ln(time value / sqrt(F K)), finite.
    Results at or above the saturation of 24 mean a target that no volatility reaches. Raises ValueError naming the
    argument.

    >>> total, slope, converged = lognormal_inverse([0.0], [-2.530042001547239])  # the value 0.0796556745541
    >>> round(float(total[0]), 9), bool(converged[0])
    (0.2, True)
    """
    shape = np.asarray(x).shape
    if len(shape) != 1:
        raise ValueError(f"x: got shape {shape}, must be [n]")
    near = reals("x", x, shape, "[n]", least=None)
    if (near > 0.0).any():
        at = int(np.argmax(near > 0.0))
        raise ValueError(f"x[{at}]: got {near[at]}, must be at most 0")
    target = reals("log_target", log_target, shape, "[n]", least=None)
    extension = native()
    count = thread_count(threads, near.size * _CELLS)
    if extension is None:
        from plimsoll.kernels.twins.inverse import inverse

        return inverse(near, target)
    total, slope, converged = np.empty(shape), np.empty(shape), np.empty(shape, dtype=np.bool_)
    extension.lognormal_inverse(near, target, count, total, slope, converged)
    return total, slope, converged
