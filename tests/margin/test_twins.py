"""Both engines against the naive twins that share no line with them, on random books."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

import plimsoll as pl
from builders import PRBM
from naive.pmrm2 import pmrm2
from naive.prbm import prbm
from plimsoll.conformance.pmrm2_vectors import evaluate
from plimsoll.margin import with_parameter
from random_books import INDEX, World, pmrm2_cases, worlds

TOLERANCE = 1e-9


def apart(got: Any, expected: Any, path: str = "", rounding: float = 0.0) -> list[str]:
    """Where `got` departs from `expected` by more than 1e-9 of it (floor one); `None` is not compared.

    `rounding` is allowed on top: what double precision loses when large values cancel.
    """
    if expected is None:
        return []
    if isinstance(expected, dict):
        return [line for k, v in expected.items() for line in apart(got[k], v, f"{path}.{k}", rounding)]
    if isinstance(expected, list):
        assert len(got) == len(expected), path
        return [
            line
            for i, (mine, theirs) in enumerate(zip(got, expected, strict=True))
            for line in apart(mine, theirs, f"{path}[{i}]", rounding)
        ]
    if isinstance(expected, str):
        return [] if got == expected else [f"{path}: {got} not {expected}"]
    gap = abs(got - expected)
    return [] if gap <= TOLERANCE * max(1.0, abs(expected)) + rounding else [f"{path}: {got!r} not {expected!r}"]


def against_prbm_twin(world: World, cap: bool) -> list[str]:
    model = pl.margin_model(with_parameter(pl.find_rules(PRBM), "min_delta.cap_long_options", cap))
    account, market = pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market())
    requirement = model.requirement(account, market)
    params = copy.deepcopy(model.rules.parameters)
    twin = prbm(params, *world.twin())
    expected: dict[str, Any] = {"initial": twin["initial"], "maintenance": twin["maintenance"]}
    got: dict[str, Any] = {"initial": requirement.initial, "maintenance": requirement.maintenance}
    expected["basis"], got["basis"] = twin["basis"], requirement.workings["basis"]
    weights = [row["weight"] for row in params["scenarios"]]
    several = len(twin["per_underlying"]) > 1
    losses = {row.label: row.pnl for row in requirement.scenarios}
    labels = model.scenarios().labels  # type: ignore[attr-defined]
    for name, parts in twin["per_underlying"].items():
        for term in ("scan", "min_delta", "short_option"):
            expected[f"{name}.{term}"] = parts[term]
            got[f"{name}.{term}"] = requirement.workings[f"{name}.{term}"]
        for label, pnl, weight in zip(labels, parts["scenario_pnl"], weights, strict=True):
            expected[f"{name} {label}"] = pnl * weight
            got[f"{name} {label}"] = losses[f"{name} {label}" if several else label]
    gross = sum(abs(leg.quantity * leg.multiplier) * max(leg.strike, INDEX[leg.underlying]) for leg in world.legs)
    return apart(got, expected, rounding=1e-14 * gross)


@given(worlds())
def test_prbm_equals_its_twin_on_random_books(world: World) -> None:
    assert against_prbm_twin(world, cap=True) == []


@given(worlds(kinds=("option",), long_only=True, underlyings=("BTC",), most=4))
@pytest.mark.parametrize("cap", [True, False])
def test_prbm_equals_its_twin_on_long_option_books(cap: bool, world: World) -> None:
    assert against_prbm_twin(world, cap) == []


@given(pmrm2_cases())
def test_pmrm2_equals_its_twin_on_random_inputs(case: tuple[Any, Any, Any]) -> None:
    inputs, params, table = case
    before = copy.deepcopy(case)
    expected = pmrm2(params, table, inputs)
    assert apart(evaluate(inputs, params, table), expected) == []
    assert case == before
