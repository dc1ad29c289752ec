"""Before and after under the same draws: breaches of maintenance by the exact engine, and expected shortfall.

The draws are of no history that an optimiser saw: a t copula with jumps at implied volatility, one volatility factor
for all options. Losses come from the P&L array; whether an account is short of maintenance is asked of the exact
engine, from the worst draw on, block after block, until one ends with `CALM` in a row above their line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import PlimsollError
from plimsoll.laboratory.shocked import levels_of
from plimsoll.margin import Account
from plimsoll.margin.joint_account import joint_account
from plimsoll.margin.path import ACCOUNT, States, moved
from plimsoll.margin.pools import SHARED
from plimsoll.market import Market
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.execution.covariance import TYPICAL, factor_covariance
from plimsoll.optimise.execution.terms import ExecutionTerms
from plimsoll.optimise.paired import Paired, paired
from plimsoll.optimise.recheck.wallets import Owned, WalletHolding
from plimsoll.risk.joint import joint_losses
from plimsoll.risk.plan import F64
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.sampling import BATCHES
from plimsoll.scenarios.simulated import Jumps, simulated

CALM = 12
"""Draws in a row, of growing profit, whose accounts are above their line; what comes after them counts as above too."""

BLOCK = 32
"""Draws of the first block; each further one is twice as large, up to `LARGE`."""

LARGE = 256

NEAR = 1e-6
"""Part of equity and margin within which of the line a draw is assessed by itself."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """`shortfall` at `level` by batches of the draws and `breach`, the part of the draws in which an account is short
    of maintenance, before and after; `draws` and `exact` how many were drawn, and computed by the engine."""

    shortfall: Paired
    breach: Paired
    level: float
    horizon_days: float
    draws: int
    exact: int
    seed: int


@dataclass(frozen=True, eq=False)
class Drawn:
    """`spot[U, S]` multipliers of the prices of `coins[U]`, `vol[S]` of all volatilities, `batch[S]`."""

    coins: tuple[str, ...]
    spot: F64
    vol: F64
    batch: npt.NDArray[np.int64]

    def columns(self) -> dict[str, Scenarios]:
        """The scenario columns of each coin."""
        return {c: Scenarios.build(s, self.vol - 1.0) for c, s in zip(self.coins, self.spot, strict=True)}


def drawn(market: Market, coins: tuple[str, ...], *, size: int, horizon_days: float, seed: int) -> Drawn:
    """Joint moves over the horizon from a seed; the assumptions of correlation are those of `ExecutionTerms`."""
    terms, implied = ExecutionTerms(), levels_of(market, coins)
    year = np.array([implied[c] if np.isfinite(implied[c]) else TYPICAL for c in coins])
    whole = factor_covariance(year, terms)
    # one volatility for all: the first of them
    kept = [*range(len(coins)), len(coins)]
    covariance = whole[np.ix_(kept, kept)]
    sd = np.sqrt(np.diag(covariance))
    steps = max(1, round(horizon_days))
    moves = simulated(
        (*coins, f"{coins[0]} iv"),
        covariance / np.outer(sd, sd),
        sd / np.sqrt(365.0) * np.sqrt(horizon_days / steps),
        size=size,
        seed=seed,
        steps=steps,
        step_days=horizon_days / steps,
        jumps=Jumps(),
        trim=1e-5,
    )
    batch = np.arange(len(moves)) % BATCHES if moves.clusters is None else moves.clusters[:, -1]
    return Drawn(coins, moves.multiplier[:-1], moves.multiplier[-1], np.asarray(batch, dtype=np.int64))


def gains(holdings: Sequence[Owned], market: Market, columns: dict[str, Scenarios]) -> list[F64]:
    """`[S]` US dollars of each account, collateral in coins with it."""
    found = []
    size = len(next(iter(columns.values())))
    for h in holdings:
        if still(h.account, market):
            found.append(np.zeros(size))
            continue
        book, _ = joint_account(h.account, market)
        found.append(-joint_losses(book, columns))
    return found


def still(account: Account, market: Market) -> bool:
    """Whether nothing in an account moves with a price that has an index."""
    balances = {**account.collateral, **account.borrowed}
    held = any(p.quantity for p in account.positions)
    return not held and not any(x and a in market.indices for a, x in balances.items())


def held_out(
    market: Market,
    before: Sequence[Owned],
    after: Sequence[Owned],
    coins: tuple[str, ...],
    moving: Sequence[Sequence[Owned]] | None = None,
    *,
    size: int = 4096,
    horizon_days: float = 2.0,
    level: float = 0.975,
    seed: int = 0,
    tell: Tell | None = None,
) -> HeldOut:
    """Both desks under the same draws. Costs of the trades are left out: they are in the objective already.

    `moving` are both with their assets as `wallets.following` has them, whose gains count; by default they themselves.
    """
    tell = tell or (lambda _text, _done, _total: None)
    # far from any seed that a user would give an optimiser
    law = drawn(market, coins, size=size, horizon_days=horizon_days, seed=1_000_003 + seed)
    columns = law.columns()
    losses, short, exact = [], [], 0
    for word, holdings, worth in zip(("before", "after"), (before, after), moving or (before, after), strict=True):
        each = gains(worth, market, columns)
        losses.append(-np.sum(each, axis=0))
        breached = np.zeros(law.vol.size, dtype=bool)
        for h, gain in zip(holdings, each, strict=True):
            if isinstance(h, WalletHolding):
                continue
            tell(f"breaches of {h.name} {word}", 0, 1)
            found, count = breaches(h, market, law, gain)
            breached |= found
            exact += count
        short.append(breached)
    batches = np.unique(law.batch)
    shortfall = [np.array([_shortfall(x[law.batch == b], level) for b in batches]) for x in losses]
    rates = [np.array([float(s[law.batch == b].mean()) for b in batches]) for s in short]
    return HeldOut(paired(*shortfall), paired(*rates), level, horizon_days, law.vol.size, exact, seed)


def breaches(holding: Holding, market: Market, law: Drawn, gain: F64) -> tuple[npt.NDArray[np.bool_], int]:
    """`[S]` whether the account is short of maintenance, and how many draws the engine computed.

    From the worst draw on, many at once by the model's own arithmetic along states (`MarginModel.along`), and near the
    line one by one. A draw that the rules refuse counts as short.
    """
    found = np.zeros(gain.size, dtype=bool)
    small = trimmed(holding.account, market)
    order = np.argsort(gain, kind="stable")
    done, size = 0, BLOCK
    while done < order.size:
        block = order[done : done + size]
        found[block] = _short(holding, small, law, block)
        done, size = done + block.size, min(2 * size, LARGE)
        if not found[order[max(0, done - CALM) : done]].any():
            break
    return found, done


def _short(holding: Holding, market: Market, law: Drawn, at: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Which of some draws leave the account short of maintenance; halves what the model refuses."""
    states = States({c: s[at] for c, s in zip(law.coins, law.spot, strict=True)}, law.vol[at])
    try:
        with np.errstate(all="ignore"):
            tracks = holding.model.along(holding.account, market, states)
            # as a requirement sums pools: an isolated one is worth no less than nothing
            worth = [t.equity if t.subject in (ACCOUNT, SHARED) else np.maximum(t.equity, 0.0) for t in tracks]
            equity, needed = np.sum(worth, axis=0), np.sum([t.maintenance for t in tracks], axis=0)
            excess = equity - needed
            near = ~(np.abs(excess) > NEAR * (np.abs(equity) + np.abs(needed)))
    except PlimsollError:
        if at.size == 1:
            return np.ones(1, dtype=bool)
        half = at.size // 2
        return np.concatenate([_short(holding, market, law, part) for part in (at[:half], at[half:])])
    found: npt.NDArray[np.bool_] = excess < 0.0
    for k in np.flatnonzero(near).tolist():
        spot = dict(zip(law.coins, law.spot[:, at[k]].tolist(), strict=True))
        try:
            need = holding.model.requirement(*moved(holding.account, market, spot, float(law.vol[at[k]])))
        except PlimsollError:
            found[k] = True
        else:
            found[k] = need.excess_maintenance < 0.0
    return found


def trimmed(account: Account, market: Market) -> Market:
    """The market with what the account names and nothing else listed: the engine then reads less."""
    named = {p.instrument for p in account.positions} | {o.instrument for o in account.orders}
    return market.model_copy(
        update={
            "instruments": tuple(c for c in market.instruments if c.name in named or c.name in market.depth),
            "marks": {n: m for n, m in market.marks.items() if n in named or n in market.depth},
        }
    )


def _shortfall(loss: F64, level: float) -> float:
    """Mean of the worst `1 - level`, the last of them in part."""
    worst, left = np.sort(loss)[::-1], (1.0 - level) * loss.size
    weight = np.clip(left - np.arange(loss.size), 0.0, 1.0)
    return float(worst @ weight / left)
