"""What a new schedule does to the accounts of a venue: who is called, for how much, and what has to be sold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Name, Number, Part, Positive, fault, refuse
from plimsoll.rates.schedule import RateSchedule, initial_margin, maintenance_margin

F64 = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MOVES = (-0.5, -0.3, -0.2, -0.1, 0.1, 0.2, 0.3, 0.5)
"""Moves of all assets together by which accounts are stressed; a path with its own is an argument."""

_HALVINGS = 60


class FleetAccount(Part):
    """One account: `equity` in USD, `positions` in coins (signed) by asset."""

    name: Name
    equity: Number
    positions: dict[Asset, Number]


class Fleet(Document):
    """The accounts of a venue in linear contracts: `prices` in USD a coin, `volume` that trades in a day, USD."""

    SCHEMA: ClassVar[str] = "plimsoll.fleet"

    prices: dict[Asset, Positive]
    volume: dict[Asset, Positive]
    accounts: Annotated[tuple[FleetAccount, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Self:
        seen: set[str] = set()
        for n, account in enumerate(self.accounts):
            if account.name in seen:
                raise fault(f"accounts[{n}].name", account.name, "a name of its own")
            seen.add(account.name)
            for asset in account.positions:
                if asset not in self.prices:
                    raise fault(f"accounts[{n}].positions.{asset}", asset, f"an asset of prices ({self._names})")
        for asset in self.prices:
            if asset not in self.volume:
                raise fault("volume", sorted(self.volume), f"a volume for {asset} too")
        return self

    @property
    def _names(self) -> str:
        return ", ".join(sorted(self.prices))

    def notionals(self) -> F64:
        """Signed USD of each account in each asset of `prices`, `[A, N]`."""
        place = {asset: k for k, asset in enumerate(self.prices)}
        found = np.zeros((len(self.accounts), len(place)))
        for a, account in enumerate(self.accounts):
            for asset, coins in account.positions.items():
                found[a, place[asset]] = coins * self.prices[asset]
        return found


@dataclass(frozen=True, eq=False)
class Margins:
    """USD of each account under one schedule, `[A]`."""

    initial: F64
    maintenance: F64


@dataclass(frozen=True, eq=False)
class Impact:
    """Each account `[A]` under the old and the new schedule.

    `called`: below the new initial margin and not below the old; `call` is the USD that it lacks now more than before.
    `closed`: below the new maintenance margin and not below the old; `share` is the part of every position whose close
    brings it back to maintenance, and `forced[N]` what that sells, USD by asset, to be held against a day's volume.
    `stress` is the worst loss over the moves, USD (at least zero).
    """

    fleet: Fleet
    assets: tuple[str, ...]
    equity: F64
    old: Margins
    new: Margins
    called: BoolArray
    call: F64
    closed: BoolArray
    share: F64
    forced: F64
    stress: F64

    @property
    def stress_over_margin(self) -> F64:
        """The worst loss in units of the new initial margin; 0 without positions."""
        found: F64 = np.divide(
            self.stress, self.new.initial, out=np.zeros_like(self.stress), where=self.new.initial > 0
        )
        return found

    def top(self, count: int) -> list[int]:
        """Accounts by stress loss over margin, the largest first; of equal ones the larger loss, then by place."""
        ratio = np.round(self.stress_over_margin, 9)
        return [int(a) for a in np.lexsort((np.arange(ratio.size), -self.stress, -ratio))[:count]]

    @property
    def volume(self) -> F64:
        """A day's volume of each asset, USD `[N]`."""
        return np.array([self.fleet.volume[a] for a in self.assets])


def impact(fleet: Fleet, old: RateSchedule, new: RateSchedule, moves: npt.ArrayLike = MOVES) -> Impact:
    """Both schedules on all accounts. `moves` `[S]` are of all assets together, fractions above -1.

    Raises `DocumentError` where a schedule lacks an asset that somebody holds, or a move is no move.
    """
    size = fleet.notionals()
    assets = tuple(fleet.prices)
    held = np.any(size != 0, axis=0)
    for label, schedule in (("old", old), ("new", new)):
        missing = [a for a, h in zip(assets, held, strict=True) if h and a not in schedule.assets]
        if missing:
            raise refuse(f"{label}.assets", sorted(schedule.assets), f"rates for {', '.join(missing)}, which is held")
    steps = np.asarray(moves, dtype=np.float64)
    if steps.ndim != 1 or not steps.size or not np.isfinite(steps).all() or (steps <= -1).any():
        raise refuse("moves", moves, "moves above -1, at least one")
    equity = np.array([a.equity for a in fleet.accounts], dtype=np.float64)
    before, after = margins(old, assets, size), margins(new, assets, size)
    short_before = np.maximum(before.initial - equity, 0.0)
    short_after = np.maximum(after.initial - equity, 0.0)
    closed = (equity < after.maintenance) & (equity >= before.maintenance)
    share = np.where(closed, least_share(new, assets, size, equity), 0.0)
    return Impact(
        fleet,
        assets,
        equity,
        before,
        after,
        (short_after > 0) & (short_before == 0),
        np.maximum(short_after - short_before, 0.0),
        closed,
        share,
        (share[:, None] * np.abs(size)).sum(axis=0),
        np.maximum(0.0, -np.outer(size.sum(axis=1), steps).min(axis=1)),
    )


def margins(schedule: RateSchedule, assets: tuple[str, ...], size: F64) -> Margins:
    """Sums over assets of the marginal tiers on `size[A, N]` USD; positions of an asset are netted, assets are not."""
    initial, maintenance = np.zeros(size.shape[0]), np.zeros(size.shape[0])
    for n, asset in enumerate(assets):
        table = schedule.assets.get(asset)
        if table is not None:
            initial += initial_margin(table, size[:, n])
            maintenance += maintenance_margin(table, size[:, n])
    return Margins(initial, maintenance)


def least_share(schedule: RateSchedule, assets: tuple[str, ...], size: F64, equity: F64) -> F64:
    """The smallest part of all positions `[A]` after whose close `equity` covers maintenance; 1 where none does.

    Maintenance falls with the part that is closed, so halving finds it; costs of the close are not counted here.
    """
    low, high = np.zeros(equity.size), np.ones(equity.size)
    low_enough = margins(schedule, assets, size).maintenance <= equity
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        enough = margins(schedule, assets, size * (1.0 - middle)[:, None]).maintenance <= equity
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return np.where(low_enough, 0.0, high)
