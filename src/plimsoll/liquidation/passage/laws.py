"""The law that paths are drawn from: a history of the factors, or what the market itself says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.path import underlyings_of
from plimsoll.liquidation.sigma import DAYS_OF_A_YEAR, at_the_money
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.risk.engine import LEAST_RETURNS, volatility
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import VolDynamics, filtered_joint_paths, simulated_joint_paths
from plimsoll.scenarios.paths import JointPaths
from plimsoll.scenarios.sampling import Jumps
from plimsoll.scenarios.tilting import Tilt

DECAY = 0.97
"""Of the exponentially weighted variance, for a day; a shorter step has the root of it."""

MOST_STEPS = 20_000


@dataclass(frozen=True, eq=False)
class Law:
    """Paths and the words that say where they come from."""

    paths: JointPaths
    words: tuple[str, ...]


def of_history(
    history: FactorHistory,
    account: Account,
    market: Market,
    horizon_days: float,
    *,
    size: int,
    seed: int,
    iv: IvLaw | None = None,
    tilts: Sequence[Tilt] = (),
) -> Law:
    """Filtered history of what the account depends on, at the steps of the history.

    Volatility is exponentially weighted with `DECAY` for a day, and moves along each path. Where the history has no
    implied volatility of an underlying, `iv` gives it, by default `IvLaw()`: a stated guess. Raises `DocumentError` for
    an underlying without a history and a horizon that is no whole number of steps.
    """
    names = underlyings_of(account, market)
    if not names:
        raise refuse("account.positions", "nothing that depends on a price", "a position or a coin with an index")
    own = history.of(names)
    if len(own) < LEAST_RETURNS:
        raise refuse("history", f"{len(own)} returns", f"at least {LEAST_RETURNS}")
    steps = own.steps(horizon_days)
    decay = float(DECAY**own.step_days)
    law = IvLaw() if iv is None else iv
    sigma = volatility(own.returns, decay)
    paths = filtered_joint_paths(
        own.names,
        own.returns,
        sigma,
        size=size,
        decay=decay,
        seed=seed,
        steps=steps,
        step_days=own.step_days,
        tilts=tilts,
        iv=law,
    )
    annual = ", ".join(
        f"{n} {s * np.sqrt(DAYS_OF_A_YEAR / own.step_days):.0%}" for n, s in zip(own.names, sigma[-1], strict=True)
    )
    proxies = [n for n in names if n + " iv" not in own.names]
    told = [f"filtered history, {len(own):,} joint returns of {_gap(own.step_days)}; volatility now {annual} a year"]
    if proxies:
        told.append(f"implied volatility of {', '.join(proxies)} by the declared law, not from a history (iv: proxy)")
    return Law(paths, tuple(told))


def of_market(
    account: Account,
    market: Market,
    horizon_days: float,
    *,
    size: int,
    seed: int,
    step_days: float,
    annual: float | None = None,
    jumps: Jumps | None = None,
    iv: IvLaw | None = None,
    tilts: Sequence[Tilt] = (),
) -> Law:
    """Simulated paths of one underlying at its at-the-money volatility, or at `annual` (0.6 is 60 %).

    Unit moves are Student t with four degrees of freedom, jumps those of `Jumps()`, volatility moves along the path
    with the weights of `DECAY`; all of it assumed. Several underlyings need a history, which has their dependence.
    """
    names = underlyings_of(account, market)
    if len(names) != 1:
        raise refuse("--history", f"none, and {len(names)} underlyings ({', '.join(names)})", "a history of each")
    if annual is None:
        found = at_the_money(names[0], market)
        if found is None:
            raise refuse("--sigma", f"none, and the market holds no volatility of {names[0]}", "an annual volatility")
        annual = found[0]
    if not 0.0 < annual < 100.0:
        raise refuse("--sigma", annual, "an annual volatility above zero, such as 0.6 for 60 %")
    ratio = horizon_days / step_days
    steps = round(ratio)
    if not 1 <= steps <= MOST_STEPS or abs(ratio - steps) > 1e-6:
        raise refuse("--every", f"{_gap(step_days)} in {horizon_days:g} days", "a whole number of steps")
    memory = float(DECAY**step_days)
    paths = simulated_joint_paths(
        names,
        [[1.0]],
        [annual * float(np.sqrt(step_days / DAYS_OF_A_YEAR))],
        size=size,
        seed=seed,
        steps=steps,
        step_days=step_days,
        jumps=Jumps() if jumps is None else jumps,
        dynamics=VolDynamics(news=1.0 - memory, memory=memory),
        tilts=tilts,
        iv=IvLaw() if iv is None else iv,
    )
    told = f"simulated, {annual:.0%} a year, t steps with four degrees of freedom, jumps, moving volatility (assumed)"
    return Law(paths, (told, f"implied volatility of {names[0]} by the declared law, not from a history (iv: proxy)"))


def _gap(days: float) -> str:
    return f"{days:g} days" if days >= 1.0 else f"{days * 24.0:.3g} hours"
