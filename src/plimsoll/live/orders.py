"""Orders that ask to be sent, the limits they are held to, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from plimsoll.documents import Asset, Document, DocumentError, Fraction, NonNegative, Number, Problem, refuse
from plimsoll.live.holdings import Holdings
from plimsoll.margin.account import QUANTITY_LIMIT
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.universe import BOOL

Reason = Literal["margin", "delta", "vega", "concentration", "probability", "not computed", "call"]
REASONS: tuple[Reason, ...] = ("margin", "delta", "vega", "concentration", "probability", "not computed", "call")


class Limits(Document):
    """What an account has to keep after an order.

    ```
    excess         equity less initial margin, in the rules' currency, at least this
    delta          |USD value of the delta| of an underlying, at most this
    vega           |USD for one volatility point| of an underlying, at most this
    concentration  |position| over the open interest of its instrument, at most this; unknown interest is refused
    probability    of liquidation, by the function that the engine was given, at most this
    ```

    An order that leaves a broken limit no further broken passes it: who is over a limit may go back. That holds for
    the margin too, if `reducing`: the excess must not fall.

    No limit lifts what a margin call restricts: see `plimsoll.live.check.judge`.
    """

    SCHEMA: ClassVar[str] = "plimsoll.limits"

    excess: Number = 0.0
    reducing: Annotated[bool, Field(strict=True)] = True
    delta: dict[Asset, NonNegative] = {}
    vega: dict[Asset, NonNegative] = {}
    concentration: Fraction | None = None
    probability: Fraction | None = None


@dataclass(frozen=True)
class Leg:
    """`quantity` contracts of an instrument (negative sells) at `price` as it is quoted; at the mark, if left out."""

    instrument: str
    quantity: float
    price: float | None = None


@dataclass(frozen=True)
class Order:
    """Legs that are filled together or not at all; each instrument once."""

    account: str
    legs: tuple[Leg, ...]

    @classmethod
    def of(cls, account: str, instrument: str, quantity: float, price: float | None = None) -> Order:
        """An order of one leg."""
        return cls(account, (Leg(instrument, quantity, price),))


@dataclass(frozen=True)
class Standing:
    """Margins of an account, unrounded, in the rules' currency."""

    initial: float
    maintenance: float
    equity: float

    @property
    def excess(self) -> float:
        """Equity less initial margin."""
        return self.equity - self.initial


@dataclass(frozen=True)
class Verdict:
    """What an order was told: `reasons` for a refusal in words, and the scenario or floor that binds after it."""

    allowed: bool
    reasons: tuple[str, ...]
    before: Standing
    after: Standing
    binding: str


@dataclass(frozen=True, eq=False)
class Candidates:
    """`O` orders as arrays: `account[O]`, legs `indptr[O + 1]`, and for each leg `row[L]`, `quantity[L]`, `price[L]`.

    A `price` that is NaN is the mark. Rows rise within an order. Orders are judged each by itself, none is filled.
    """

    account: I64
    indptr: I64
    row: I64
    quantity: F64
    price: F64

    def __len__(self) -> int:
        return self.account.size

    @classmethod
    def single(cls, holdings: Holdings, account: Any, instrument: Any, quantity: Any, price: Any = None) -> Candidates:
        """`K` orders of one leg: numbers of accounts, names or rows of instruments, quantities, prices; broadcast.

        Raises `DocumentError` naming the argument.
        """
        named = np.asarray(instrument)
        if named.dtype.kind in "US":
            unknown = [n for n in np.unique(named).tolist() if n not in holdings.prices.row]
            if unknown:
                raise refuse("instrument", unknown[0], f"one of {len(holdings.prices.row)} listed contracts")
            rows = np.array([holdings.prices.row[n] for n in named.ravel().tolist()]).reshape(named.shape)
        else:
            rows = named
        number, rows, size, paid = np.broadcast_arrays(account, rows, quantity, np.nan if price is None else price)
        count = number.size
        made = cls(
            number.ravel().astype(np.int64),
            np.arange(count + 1, dtype=np.int64),
            rows.ravel().astype(np.int64),
            size.ravel().astype(np.float64),
            paid.ravel().astype(np.float64),
        )
        return made.checked(holdings)

    @classmethod
    def of(cls, holdings: Holdings, orders: Sequence[Order]) -> Candidates:
        """Orders of any number of legs. Raises `DocumentError` with what is wrong with each."""
        problems: list[Problem] = []
        account, indptr, rows, quantity, price = [], [0], [], [], []
        for o, order in enumerate(orders):
            here = f"orders[{o}]"
            if order.account not in holdings.number:
                problems.append(Problem(f"{here}.account", repr(order.account), f"one of {len(holdings)} accounts"))
            names = [leg.instrument for leg in order.legs]
            if not names or len(set(names)) != len(names):
                problems.append(Problem(f"{here}.legs", f"{names}", "one leg or more, each instrument once"))
            known = [leg for leg in order.legs if leg.instrument in holdings.prices.row]
            for leg in order.legs:
                if leg.instrument not in holdings.prices.row:
                    allowed = f"one of {len(holdings.prices.row)} listed contracts"
                    problems.append(Problem(f"{here}.legs.instrument", repr(leg.instrument), allowed))
            account.append(holdings.number.get(order.account, 0))
            for leg in sorted(known, key=lambda x: holdings.prices.row[x.instrument]):
                rows.append(holdings.prices.row[leg.instrument])
                quantity.append(float(leg.quantity))
                price.append(np.nan if leg.price is None else float(leg.price))
            indptr.append(len(rows))
        if problems:
            raise DocumentError(problems)
        made = cls(
            np.array(account, dtype=np.int64),
            np.array(indptr, dtype=np.int64),
            np.array(rows, dtype=np.int64),
            np.array(quantity, dtype=np.float64),
            np.array(price, dtype=np.float64),
        )
        return made.checked(holdings)

    def checked(self, holdings: Holdings) -> Candidates:
        """The same; raises `DocumentError` for numbers that no order has, and contracts that the rules do not take."""
        prices = holdings.prices
        for name, numbers, top in (("account", self.account, len(holdings)), ("row", self.row, len(prices.plan))):
            wrong = (numbers < 0) | (numbers >= top)
            if wrong.any():
                raise refuse(f"candidates.{name}", int(numbers[np.argmax(wrong)]), f"0 to {top - 1}")
        wrong = ~(np.abs(self.quantity) <= QUANTITY_LIMIT) | (self.quantity == 0.0)
        if wrong.any():
            at = int(np.argmax(wrong))
            allowed = f"a size other than zero, at most {QUANTITY_LIMIT:g}"
            raise refuse(f"candidates.quantity[{at}]", float(self.quantity[at]), allowed)
        given = ~np.isnan(self.price)
        wrong = given & ~((self.price > 0.0) | ((self.price == 0.0) & ~prices.swaps[self.row])) | np.isinf(self.price)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise refuse(f"candidates.price[{at}]", float(self.price[at]), "a price above zero (options: not below)")
        untaken = ~prices.universe.taken[self.row]
        if untaken.any():
            name = prices.universe.names[int(self.row[np.argmax(untaken)])]
            raise refuse("candidates.instrument", name, "a contract that the rules can margin on blocks")
        unpaid = holdings.columns[self.row] < 0
        if unpaid.any():
            currency = prices.plan.contracts[int(self.row[np.argmax(unpaid)])].currency
            raise refuse("candidates.instrument", currency, "a contract that is paid in a currency the rules know")
        return self

    def part(self, start: int, stop: int) -> Candidates:
        """The orders from `start` up to, not including, `stop`."""
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        legs = slice(low, high)
        return Candidates(
            self.account[start:stop], self.indptr[start : stop + 1] - low, self.row[legs], self.quantity[legs],
            self.price[legs],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Verdicts on `O` orders.

    `allowed[O]`, `before` and `after` `[3, O]` (initial, maintenance, equity), `broken[R, O]` by the reasons in
    `REASONS`, and `binding[O]` in words.
    """

    allowed: BOOL
    before: F64
    after: F64
    broken: BOOL
    binding: np.ndarray[tuple[int], np.dtype[np.object_]]

    def __len__(self) -> int:
        return self.allowed.size

    def reasons(self, order: int) -> tuple[Reason, ...]:
        """Why an order was refused."""
        return tuple(reason for reason, broken in zip(REASONS, self.broken[:, order].tolist(), strict=True) if broken)
