"""A desk: accounts under rule sets in one market, what may be traded, and what it costs. Everything as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from plimsoll.contracts import is_dated
from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.forms import Form
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import MarginModel
from plimsoll.margin.requirement import Requirement
from plimsoll.margin.trade import traded
from plimsoll.market import Market
from plimsoll.optimise.beyond import outside_columns
from plimsoll.optimise.exposure import Exposures, account_delta, exposures, scenario_rows
from plimsoll.optimise.ladder import NOTHING, Ladder, Sides, ladders
from plimsoll.optimise.terms import TradingTerms
from plimsoll.optimise.variation.outlook import Outlook
from plimsoll.risk.plan import F64
from plimsoll.scenarios import Scenarios

AGREE = 1e-7
"""How far, of the margin, an exact form may be from the exact engine at the start before it counts as a bound."""


@dataclass(frozen=True)
class Holding:
    """An account under a model; `name` is what `capital(name)` calls it. What has no model is a
    `plimsoll.optimise.recheck.WalletHolding`.
    """

    name: str
    account: Account
    model: MarginModel
    kind: ClassVar[Literal["account"]] = "account"


@dataclass(frozen=True, eq=False)
class Place:
    """One book of a desk: `names[N]` held or tradable, `quantity[N]` held, `sides[N]` what can be bought and sold.

    `form` is what a solver minimises, `rate` the US dollars of its currency, `exact` whether its optimum is that of the
    rules, `why` it is not, and `lots[N]` the smallest trades (0: any size).
    """

    holding: Holding
    names: tuple[str, ...]
    quantity: F64
    sides: tuple[Sides, ...]
    form: Form
    rate: float
    exact: bool
    why: str
    exposures: Exposures
    lots: F64

    @property
    def name(self) -> str:
        """That of the holding."""
        return self.holding.name

    @cached_property
    def reach(self) -> F64:
        """`[N]` the largest position that trades can lead to."""
        return _reach(self.quantity, self.sides)

    def cost(self, trade: F64) -> F64:
        """`[N]` US dollars that signed trades cost; infinite beyond what there is."""
        return np.array(
            [s[0].of(y) if y >= 0.0 else s[1].of(-y) for s, y in zip(self.sides, trade.tolist(), strict=True)]
        )


@dataclass(frozen=True, eq=False)
class Desk:
    """Books in one market. `numeraire` is what deltas are in (`USD` or a coin); `columns` are the scenarios of
    `es(level)`, equally likely, one table for each underlying; `outlook` are the paths and transfer times of
    `capital(book, p=...)`.
    """

    market: Market
    places: tuple[Place, ...]
    terms: TradingTerms
    numeraire: str
    columns: Mapping[str, Scenarios] | None
    outlook: Outlook | None = None

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Underlyings of everything that is held or may be traded."""
        return tuple(sorted({c.underlying for p in self.places for c in p.exposures.plan.contracts}))

    @property
    def moving(self) -> tuple[str, ...]:
        """Everything that needs a column of scenarios."""
        held = {a for p in self.places for a in p.exposures.coins if a in self.market.indices}
        return tuple(sorted(held | set(self.underlyings)))

    def spot(self, underlying: str) -> float:
        """Index price of a coin. Raises `DocumentError` for one that the market does not know."""
        index = self.market.indices.get(underlying)
        if index is None:
            raise refuse("underlying", underlying, "one of " + ", ".join(sorted(self.market.indices)))
        return index.price

    def delta(self, underlying: str) -> float:
        """Coins, whole desk, before any trade, in the numeraire."""
        spot = self.spot(underlying)
        return sum(account_delta(p.exposures, p.quantity, underlying, self.numeraire, spot) for p in self.places)

    def rows(self, columns: Mapping[str, Scenarios]) -> tuple[F64, list[F64]]:
        """`[S]` gain of the desk before any trade and for each book `[N, S]` that of one contract bought."""
        found = [scenario_rows(p.exposures, p.quantity, self.market, columns) for p in self.places]
        total: F64 = np.sum([base for base, _ in found], axis=0)
        return total, [rows for _, rows in found]

    @cached_property
    def tail_rows(self) -> tuple[F64, list[F64]]:
        """`rows` of the desk's own scenarios, made once: there may be many."""
        return self.rows(self.columns or {})

    def outside(self, underlying: str | None) -> Mapping[str, Scenarios]:
        """The scenarios outside the grids, of one underlying alone or of all together."""
        moved = outside_columns()
        still = Scenarios.build(np.ones(len(moved)))
        return {u: moved if underlying in (None, u) else still for u in self.moving}

    def margin(self, place: Place, account: Account) -> tuple[float, Requirement]:
        """Initial margin in US dollars under the exact engine, and its document."""
        found = place.holding.model.requirement(account, self.market)
        return found.initial * _rate(self.market, found.currency), found

    def after(self, place: Place, trade: F64) -> Account:
        """The account after signed trades at the marks, their cost paid in the settlement currency of each."""
        account = place.holding.account
        for i in np.flatnonzero(trade).tolist():
            account = self.filled(place, account, i, float(trade[i]), float(place.cost(trade)[i]))
        return account

    def filled(self, place: Place, account: Account, i: int, quantity: float, cost: float) -> Account:
        """The account after one trade of contract `i` at its mark that cost `cost` US dollars on top."""
        result = traded(account, self.market, place.names[i], quantity)
        if not cost:
            return result
        currency = place.exposures.plan.contracts[i].currency
        balances = dict(result.collateral)
        balances[currency] = balances.get(currency, 0.0) - cost / float(place.exposures.plan.settle[i])
        return Account.from_dict(result.to_dict() | {"collateral": balances})


def make_desk(
    market: Market,
    holdings: Sequence[Holding],
    *,
    candidates: Sequence[str] | None = None,
    terms: TradingTerms | None = None,
    numeraire: str = "USD",
    columns: Mapping[str, Scenarios] | None = None,
    most: Mapping[str, tuple[float, float]] | None = None,
    horizon_days: float = 0.0,
    outlook: Outlook | None = None,
) -> Desk:
    """A desk whose books may trade `candidates` (left out: every future, perpetual and European option they take that
    lives longer than `horizon_days`: what expires before frees margin for no longer than that).

    `most` caps what may be bought and sold of an instrument, in contracts. Raises `DocumentError`: no holding, a name
    twice, orders or isolated positions (a form speaks of positions alone), a candidate that is not listed, a model
    that has no form, with its reason.
    """
    rules = terms or TradingTerms()
    if not holdings:
        raise refuse("holdings", "none", "one account or more, each under a rule set")
    if len({h.name for h in holdings}) != len(holdings):
        raise refuse("holdings", ", ".join(h.name for h in holdings), "each name once")
    if numeraire != "USD" and numeraire not in market.indices:
        raise refuse("numeraire", numeraire, "USD or a coin with an index: " + ", ".join(sorted(market.indices)))
    stray = [c for c in candidates or () if c not in market.contracts]
    if stray:
        allowed = f"one of the {len(market.contracts)} instruments of the market"
        raise DocumentError([Problem("candidates", repr(n), allowed) for n in stray])
    if candidates is not None and len(set(candidates)) != len(candidates):
        twice = sorted({c for c in candidates if list(candidates).count(c) > 1})
        raise refuse("candidates", ", ".join(twice), "each instrument once")
    if not 0.0 <= horizon_days < 36_500.0:
        raise refuse("horizon_days", horizon_days, "days of at least zero")
    places = tuple(_place(market, h, candidates, rules, most or {}, horizon_days) for h in holdings)
    return Desk(market, places, rules, numeraire, columns, outlook)


def _place(
    market: Market,
    holding: Holding,
    candidates: Sequence[str] | None,
    terms: TradingTerms,
    most: Mapping[str, tuple[float, float]],
    horizon_days: float,
) -> Place:
    account, model = holding.account, holding.model
    if model.FORMS.solver == "refused":
        raise refuse(f"{holding.name}.rules", model.rules.label, f"a model with a form: {model.FORMS.solver_why}")
    _plain(holding)
    if account.mode not in model.MODES:
        modes = " or ".join(repr(m) for m in model.MODES)
        raise refuse(f"{holding.name}.mode", account.mode, f"{modes}: the modes of {model.rules.label}")
    model.check(account, market)
    held = [p.instrument for p in account.positions if p.quantity]
    chosen = list(candidates) if candidates is not None else _tradable(market, holding, horizon_days)
    names = (*held, *(n for n in chosen if n not in held))
    if not names:
        raise refuse(f"{holding.name}.candidates", "nothing", "a position, or an instrument that the rules take")
    plan = Universe.as_listed(model, names, market).plan
    by_name = {p.instrument: p.quantity for p in account.positions}
    quantity = np.array([by_name.get(n, 0.0) for n in names])
    wanted = set(chosen)
    sides = tuple(
        _capped(s, most.get(n)) if n in wanted and market.contracts[n].kind != "spot" else (NOTHING, NOTHING)
        for n, s in zip(names, ladders(plan, market, terms), strict=True)
    )
    lots = np.array([(terms.option_lot if o else terms.lot) or 0.0 for o in plan.option.tolist()])
    reach = np.maximum(_reach(quantity, sides), 1e-9)
    forms = model.forms(names, market, reach)
    form, exact, why = forms.solver, forms.solver.standing == "exact", ""
    if forms.solver.within is not None and not forms.solver.holds(quantity):
        form, exact = forms.proof, False
        why = f"the book lies outside of where the form is exact ({model.FORMS.condition}): its bound is minimised"
    elif not exact:
        why = f"the form is a bound: {forms.solver.why}"
    if form.standing == "refused":
        raise refuse(f"{holding.name}.rules", model.rules.label, f"a form that holds for this book: {form.why}")
    charged = model.requirement(account, market).initial
    if exact and abs(form.at(quantity) - charged) > AGREE * max(1e-6, abs(charged)) + form.rounding:
        exact, why = False, "the account is charged for more than its positions, of which the form speaks"
    found = exposures(plan, quantity, account, market)
    return Place(holding, names, quantity, sides, form, _rate(market, forms.currency), exact, why, found, lots)


def _plain(holding: Holding) -> None:
    """Refuse what a form does not speak of."""
    account = holding.account
    if account.orders:
        allowed = "an account without resting orders: a form speaks of positions alone"
        raise refuse(f"{holding.name}.orders", f"{len(account.orders)} orders", allowed)
    for i, p in enumerate(account.positions):
        if p.isolated_margin is not None or p.leg != "net":
            kind = "an isolated position" if p.isolated_margin is not None else f"a {p.leg} leg"
            allowed = "positions in one pool, long and short netted: a form speaks of these alone"
            raise refuse(f"{holding.name}.positions[{i}]", kind, allowed)


def _tradable(market: Market, holding: Holding, horizon_days: float) -> list[str]:
    """What the rules take beside what is held and lives long enough."""
    kinds = ("future", "perpetual", "option")
    until = market.time + timedelta(days=horizon_days)
    listed = tuple(c.name for c in market.instruments if c.kind in kinds and not (is_dated(c) and c.expiry <= until))
    universe = Universe.of(holding.model, listed, market)
    taken = {n for n, t in zip(universe.names, universe.taken.tolist(), strict=True) if t}
    currencies = {market.contracts[p.instrument].currency for p in holding.account.positions if p.quantity}
    result, known = [], {}
    for name in listed:
        if name not in taken:
            continue
        contract = market.contracts[name]
        # rules may take a contract alone and not beside what is held: asked once for each kind of contract
        key = (contract.kind, contract.underlying, contract.currency, getattr(contract, "settlement", ""))
        if key not in known:
            known[key] = not currencies or takes_beside(holding, name, market)
        if known[key]:
            result.append(name)
    return result


def takes_beside(holding: Holding, name: str, market: Market) -> bool:
    """Whether the rules take a contract beside what is held."""
    return not holding.model.all_problems(_with(holding.account, name), market)


def _with(account: Account, name: str) -> Account:
    if any(p.instrument == name for p in account.positions):
        return account
    content = account.to_dict()
    content["positions"] = [*content["positions"], {"instrument": name, "quantity": 1.0}]
    return Account.from_dict(content)


def _capped(sides: Sides, most: tuple[float, float] | None) -> Sides:
    if most is None:
        return sides
    buy, sell = (s.capped(m) for s, m in zip(sides, most, strict=True))
    return buy, sell


def _reach(quantity: F64, sides: tuple[tuple[Ladder, Ladder], ...]) -> F64:
    most = np.array([[b.most, s.most] for b, s in sides]).reshape(-1, 2)
    result: F64 = np.maximum(np.abs(quantity + most[:, 0]), np.abs(quantity - most[:, 1]))
    return np.maximum(result, np.abs(quantity))


def _rate(market: Market, currency: str) -> float:
    price = market.price_of(currency)
    if price is None:
        raise refuse(f"market.assets.{currency}", "nothing", "a USD price of the currency of the margin")
    return price.price
