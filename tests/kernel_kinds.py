"""Which kernels a test runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plimsoll.kernels import backend

KINDS = ("native", "numpy")


@contextmanager
def use_kernels(kind: str) -> Iterator[None]:
    """Choose the compiled kernels or their numpy twins for a block; skips where the extension was not built."""
    before = os.environ.get("PLIMSOLL_KERNELS")
    os.environ["PLIMSOLL_KERNELS"] = kind
    backend.native.cache_clear()
    try:
        try:
            backend.native()
        except ImportError:
            pytest.skip("the compiled kernels were not built")
        yield
    finally:
        if before is None:
            del os.environ["PLIMSOLL_KERNELS"]
        else:
            os.environ["PLIMSOLL_KERNELS"] = before
        backend.native.cache_clear()
