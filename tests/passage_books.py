"""Small books and paths for the tests of the passage."""

from __future__ import annotations

from typing import Any

import plimsoll as pl
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import simulated_joint_paths
from plimsoll.scenarios.paths import JointPaths

NOW = "2026-03-01T00:00:00Z"
PRICE = 50_000.0
MODEL = pl.margin_model("prbm@2025-01-01")


def market(*extra: dict[str, Any], marks: dict[str, Any] | None = None, coins: dict[str, float] | None = None) -> Any:
    """Perpetuals on BTC and ETH in dollars, and what else is given; options of four days and of a month."""
    prices = {"BTC": PRICE, "ETH": 2_500.0} if coins is None else coins
    rows = [
        {"kind": "perpetual", "name": f"{c}-P", "underlying": c, "settlement": "linear", "currency": "USDC"}
        for c in prices
    ]
    expiries = [
        {"underlying": c, "expiry": e, "forward": {"variable": p}}
        for c, p in prices.items()
        for e in ("2026-03-02T00:00:00Z", "2026-04-01T00:00:00Z")
    ]
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": NOW,
            "indices": {c: {"price": p} for c, p in prices.items()},
            "assets": {"USDC": {"price": 1.0}},
            "expiries": expiries,
            "instruments": [*rows, *extra],
            "marks": {f"{c}-P": {"price": p} for c, p in prices.items()} | (marks or {}),
        }
    )


def option(name: str, coin: str, strike: float, *, call: bool, expiry: str, inverse: bool = False) -> dict[str, Any]:
    """One option, linear in dollars or inverse in its coin."""
    return {
        "kind": "option",
        "name": name,
        "underlying": coin,
        "expiry": expiry,
        "strike": strike,
        "call": call,
        "settlement": "inverse" if inverse else "linear",
        "currency": coin if inverse else "USDC",
    }


def account(cash: float, positions: dict[str, float], **more: Any) -> pl.Account:
    """Positions at today's prices with so many dollars."""
    rows = [
        {"instrument": n, "quantity": q} | ({"entry_price": PRICE} if n == "BTC-P" else {})
        for n, q in positions.items()
    ]
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": "a", "positions": rows}
    return pl.Account.from_dict({**content, "collateral": {"USDC": cash, **more.pop("coins", {})}, **more})


def strangle(expiry: str = "2026-04-01T00:00:00Z", *, inverse: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A put at 45,000 and a call at 56,000 with their volatilities."""
    rows = (
        option("PUT", "BTC", 45_000.0, call=False, expiry=expiry, inverse=inverse),
        option("CALL", "BTC", 56_000.0, call=True, expiry=expiry, inverse=inverse),
    )
    return rows, {"PUT": {"vol": 0.65}, "CALL": {"vol": 0.6}}


def lognormal(size: int, sigma: float, steps: int, *, gap: float = 1.0, seed: int = 1, **more: Any) -> JointPaths:
    """Paths of one log-normal price without drift of the price itself, `sigma` a step of `gap` days."""
    plain: dict[str, Any] = {"copula": "normal", "marginal": "normal", "drift": [-0.5 * sigma**2]}
    return simulated_joint_paths(
        ["BTC"], [[1.0]], [sigma], size=size, seed=seed, steps=steps, step_days=gap, **plain | more
    )


def joint(size: int, steps: int = 4, *, gap: float = 0.5, seed: int = 2, **more: Any) -> JointPaths:
    """Paths of two coins and their volatilities."""
    return simulated_joint_paths(
        ["BTC", "ETH"], [[1.0, 0.8], [0.8, 1.0]], [0.03, 0.04],
        size=size, seed=seed, steps=steps, step_days=gap, iv=IvLaw(), **more,
    )  # fmt: skip
