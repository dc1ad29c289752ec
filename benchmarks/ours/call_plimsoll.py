"""This project's public functions, as anybody would call them: their checks of the arguments are part of the time."""

from __future__ import annotations

from typing import Any

import numpy as np

BOOK = ("group", "strike", "total_vol", "call", "forward", "vol_scale", "discount")


def price(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The array of values [N, S]."""
    from plimsoll.kernels import lognormal_values

    arguments, count = _book(inputs)
    threads, out = options.get("threads", 1), np.empty(count)
    return {"run": lambda: lognormal_values(**arguments, threads=threads, out=out), "units": out.size}


def greeks(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Values and four derivatives, [N, S] each; a unit of work is one option in one scenario with all five."""
    from plimsoll.kernels import lognormal_greeks

    arguments, count = _book(inputs)
    root, out = np.sqrt(inputs["time"]), np.empty((5, *count))
    return {
        "run": lambda: lognormal_greeks(**arguments, root_time=root, threads=1, out=out)._asdict(),
        "units": count[0] * count[1],
    }


def elements(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Values element by element, [n]; a unit is a price."""
    from plimsoll.kernels import lognormal_value

    arguments = [inputs[name] for name in ("forward", "strike", "total_vol", "call")]
    return {"run": lambda: {"result": lognormal_value(*arguments)}, "units": arguments[0].size}


def implied(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Implied volatilities, [n]; a unit is one of them."""
    from plimsoll.pricing.implied_vol import implied_vol

    arguments = [inputs[name] for name in ("price", "forward", "strike", "time", "call")]
    return {"run": lambda: {"result": implied_vol(*arguments)}, "units": arguments[0].size}


def book_values(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The value of the whole book per scenario, [S]."""
    from plimsoll.kernels import lognormal_book

    arguments, count = _book(inputs)
    quantity, threads = inputs["quantity"], options.get("threads", 1)
    return {
        "run": lambda: lognormal_book(**arguments, quantity=quantity, threads=threads),
        "units": count[0] * count[1],
    }


def _book(inputs: dict[str, Any]) -> tuple[dict[str, Any], tuple[int, int]]:
    """What all three take, and N and S."""
    arguments = {name: inputs[name] for name in BOOK} | {"vol_floor": None}
    return arguments, (inputs["group"].size, inputs["forward"].shape[1])
