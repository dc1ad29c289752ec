"""QuantLib's Python interface: one call per option, over lists made beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
import QuantLib as ql


def price(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`blackFormula` for the first `rows` options in every scenario, [rows, S]."""
    kinds, strikes, forwards, deviations, discounts = _cells(inputs, options["rows"])
    formula, shape = ql.blackFormula, (-1, inputs["forward"].shape[1])

    def run() -> Any:
        return [
            formula(kind, strike, forward, deviation, discount)
            for kind, strike, forward, deviation, discount in zip(
                kinds, strikes, forwards, deviations, discounts, strict=True
            )
        ]

    return {"run": lambda: {"result": np.reshape(run(), shape)}, "units": len(strikes)}


def greeks(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`BlackCalculator`'s value, delta, gamma, vega and theta for the first `rows` options in every scenario."""
    kinds, strikes, forwards, deviations, discounts = _cells(inputs, options["rows"])
    times = np.repeat(inputs["time"][: options["rows"]], inputs["forward"].shape[1]).tolist()
    payoffs = [ql.PlainVanillaPayoff(kind, strike) for kind, strike in zip(kinds, strikes, strict=True)]
    calculator, shape = ql.BlackCalculator, (-1, inputs["forward"].shape[1])

    def run() -> dict[str, Any]:
        rows = []
        for payoff, forward, deviation, discount, time in zip(
            payoffs, forwards, deviations, discounts, times, strict=True
        ):
            one = calculator(payoff, forward, deviation, discount)
            rows.append((one.value(), one.deltaForward(), one.gammaForward(), one.vega(time), one.theta(forward, time)))
        columns = np.asarray(rows).T.reshape(5, *shape)
        return dict(zip(("value", "delta", "gamma", "vega", "theta"), columns, strict=True))

    return {"run": run, "units": len(strikes)}


def elements(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`blackFormula` for the first `rows` elements."""
    rows = options["rows"]
    kinds = [ql.Option.Call if c else ql.Option.Put for c in inputs["call"][:rows]]
    strikes, forwards, deviations = (inputs[name][:rows].tolist() for name in ("strike", "forward", "total_vol"))
    formula = ql.blackFormula
    return {
        "run": lambda: {"result": np.array(list(map(formula, kinds, strikes, forwards, deviations)))},
        "units": rows,
    }


def implied(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`blackFormulaImpliedStdDev` to 1e-12 for the first `rows` prices, over the square root of the time."""
    rows = options["rows"]
    kinds = [ql.Option.Call if c else ql.Option.Put for c in inputs["call"][:rows]]
    strikes, forwards, prices = (inputs[name][:rows].tolist() for name in ("strike", "forward", "price"))
    root, solve, none = np.sqrt(inputs["time"][:rows]), ql.blackFormulaImpliedStdDev, ql.nullDouble()

    def run() -> dict[str, Any]:
        found = [
            solve(kind, strike, forward, price, 1.0, 0.0, none, 1e-12, 100)
            for kind, strike, forward, price in zip(kinds, strikes, forwards, prices, strict=True)
        ]
        return {"result": np.array(found) / root}

    return {"run": run, "units": rows}


def _cells(inputs: dict[str, Any], rows: int) -> tuple[list[Any], ...]:
    group, scenarios = inputs["group"][:rows], inputs["forward"].shape[1]
    kinds = [kind for c in inputs["call"][:rows] for kind in [ql.Option.Call if c else ql.Option.Put] * scenarios]
    return (
        kinds,
        np.repeat(inputs["strike"][:rows], scenarios).tolist(),
        inputs["forward"][group].ravel().tolist(),
        (inputs["total_vol"][:rows, None] * inputs["vol_scale"][group]).ravel().tolist(),
        np.repeat(inputs["discount"][group], scenarios).tolist(),
    )
