"""The crowding add-on (CAVB): what an account pays for standing where everybody stands, from published curves.

Implements the named system under the reading of capabilities K13 and contradictions 11 and 12. A venue publishes, for
each underlying and both directions, how much would be liquidated within a move and how much of it the order book would
take: sums over accounts, from which no account can be read. The add-on is a function of an owner's own books and these
curves alone, so whoever is charged can compute it again. Where the curves come from is `plimsoll.liquidation.density`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, Instant, Name, NonNegative, Part, Positive, fault, refuse

F64 = npt.NDArray[np.float64]
Direction = Literal["fall", "rise"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
SIGNS = {"fall": 1.0, "rise": -1.0}
"""The sign of the positions that a direction hurts: bought ones in a fall."""

Exponent = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=1, le=10)]
Move = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]


class CrowdingRule(Document):
    """`beta` scales the charge, `power` is what the ratio of liquidations to depth is raised to (above one), `most` the
    largest ratio that counts, `cap` the largest part of the initial margin that is charged, `free` the alignment up to
    which nothing is charged: an owner who is that small a part of the crowd is no part of it.

    `beta` makes charges cover what accounts cost in a cascade. The default is the median over five recorded crashes of
    the one that does so in each, with random fleets under maintenance margins of 5 to 10 %, as measured by
    `tools/measure_crowding.py`. Assumed, not calibrated to a venue: single crashes ask for a ten-thousandth to a
    hundred of it, and under margins of 1 to 5 % no beta covers them within the cap.
    """

    SCHEMA: ClassVar[str] = "plimsoll.crowding-rule"

    beta: NonNegative = 1.1
    power: Exponent = 2.0
    most: Positive = 100.0
    cap: NonNegative = 0.5
    free: Fraction = 0.001


class Crowd(Part):
    """One direction of one underlying, at the moves of the document, in USD.

    `liquidated[K]`: notional whose accounts are below their line once the price has gone so far; it does not fall.
    `depth[K]`: what the book takes within that move after the stress, it does not fall either.
    """

    liquidated: tuple[NonNegative, ...]
    depth: tuple[NonNegative, ...]


class Crowds(Part):
    """Both directions: in a `fall` bought positions are sold, in a `rise` sold ones are bought back."""

    fall: Crowd
    rise: Crowd


class CrowdingCurves(Document):
    """What a venue publishes each period: for `moves[K]` (parts of the price, growing) the curves of each underlying.

    `accounts` is over how many they are summed and `stress` the part of posted depth that was left out.
    """

    SCHEMA: ClassVar[str] = "plimsoll.crowding-curves"

    time: Instant
    venue: str = ""
    rules: Name
    accounts: Annotated[int, Field(strict=True, ge=0)]
    stress: Fraction
    moves: tuple[Move, ...]
    underlyings: dict[Asset, Crowds]

    @model_validator(mode="after")
    def _growing(self) -> Self:
        if not self.moves or any(b <= a for a, b in pairwise(self.moves)):
            raise fault("moves", list(self.moves), "at least one move, growing")
        for name, crowds in self.underlyings.items():
            for direction in DIRECTIONS:
                crowd: Crowd = getattr(crowds, direction)
                for field in ("liquidated", "depth"):
                    curve: tuple[float, ...] = getattr(crowd, field)
                    at = f"underlyings.{name}.{direction}.{field}"
                    if len(curve) != len(self.moves):
                        raise fault(at, f"{len(curve)} numbers", f"one for each of the {len(self.moves)} moves")
                    if any(b < a for a, b in pairwise(curve)):
                        raise fault(at, "a curve that falls", "amounts within a move, which grow with it")
        return self

    def crowd(self, direction: Direction) -> dict[str, float]:
        """USD of each underlying that the widest move would liquidate, signed as the positions are."""
        return {u: SIGNS[direction] * getattr(c, direction).liquidated[-1] for u, c in self.underlyings.items()}

    def ratio(self, direction: Direction) -> dict[str, float]:
        """`R = max over moves of liquidated / depth` of each underlying; infinite where nothing would take it."""
        found = {}
        for u, crowds in self.underlyings.items():
            crowd: Crowd = getattr(crowds, direction)
            found[u] = max((_over(d, b) for d, b in zip(crowd.liquidated, crowd.depth, strict=True)), default=0.0)
        return found


@dataclass(frozen=True)
class Book:
    """What one account of an owner is charged on: USD of delta of each underlying, signed, and its initial margin."""

    exposure: Mapping[str, float]
    initial: float


@dataclass(frozen=True)
class Crowding:
    """The add-on of an owner: `charges[accounts]` in USD, and what it follows from in the direction that binds.

    `rate` is what it is of the initial margins, `alignment` the owner's part of the crowd, and `ratio` the one of
    liquidations to depth that counts for it: `pressure = ratio^power * alignment`.
    """

    direction: Direction
    alignment: float
    pressure: float
    ratio: float
    rate: float
    capped: bool
    charges: tuple[float, ...]

    @property
    def total(self) -> float:
        """USD for all accounts of the owner."""
        return sum(self.charges)


def crowding(rule: CrowdingRule, curves: CrowdingCurves, books: Sequence[Book]) -> Crowding:
    """The crowding add-on of all accounts of one owner, from the published curves.

    ```
    c         USD that the widest move of a direction liquidates, by underlying, signed; t that of both together
    A         sum over the owner's accounts of max(0, <e, c>) / <t, t>
    R_u       min(most, max over moves of liquidated / depth)
    pressure  sum over the accounts of max(0, <e, c R^power>) / <t, t>            = R^power A for one underlying
    rate      min(cap, beta * pressure * max(0, 1 - free / A))       of the direction in which it is larger
    charge    rate * initial margin, of each account of the owner
    ```

    `A` is the alignment of K13, `max(0, cos(e, c)) * share`, with the share `|e| |c| / |t|^2`: where all stand on one
    side it is `|e| / |c|`, and whoever stands with the few on the other side has a small part of a small crowd. With
    several underlyings each counts with its own ratio. Nothing for an owner none of whose accounts stands on a side
    that would be liquidated, and for one whose part is not above `free`. With initial margins in proportion to size the
    charge is convex in it until the cap is reached and in proportion to it from there.

    An owner who divides a book over accounts is charged at least as much as before: aligned parts are summed without
    netting, and the rate is charged on every account, whose initial margins are together at least that of the whole
    wherever netting never costs. So it is for the published curves as they are, and for accounts that the venue knows
    to be of one owner; who hides that he owns two is charged less, by what convexity adds.

    Raises `DocumentError` for amounts that are not finite or an initial margin below zero. An underlying that the
    curves do not have is no part of any crowd.
    """
    for i, book in enumerate(books):
        if not all(np.isfinite(x) for x in book.exposure.values()):
            raise refuse(f"accounts[{i}].exposure", dict(book.exposure), "finite USD amounts")
        if not (np.isfinite(book.initial) and book.initial >= 0.0):
            raise refuse(f"accounts[{i}].initial", book.initial, "USD from zero up")
    found = [_in(rule, curves, books, d) for d in DIRECTIONS]
    return max(found, key=lambda x: (x.rate, x.alignment))


def _in(rule: CrowdingRule, curves: CrowdingCurves, books: Sequence[Book], direction: Direction) -> Crowding:
    crowd = curves.crowd(direction)
    weight = {u: min(rule.most, r) ** rule.power for u, r in curves.ratio(direction).items()}
    # in parts of the largest, so that no square is too large or too small to be a number
    sides = [curves.crowd(d) for d in DIRECTIONS]
    whole = {u: sum(abs(side[u]) for side in sides) for u in crowd}
    largest = max(whole.values(), default=0.0)
    part = {u: c / largest for u, c in crowd.items()} if largest > 0.0 else {}
    square = largest * sum((t / largest) ** 2 for t in whole.values()) if largest > 0.0 else 0.0
    alignment = pressure = 0.0
    for book in books if square > 0.0 else ():
        along = {u: e * part.get(u, 0.0) for u, e in book.exposure.items()}
        alignment += max(0.0, sum(along.values())) / square
        pressure += max(0.0, sum(x * weight.get(u, 0.0) for u, x in along.items())) / square
    raw = rule.beta * pressure * max(0.0, 1.0 - rule.free / alignment) if alignment > 0.0 else 0.0
    rate = min(rule.cap, raw)
    ratio = (pressure / alignment) ** (1.0 / rule.power) if alignment > 0.0 else 0.0
    charges = tuple(rate * b.initial for b in books)
    return Crowding(direction, alignment, pressure, ratio, rate, raw > rule.cap, charges)


def _over(liquidated: float, depth: float) -> float:
    if liquidated <= 0.0:
        return 0.0
    return liquidated / depth if depth > 0.0 else float("inf")
