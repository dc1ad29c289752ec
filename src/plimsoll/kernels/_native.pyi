"""
Compiled loops; call them through plimsoll.kernels, which checks the arguments.
"""

from typing import Annotated, overload

import numpy
from numpy.typing import NDArray

def lognormal_inverse(
    x: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    log_target: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    threads: int,
    total: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
    slope: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
    converged: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu")],
) -> None:
    """
    Fill the total volatility of each normalised time value, the slope there and whether it was reached.
    """

def lognormal_elements(
    forward: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    strike: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    total_vol: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    call: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)],
    threads: int,
    out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
) -> None:
    """Fill out[n] with values element by element."""

def lognormal_values(
    group: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    strike: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    total_vol: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    call: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)],
    per_forward: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)] | None,
    forward: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_scale: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_shift: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    vol_floor: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    discount: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    threads: int,
    out: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu")],
) -> None:
    """Fill out[N, S] with the values of N instruments in S scenarios."""

def lognormal_greeks(
    group: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    strike: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    total_vol: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    call: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)],
    root_time: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    forward: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_scale: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_shift: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    vol_floor: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    discount: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    threads: int,
    out: Annotated[NDArray[numpy.float64], dict(shape=(None, None, None), order="C", device="cpu")],
) -> None:
    """Fill out[5, N, S] with value, delta, gamma, vega and theta."""

def lognormal_book(
    group: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    strike: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    total_vol: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    call: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)],
    per_forward: Annotated[NDArray[numpy.bool_], dict(shape=(None,), order="C", device="cpu", writable=False)] | None,
    quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    forward: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_scale: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    vol_shift: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    vol_floor: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)]
    | None,
    discount: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    threads: int,
    out: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
) -> None:
    """
    Fill out[S] with the value of a whole book, never holding the N x S values.
    """

@overload
def account_worst(
    indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    pnl: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)] | None,
    limit: float,
    threads: int,
    loss: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
    scenario: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu")],
) -> bool: ...
@overload
def account_worst(
    indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    pnl: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    weights: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)] | None,
    limit: float,
    threads: int,
    loss: Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C", device="cpu")],
    scenario: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu")],
) -> bool:
    """
    Fill loss[A] and scenario[A]; false where an index or a gross sum is beyond its limit.
    """

@overload
def account_tail(
    indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    pnl: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    k: int,
    share: float,
    limit: float,
    threads: int,
    quantile: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
    shortfall: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
) -> bool: ...
@overload
def account_tail(
    indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    pnl: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    k: int,
    share: float,
    limit: float,
    threads: int,
    quantile: Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C", device="cpu")],
    shortfall: Annotated[NDArray[numpy.float32], dict(shape=(None,), order="C", device="cpu")],
) -> bool:
    """
    Fill quantile[A] and shortfall[A]; false where an index or a gross sum is beyond its limit.
    """

def vectors_tail(
    losses: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    k: int,
    share: float,
    threads: int,
    quantile: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
    shortfall: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
) -> bool:
    """
    Fill quantile[R] and shortfall[R] of R vectors of losses; false where one is not finite.
    """

class Book:
    """
    Losses of many accounts kept up to date; open it by plimsoll.kernels.open_book.
    """

    def __init__(
        self,
        indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
        indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
        quantity: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu", writable=False)],
        pnl: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
        k: int,
        share: float,
        limit: float,
    ) -> None: ...
    def worst(self, account: int, instrument: int, quantity: float) -> float: ...
    def var(self, account: int, instrument: int, quantity: float) -> float: ...
    def es(self, account: int, instrument: int, quantity: float) -> float: ...
    def apply(self, account: int, instrument: int, quantity: float) -> None: ...
    @property
    def accounts(self) -> int: ...
    @property
    def instruments(self) -> int: ...
    @property
    def scenarios(self) -> int: ...

def step_rows(
    indptr: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    indices: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    count: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    base: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    price: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    size: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu", writable=False)],
    ends: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    rates: Annotated[NDArray[numpy.float64], dict(shape=(None, None), order="C", device="cpu", writable=False)],
    threads: int,
    value: Annotated[NDArray[numpy.int64], dict(shape=(None,), order="C", device="cpu")],
    charge: Annotated[NDArray[numpy.float64], dict(shape=(None,), order="C", device="cpu")],
) -> bool:
    """
    Fill value[R] and charge[R]; false where an index or a sum of magnitudes is beyond its limit.
    """

def instruction_set() -> str:
    """
    Which variant of the loops this processor runs: x86-64-v4, x86-64-v3 or baseline.
    """
