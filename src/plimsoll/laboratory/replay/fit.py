"""The fit: how far a position can go wrong before it is liquidated, and who is deleveraged, from the flags alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from plimsoll.documents import Document, Name, Part, fault, refuse
from plimsoll.laboratory.replay.entries import Entries, entries_of
from plimsoll.laboratory.replay.marks import Marks, excursions
from plimsoll.laboratory.replay.positions import F64, B, Positions
from plimsoll.laboratory.replay.probit import Probit, probit

FLAGS = ("liquidated", "deleveraged")
SIDES = ("long", "short")
COMMON = ("one", "opened inside", "log excursion", "size", "size squared", "gained")
EXCURSION = COMMON.index("log excursion")

CENTRE = {"liquidated": (0.0, 0.0, 1.0, 0.0, 0.0, 0.0), "deleveraged": (0.0, 0.0, 0.5, 0.0, 0.0, 0.0)}
SPREAD = (5.0, 1.0, 0.5, 0.3, 0.1, 2.0)
BETWEEN = 0.7
"""Priors of the coefficients, normal. What an asset may differ from the others by has mean zero and `BETWEEN`."""

BARE = COMMON[:3]
"""Of the regression that stands for cushions: without size and gain, which the table knows only from what was closed,
and so after the fact. They help to tell who was liquidated; they are no part of how far somebody was from it."""

LEAST_SLOPE = 0.2
"""The widest distribution of cushions that a draw may have: a standard deviation of its logarithm of five."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Coefficients(Part):
    """Mean and covariance of coefficients."""

    mean: tuple[Number, ...]
    covariance: tuple[tuple[Number, ...], ...]

    @model_validator(mode="after")
    def _square(self) -> Self:
        k = len(self.mean)
        if len(self.covariance) != k or any(len(row) != k for row in self.covariance):
            raise fault("covariance", f"{len(self.covariance)} rows", f"{k} rows of {k} numbers")
        matrix = np.array(self.covariance)
        if not np.allclose(matrix, matrix.T) or np.linalg.eigvalsh(matrix).min() <= 0.0:
            raise fault("covariance", "another matrix", "a symmetric, positive definite one")
        return self


class ReplayFit(Document):
    """What was learned from the flags of some accounts, for use on others: `plimsoll cascade replay --fit`.

    `flags` has `long.liquidated`, `long.deleveraged`, `short.liquidated`, `short.deleveraged`: coefficients of a probit
    on a constant, opened inside the window, the logarithm of the excursion, size and its square (`(ln |USD realised| -
    centre) / scale`), whether something was gained, and one for each of `assets`. `cushion` is the regression of
    liquidated longs on the first three and the assets: it stands for the leverage of everybody. `entries` has mean and
    covariance of (place, log width) by side.
    """

    SCHEMA: ClassVar[str] = "plimsoll.replay-fit"

    source: Name
    accounts: Annotated[int, Field(strict=True, ge=1)]
    assets: tuple[Name, ...]
    size_centre: Number
    size_scale: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
    flags: dict[str, Coefficients]
    cushion: Coefficients
    entries: dict[str, Coefficients]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        named = [f"{s}.{f}" for s in SIDES for f in FLAGS]
        for field, got, needed, k in (
            ("flags", self.flags, named, len(COMMON) + len(self.assets)),
            ("entries", self.entries, list(SIDES), 2),
            ("cushion", {"": self.cushion}, [""], len(BARE) + len(self.assets)),
        ):
            if sorted(got) != sorted(needed):
                raise fault(field, sorted(got), f"exactly {', '.join(needed)}")
            for name, c in got.items():
                if len(c.mean) != k:
                    raise fault(f"{field}.{name}.mean".replace("..", "."), f"{len(c.mean)} numbers", f"{k} numbers")
        return self

    def model(self, long: bool, flag: str) -> Probit:
        """The regression of one flag on one side."""
        return self._models[f"{SIDES[0] if long else SIDES[1]}.{flag}"]

    @cached_property
    def _models(self) -> dict[str, Probit]:
        # a fit to many assets has large matrices, and every draw asks for them
        return {name: Probit(np.array(c.mean), np.array(c.covariance)) for name, c in self.flags.items()}

    @cached_property
    def cushions(self) -> Probit:
        """The regression that stands for cushions."""
        return Probit(np.array(self.cushion.mean), np.array(self.cushion.covariance))

    def entries_of(self, long: bool) -> Entries:
        """The distribution of entries of one side."""
        c = self.entries[SIDES[0] if long else SIDES[1]]
        return Entries(np.array(c.mean), np.array(c.covariance))


@dataclass(frozen=True, eq=False)
class Features:
    """`liquidated` and `deleveraged` `[n, k]`: the rows of the two regressions for each position; `cushion` of the bare
    one."""

    liquidated: F64
    deleveraged: F64
    cushion: F64


def features(
    positions: Positions, marks: Mapping[str, Marks], assets: tuple[str, ...], size: tuple[float, float]
) -> Features:
    """Rows of the regressions. An asset that is not among `assets` has none of its own: it is taken as the average."""
    against, for_it = excursions(positions, marks)
    z = np.clip((np.log(np.maximum(np.abs(positions.realised), 1e-3)) - size[0]) / size[1], -4.0, 4.0)
    own = (positions.asset[:, None] == np.array(assets, dtype=str)[None, :]).astype(float)
    columns = [
        np.ones(len(positions)),
        positions.fresh.astype(float),
        z,
        z**2,
        (positions.realised > 0.0).astype(float),
    ]

    def rows(excursion: F64) -> F64:
        return np.column_stack([columns[0], columns[1], np.log(excursion), *columns[2:], own])

    bare = np.column_stack([columns[0], columns[1], np.log(against), own])
    return Features(rows(against), rows(for_it), bare)


def fit(positions: Positions, marks: Mapping[str, Marks]) -> ReplayFit:
    """The fit to all positions given that closed something. Raises `DocumentError` where they have no flags."""
    if positions.liquidated is None or positions.deleveraged is None:
        raise refuse(
            "was_liquidated, was_adl", "no flags", "flags of who was liquidated and who deleveraged, or --fit FILE"
        )
    used = positions.closed
    if not used.any():
        raise refuse("realized_pnl", "zero everywhere", "positions of which something was closed")
    logs = np.log(np.maximum(np.abs(positions.realised[used]), 1e-3))
    size = (float(logs.mean()), float(max(logs.std(), 1.0)))
    made = features(positions, marks, positions.assets, size)
    spread = np.array([*SPREAD, *([BETWEEN] * len(positions.assets))])
    flags: dict[str, Coefficients] = {}
    for side, long in zip(SIDES, (True, False), strict=True):
        here = used & (positions.long == long)
        for flag in FLAGS:
            centre = np.array([*CENTRE[flag], *([0.0] * len(positions.assets))])
            y: B = getattr(positions, flag)
            found = probit(getattr(made, flag)[here], y[here], centre, spread)
            flags[f"{side}.{flag}"] = _told(found.mean, found.covariance)
    longs = used & positions.long
    centre = np.array([*CENTRE["liquidated"][: len(BARE)], *([0.0] * len(positions.assets))])
    spread = np.array([*SPREAD[: len(BARE)], *([BETWEEN] * len(positions.assets))])
    bare = probit(made.cushion[longs], positions.liquidated[longs], centre, spread)
    entries = {}
    for side, long in zip(SIDES, (True, False), strict=True):
        e = entries_of(positions, marks, long)
        entries[side] = _told(e.mean, e.covariance)
    return ReplayFit(
        source="the flags of a file",
        accounts=len(set(positions.account.tolist())),
        assets=positions.assets,
        size_centre=size[0],
        size_scale=size[1],
        flags=flags,
        cushion=_told(bare.mean, bare.covariance),
        entries=entries,
    )


def _told(mean: F64, covariance: F64) -> Coefficients:
    # a covariance that was inverted is symmetric to the last bits only
    even = (covariance + covariance.T) / 2.0
    return Coefficients(mean=tuple(mean.tolist()), covariance=tuple(tuple(row) for row in even.tolist()))


@dataclass(frozen=True, eq=False)
class Cushions:
    """`ln(d)` of each position is normal with `place` `[n]` and `width`: `d` is the part of the price that it can move
    against the position before the venue liquidates it. Liquidated is who has `d` below the excursion."""

    place: F64
    width: float


def cushions(rows: F64, coefficients: F64) -> Cushions:
    """The distribution of cushions that the regression of `liquidated` stands for.

    `P(liquidated) = P(ln d <= ln excursion) = Phi((ln excursion - place) / width)`, so the slope on the logarithm of
    the excursion is `1 / width`, and the rest of the linear predictor is `-place / width`.
    """
    slope = max(float(coefficients[EXCURSION]), LEAST_SLOPE)
    rest = rows @ coefficients - rows[:, EXCURSION] * coefficients[EXCURSION]
    return Cushions(-rest / slope, 1.0 / slope)


def shipped_fit() -> ReplayFit:
    """The fit to half of the accounts of BTC and SOL of 10 October 2025, which travels with the package."""
    from importlib.resources import files

    text = files("plimsoll.laboratory.replay").joinpath("data/fit-2025-10-10.json").read_text(encoding="utf-8")
    return ReplayFit.from_json(text)
