"""py_vollib_vectorized's `vectorized_black`, over flat arrays made beforehand."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

with warnings.catch_warnings():
    # numba tells at import what a later version of it will refuse
    warnings.simplefilter("ignore")
    from py_vollib_vectorized import vectorized_black, vectorized_implied_volatility_black


def price(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The values of the first `rows` options in every scenario, [rows, S]."""
    rows = options["rows"]
    group, scenarios = inputs["group"][:rows], inputs["forward"].shape[1]
    forward = inputs["forward"][group].ravel()
    vol = (inputs["vol"][:rows, None] * inputs["vol_scale"][group]).ravel()
    time, strike = np.repeat(inputs["time"][:rows], scenarios), np.repeat(inputs["strike"][:rows], scenarios)
    kind = np.repeat(np.where(inputs["call"][:rows], "c", "p"), scenarios)

    def run() -> Any:
        found = vectorized_black(kind, forward, strike, time, 0.0, vol, return_as="numpy")
        return np.reshape(found, (-1, scenarios))

    return {"run": run, "units": forward.size}


def elements(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The values of the first `rows` elements."""
    rows = options["rows"]
    forward, strike, time, vol = (inputs[name][:rows] for name in ("forward", "strike", "time", "vol"))
    kind = np.where(inputs["call"][:rows], "c", "p")
    return {
        "run": lambda: {"result": np.ravel(vectorized_black(kind, forward, strike, time, 0.0, vol, return_as="numpy"))},
        "units": rows,
    }


def implied(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The implied volatilities of the first `rows` prices."""
    rows = options["rows"]
    price, forward, strike, time = (inputs[name][:rows] for name in ("price", "forward", "strike", "time"))
    kind = np.where(inputs["call"][:rows], "c", "p")

    def run() -> dict[str, Any]:
        found = vectorized_implied_volatility_black(
            price, forward, strike, 0.0, time, kind, on_error="ignore", return_as="numpy"
        )
        return {"result": np.ravel(found)}

    return {"run": run, "units": rows}
