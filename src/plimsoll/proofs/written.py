"""The rows of a statement about an account, and the private numbers that meet them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.certify import Max, Node, Relieved, Scaled, Sum, worsts
from plimsoll.documents import ceiling, refuse
from plimsoll.proofs.compile import Affine, Least, Writer
from plimsoll.proofs.group import default_group
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.terms import Pledged

if TYPE_CHECKING:
    from plimsoll.proofs.requirement import Requirement


@dataclass(frozen=True)
class Written:
    """The rows of a statement, and how the further private numbers follow from positions and collateral."""

    rows: Rows
    parts: tuple[int, ...]
    debts: tuple[int, ...]
    least: Least
    cover: Affine
    within: Least | None

    def witness(self, quantities: Sequence[int], collateral: Sequence[int]) -> list[int]:
        """All private integers for signed positions and collateral: sold parts, debts, and what expressions need."""
        x = [*quantities, *collateral]
        x += [max(0, -quantities[i]) for i in self.parts]
        x += [max(0, -collateral[i]) for i in self.debts]
        x += [0] * (len(self.rows.variables) - len(x))
        self.least(x)
        if self.within is not None:
            self.within(x)
        return x

    def excess(self, quantities: Sequence[int], collateral: Sequence[int]) -> int:
        """What the book is covered with less its requirement, in units of the array over those of quantity."""
        x = self.witness(quantities, collateral)
        return self.cover.at(x) - self.least(x)


def written_rows(
    requirement: Requirement,
    quantity_decimals: int,
    quantity_bits: int,
    money_bits: int,
    collateral: Sequence[Pledged],
) -> Written:
    """The rows: ranges of positions and collateral, then `cover - requirement >= 0`."""
    scale = 10**quantity_decimals
    writer, signed, sold = position_rows(requirement, scale, quantity_bits, money_bits, collateral)
    n = len(signed)
    pledged = [Affine({n + i: 1}) for i in range(len(collateral))]
    debts = {i: writer.variable(f"owed {p.asset}") for i, p in enumerate(collateral) if p.owed}
    names = requirement.instruments
    if requirement.reach is not None:
        for i, w in enumerate(signed):
            far = Affine({}, int(requirement.reach[i] * scale))
            writer.at_least_zero(far.plus(w), quantity_bits + 1, f"reach of {names[i]}")
            writer.at_least_zero(far.plus(w, -1), quantity_bits + 1, f"reach of {names[i]}")
    cover = Affine({})
    for i, worth in enumerate(requirement.worth):
        # worth is per contract: a unit of quantity has the same number in units of the array over those of quantity
        up, down = worth.numerator // worth.denominator, ceiling(worth)
        cover = cover.plus(writer.long[i], up).plus(writer.short[i], -down) if i in sold else cover.plus(signed[i], up)
    for i, p in enumerate(collateral):
        if p.asset not in requirement.prices:
            raise refuse(f"collateral[{i}].asset", p.asset, "one of " + ", ".join(sorted(requirement.prices)))
        counted, charged = (price * scale / 10**p.decimals for price in requirement.prices[p.asset])
        floor = counted.numerator // counted.denominator
        if i in debts:
            held = pledged[i].plus(debts[i])
            writer.at_least_zero(debts[i], p.bits, f"owed {p.asset}")
            writer.at_least_zero(held, p.bits, f"held {p.asset}")
            cover = cover.plus(held, floor).plus(debts[i], -ceiling(charged))
        else:
            writer.at_least_zero(pledged[i], p.bits, f"collateral {p.asset}")
            cover = cover.plus(pledged[i], floor)
    within = None
    if requirement.within is not None:
        within = writer.require(Affine({}), requirement.within, "within")
    least = writer.require(cover, requirement.node, "requirement")
    rows = writer.finished(default_group().order)
    return Written(rows, tuple(sold), tuple(debts), least, cover, within)


def position_rows(
    requirement: Requirement, scale: int, quantity_bits: int, money_bits: int, collateral: Sequence[Pledged] = ()
) -> tuple[Writer, list[Affine], dict[int, Affine]]:
    """Variables of positions, of collateral and of what is sold, with the ranges of the positions."""
    writer = Writer(money_bits, scale, quantity=quantity_bits)
    names = requirement.instruments
    signed = [writer.variable(f"position {name}") for name in names]
    for p in collateral:
        writer.variable(f"collateral {p.asset}")
    sold = {i: writer.variable(f"sold {names[i]}") for i in _two_sided(requirement)}
    for i, w in enumerate(signed):
        if i in sold:
            writer.long.append(w.plus(sold[i]))
            writer.short.append(sold[i])
            writer.at_least_zero(sold[i], quantity_bits, f"sold {names[i]}")
            writer.at_least_zero(writer.long[i], quantity_bits, f"bought {names[i]}")
        else:
            writer.long.append(w)
            writer.short.append(Affine({}))
            half = Affine({}, 1 << (quantity_bits - 1))
            writer.at_least_zero(w.plus(half), quantity_bits, f"position {names[i]}")
        writer.signed.append(w)
    return writer, signed, sold


def _two_sided(requirement: Requirement) -> list[int]:
    """Instruments whose rows are not linear in the net position, or round differently when bought and when sold."""
    found: set[int] = {i for i, worth in enumerate(requirement.worth) if worth.denominator != 1}
    for node in (requirement.node, requirement.within):
        if node is None:
            continue
        for _, worst in worsts(node):
            for long, short in zip(worst.long, worst.short, strict=True):
                found |= {item for item, up, down in zip(worst.items, long, short, strict=True) if up != -down}
        found |= _priced(node)
    return sorted(found)


def _priced(node: Node) -> set[int]:
    if isinstance(node, Relieved):
        return {item for item, price in zip(node.charge.items, node.price, strict=True) if price is not None}
    if isinstance(node, Scaled):
        return _priced(node.term)
    if isinstance(node, (Sum, Max)):
        return set().union(*map(_priced, node.terms))
    return set()
