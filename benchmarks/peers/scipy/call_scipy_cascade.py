"""A cascade as a plain loop in numpy, in floats, for linear contracts closed whole at once: nothing else is there."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np

FEES = (0.0005, 0.005)
"""Of the venue and of liquidation; the second goes to the fund, both at most what is left."""


def run(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Last prices, forced volume and fund; accounts are margined with `bincount` over their positions."""
    indices, first, lot = inputs["indices"], inputs["first"], inputs["lot"]
    accounts, steps, many = inputs["cash"].size, inputs["price"].shape[0] - 1, inputs["first"].size
    owner = np.repeat(np.arange(accounts), np.diff(inputs["indptr"]))
    ends, rates = inputs["ends"], inputs["rates"]
    starts = np.append(0.0, ends[:-1])
    moves = np.append(0.0, inputs["moves"])
    depth = np.column_stack([np.zeros(many), inputs["depth"]])
    slope = (moves[-1] - moves[-2]) / (depth[:, -1] - depth[:, -2])
    refill, lasting = float(inputs["refill"]), float(inputs["lasting"])

    def move(k: int, x: float) -> float:
        if x >= depth[k, -1]:
            return float(moves[-1] + slope[k] * (x - depth[k, -1]))
        return float(np.interp(x, depth[k], moves))

    def mean(k: int, x: float, y: float) -> float:
        knots = np.concatenate([[x], depth[k][(depth[k] > x) & (depth[k] < y)], [y]])
        values = np.array([move(k, z) for z in knots])
        return float((np.diff(knots) * 0.5 * (values[1:] + values[:-1])).sum() / (y - x))

    def call() -> dict[str, Any]:
        coins = inputs["lots"] * lot[indices]
        cash = inputs["cash"] * 1e-6
        fund, forced = float(inputs["fund"]), np.zeros((many, 2))
        taken, kept, gone = np.zeros((many, 2)), np.zeros(many), np.zeros(many)
        for step in range(1, steps + 1):
            taken *= 1.0 - refill
            gone *= 1.0 - refill
            outside = first * inputs["price"][step]
            while True:
                price = outside * np.exp(kept + gone)
                value = coins * price[indices]
                equity = cash + np.bincount(owner, weights=value, minlength=accounts)
                parts = np.clip(np.abs(value)[:, None] - starts, 0.0, ends - starts)
                need = np.bincount(owner, weights=parts @ rates, minlength=accounts)
                under = (equity < need) & (need > 0.0)
                if not under.any():
                    break
                hit = under[owner] & (coins != 0.0)
                flow = value[hit]
                at = indices[hit]
                executed = np.column_stack([price, price])
                for k in range(many):
                    for s, sign in ((0, -1.0), (1, 1.0)):
                        usd = float(np.abs(flow[(at == k) & ((flow > 0.0) == (s == 0))]).sum())
                        if not usd:
                            continue
                        begin, x = move(k, taken[k, s]), taken[k, s]
                        executed[k, s] *= 1.0 + sign * (mean(k, x, x + usd) - begin)
                        impact = log(1.0 + sign * (move(k, x + usd) - begin))
                        taken[k, s] += usd
                        kept[k] += lasting * impact
                        gone[k] += (1.0 - lasting) * impact
                        forced[k, s] += usd
                got = coins[hit] * np.where(flow > 0.0, executed[at, 0], executed[at, 1])
                cash += np.bincount(owner[hit], weights=got, minlength=accounts)
                closed = np.bincount(owner[hit], weights=np.abs(flow), minlength=accounts)[under]
                coins[hit] = 0.0
                left = np.maximum(cash[under], 0.0)
                for n, rate in enumerate(FEES):
                    fee = np.minimum(closed * rate, left)
                    cash[under] -= fee
                    left -= fee
                    fund += float(fee.sum()) if n else 0.0
                owed = np.maximum(-cash[under], 0.0)
                fund -= float(owed.sum())
                cash[under] += owed
        return {
            "price": outside * np.array([exp(x) for x in kept + gone]),
            "forced": forced.ravel(),
            "fund": np.array([fund]),
        }

    return {"run": call, "units": accounts * steps}
