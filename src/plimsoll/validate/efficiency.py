"""What a portfolio margin saves, against isolated and cross margin that cover the same share of days.

A lower margin is no saving where it also covers less. So every way of margining is scaled by one factor for all books
until it covers the same part of the same days; what differs then is efficiency, and it may have either sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, Literal

import numpy as np

from plimsoll.documents import DocumentError, refuse
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market
from plimsoll.risk import compile_plan, unit_values
from plimsoll.risk.joint import joint_book, joint_rows
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.historical import historical
from plimsoll.scenarios.moves import IvLaw
from plimsoll.validate.levels import YEAR_DAYS
from plimsoll.validate.result import F64

Way = Literal["portfolio", "cross", "isolated"]
WAYS: tuple[Way, ...] = ("portfolio", "cross", "isolated")
Progress = Callable[[str, int, int], None]

NOW = Scenarios.build([1.0])
HOW = (
    "Portfolio: the rules on the whole book. Cross: the sum of what the rules ask of each position alone, and one "
    "balance behind all of them, so that gains pay for losses. Isolated: the same sum, and every position with its own "
    "margin only. A book-day is an exception where a loss is larger than the margin behind it: of the book, or of any "
    "position of it when isolated. Each way is multiplied by one factor for all books, the least with which at most "
    "the stated part of all book-days are exceptions. Every book stands as it is on each day of the history, one day "
    "ahead, with theta; volatilities move by the stated law where no history of them is given."
)


@dataclass(frozen=True)
class WayFound:
    """One way of margining one book, USD.

    `raw` is the initial margin of the rules, `initial` at equal coverage (raw times the factor), `capital` what has to
    be brought: the initial margin or the premium of what is bought, whichever is more, of the book, isolated and cross
    position by position. `utilisation` is initial over the equity of the account, `None` without equity; `returns` the
    mean P&L of the days, over a year, on the initial margin. `exceptions` of the days at equal coverage.
    """

    raw: float
    initial: float
    capital: float
    utilisation: float | None
    returns: float | None
    exceptions: int


@dataclass(frozen=True)
class BookEfficiency:
    """One book; `saved` are parts of the initial margin at equal coverage that the portfolio saves against the others,
    negative where it costs more, `None` where the other needs nothing; `saved_capital` the same of the capital."""

    name: str
    positions: int
    ways: dict[Way, WayFound]
    saved: dict[str, float | None]
    saved_capital: dict[str, float | None]

    def without_saving(self, against: str) -> bool:
        """Whether the portfolio saves nothing against another way."""
        part = self.saved[against]
        return part is None or part <= 0.0


@dataclass(frozen=True)
class Efficiency:
    """The report. `factors` make the coverage equal and `raw_exceptions` are the shares of book-days before; `left_out`
    names books with the reason why they are not in it."""

    rules: str
    level: float
    days: int
    factors: dict[Way, float]
    raw_exceptions: dict[Way, float]
    exceptions: dict[Way, float]
    books: tuple[BookEfficiency, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]

    def total(self, way: Way, what: str = "initial") -> float:
        """Sum over the books, USD."""
        return float(sum(getattr(b.ways[way], what) for b in self.books))

    def saved(self, against: Way, what: str = "initial") -> float | None:
        """Part that the portfolio saves over all books together."""
        other = self.total(against, what)
        return 1.0 - self.total("portfolio", what) / other if other > 0.0 else None

    def without_saving(self, against: str) -> tuple[BookEfficiency, ...]:
        """Books for which it saves nothing, the dearest first."""
        rows = [b for b in self.books if b.without_saving(against)]
        return tuple(sorted(rows, key=lambda b: (b.saved[against] or 0.0, b.name)))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rules": self.rules,
            "how": HOW,
            "level": self.level,
            "days": self.days,
            "factors": dict(self.factors),
            "raw_exceptions": dict(self.raw_exceptions),
            "exceptions": dict(self.exceptions),
            "saved": {w: {x: self.saved(w, x) for x in ("raw", "initial", "capital")} for w in WAYS[1:]},
            "without_saving": {w: [b.name for b in self.without_saving(w)] for w in WAYS[1:]},
            "books": [
                {
                    "name": b.name,
                    "positions": b.positions,
                    "ways": {w: dict(vars(x)) for w, x in b.ways.items()},
                    "saved": dict(b.saved),
                    "saved_capital": dict(b.saved_capital),
                }
                for b in self.books
            ],
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class _Book:
    """A book on the days: `alone[n]` raw initial margins, `premium[n]` USD value of options and coins, `gains[n, T]`
    P&L of each position, `whole` the raw margin and `equity` of the account, all USD."""

    name: str
    whole: float
    equity: float
    alone: F64
    premium: F64
    gains: F64

    def ratios(self, way: Way) -> F64:
        """`[T]` the loss of each day over the margin behind it, the worst position's when isolated."""
        if way == "isolated":
            each = [_over(-g, float(m)) for g, m in zip(self.gains, self.alone, strict=True)]
            worst: F64 = np.array(each).max(axis=0)
            return worst
        return _over(-self.gains.sum(axis=0), self.whole if way == "portfolio" else float(self.alone.sum()))


def efficiency(
    model: MarginModel,
    books: Sequence[tuple[Account, Market]],
    history: FactorHistory,
    *,
    level: float = 0.01,
    iv: IvLaw | None = None,
    progress: Progress | None = None,
) -> Efficiency:
    """Compare portfolio margin under `model` with cross and isolated margin under the same rules, at equal coverage.

    `history` has daily factors of every underlying of the books. Collateral counts for equity only. A book that the
    rules or the valuation refuse is left out and named. Raises `DocumentError` where nothing is left, for a level that
    is not between zero and one, and for less than `1 / level` book-days: no factor could be told from the worst day.
    """
    if not 0.0 < level < 1.0:
        raise refuse("level", level, "a part above zero and below one")
    # the same days for every book
    coins = {m.contracts[p.instrument].underlying for a, m in books for p in a.positions if p.instrument in m.contracts}
    history = history.of(sorted(coins))
    found: list[_Book] = []
    left_out: dict[str, str] = {}
    for k, (account, market) in enumerate(books):
        name = account.name or f"book {k + 1}"
        if progress is not None:
            progress(f"book {name}", k, len(books))
        try:
            found.append(_measured(model, account, market, history, iv or IvLaw(), name))
        except DocumentError as error:
            left_out[name] = str(error.problems[0])
    if not found:
        told = "; ".join(f"{n}: {r}" for n, r in left_out.items())
        raise refuse("books", told or "none", "a book that has a margin")
    days = found[0].gains.shape[1]
    if days * len(found) * level < 1.0:
        raise refuse("level", level, f"at least one exception in {days * len(found):,} book-days")
    factors: dict[Way, float] = {}
    raw: dict[Way, float] = {}
    shares: dict[Way, float] = {}
    ratios = {way: np.array([b.ratios(way) for b in found]) for way in WAYS}
    for way, table in ratios.items():
        factors[way] = factor_of(table.ravel(), level)
        raw[way] = float((table > 1.0).mean())
        shares[way] = float((table > factors[way]).mean())
    rows = tuple(_row(b, factors, {w: ratios[w][k] for w in WAYS}) for k, b in enumerate(found))
    notes = (f"{len(found)} books, {days:,} days: {days * len(found):,} book-days",)
    return Efficiency(model.rules.label, level, days, factors, raw, shares, rows, left_out, notes)


def factor_of(ratios: F64, level: float) -> float:
    """The least factor with which at most `floor(level * n)` of the ratios of loss to margin are above it.

    >>> factor_of(np.array([0.1, 0.5, 3.0, 0.2]), 0.25)
    0.5
    """
    allowed = floor(level * ratios.size * (1.0 + 1e-12))
    factor = float(np.sort(ratios)[::-1][min(allowed, ratios.size - 1)])
    if not np.isfinite(factor):
        raise refuse("books", "losses without any margin behind them", "books whose losses a factor can cover")
    # a margin may not shrink to nothing because no day lost anything
    return max(factor, 0.0)


def _measured(
    model: MarginModel, account: Account, market: Market, history: FactorHistory, law: IvLaw, name: str
) -> _Book:
    held = [p for p in account.positions if p.quantity != 0.0]
    if not held:
        raise refuse("positions", "none", "a book that holds something")
    plain = account.model_copy(update={"positions": tuple(held), "orders": ()})
    with np.errstate(all="ignore"):
        whole = model.requirement(plain, market)
        alone = [
            model.requirement(
                plain.model_copy(update={"positions": (p,), "collateral": {}, "name": ""}), market
            ).initial
            for p in held
        ]
    price = market.price_of(whole.currency)
    usd = 1.0 if whole.currency == "USD" or price is None else price.price
    contracts = [market.contracts[p.instrument] for p in held]
    book = joint_book(contracts, [p.quantity for p in held], market)
    own = history.of(book.underlyings)
    columns, _ = historical(own.names, own.returns, step_days=own.step_days).columns(law)
    gains = book.quantity[:, None] * joint_rows(book, columns)
    swaps = np.array([c.kind in ("future", "perpetual") for c in contracts])
    values = unit_values(compile_plan(contracts, market), NOW, "usd")[:, 0]
    premium = np.where(swaps, 0.0, book.quantity * np.nan_to_num(values))
    return _Book(name, whole.initial * usd, whole.net_equity * usd, usd * np.array(alone), premium, gains)


def _over(loss: F64, margin: float) -> F64:
    """`[T]` loss over margin; nothing covers a loss without a margin, and what is no loss needs none."""
    if margin > 0.0:
        found: F64 = loss / margin
        return found
    return np.where(loss > 0.0, np.inf, 0.0)


def _row(book: _Book, factors: dict[Way, float], ratios: dict[Way, F64]) -> BookEfficiency:
    ways: dict[Way, WayFound] = {}
    gained = float(book.gains.sum(axis=0).mean()) * YEAR_DAYS
    for way in WAYS:
        raw = book.whole if way == "portfolio" else float(book.alone.sum())
        initial = factors[way] * raw
        if way == "portfolio":
            capital = max(initial, float(book.premium.sum()))
        else:
            capital = float(np.maximum(factors[way] * book.alone, book.premium).sum())
        ways[way] = WayFound(
            raw,
            initial,
            capital,
            initial / book.equity if book.equity > 0.0 else None,
            gained / initial if initial > 0.0 else None,
            int((ratios[way] > factors[way]).sum()),
        )
    own = ways["portfolio"]
    saved: dict[str, float | None] = {w: _saved(own.initial, ways[w].initial) for w in WAYS[1:]}
    capital_saved: dict[str, float | None] = {w: _saved(own.capital, ways[w].capital) for w in WAYS[1:]}
    return BookEfficiency(book.name, book.alone.size, ways, saved, capital_saved)


def _saved(own: float, other: float) -> float | None:
    return 1.0 - own / other if other > 0.0 else None
