"""Objectives and limits as expressions: terms of the trades that compose, and what they are compared with.

A term is a number that follows from the trades: money, an exposure, a size. It is `affine` in the signed trades or
`convex`; what a solver could not keep to is refused when the limit is written, not when it is solved.

>>> from plimsoll.optimise.algebra import capital, cost, delta, es, initial_margin, today, trades, vega
>>> goal = initial_margin() + 2.0 * cost()
>>> goal.name
'initial margin + 2 cost'
>>> capital("okx", p=0.01, transfer=4.0).name
'capital okx (1 % in 4 h)'
>>> limits = [delta("BTC") == today, abs(vega("BTC")) <= 50_000, es(0.99) <= 1e6, abs(trades("BTC-PERPETUAL")) <= 10]
>>> [limit.name for limit in limits][:2]
['delta BTC == today', '|vega BTC| <= 50000']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plimsoll.documents import refuse

Sense = Literal["<=", "==", ">="]


class Today:
    """What a term comes to before any trade, as the bound of a limit: `delta("BTC") == today`."""

    def __repr__(self) -> str:
        return "today"


today = Today()
"""See `Today`."""

Bound = float | Today


class Term:
    """A function of the trades. Compared with a number or `today` it becomes a `Limit`.

    `unit` is what it is counted in; terms of one unit add up. A number, or a multiple by what may be a price of the
    unit, is `priced` and goes with any.
    """

    name: str = ""
    unit: str = "USD"
    affine: bool = True
    priced: bool = False

    def __add__(self, other: Term | float) -> Term:
        return Total((self, _term(other)))

    def __radd__(self, other: Term | float) -> Term:
        return self if other == 0 else Total((_term(other), self))

    def __sub__(self, other: Term | float) -> Term:
        return Total((self, Number(-other) if isinstance(other, (int, float)) else Multiple(-1.0, other)))

    def __mul__(self, factor: float) -> Term:
        return Multiple(float(factor), self)

    __rmul__ = __mul__

    def __neg__(self) -> Term:
        return Multiple(-1.0, self)

    def __abs__(self) -> Term:
        return Size(self)

    def __le__(self, bound: Bound) -> Limit:
        return Limit(self, "<=", _bound(bound))

    def __ge__(self, bound: Bound) -> Limit:
        return Limit(self, ">=", _bound(bound))

    def __eq__(self, bound: object) -> Limit:  # type: ignore[override]
        return Limit(self, "==", _bound(bound))

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def leaves(self) -> tuple[tuple[float, Term], ...]:
        """The terms that it adds up, with their factors."""
        return ((1.0, self),)


@dataclass(frozen=True, eq=False)
class Limit:
    """A term held against a bound. Raises `DocumentError` where what it asks for is not convex."""

    term: Term
    sense: Sense
    bound: Bound

    def __post_init__(self) -> None:
        side = -1.0 if self.sense == ">=" else 1.0
        for factor, leaf in self.term.leaves():
            if not leaf.affine and (self.sense == "==" or side * factor < 0.0):
                allowed = "equalities of affine terms only, and convex terms below a bound: " + leaf.name
                raise refuse("limit", self.name, allowed)

    @property
    def name(self) -> str:
        """The limit as it was written."""
        bound = "today" if isinstance(self.bound, Today) else f"{self.bound:.10g}"
        return f"{self.term.name} {self.sense} {bound}"


def _term(value: Term | float) -> Term:
    return value if isinstance(value, Term) else Number(float(value))


def _bound(value: object) -> Bound:
    if isinstance(value, Today):
        return value
    if isinstance(value, (int, float)) and float(value) == float(value) and abs(value) != float("inf"):
        return float(value)
    raise refuse("limit.bound", value, "a finite number or today")


class Number(Term):
    """A constant."""

    priced = True

    def __init__(self, value: float) -> None:
        self.value, self.name = value, f"{value:.10g}"
        if not abs(value) < float("inf"):
            raise refuse("term", value, "a finite number")


class Total(Term):
    """The sum of its parts."""

    def __init__(self, parts: tuple[Term, ...]) -> None:
        self.parts = parts
        self.affine = all(p.affine for p in parts)
        units = {p.unit for p in parts if not p.priced}
        if len(units) > 1:
            raise refuse("term", " + ".join(p.name for p in parts), f"one unit, not {' and '.join(sorted(units))}")
        self.unit = units.pop() if units else "USD"
        self.name = " + ".join(p.name for p in parts).replace("+ -", "- ")

    def leaves(self) -> tuple[tuple[float, Term], ...]:
        """See `Term.leaves`."""
        return tuple(leaf for part in self.parts for leaf in part.leaves())


class Multiple(Term):
    """`factor * term`."""

    def __init__(self, factor: float, term: Term) -> None:
        if not abs(factor) < float("inf"):
            raise refuse("term.factor", factor, "a finite number")
        self.factor, self.term, self.unit, self.affine = factor, term, term.unit, term.affine
        inner = f"({term.name})" if isinstance(term, Total) else term.name
        self.name = f"-{inner}" if factor == -1.0 else f"{factor:g} {inner}"
        self.priced = term.priced or abs(factor) != 1.0

    def leaves(self) -> tuple[tuple[float, Term], ...]:
        """See `Term.leaves`."""
        return tuple((self.factor * factor, leaf) for factor, leaf in self.term.leaves())


class Size(Term):
    """`|term|` of an affine term: convex."""

    affine = False

    def __init__(self, term: Term) -> None:
        if not term.affine:
            raise refuse("abs", term.name, "an affine term")
        self.term, self.unit, self.name = term, term.unit, f"|{term.name}|"


class Capital(Term):
    """What has to lie at one book, or at all of them, in US dollars, under the rules of each.

    Without `breach` it is initial margin. With it, it is the larger of initial margin and what keeps each book by
    itself above its maintenance margin but for probability `breach` until a transfer arrives, `hours` from now (by
    default as the outlook of the desk has it), on the paths of that outlook. What is missing in the worst part
    `breach` of the paths counts by its mean, which is never too little; with `whole`, by its least, exactly that
    probability, which takes a binary for every path that may be given up.
    """

    affine = False

    def __init__(
        self,
        book: str | None = None,
        breach: float | None = None,
        hours: float | None = None,
        whole: bool = False,
    ) -> None:
        if breach is not None and not 0.0 < breach < 1.0:
            raise refuse("capital.p", breach, "a probability between 0 and 1")
        if hours is not None and not 0.0 < hours < float("inf"):
            raise refuse("capital.transfer", hours, "hours above zero")
        if breach is None and (hours is not None or whole):
            raise refuse("capital.p", "nothing", "a probability, where a transfer time is given")
        self.book, self.breach, self.hours, self.whole = book, breach, hours, whole
        self.name = "initial margin" if breach is None else "capital"
        if book is not None:
            self.name += f" {book}"
        if breach is not None:
            after = "" if hours is None else f" in {hours:g} h"
            self.name += f" ({100.0 * breach:g} %{after}{', each path' if whole else ''})"


class Cost(Term):
    """What the trades of one book, or of all, cost against the marks: fees, half-spreads and depth, in US dollars."""

    affine = False

    def __init__(self, book: str | None = None) -> None:
        self.book, self.name = book, "cost" if book is None else f"cost {book}"


class Delta(Term):
    """Dollar value of the whole account by the price of a coin, in coins, in the numeraire of the desk."""

    def __init__(self, underlying: str) -> None:
        self.underlying, self.name, self.unit = underlying, f"delta {underlying}", underlying


class Vega(Term):
    """Dollars by one point of volatility (0.01) of all expiries of an underlying."""

    def __init__(self, underlying: str) -> None:
        self.underlying, self.name, self.unit = underlying, f"vega {underlying}", "USD a point"


class Trades(Term):
    """Signed contracts of one instrument that are bought, over all books."""

    def __init__(self, instrument: str) -> None:
        self.instrument, self.name, self.unit = instrument, f"trades {instrument}", "contracts"


class Loss(Term):
    """The largest loss of all books together in the scenarios outside the venues' grids, US dollars.

    `side` is `down`, `up` or both; `underlying` moves alone, or all of them together.
    """

    affine = False

    def __init__(self, side: Literal["down", "up", "both"] = "both", underlying: str | None = None) -> None:
        self.side, self.underlying = side, underlying
        self.name = f"outside loss {side}" + ("" if underlying is None else f" {underlying}")


class Shortfall(Term):
    """Expected shortfall of all books together over the desk's scenarios, US dollars, positive for a loss."""

    affine = False

    def __init__(self, level: float) -> None:
        if not 0.0 < level < 1.0:
            raise refuse("es.level", level, "a probability between 0 and 1")
        self.level, self.name = level, f"es {level:g}"


class Tickets(Term):
    """How many instruments are traded: a whole number, which takes a binary for each."""

    affine = False
    name, unit = "tickets", "tickets"


def initial_margin(book: str | None = None) -> Term:
    """Initial margin of one book, or of all of them; see `Capital`."""
    return Capital(book)


def capital(
    book: str | None = None, *, p: float | None = None, transfer: float | None = None, whole: bool = False
) -> Term:
    """Initial margin, and what has to lie beside it so that a breach before a transfer of `transfer` hours arrives has
    probability `p` or less. Without `p` it is initial margin alone. See `Capital`.
    """
    return Capital(book, p, transfer, whole)


def cost(book: str | None = None) -> Term:
    """See `Cost`."""
    return Cost(book)


def delta(underlying: str) -> Term:
    """See `Delta`."""
    return Delta(underlying)


def vega(underlying: str) -> Term:
    """See `Vega`."""
    return Vega(underlying)


def trades(instrument: str) -> Term:
    """See `Trades`."""
    return Trades(instrument)


def outside(side: Literal["down", "up", "both"] = "both", underlying: str | None = None) -> Term:
    """See `Loss`."""
    return Loss(side, underlying)


def es(level: float) -> Term:
    """See `Shortfall`."""
    return Shortfall(level)


def tickets() -> Term:
    """See `Tickets`."""
    return Tickets()
