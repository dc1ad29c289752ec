"""What keepers may take for liquidating an account at Synthetix v3."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.margin.venues.synthetix.parameters import Keepers

F64 = npt.NDArray[np.float64]


def keeper_reward(k: Keepers, reward: F64, cost: float, collateral: F64) -> F64:
    """A keeper's reward between its guards, `[K]`.

    ```
    min( max(least, reward + cost), most )
    least = max(cost + min_reward, cost (1 + min_profit_ratio))
    most  = min(collateral * max_scaling, max_reward), max_reward where there is no collateral
    ```

    >>> k = Keepers(min_reward=1.0, max_reward=500.0, min_profit_ratio=1.0, max_scaling=1.0,
    ...     collateral_reward_ratio=0.0, flag_cost=2.0, liquidate_cost=2.0)
    >>> keeper_reward(k, np.array([0.0, 30.0, 900.0, 30.0, 30.0]), 2.0, np.array([1e4, 1e4, 1e4, 20.0, 0.0])).tolist()
    [4.0, 32.0, 500.0, 20.0, 32.0]
    """
    least = max(cost + k.min_reward, cost * (1.0 + k.min_profit_ratio))
    most = np.where(collateral > 0.0, np.minimum(collateral * k.max_scaling, k.max_reward), k.max_reward)
    guarded: F64 = np.minimum(np.maximum(least, reward + cost), most)
    return guarded


def liquidation_reward(k: Keepers, flagged: F64, windows: F64, collateral: F64, flag: float, liquidate: float) -> F64:
    """All that liquidating an account may cost it, `[K]`: one flag and each window after the first.

    `flagged` is the sum of notional times flag ratio, `flag` and `liquidate` the costs of either call, USD.
    """
    reward = np.maximum(flagged, collateral * k.collateral_reward_ratio)
    one = keeper_reward(k, np.zeros_like(flagged), liquidate, np.zeros_like(flagged))
    found: F64 = keeper_reward(k, reward, flag, collateral) + np.maximum(windows - 1.0, 0.0) * one
    return found
