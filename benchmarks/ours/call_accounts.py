"""Many accounts with sparse positions, and the tail of one vector of losses."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np


def kernels() -> Any:
    """The room by name: a function that this build does not have is the reason of one contender, not of all."""
    return import_module("plimsoll.kernels")


def worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of each account; a unit is an account."""
    held, dtype, threads = _held(inputs), options.get("dtype", "float64"), options.get("threads", 1)
    return {
        "run": lambda: {"result": kernels().account_worst(*held, dtype=np.dtype(dtype), threads=threads)[0]},
        "units": held[0].size - 1,
    }


def shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of each account; a unit is an account."""
    held, dtype, level = _held(inputs), options.get("dtype", "float64"), options["level"]
    return {
        "run": lambda: {"result": kernels().account_es(*held, level, dtype=np.dtype(dtype), threads=1)},
        "units": held[0].size - 1,
    }


def tail(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of one vector of losses; a unit is a vector."""
    losses, level = inputs["losses"], options["level"]
    return {"run": lambda: {"result": kernels().expected_shortfall(losses, level)}}


def _held(inputs: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(inputs[name] for name in ("indptr", "indices", "quantity", "pnl"))


def what_if_worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of an account that would trade, one order per call."""
    return {"call": _book(inputs, options).worst, "arguments": _orders(inputs)}


def what_if_shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of an account that would trade, one order per call."""
    return {"call": _book(inputs, options).es, "arguments": _orders(inputs)}


def _book(inputs: dict[str, Any], options: dict[str, Any]) -> Any:
    return kernels().open_book(*_held(inputs), level=options["level"])


def _orders(inputs: dict[str, Any]) -> list[tuple[int, int, float]]:
    columns = (inputs[name].tolist() for name in ("order_account", "order_instrument", "order_quantity"))
    return list(zip(*columns, strict=True))
