"""What reverse stress asks of a book: factors, their covariance, and what is left above the maintenance margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import PlimsollError, refuse
from plimsoll.laboratory.reverse import Progress, ReverseStress, reverse_stress
from plimsoll.laboratory.shocked import shocked
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.joint_account import joint_account
from plimsoll.margin.path import LIQUIDATION_FEE, States
from plimsoll.market import Market
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import BASIS, IV
from plimsoll.scenarios.rules import VolRule
from plimsoll.scenarios.stress import Instants

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Factors:
    """Joint log moves over a horizon: `names` (`BTC`, `BTC iv`) and `covariance[F, F]`."""

    names: tuple[str, ...]
    covariance: F64
    days: float


def factors_of(history: FactorHistory, underlyings: Sequence[str], days: float = 1.0) -> Factors:
    """Prices and implied volatilities of some underlyings, their covariance scaled to a horizon by its length.

    The mean is left out: a move is measured from today. Raises `DocumentError` for an underlying without history.
    """
    if not (np.isfinite(days) and days > 0.0):
        raise refuse("days", days, "a horizon above zero")
    own = history.of(underlyings)
    at = [i for i, n in enumerate(own.names) if not n.endswith(BASIS)]
    returns = own.returns[:, at]
    matrix = returns.T @ returns / returns.shape[0] * (days / own.step_days)
    return Factors(tuple(own.names[i] for i in at), matrix, days)


class BookLeft:
    """`left(x[n, F])`: equity less maintenance margin of the account after log moves `x` of the factors, in USD.

    That of the worst pool where the account has pools. By the exact engine: along a path of markets where one
    volatility factor moves all options that are held, else one shocked market after the other. Prices move at once and
    volatilities by the same factor at every tenor. Where the engine refuses, nothing is left: NaN, a breach.
    """

    def __init__(self, model: MarginModel, account: Account, market: Market, names: Sequence[str]) -> None:
        self.model, self.account, self.market = model, account, market
        self.names = tuple(names)
        self.underlyings = tuple(n for n in names if not n.endswith(IV))
        joint, _ = joint_account(account, market)
        missing = [u for u in joint.underlyings if u not in self.underlyings]
        if missing:
            raise refuse(f"factors.{missing[0]}", "no factor", "every underlying of the book")
        vols = {n.removesuffix(IV) for n in names if n.endswith(IV)}
        optional = {u for u, plan in joint.plans.items() if plan.valued.any()}
        self.on_a_path = not optional or not vols or (len(vols) == 1 and optional <= vols)
        # without a shock the engine must answer: a book that it refuses has no distance
        found = model.requirement(account, market, "refuse")
        self.currency = found.currency

    def __call__(self, x: F64) -> F64:
        if self.on_a_path:
            try:
                return self.along(x)
            except PlimsollError:
                pass  # one state that the engine refuses stops the path: ask one by one
        return self.one_by_one(x)

    def along(self, x: F64) -> F64:
        """All shocks as one path of the engine."""
        moves = dict(zip(self.names, np.exp(x).T, strict=True))
        vols = [v for n, v in moves.items() if n.endswith(IV)]
        spot = {u: moves[u] for u in self.underlyings}
        states = States(spot, vols[0] if vols else np.ones(x.shape[0]))
        left = np.min([t.equity - t.needed for t in self.model.along(self.account, self.market, states)], axis=0)
        price = self.market.price_of(self.currency)
        assert price is not None  # else the requirement had been refused
        moving = spot[self.currency] if self.currency in spot else np.ones(x.shape[0])
        result: F64 = left * price.price * moving
        return result

    def one_by_one(self, x: F64) -> F64:
        """Each shock by itself."""
        found = np.full(x.shape[0], np.nan)
        table = self.table(x)
        for r in range(x.shape[0]):
            try:
                found[r] = self._value(*shocked(self.account, self.market, table, r))
            except PlimsollError:
                continue
        return found

    def table(self, x: F64) -> Instants:
        """The shocks as rows of instants."""
        rows, wide = x.shape[0], len(self.underlyings)
        at = {n: k for k, n in enumerate(self.names)}
        moves = np.exp(x)
        vol = [moves[:, at[u + IV]] if u + IV in at else np.ones(rows) for u in self.underlyings]
        flat, zeros = (VolRule(0.0, 0.0),) * wide, np.zeros((rows, wide))
        return Instants(
            names=tuple(f"shock {r}" for r in range(rows)), underlyings=self.underlyings, currencies=(),
            scenario=np.arange(rows, dtype=np.int64), hour=np.zeros(rows),
            price=np.stack([moves[:, at[u]] for u in self.underlyings], axis=1), vol=np.stack(vol, axis=1),
            depth=np.ones((rows, wide)), tilt=zeros, funding=zeros, peg=np.ones((rows, 0)), delay=np.zeros(rows),
            gas=np.ones(rows), rules=(flat,) * rows,
        )  # fmt: skip

    def _value(self, account: Account, market: Market) -> float:
        found = self.model.requirement(account, market, "refuse")
        price = market.price_of(found.currency)
        if price is None:
            raise refuse("market.assets", f"no price of {found.currency}", "the currency of the requirement")
        pools = [p.equity - p.maintenance for p in found.pools]
        return (
            min(pools or [found.net_equity - found.maintenance - found.workings.get(LIQUIDATION_FEE, 0.0)])
            * price.price
        )


def reverse_book(
    model: MarginModel,
    account: Account,
    market: Market,
    factors: Factors,
    *,
    reach: float = 20.0,
    rays: int = 128,
    steps: int = 80,
    seed: int = 0,
    progress: Progress | None = None,
) -> ReverseStress:
    """The smallest joint move of prices and volatilities after which the account is short of its maintenance margin."""
    left = BookLeft(model, account, market, factors.names)
    return reverse_stress(
        left, factors.names, factors.covariance, reach=reach, rays=rays, steps=steps, starts=3, rounds=15, seed=seed,
        progress=progress,
    )  # fmt: skip
