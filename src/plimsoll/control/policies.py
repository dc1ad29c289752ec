"""Rate policies: functions of what a venue sees to a bounded step of its rate, frozen as documents.

Each names a *target* rate and steps towards it, `action = log(target / asked) / step`, which the projection clips; a
network names the action itself. The parameters of a kind, all logarithms of rates unless said otherwise:

- `coverage`: none; always down, so that what remains is what the projection needs.
- `static`: `(level)`; `reference * exp(level)`.
- `rule`: `(margin, buffer, least)`; the larger of `needed * (1 + margin) * (1 + buffer (1 - used))` and
  `reference * exp(least)`, where `used` is the vol regime ratio less one, from 0 to 1: filtered history with a buffer.
- `pid`: `(bias, p, i, d, aim)`; `needed * exp(bias + p e + i sum(e) + d (e - e before))`, `e` breaches less the aim.
- `search`: one for each of `FEATURES`; `needed * exp(sum of parameter times feature)`.
- `network`: weights of a tanh network from the state to the action; `layers` are rows of weights, their offset last.

`needed` is what the bounds ask for at least. Everything is a plain sum in the order of the state, so the same build
gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from math import exp, log1p
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.control.venue import STATES
from plimsoll.documents import Document, JsonObject, Name, Number, fault, refuse

F64 = npt.NDArray[np.float64]
Kind = Literal["coverage", "static", "rule", "pid", "search", "network"]
Row = Annotated[tuple[Number, ...], Field(min_length=2)]
Layer = Annotated[tuple[Row, ...], Field(min_length=1)]

AT = {name: k for k, name in enumerate(STATES)}
FEATURES = (
    "one",
    "vol",
    "vol_regime",
    "depth",
    "utilisation",
    "crowding",
    "needed",
    "breaches",
    "shortfalls",
    "calls",
    "trend_size",
    "over_coverage",
)
WIDTHS: dict[Kind, int] = {"coverage": 0, "static": 1, "rule": 3, "pid": 5, "search": len(FEATURES)}
SHIPPED = ("static", "rule", "pid", "search", "network")


class Policy(Protocol):
    """What a venue asks at each step of an episode."""

    def action(self, state: F64) -> float:
        """From -1 to 1 (beyond it counts as the end): the part of the largest step, up above zero."""


class FrozenPolicy(Document):
    """A policy that learns nothing any more: its `kind`, its `parameters` or `layers`, and where it is from.

    `trained` says on what: seeds, histories, candidates, the hash of the terms. `step` is that of the terms' bounds.
    The hash of the document is the policy's name in every report.
    """

    SCHEMA: ClassVar[str] = "plimsoll.rate-controller"

    name: Name
    kind: Kind
    parameters: tuple[Number, ...] = ()
    layers: tuple[Layer, ...] = ()
    step: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)] = 0.05
    trained: JsonObject = {}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "network":
            width = len(STATES)
            for n, layer in enumerate(self.layers):
                if any(len(row) != width + 1 for row in layer):
                    raise fault(f"layers[{n}]", [len(r) for r in layer], f"rows of {width} weights and an offset")
                width = len(layer)
            if not self.layers or width != 1:
                raise fault("layers", len(self.layers), "layers that end in one row")
        elif len(self.parameters) != WIDTHS[self.kind] or self.layers:
            raise fault("parameters", list(self.parameters), f"{WIDTHS[self.kind]} numbers for {self.kind}, no layers")
        return self

    def fresh(self) -> Policy:
        """The policy at the start of an episode."""
        return policy_of(self.kind, np.array(self.parameters, dtype=np.float64), self.step, self.layers)


def policy_of(kind: Kind, parameters: F64, step: float, layers: tuple[Layer, ...] = ()) -> Policy:
    """A policy of a kind with these parameters."""
    if kind == "network":
        return Network(layers)
    if kind == "pid":
        return Pid(parameters, step)
    return Targeted(_TARGETS[kind], parameters, step)


class Targeted:
    """Steps towards a target, a logarithm over the reference."""

    def __init__(self, target: Callable[[F64, F64], float], parameters: F64, step: float) -> None:
        self.target, self.parameters, self.step = target, parameters, step

    def action(self, state: F64) -> float:
        """Towards the target."""
        return _towards(self.target(self.parameters, state), state, self.step)


class Pid:
    """A controller of breaches: proportional, integral, differential."""

    def __init__(self, parameters: F64, step: float) -> None:
        self.parameters, self.step = parameters, step
        self.sum = self.before = 0.0

    def action(self, state: F64) -> float:
        """Towards the target; the sum is kept within one, so that a calm year is not paid for in a storm."""
        bias, p, i, d, aim = self.parameters.tolist()
        error = float(state[AT["breaches"]]) - aim
        self.sum = max(-1.0, min(1.0, self.sum + 0.05 * error))
        more = bias + p * error + i * self.sum + d * (error - self.before)
        self.before = error
        return _towards(needed_of(state) + more, state, self.step)


class Network:
    """Layers with tanh between them; the last one's number is the action."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.layers = [np.array(layer, dtype=np.float64) for layer in layers]

    def action(self, state: F64) -> float:
        """What the network says."""
        x = state
        for n, layer in enumerate(self.layers):
            x = (layer[:, :-1] * x).sum(axis=1) + layer[:, -1]
            if n < len(self.layers) - 1:
                x = np.tanh(x)
        return float(x[0])


def needed_of(state: F64) -> float:
    """The needed rate, a logarithm over the reference."""
    return float(state[AT["rate"]] - state[AT["over_coverage"]])


def features(state: F64) -> F64:
    """`FEATURES` of a state."""
    s = {name: float(state[k]) for name, k in AT.items()}
    made = {"one": 1.0, "needed": needed_of(state), "trend_size": abs(s["trend"]), "depth": 1.0 - s["depth"]}
    made["utilisation"] = s["utilisation"] - 0.5
    return np.array([made.get(name, s.get(name, 0.0)) for name in FEATURES])


def _towards(target: float, state: F64, step: float) -> float:
    return (target - float(state[AT["rate"]] + state[AT["pending"]])) / step


def _static(p: F64, _: F64) -> float:
    return float(p[0])


def _coverage(_p: F64, _state: F64) -> float:
    return -10.0


def _rule(p: F64, state: F64) -> float:
    margin, buffer, least = (float(x) for x in p)
    used = max(0.0, min(1.0, exp(float(state[AT["vol_regime"]])) - 1.0))
    return max(needed_of(state) + log1p(max(margin, -0.9)) + log1p(max(buffer, 0.0) * (1.0 - used)), least)


def _search(p: F64, state: F64) -> float:
    return needed_of(state) + float((p * features(state)).sum())


_TARGETS: dict[str, Callable[[F64, F64], float]] = {
    "static": _static,
    "coverage": _coverage,
    "rule": _rule,
    "search": _search,
}


def from_torch(name: str, arrays: dict[str, Any], step: float, trained: JsonObject) -> FrozenPolicy:
    """A frozen network from weights `w0`, `b0`, `w1`, ... as arrays `[out, in]` and `[out]`."""
    layers = []
    for n in range(len(arrays) // 2):
        w, b = np.asarray(arrays[f"w{n}"], dtype=np.float64), np.asarray(arrays[f"b{n}"], dtype=np.float64)
        layers.append(tuple(tuple(row) for row in np.column_stack([w, b]).tolist()))
    if not layers:
        raise refuse("arrays", sorted(arrays), "w0, b0 and so on")
    return FrozenPolicy(name=name, kind="network", layers=tuple(layers), step=step, trained=trained)


@cache
def shipped(name: str) -> FrozenPolicy:
    """One of the frozen policies of the package (`SHIPPED`); `coverage` is the bounds alone."""
    if name == "coverage":
        return FrozenPolicy(name="coverage", kind="coverage")
    if name not in SHIPPED:
        raise refuse("policy", name, f"one of coverage, {', '.join(SHIPPED)}")
    text = resources.files("plimsoll.control").joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    return FrozenPolicy.from_json(text)
