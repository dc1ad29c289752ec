"""Many accounts with sparse positions, the tail of one vector of losses, and orders on a book."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from plimsoll.kernels import Book, account_es, account_worst, expected_shortfall, open_book


def worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of each account; a unit is an account."""
    held, dtype, threads = _held(inputs), np.dtype(options.get("dtype", "float64")), options.get("threads", 1)
    return {
        "run": lambda: {"result": account_worst(*held, dtype=dtype, threads=threads)[0]},
        "units": held[0].size - 1,
    }


def shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of each account; a unit is an account."""
    held, dtype, level = _held(inputs), np.dtype(options.get("dtype", "float64")), options["level"]
    return {
        "run": lambda: {"result": account_es(*held, level, dtype=dtype, threads=1)},
        "units": held[0].size - 1,
    }


def tail(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of one vector of losses; a unit is a vector."""
    losses, level = inputs["losses"], options["level"]
    return {"run": lambda: {"result": expected_shortfall(losses, level)}}


def what_if_worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of an account that would trade, one order per call."""
    return {"call": _book(inputs, options).worst, "arguments": _orders(inputs)}


def what_if_shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of an account that would trade, one order per call."""
    return {"call": _book(inputs, options).es, "arguments": _orders(inputs)}


def reprice(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """New prices of some instruments in a book, there and back; a unit is an account of the book."""
    book, which = _book(inputs, options), inputs["repriced"]
    turns = itertools.cycle([inputs["pnl_after"], np.ascontiguousarray(inputs["pnl"][which])])

    def run() -> dict[str, Any]:
        book.reprice(which, next(turns), threads=1)
        return {"result": np.array([book.worst(a, 0, 0.0) for a in range(3)])}

    return {"run": run, "units": book.accounts}


def _held(inputs: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    return inputs["indptr"], inputs["indices"], inputs["quantity"], inputs["pnl"]


def _book(inputs: dict[str, Any], options: dict[str, Any]) -> Book:
    return open_book(*_held(inputs), level=options.get("level"))


def _orders(inputs: dict[str, Any]) -> list[tuple[int, int, float]]:
    columns = (inputs[name].tolist() for name in ("order_account", "order_instrument", "order_quantity"))
    return list(zip(*columns, strict=True))
