"""A small history of two coins and a walk over it, made once for the tests that look at one."""

from __future__ import annotations

from functools import cache

import numpy as np

from plimsoll.market.history import DAY_NS, History
from plimsoll.risk.models import risk_model
from plimsoll.validate.books import library
from plimsoll.validate.levels import factor_levels
from plimsoll.validate.walk import EngineModel, Walk, walk_forward

FIRST = 19_000 * DAY_NS


def closes(days: int, seed: int = 1) -> History:
    """Daily closes of BTC and ETH: t-distributed returns with volatility that comes in waves, half of it shared."""
    rng = np.random.default_rng(seed)
    width = 0.03 * np.exp(0.5 * np.sin(np.arange(days) / 40.0))
    shared, own = rng.standard_t(5, days), rng.standard_t(5, (days, 2))
    returns = width[:, None] * (0.8 * shared[:, None] + 0.6 * own) * np.sqrt(3 / 5)
    values = np.array([30_000.0, 2_000.0]) * np.exp(np.cumsum(returns, axis=0))
    return History(("BTC", "ETH"), FIRST + DAY_NS * np.arange(days, dtype=np.int64), values, DAY_NS)


def rates(days: int, seed: int = 2) -> History:
    """Annual rates of the basis of BTC, one a day."""
    rng = np.random.default_rng(seed)
    values = 0.08 + 0.05 * np.sin(np.arange(days) / 25.0) + 0.01 * rng.standard_normal(days)
    return History(("BTC",), FIRST + DAY_NS * np.arange(days, dtype=np.int64), values[:, None], DAY_NS)


@cache
def levels(days: int = 170) -> History:
    """Levels of every factor."""
    return factor_levels(closes(days), ["BTC", "ETH"], basis=rates(days))


@cache
def models() -> tuple[EngineModel, ...]:
    """Filtered history, the same halved, and plain history."""
    fhs = risk_model("fhs")
    return EngineModel(fhs), EngineModel(fhs, "halved", 0.5), EngineModel(risk_model("hs"))


@cache
def walk() -> Walk:
    """All eight books over the last hundred days."""
    return walk_forward(list(models()), library(), levels(), least=90, look_back=120)
