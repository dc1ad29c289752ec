"""What collateral on other chains is worth: less what can happen until its sale is possible."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from plimsoll.documents import YEAR_SECONDS, refuse
from plimsoll.laboratory.liens.network import ChainTerms, LienNetwork


@dataclass(frozen=True)
class Valued:
    """Collateral on one chain, whole units: `balance`, and `equity` after both haircuts, rounded down. `latency` is the
    part that the time to a sale takes, `bridge` the part that the bridge may lose, `seconds` that time."""

    chain: str
    asset: str
    balance: int
    seconds: float
    asset_haircut: float
    latency: float
    bridge: float
    equity: int


def latency_haircut(
    volatility: float,
    finality_seconds: float,
    message_seconds: float,
    *,
    quantile: float = 3.0,
    bridge_loss: float = 0.0,
) -> float:
    """`h_c`: what a lock is worth less because its sale waits for the chain and for a message.

    ```
    h_c = min(1, 1 - exp(-z sigma sqrt(finality + message)) + bridge_loss)          times in years, sigma per year
    ```

    Grows with every argument. Source: capability K24, as a quantile of a log price over the wait; the message's time is
    its mean, retries of lost ones included by the caller. Raises `DocumentError` for numbers below zero.

    >>> round(latency_haircut(0.7, 144.0, 30.0), 6), latency_haircut(0.0, 144.0, 30.0, bridge_loss=0.01)
    (0.004921, 0.01)
    """
    for field, found in (
        ("volatility", volatility),
        ("finality_seconds", finality_seconds),
        ("message_seconds", message_seconds),
        ("quantile", quantile),
        ("bridge_loss", bridge_loss),
    ):
        if not (math.isfinite(found) and found >= 0.0):
            raise refuse(field, found, "a number from zero up")
    years = (finality_seconds + message_seconds) / YEAR_SECONDS
    return min(1.0, -math.expm1(-quantile * volatility * math.sqrt(years)) + bridge_loss)


def waits(terms: ChainTerms, retry: int) -> tuple[float, float]:
    """Finality and message, in seconds: the blocks of the confirmations, and a message's mean delay with a retry for
    each one lost (`loss / (1 - loss)` of them in the mean), there and back."""
    once = terms.delay_seconds + retry * terms.loss / (1.0 - terms.loss)
    return float(terms.confirmations * terms.block_seconds), 2.0 * once


def valued(network: LienNetwork, balances: Mapping[str, int]) -> tuple[Valued, ...]:
    """What locks on each chain are worth: `equity = sum of balance (1 - h_asset) (1 - h_c)`, each rounded down.

    `balances` are whole units by chain. Raises `DocumentError` for a chain that the network does not have, or an amount
    below zero. An asset without a haircut of its own has none.
    """
    found = []
    for name, units in balances.items():
        terms = network.chains.get(name)
        if terms is None:
            raise refuse(f"balances.{name}", name, f"one of {', '.join(sorted(network.chains))}")
        if units < 0:
            raise refuse(f"balances.{name}", units, "whole units from zero up")
        finality, message = waits(terms, network.terms.retry)
        latency = latency_haircut(terms.volatility, finality, message, quantile=network.quantile)
        asset = network.haircuts.get(terms.asset, 0.0)
        kept = (1.0 - asset) * (1.0 - min(1.0, latency + terms.bridge_loss))
        found.append(
            Valued(
                name,
                terms.asset,
                units,
                finality + message,
                asset,
                latency,
                terms.bridge_loss,
                math.floor(units * kept),
            )
        )
    return tuple(found)
