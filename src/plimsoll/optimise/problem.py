"""From an objective and limits over a desk to the arrays of a linear or mixed-integer program, and back to trades."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.expression import Worst
from plimsoll.optimise import algebra as al
from plimsoll.optimise.desk import Desk, Place
from plimsoll.optimise.layout import Layout, Model, Row, added
from plimsoll.optimise.measure import Trades, affine, outside_rows, start, tail_gains
from plimsoll.optimise.price_impact import Impact, Squares
from plimsoll.optimise.tail_rows import MANY, Tail
from plimsoll.optimise.variation.capital import key_of, outlook_of
from plimsoll.optimise.variation.cuts import Cut
from plimsoll.optimise.variation.rows import capital_rows
from plimsoll.risk.plan import F64, I64


@dataclass(frozen=True, eq=False)
class Columns:
    """Where a book stands in a program: its `position[2 N]` (long, then short) and the `step[K]` of its ladders.

    `item[K]` is the contract of a step, `sign[K]` 1 where it buys, `cost[K]` US dollars a contract.
    """

    position: I64
    step: I64
    item: I64
    sign: F64
    cost: F64


@dataclass(frozen=True, eq=False)
class Problem:
    """An objective and limits over a desk, compiled."""

    desk: Desk
    goal: al.Term
    limits: tuple[al.Limit, ...]
    model: Model
    columns: tuple[Columns, ...]

    def trades(self, x: F64) -> Trades:
        """Signed trades of a solution; what is within the solver's tolerance of nothing, or of a lot, is that."""
        found = []
        for place, c in zip(self.desk.places, self.columns, strict=True):
            y = np.bincount(c.item, weights=c.sign * x[c.step], minlength=len(place.names)).astype(np.float64)
            scale = np.array([max(b.most, s.most) for b, s in place.sides])
            y[np.abs(y) <= 1e-9 * np.maximum(scale, 1.0)] = 0.0
            lots = place.lots > 0.0
            y[lots] = np.round(y[lots] / place.lots[lots]) * place.lots[lots]
            found.append(y)
        return tuple(found)

    def again(self, desk: Desk) -> Problem:
        """The same problem on new marks: the numbers are those of `desk`, the structure has to be the same.

        Raises `DocumentError` where it is not: other instruments, other steps of depth, another set of binaries.
        """
        fresh = compile_problem(desk, self.goal, self.limits)
        if not self.model.same_structure(fresh.model):
            raise refuse("desk", "another structure", "the instruments, depth steps and binaries that were compiled")
        return fresh


def compile_problem(
    desk: Desk,
    goal: al.Term,
    limits: Sequence[al.Limit],
    cuts: Mapping[str, Sequence[Cut]] | None = None,
    *,
    beside: Beside | None = None,
) -> Problem:
    """The arrays of `minimise goal subject to limits`. `cuts` are what is known of the paths, for capital with a
    probability of a breach (see `plimsoll.optimise.variation.rounds`): without them it counts as initial margin.
    `beside` adds columns and rows of its own to the same program.

    Raises `DocumentError`: a goal that is not convex, a limit twice, a name that the desk does not know.
    """
    for factor, leaf in goal.leaves():
        if not leaf.affine and factor < 0.0:
            raise refuse("objective", goal.name, f"a convex objective: {leaf.name} counted upwards")
    names = [limit.name for limit in limits]
    if len(set(names)) != len(names):
        raise refuse("limits", next(n for n in names if names.count(n) > 1), "each limit once")
    maker = Maker(desk, cuts or {})
    target = maker.row(goal)
    kept = {limit.name: maker.limit(limit) for limit in limits}
    if beside is not None:
        more, rows = beside(maker)
        target, kept = added([target, more]), kept | rows
    return Problem(desk, goal, tuple(limits), maker.layout.model(target, kept), tuple(maker.columns))


class Maker:
    """One compilation: terms that appear twice share their rows."""

    def __init__(self, desk: Desk, cuts: Mapping[str, Sequence[Cut]]) -> None:
        self.desk, self.layout, self.known, self.cuts = desk, Layout(), dict[str, Row](), cuts
        self.columns = [self._book(p) for p in desk.places]

    def _book(self, place: Place) -> Columns:
        size, layout, reach = len(place.names), self.layout, place.reach
        position = layout.new(np.zeros(2 * size), np.tile(reach, 2))
        steps = [
            (i, sign, cost, most)
            for i, sides in enumerate(place.sides)
            for sign, ladder in zip((1.0, -1.0), sides, strict=True)
            for cost, most in zip(ladder.cost, ladder.size, strict=True)
        ]
        item = np.array([s[0] for s in steps], dtype=np.int64)
        sign, cost, most = (np.array([s[k] for s in steps], dtype=np.float64) for k in (1, 2, 3))
        step = layout.new(np.zeros(len(steps)), most) if steps else np.zeros(0, dtype=np.int64)
        for i in range(size):
            mine = item == i
            where = np.concatenate([[position[i], position[size + i]], step[mine]]).astype(np.int64)
            row = Row(where, np.concatenate([[1.0, -1.0], -sign[mine]]))
            layout.add(row, float(place.quantity[i]), float(place.quantity[i]))
            if place.lots[i] and mine.any():
                lot, (buy, sell) = float(place.lots[i]), place.sides[i]
                whole = layout.new(-np.floor(sell.most / lot + 1e-9), np.floor(buy.most / lot + 1e-9), whole=True)
                row = Row(np.concatenate([whole, step[mine]]), np.concatenate([[lot], -sign[mine]]))
                layout.add(row, 0.0, 0.0)
        return Columns(position, step, item, sign, cost)

    def limit(self, limit: al.Limit) -> tuple[int, ...]:
        """The rows of a limit."""
        row = self.row(limit.term)
        bound = start(self.desk, limit.term) if isinstance(limit.bound, al.Today) else limit.bound
        low = -np.inf if limit.sense == "<=" else bound
        return (self.layout.add(row, low, np.inf if limit.sense == ">=" else bound),)

    def row(self, term: al.Term) -> Row:
        """An affine function of the columns: the term, or at least it where it is convex."""
        return added([self.leaf(leaf).times(factor) for factor, leaf in term.leaves()])

    def leaf(self, term: al.Term) -> Row:
        """See `row`, for one term."""
        if isinstance(term, al.Number):
            return Row(np.zeros(0, dtype=np.int64), np.zeros(0), term.value)
        if term.name not in self.known:
            self.known[term.name] = self._leaf(term)
        return self.known[term.name]

    def _leaf(self, term: al.Term) -> Row:
        if isinstance(term, al.Capital):
            found = self._named("capital", term.book)
            if term.breach is None:
                return added([self._capital(p, c) for p, c in found])
            paths = outlook_of(self.desk).paths
            return added(
                [
                    capital_rows(
                        self.layout,
                        self._capital(p, c),
                        c,
                        self.cuts.get(key_of(term, p.name), ()),
                        term,
                        paths,
                    )
                    for p, c in found
                ]
            )
        if isinstance(term, al.Cost):
            return added([Row(c.step, c.cost) for _, c in self._named("cost", term.book)])
        if isinstance(term, al.Size):
            inner = self.row(term.term)
            return self.layout.above([inner, inner.times(-1.0)])
        if isinstance(term, al.Loss):
            return self.layout.above(self._losses(term))
        if isinstance(term, al.Shortfall):
            return self._shortfall(term)
        if isinstance(term, al.Tickets):
            return self._tickets()
        if isinstance(term, Impact):
            return self._impact(term)
        constant, slopes = affine(self.desk, term)
        return added([_of_trades(c, s) for c, s in zip(self.columns, slopes, strict=True)] + [_number(constant)])

    def _named(self, term: str, book: str | None) -> list[tuple[Place, Columns]]:
        found = [(p, c) for p, c in zip(self.desk.places, self.columns, strict=True) if book in (None, p.name)]
        if not found:
            raise refuse(term, book, "one of " + ", ".join(p.name for p in self.desk.places))
        return found

    def _capital(self, place: Place, c: Columns) -> Row:
        key = f"form of {place.name}"
        if key not in self.known:
            reach = np.maximum(place.reach, 1e-9)
            program = place.form.program(len(place.names), reach)
            self.known[key] = self.layout.block(program, c.position).times(place.rate)
            if place.exact and place.form.within is not None:
                inside = place.form.within
                if not isinstance(inside, Worst):
                    from plimsoll.margin.forms import compile_program

                    bound = self.layout.block(compile_program(inside, len(place.names), reach), c.position)
                    self.layout.add(bound, -np.inf, 0.0)
                else:
                    where = np.concatenate([c.position[inside.items], c.position[inside.items + len(place.names)]])
                    for k in range(len(inside.constant)):
                        values = np.concatenate([inside.long[k], inside.short[k]])
                        self.layout.add(Row(where, values, float(inside.constant[k])), -np.inf, 0.0)
        return self.known[key]

    def _scenarios(self, base: F64, rows: list[F64]) -> list[Row]:
        """The loss of the desk in each scenario."""
        return [
            added(
                [_number(-float(base[s]))] + [_of_trades(c, -r[:, s]) for c, r in zip(self.columns, rows, strict=True)]
            )
            for s in range(base.size)
        ]

    def _losses(self, term: al.Loss) -> list[Row]:
        base, rows, chosen = outside_rows(self.desk, term)
        return self._scenarios(base[chosen], [r[:, chosen] for r in rows])

    def _shortfall(self, term: al.Shortfall) -> Row:
        base, rows = tail_gains(self.desk)
        count = (1.0 - term.level) * base.size
        if base.size > MANY:
            value, level = self.layout.new([-np.inf, -np.inf], np.inf).tolist()
            books = tuple((c.step, c.item, c.sign, r) for c, r in zip(self.columns, rows, strict=True))
            self.layout.lazy.append(Tail(value, level, books, base, 1.0 / count))
            return Row(np.array([value]), np.ones(1))
        level = self.layout.new(-np.inf, np.inf)
        spill = self.layout.new(np.zeros(base.size), np.inf)
        for s, row in enumerate(self._scenarios(base, rows)):
            beyond = Row(np.array([level[0], spill[s]]), np.array([-1.0, -1.0]))
            self.layout.add(added([row, beyond]), -np.inf, 0.0)
        return added([Row(level, np.ones(1)), Row(spill, np.full(base.size, 1.0 / count))])

    def _impact(self, term: Impact) -> Row:
        from scipy.sparse import csr_array

        forms = term.forms()
        value = int(self.layout.new(0.0, np.inf)[0])
        parts, most = [], np.zeros(forms.shape[0])
        for place, c in zip(self.desk.places, self.columns, strict=True):
            where = np.array([term.names.index(n) if n in term.names else -1 for n in place.names])[c.item]
            used = np.flatnonzero(where >= 0)
            values = forms[:, where[used]] * c.sign[used]
            parts.append((np.tile(c.step[used], forms.shape[0]), values))
            most += np.abs(values) @ np.array(self.layout.high)[c.step[used]]
        stray = [n for n in term.names if not any(n in p.names for p in self.desk.places)]
        if stray:
            raise refuse("impact", stray[0], "instruments that the desk holds or may trade")
        column = np.concatenate([p[0] for p in parts])
        row = np.concatenate([np.repeat(np.arange(forms.shape[0]), p[1].shape[1]) for p in parts])
        data = np.concatenate([p[1].ravel() for p in parts])
        matrix = csr_array((data, (row, column)), shape=(forms.shape[0], value))
        kept = np.flatnonzero(most > 0.0)
        if kept.size:
            self.layout.lazy.append(Squares(value, matrix[kept], most[kept]))
        return Row(np.array([value]), np.ones(1))

    def _tickets(self) -> Row:
        found = []
        for place, c in zip(self.desk.places, self.columns, strict=True):
            for i in sorted(set(c.item.tolist())):
                mine = c.item == i
                on = self.layout.new(0.0, 1.0, whole=True)
                most = max(place.sides[i][0].most, place.sides[i][1].most)
                row = Row(np.concatenate([c.step[mine], on]), np.concatenate([np.ones(mine.sum()), [-most]]))
                self.layout.add(row, -np.inf, 0.0)
                found.append(Row(on, np.ones(1)))
        return added(found)


Beside = Callable[[Maker], tuple[Row, dict[str, tuple[int, ...]]]]
"""What is minimised on top and the rows of further limits by name, made on the columns of a compilation."""


def _number(value: float) -> Row:
    return Row(np.zeros(0, dtype=np.int64), np.zeros(0), value)


def _of_trades(c: Columns, slope: F64) -> Row:
    values = slope[c.item] * c.sign
    return Row(c.step, values)
