"""Accounts as rows of a sparse matrix times the P&L array, and numpy's selection."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array


def worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of each account: the whole accounts x scenarios array, then its smallest P&L."""
    matrix, pnl = _matrix(inputs), inputs["pnl"]
    return {"run": lambda: {"result": -(matrix @ pnl).min(axis=1)}, "units": matrix.shape[0]}


def worst_in_chunks(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The same, a thousand accounts at a time, whose P&L stays in the cache."""
    chunks, pnl = _chunks(inputs), inputs["pnl"]
    units = sum(chunk.shape[0] for chunk in chunks)
    return {"run": lambda: {"result": np.concatenate([-(c @ pnl).min(axis=1) for c in chunks])}, "units": units}


def shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of each account: the whole array, np.partition, the mean of the tail."""
    matrix, pnl, level = _matrix(inputs), inputs["pnl"], options["level"]
    return {"run": lambda: {"result": _tail(-(matrix @ pnl), level)[1]}, "units": matrix.shape[0]}


def shortfall_in_chunks(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The same, a thousand accounts at a time."""
    chunks, pnl, level = _chunks(inputs), inputs["pnl"], options["level"]
    units = sum(chunk.shape[0] for chunk in chunks)
    return {"run": lambda: {"result": np.concatenate([_tail(-(c @ pnl), level)[1] for c in chunks])}, "units": units}


def tail(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of one vector of losses."""
    losses, level = inputs["losses"], options["level"]
    return {"run": lambda: {"result": _tail(losses, level)[1]}}


def tail_by_sorting(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The same from all losses in order."""
    losses, level = inputs["losses"], options["level"]
    first = _first(losses.size, level)

    def run() -> dict[str, Any]:
        worst = np.sort(losses)[first:]
        return {"result": worst[0] + (worst - worst[0]).sum() / ((1.0 - level) * losses.size)}

    return {"run": run}


def what_if_worst(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Worst loss of an account that would trade `q` of an instrument, as one writes it."""
    vectors, pnl = inputs["vectors"], inputs["pnl"]
    return {"call": lambda a, i, q: -(vectors[a] + q * pnl[i]).min(), "arguments": _orders(inputs)}


def what_if_shortfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Expected shortfall of an account that would trade `q` of an instrument, by np.partition."""
    vectors, pnl = inputs["vectors"], inputs["pnl"]
    first, weight = _first(pnl.shape[1], options["level"]), (1.0 - options["level"]) * pnl.shape[1]

    def call(a: int, i: int, q: float) -> Any:
        worst = np.partition(-(vectors[a] + q * pnl[i]), first)[first:]
        return worst[0] + (worst - worst[0]).sum() / weight

    return {"call": call, "arguments": _orders(inputs)}


def reprice(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """New prices of some instruments, there and back: the change times the columns of those who hold one."""
    which, pnl = inputs["repriced"], inputs["pnl"]
    matrix, losses = _matrix(inputs), -(_matrix(inputs) @ pnl)
    columns = matrix[:, which]
    touched = np.flatnonzero(np.diff(columns.indptr))
    columns = columns[touched]
    versions = [inputs["pnl_after"], pnl[which]]

    def run() -> dict[str, Any]:
        losses[touched] -= columns @ (versions[0] - versions[1])
        versions.reverse()
        return {"result": losses[:3].max(axis=1)}

    return {"run": run, "units": losses.shape[0]}


def _tail(losses: Any, level: float) -> tuple[Any, Any]:
    size = losses.shape[-1]
    first = _first(size, level)
    worst = np.partition(losses, first, axis=-1)[..., first:]
    quantile = worst[..., 0]
    return quantile, quantile + (worst - quantile[..., None]).sum(axis=-1) / ((1.0 - level) * size)


def _first(size: int, level: float) -> int:
    """Place, in rising order, of the quantile: with it, the losses above make up at most 1 - level."""
    return size - 1 - int(np.floor((1.0 - level) * size + 1e-9 * size))


def _matrix(inputs: dict[str, Any]) -> Any:
    shape = (inputs["indptr"].size - 1, inputs["pnl"].shape[0])
    return csr_array((inputs["quantity"], inputs["indices"], inputs["indptr"]), shape=shape)


def _chunks(inputs: dict[str, Any]) -> list[Any]:
    matrix = _matrix(inputs)
    return [matrix[top : top + 1000] for top in range(0, matrix.shape[0], 1000)]


def _orders(inputs: dict[str, Any]) -> list[tuple[int, int, float]]:
    columns = (inputs[name].tolist() for name in ("order_account", "order_instrument", "order_quantity"))
    return list(zip(*columns, strict=True))
