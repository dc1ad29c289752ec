"""A book under stress scenarios: every instant by the P&L array, the worst ones by the exact margin engine again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import PlimsollError, refuse
from plimsoll.laboratory.shocked import funding_units, levels_of, shocked, stables, tilted
from plimsoll.margin import Account, MarginModel, OnFailure
from plimsoll.margin.joint_account import joint_account
from plimsoll.market import Market
from plimsoll.risk.joint import JointBook, Netted, joint_losses
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.moves import whole
from plimsoll.scenarios.stress import Instants, StressScenario, instants

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]

LEAST_PEG = 1e-12
"""A worthless coin as the column of a price, which is above zero."""


@dataclass(frozen=True)
class After:
    """One instant by the exact engine, US dollars: what the collateral is worth, what stands against the requirement,
    and `short` where that is less than the maintenance margin, in the account or one of its pools. `failure` is why
    there are no numbers (NaN) then."""

    collateral: float
    equity: float
    initial: float
    maintenance: float
    short: bool
    failure: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `null` where there is no number."""
        names = ("collateral", "equity", "initial", "maintenance")
        if self.failure:
            return {**dict.fromkeys(names), "short": None, "failure": self.failure}
        return {**{n: getattr(self, n) for n in names}, "short": self.short}


@dataclass(frozen=True)
class StressRow:
    """One scenario at its worst instant: `pnl` of the whole book in USD, collateral with it; `exact` where it was
    computed again, else `None`."""

    name: str
    label: str
    kind: str
    evidence: str
    row: int
    pnl: float
    exact: After | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        head = {"scenario": self.name, "instant": self.label, "kind": self.kind, "evidence": self.evidence}
        return {**head, "pnl": self.pnl, "exact": None if self.exact is None else self.exact.to_dict()}


@dataclass(frozen=True, eq=False)
class BookStress:
    """`rows`, one for each scenario, worst P&L first; `before` without any shock; `pnl[R]` of all `instants`, USD."""

    account: str
    rules: str
    before: After
    rows: tuple[StressRow, ...]
    pnl: F64
    instants: Instants
    notes: tuple[str, ...] = field(default=())

    @property
    def exact(self) -> tuple[StressRow, ...]:
        """The scenarios that the engine computed again."""
        return tuple(r for r in self.rows if r.exact is not None)

    @property
    def short(self) -> tuple[StressRow, ...]:
        """Those of them in which the account is below its maintenance margin; `refused` are apart."""
        return tuple(r for r in self.exact if r.exact is not None and r.exact.short)

    @property
    def refused(self) -> tuple[StressRow, ...]:
        """Those in which the engine gave no number, each with its reason."""
        return tuple(r for r in self.exact if r.exact is not None and r.exact.failure)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, amounts in USD."""
        return {
            "account": self.account,
            "rules": self.rules,
            "currency": "USD",
            "before": self.before.to_dict(),
            "scenarios": [r.to_dict() for r in self.rows],
            "instants": len(self.instants),
            "exact": len(self.exact),
            "short": len(self.short),
            "refused": len(self.refused),
            "notes": list(self.notes),
        }


def stress_book(
    model: MarginModel,
    account: Account,
    market: Market,
    scenarios: Sequence[StressScenario],
    *,
    exact: int = 20,
    on_failure: OnFailure = "refuse",
    progress: Progress | None = None,
) -> BookStress:
    """The account at every instant of the scenarios by the P&L array; `exact` of them again by `model`.

    Each scenario counts with the instant at which the book loses most. Computed again are the `exact` scenarios that
    lose most at theirs; in another the requirement may have grown by more than the book gained, which only a larger
    `exact` shows. Raises `DocumentError` where the book cannot be valued or margined before any shock.
    """
    whole("exact", exact, 0)
    if not scenarios:
        raise refuse("scenarios", "none", "at least one")
    tell = progress or (lambda _text, _done, _total: None)
    before = _after(model, account, market, on_failure)
    tell(f"{len(scenarios):,} scenarios", 0, 2)
    book, coins = joint_account(account, market)
    table = instants(scenarios, book.underlyings, stables(account, market), levels_of(market, book.underlyings))
    tell(f"{len(table):,} instants through the P&L array", 1, 2)
    pnl = stress_pnl(book, market, table, coins)
    worst = worst_rows(table, pnl)
    order = np.argsort(pnl[worst], kind="stable")
    rows = []
    for done, k in enumerate(order.tolist()):
        at, found = int(worst[k]), None
        if done < exact:
            tell(table.label(at), done, min(exact, order.size))
            found = _shocked(model, account, market, table, at, on_failure)
        s = scenarios[k]
        rows.append(StressRow(s.name, table.label(at), s.kind, s.evidence, at, float(pnl[at]), found))
    notes = ["open orders are not in the profit and loss"] if account.orders else []
    if exact < order.size:
        notes.append(f"margined again: the {exact} scenarios of {order.size:,} in which the book loses most")
    return BookStress(account.name, model.rules.label, before, tuple(rows), pnl, table, tuple(notes))


def worst_rows(table: Instants, pnl: F64) -> I64:
    """`[K]` for each scenario the row at which the book loses most, the earliest of equals."""
    order = np.lexsort((table.hour, pnl, table.scenario))
    _, first = np.unique(table.scenario[order], return_index=True)
    return order[first].astype(np.int64)


def stress_pnl(book: JointBook, market: Market, table: Instants, coins: Mapping[str, float]) -> F64:
    """`[R]` profit or loss in USD of a book and its stable `coins` (units) at every row of `table`.

    The P&L array under the scenarios' own columns: smiles turned first, stable settlement currencies at their peg,
    funding paid at the moved price. No time passes.
    """
    pegs = {c: np.maximum(table.peg[:, k], LEAST_PEG) for k, c in enumerate(table.currencies)}
    moving = {c for c in pegs if c in book.currencies}
    held = replace(book, moving=book.moving | moving)
    total = np.zeros(len(table))
    still = _standing(held)
    for group in table.columns():
        columns = dict(group.columns)
        columns |= {c: Scenarios.build(pegs[c][group.rows]) for c in moving}
        turned = held
        if any(group.tilt.values()):
            turned = replace(held, parts=tuple(_turned(p, group.tilt.get(p.underlying, 0.0)) for p in held.parts))
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number then is refused by name
            total[group.rows] = -joint_losses(turned, columns)
        if turned is not held:
            # the array counts from the turned smile; the book stands at the one of today
            total[group.rows] += _standing(turned) - still
    for k, c in enumerate(table.currencies):
        now = market.price_of(c)
        if now is not None:
            total += coins.get(c, 0.0) * now.price * (table.peg[:, k] - 1.0)
    if table.funding.any():
        total -= _funding(held, table, pegs)
    return total


def _turned(part: Netted, tilt: float) -> Netted:
    if tilt == 0.0:
        return part
    return replace(part, plan=replace(part.plan, vol=part.plan.vol * tilted(part.plan, tilt)))


_STILL = Scenarios.build([1.0])


def _standing(book: JointBook) -> float:
    """What the options of a book are worth now, USD."""
    total = 0.0
    for part in book.parts:
        units = float(part.options(_STILL, None)[0]) if part.rows.size else 0.0
        units += float(part.exotics(_STILL)[0]) if part.exotic.any() else 0.0
        total += units * book.prices[part.currency]
    return total


def _funding(book: JointBook, table: Instants, pegs: Mapping[str, F64]) -> F64:
    """`[R]` funding paid by the perpetuals, USD."""
    paid = np.zeros(len(table))
    place = {u: k for k, u in enumerate(table.underlyings)}
    for r in np.flatnonzero(table.funding.any(axis=1)).tolist():
        price = {u: float(table.price[r, k]) for u, k in place.items()}
        rate = {u: float(table.funding[r, k]) for u, k in place.items()}
        for u, plan in book.plans.items():
            units = book.quantity[book.rows[u]] * funding_units(plan, price, rate)
            for i in np.flatnonzero(units).tolist():
                c = plan.contracts[i].currency
                factor = float(pegs[c][r]) if c in pegs else price.get(c, 1.0) if c in book.moving else 1.0
                paid[r] += units[i] * book.prices[c] * factor
    return paid


def _shocked(
    model: MarginModel, account: Account, market: Market, table: Instants, row: int, on_failure: OnFailure
) -> After:
    try:
        return _after(model, *shocked(account, market, table, row), on_failure)
    except PlimsollError as error:
        nan = float("nan")
        return After(nan, nan, nan, nan, False, str(error).splitlines()[0])


def _after(model: MarginModel, account: Account, market: Market, on_failure: OnFailure) -> After:
    """The requirement in US dollars at the market's own price of its currency."""
    found = model.requirement(account, market, on_failure)
    price = market.price_of(found.currency)
    if price is None:
        raise refuse("market.assets", f"no price of {found.currency}", "the currency in which the requirement is given")
    worth = 0.0
    for sign, held in ((1.0, account.collateral), (-1.0, account.borrowed)):
        for asset, amount in held.items():
            now = market.price_of(asset)
            worth += sign * amount * (0.0 if now is None else now.price)
    unit = price.price
    short = found.net_equity < found.maintenance or any(p.equity < p.maintenance for p in found.pools)
    return After(worth, found.net_equity * unit, found.initial * unit, found.maintenance * unit, short)
