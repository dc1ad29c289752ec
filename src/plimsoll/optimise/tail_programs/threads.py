"""One thread for the products of small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it the linear algebra uses one thread, where `threadpoolctl`, of the extra `optimise`, is there to say so.

    The factors here are small: two threads on a busy machine wait for each other for many times the work. Without that
    library the environment decides (`OPENBLAS_NUM_THREADS=1`).
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(limits=1, user_api="blas"):
        yield
