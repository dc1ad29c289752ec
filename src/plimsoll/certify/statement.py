"""The statement: a quantised P&L array, how it is aggregated, and the positions, all in integers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Count, Document, Instant, Name, Part, fault

Whole = Annotated[int, Field(strict=True)]
Above = Annotated[int, Field(strict=True, gt=0)]
Row = tuple[Whole, ...]

GUARD = 9
"""Decimals that an array keeps beyond those of the currency: a million contracts then lose a thousandth of a unit."""


class Ratio(Part):
    """`numerator / denominator`, at least zero."""

    numerator: Count
    denominator: Above


class Worst(Part):
    """The largest of `K` rows `long[k] @ bought + short[k] @ sold + constant[k]` over the instruments `items[I]`.

    `long[K][I]` and `short[K][I]` are losses of one contract bought and one sold, `constant[K]` losses: units of
    `10**-array_decimals` of the currency, each rounded up.
    """

    kind: Literal["worst"]
    items: tuple[Count, ...]
    long: tuple[Row, ...]
    short: tuple[Row, ...]
    constant: Annotated[Row, Field(min_length=1)]

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        for name, rows in (("long", self.long), ("short", self.short)):
            if len(rows) != len(self.constant):
                raise fault(name, len(rows), f"{len(self.constant)} rows, one for each constant")
            for k, row in enumerate(rows):
                if len(row) != len(self.items):
                    raise fault(f"{name}[{k}]", len(row), f"{len(self.items)} numbers, one for each of items")
        return self


class Tail(Part):
    """The mean of the `count` largest rows; the last of them counts with what is left of `count`."""

    kind: Literal["tail"]
    losses: Worst
    count: Ratio

    @model_validator(mode="after")
    def _within(self) -> Self:
        rows, n, d = len(self.losses.constant), self.count.numerator, self.count.denominator
        if not 0 < n <= rows * d:
            raise fault("count", f"{n}/{d}", f"above zero and at most the {rows} rows")
        return self


class Relieved(Part):
    """The larger of two rows, of which bought contracts may be given up at `price[I]` each (`null`: not at any)."""

    kind: Literal["relieved"]
    charge: Worst
    price: tuple[Whole | None, ...]

    @model_validator(mode="after")
    def _two_rows(self) -> Self:
        if len(self.charge.constant) != 2:
            raise fault("charge", f"{len(self.charge.constant)} rows", "two rows")
        if len(self.price) != len(self.charge.items):
            raise fault("price", len(self.price), f"{len(self.charge.items)} numbers, one for each of charge.items")
        return self


class Curved(Part):
    """The largest loss of a quadratic over a box, zero if nothing loses.

    `coefficients[5][I]` of one contract, in units of the array and each to within one: of `x`, `x^2 / 2`, `y`, `x y`
    and `y^2 / 2` in its gain. `x` lies between `-move` and `move`, `y` between `-down` and `up`. What the rounding of
    the coefficients can hide is added, so that the loss is never below the exact one.
    """

    kind: Literal["curved"]
    items: tuple[Count, ...]
    coefficients: Annotated[tuple[Row, ...], Field(min_length=5, max_length=5)]
    move: Ratio
    down: Ratio
    up: Ratio

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        for k, row in enumerate(self.coefficients):
            if len(row) != len(self.items):
                raise fault(f"coefficients[{k}]", len(row), f"{len(self.items)} numbers, one for each of items")
        return self


class Scaled(Part):
    """`factor * term`."""

    kind: Literal["scaled"]
    factor: Ratio
    term: Node


class Sum(Part):
    """The sum of its terms, zero without any."""

    kind: Literal["sum"]
    terms: tuple[Node, ...]


class Max(Part):
    """The largest of its terms."""

    kind: Literal["max"]
    terms: Annotated[tuple[Node, ...], Field(min_length=1)]


class Least(Part):
    """The least of its terms."""

    kind: Literal["least"]
    terms: Annotated[tuple[Node, ...], Field(min_length=1)]


Node = Annotated[Worst | Tail | Relieved | Curved | Scaled | Sum | Max | Least, Field(discriminator="kind")]

for _model in (Scaled, Sum, Max, Least):
    _model.model_rebuild()


def worsts(node: Node, path: str = "requirement") -> Iterator[tuple[str, Worst]]:
    """Every array of rows below a node, with its path."""
    if isinstance(node, Curved):
        return
    if isinstance(node, Worst):
        yield path, node
    elif isinstance(node, Tail):
        yield f"{path}.losses", node.losses
    elif isinstance(node, Relieved):
        yield f"{path}.charge", node.charge
    elif isinstance(node, Scaled):
        yield from worsts(node.term, f"{path}.term")
    else:
        for i, term in enumerate(node.terms):
            yield from worsts(term, f"{path}.terms[{i}]")


def curves(node: Node, path: str = "requirement") -> Iterator[tuple[str, Curved]]:
    """Every quadratic below a node, with its path."""
    if isinstance(node, Curved):
        yield path, node
    elif isinstance(node, Scaled):
        yield from curves(node.term, f"{path}.term")
    elif isinstance(node, (Sum, Max, Least)):
        for i, term in enumerate(node.terms):
            yield from curves(term, f"{path}.terms[{i}]")


class Statement(Document):
    """What a requirement is computed from, in integers: the recorded input of the second calculator.

    `quantities[N]` of `instruments[N]` are signed, units of `10**-quantity_decimals` contracts: the very decimals of
    the account document. `requirement` is the initial margin as an expression over them, with arrays in units of
    `10**-array_decimals` of `currency`. What is charged is in units of `10**-decimals`. Where there is a `within`, the
    expression is the rule only while that one is at most zero. `maintenance` is the part of the unrounded initial
    margin that is the maintenance margin, where the rules have it so.
    """

    SCHEMA: ClassVar[str] = "plimsoll.statement"

    account: str
    rules: Name
    model: Name
    time: Instant
    currency: Asset
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    array_decimals: Annotated[int, Field(strict=True, ge=0, le=40)]
    quantity_decimals: Annotated[int, Field(strict=True, ge=0, le=400)]
    instruments: tuple[Name, ...]
    quantities: tuple[Whole, ...]
    requirement: Node
    within: Node | None = None
    maintenance: Ratio | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.quantities) != len(self.instruments):
            got = len(self.quantities)
            raise fault("quantities", got, f"{len(self.instruments)} integers, one for each of instruments")
        if len(set(self.instruments)) != len(self.instruments):
            raise fault("instruments", "a name twice", "each instrument once")
        if self.array_decimals < self.decimals:
            raise fault("array_decimals", self.array_decimals, f"at least decimals, {self.decimals}")
        for name, node in (("requirement", self.requirement), ("within", self.within)):
            leaves: list[tuple[str, Worst | Curved]] = []
            if node is not None:
                leaves = [*worsts(node, name), *curves(node, name)]
            for path, leaf in leaves:
                for i, item in enumerate(leaf.items):
                    if item >= len(self.instruments):
                        allowed = f"below {len(self.instruments)}, the number of instruments"
                        raise fault(f"{path}.items[{i}]", item, allowed)
        return self
