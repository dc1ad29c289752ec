"""From an integer expression of a requirement to rows: `what it is covered with - requirement >= 0`.

Every expression that is convex and piecewise linear is a set of rows over the private numbers and some further ones
that the prover chooses: whatever he chooses, what he shows is at least the requirement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from plimsoll.certify import Curved, Max, Node, Relieved, Scaled, Sum, Tail, Worst
from plimsoll.documents import ceiling
from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.rows import Row, Rows


@dataclass(frozen=True)
class Affine:
    """`sum_j coefficients[j] x_j + constant` over the variables of rows that are being written."""

    coefficients: dict[int, int]
    constant: int = 0

    def plus(self, other: Affine, times: int = 1) -> Affine:
        """`self + times * other`."""
        total = dict(self.coefficients)
        for j, a in other.coefficients.items():
            total[j] = total.get(j, 0) + times * a
        return Affine({j: a for j, a in total.items() if a}, self.constant + times * other.constant)

    def scaled(self, factor: int) -> Affine:
        """`factor * self`."""
        return Affine({j: factor * a for j, a in self.coefficients.items()}, factor * self.constant)

    def at(self, x: list[int]) -> int:
        """Its value."""
        return sum(a * x[j] for j, a in self.coefficients.items()) + self.constant


Least = Callable[[list[int]], int]
"""Fills in the further private numbers of an expression and returns the least integer that its rows let pass."""


@dataclass
class Writer:
    """Variables and rows as they are written.

    `long[i]` and `short[i]` are what is bought and sold of instrument `i` (both at least zero, in units of quantity);
    `signed[i]` their difference. `scale` is how many units of quantity are one contract, `money` the width in bits of a
    row of money, in units of the array divided by `scale`.
    """

    money: int
    scale: int
    names: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    long: list[Affine] = field(default_factory=list)
    short: list[Affine] = field(default_factory=list)
    signed: list[Affine] = field(default_factory=list)
    quantity: int = 32

    def variable(self, name: str) -> Affine:
        """A further private number."""
        self.names.append(name)
        return Affine({len(self.names) - 1: 1})

    def level(self, node: Node, name: str) -> Affine:
        """A further private number, at least `node`, with a range of its own unless a row of `node` bounds it."""
        found = self.variable(name)
        if not _bounding(node):
            self.at_least_zero(found.plus(Affine({}, 1 << (self.money - 1))), self.money, name)
        return found

    def at_least_zero(self, value: Affine, width: int, name: str) -> None:
        """`0 <= value < 2**width`."""
        self.rows.append(Row(value.coefficients, value.constant, width, name))

    def finished(self, order: int) -> Rows:
        """The statement. Raises `NotProvableError` where it could wrap or is too large."""
        return Rows(tuple(self.names), tuple(self.rows), order)

    def affine_rows(self, node: Worst, path: str) -> list[Affine]:
        """The rows of an array, exact, as `long @ l + short @ s + constant` over the private numbers."""
        found = []
        for k, (long, short, constant) in enumerate(zip(node.long, node.short, node.constant, strict=True)):
            row = Affine({}, constant * self.scale)
            for item, up, down in zip(node.items, long, short, strict=True):
                if up + down < 0:
                    # one float beside the other: the larger charge is the safe one
                    if -(up + down) * 10**9 <= max(abs(up), abs(down)):
                        row = row.plus(self.signed[item], up)
                        continue
                    raise NotProvableError(
                        f"{path}.long[{k}]: {up} for one bought and {down} for one sold: holding both would lower the "
                        "requirement, which is not convex in the positions"
                    )
                if up == -down:
                    row = row.plus(self.signed[item], up)
                else:
                    row = row.plus(self.long[item], up).plus(self.short[item], down)
            found.append(row)
        return found

    def require(self, cover: Affine, node: Node, path: str) -> Least:
        """Write rows for `cover >= node`.

        Raises `NotProvableError` for a part that is not convex, with the reason.
        """
        if isinstance(node, Worst):
            rows = self.affine_rows(node, path)
            for k, row in enumerate(rows):
                self.at_least_zero(cover.plus(row, -1), self.money, f"{path}[{k}]")
            return lambda x: max(row.at(x) for row in rows)
        if isinstance(node, Max):
            parts = [self.require(cover, term, f"{path}.terms[{i}]") for i, term in enumerate(node.terms)]
            return lambda x: max(part(x) for part in parts)
        if isinstance(node, Sum):
            return self._sum(cover, node, path)
        if isinstance(node, Scaled):
            return self._scaled(cover, node, path)
        if isinstance(node, Tail):
            return self._tail(cover, node, path)
        if isinstance(node, Relieved):
            return self._relieved(cover, node, path)
        if isinstance(node, Curved):
            raise NotProvableError(f"{path}: the largest loss of a quadratic over a box is no maximum of rows")
        raise NotProvableError(f"{path}: the least of several charges is not convex; it would need a binary choice")

    def _sum(self, cover: Affine, node: Sum, path: str) -> Least:
        """`cover - t_1 - ... - t_(m-1) >= last`, each `t_i >= term_i`; a term of one row needs no `t`."""
        fixed: list[Affine] = []
        open_terms: list[tuple[int, Node]] = []
        for i, term in enumerate(node.terms):
            if isinstance(term, Worst) and len(term.constant) == 1:
                fixed += self.affine_rows(term, f"{path}.terms[{i}]")
            else:
                open_terms.append((i, term))
        rest = cover
        for row in fixed:
            rest = rest.plus(row, -1)
        parts: list[tuple[Affine, Least]] = []
        for i, term in open_terms[:-1]:
            level = self.level(term, f"{path}.terms[{i}]")
            parts.append((level, self.require(level, term, f"{path}.terms[{i}]")))
            rest = rest.plus(level, -1)
        if open_terms:
            i, term = open_terms[-1]
            last = self.require(rest, term, f"{path}.terms[{i}]")
        else:
            self.at_least_zero(rest, self.money, path)
            last = _nothing

        def least(x: list[int]) -> int:
            total = sum(row.at(x) for row in fixed)
            for level, part in parts:
                x[_only(level)] = part(x)
                total += x[_only(level)]
            return total + last(x)

        return least

    def _scaled(self, cover: Affine, node: Scaled, path: str) -> Least:
        """`d cover - n t >= 0`, `t >= term`, for a factor of `n / d`."""
        n, d = node.factor.numerator, node.factor.denominator
        level = self.level(node.term, f"{path}.term")
        part = self.require(level, node.term, f"{path}.term")
        width = self.money + max(n, d).bit_length()
        self.at_least_zero(cover.scaled(d).plus(level, -n), width, path)

        def least(x: list[int]) -> int:
            x[_only(level)] = part(x)
            return ceiling(Fraction(n * x[_only(level)], d))

        return least

    def _tail(self, cover: Affine, node: Tail, path: str) -> Least:
        """Rockafellar and Uryasev: `n cover - n t - d sum_s u_s >= 0`, `u_s >= 0`, `u_s >= loss_s - t`.

        `count = n / d`. Any `t` and `u` that pass give `cover >= t + sum u / count >= ES`: a choice that is not the
        best one can only overstate.
        """
        n, d = node.count.numerator, node.count.denominator
        losses = self.affine_rows(node.losses, path)
        level = self.variable(f"{path}.level")
        self.at_least_zero(level.plus(Affine({}, 1 << (self.money - 1))), self.money, f"{path}.level")
        over = [self.variable(f"{path}.over[{k}]") for k in range(len(losses))]
        rest = cover.scaled(n).plus(level, -n)
        for k, (beyond, loss) in enumerate(zip(over, losses, strict=True)):
            self.at_least_zero(beyond, self.money, f"{path}.over[{k}]")
            self.at_least_zero(beyond.plus(level).plus(loss, -1), self.money, f"{path}[{k}]")
            rest = rest.plus(beyond, -d)
        self.at_least_zero(rest, self.money + max(n, d).bit_length(), path)

        def least(x: list[int]) -> int:
            values = [loss.at(x) for loss in losses]
            place = ceiling(Fraction(n, d)) - 1
            x[_only(level)] = quantile = sorted(values, reverse=True)[place]
            for beyond, value in zip(over, values, strict=True):
                x[_only(beyond)] = max(0, value - quantile)
            total = sum(x[_only(beyond)] for beyond in over)
            return ceiling(quantile + Fraction(d * total, n))

        return least

    def _relieved(self, cover: Affine, node: Relieved, path: str) -> Least:
        """`cover >= row_k(long - y) + price y` for both rows, with `0 <= y <= long` given up.

        Where what a sale saves could exceed the price, bought and sold at once would pay: there nothing is given up,
        which is never below the rule.
        """
        given: list[tuple[int, Affine, int]] = []
        extra = [Affine({}), Affine({})]
        for i, item in enumerate(node.charge.items):
            price = node.price[i]
            if price is None or any(price + row[i] < 0 for row in node.charge.short):
                continue
            y = self.variable(f"{path}.given[{item}]")
            self.at_least_zero(y, self.quantity, f"{path}.given[{item}]")
            self.at_least_zero(self.long[item].plus(y, -1), self.quantity, f"{path}.kept[{item}]")
            given.append((i, y, price))
            extra = [e.plus(y, price - row[i]) for e, row in zip(extra, node.charge.long, strict=True)]
        rows = [r.plus(e) for r, e in zip(self.affine_rows(node.charge, path), extra, strict=True)]
        for k, row in enumerate(rows):
            self.at_least_zero(cover.plus(row, -1), self.money, f"{path}[{k}]")

        def least(x: list[int]) -> int:
            low, high = node.charge.long
            held = {i: self.long[node.charge.items[i]].at(x) for i, _, _ in given}
            for _, y, _ in given:
                x[_only(y)] = 0
            # the mix of the two rows at which a contract pays its price, from all first to all second
            mixes = {Fraction(0), Fraction(1)}
            for i, _, price in given:
                if low[i] != high[i] and 0 < (met := Fraction(price - low[i], high[i] - low[i])) < 1:
                    mixes.add(met)
            best: tuple[int, dict[int, int]] | None = None
            for t in sorted(mixes):
                surely = {_only(y): held[i] for i, y, price in given if price < low[i] + t * (high[i] - low[i])}
                even = [(i, y) for i, y, price in given if price == low[i] + t * (high[i] - low[i])]
                for choice in _choices(x, surely, even, held, rows, [_only(y) for _, y, _ in given]):
                    value = max(row.at(_with(x, choice)) for row in rows)
                    if best is None or value < best[0]:
                        best = value, choice
            assert best is not None
            for j, amount in best[1].items():
                x[j] = amount
            return best[0]

        return least


def _bounding(node: Node) -> bool:
    """Whether a row of `cover >= node` holds `cover` exactly once, so that it has a bound."""
    if isinstance(node, Max):
        return any(map(_bounding, node.terms))
    if isinstance(node, Sum):
        opened = [term for term in node.terms if not (isinstance(term, Worst) and len(term.constant) == 1)]
        return not opened or _bounding(opened[-1])
    return isinstance(node, (Worst, Relieved))


def _choices(
    x: list[int],
    surely: dict[int, int],
    even: list[tuple[int, Affine]],
    held: dict[int, int],
    rows: list[Affine],
    places: list[int],
) -> list[dict[int, int]]:
    """What to give up at one mix: all that surely pays, then one after the other of the rest until the rows meet."""
    now = {j: surely.get(j, 0) for j in places}
    found = [dict(now)]
    for i, y in even:
        j = _only(y)
        first, second = (row.at(_with(x, now)) for row in rows)
        slope = rows[0].coefficients.get(j, 0) - rows[1].coefficients.get(j, 0)
        if slope:
            meet = Fraction(second - first, slope)
            found += [{**now, j: min(max(part, 0), held[i])} for part in (ceiling(meet) - 1, ceiling(meet))]
        now[j] = held[i]
        found.append(dict(now))
    return found


def _with(x: list[int], changes: dict[int, int]) -> list[int]:
    copied = list(x)
    for j, amount in changes.items():
        copied[j] = amount
    return copied


def _only(variable: Affine) -> int:
    return next(iter(variable.coefficients))


def _nothing(_x: list[int]) -> int:
    return 0
