"""The contract of a margin model: rules in, requirement out, nothing remembered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import ValidationError

from plimsoll.documents import DocumentError, Failure, Part, Problem, problems_of, refuse, to_units
from plimsoll.margin.account import Account, Mode
from plimsoll.margin.book import OnFailure
from plimsoll.margin.forms.declared import NONE, Declared, Form, Forms
from plimsoll.margin.many.engine import Batch, totals_of
from plimsoll.margin.many.positions import F64, Positions
from plimsoll.margin.many.rows import RowTables
from plimsoll.margin.many.totals import Totals
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.path import States, Track, strike_multipliers, tracks_of
from plimsoll.margin.pools import pool_notes, untaken
from plimsoll.margin.procedure import SUPPOSED, Assumed, Procedure, Sale
from plimsoll.margin.requirement import (
    Binding,
    Charged,
    Component,
    Inputs,
    Pool,
    Requirement,
    ScenarioLoss,
    Share,
)
from plimsoll.margin.rules import Rules
from plimsoll.margin.trade import traded
from plimsoll.market import Market
from plimsoll.scenarios import FLAT, VolRule


@dataclass(frozen=True)
class Incremental:
    """Change of the requirement by a candidate trade, in its currency; negative is relief."""

    initial: float
    maintenance: float
    before: Requirement
    after: Requirement


@dataclass(frozen=True)
class Assessment:
    """What a model hands back before it is put into a document; amounts as floats in `currency`.

    `currency` and `decimals` are those of the rules if left out: rules for many settlement currencies name the
    account's own.
    """

    net_equity: float
    components: tuple[Component, ...]
    binding: tuple[Binding, ...]
    scenarios: tuple[ScenarioLoss, ...]
    workings: dict[str, float]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    currency: str | None = None
    decimals: int | None = None
    pools: tuple[Pool, ...] = ()


class MarginModel(ABC):
    """A margin model bound to one dated rule set.

    To add a model: subclass, set `MODEL` (the name packs refer to) and `PARAMETERS` (their schema), write `problems`
    and `assess`, and name the class in `MODELS` of its folder. `parameters` are the validated numbers of the pack.
    `MODES` are the account modes that the rules serve and `TAKES` what else of an account they know (see `TAKEABLE`);
    `SETTINGS` are the names of the switches they read. An account that uses anything else is refused, except that a
    chosen leverage is only noted. `LINEAR` are the currencies of its linear contracts, the first tried first, for
    accounts that hold others. A model that can follow a whole path faster than one requirement after the other
    writes `along`, and names the prices at which its margin bends in `kinks`.
    `MANY` says in words what `many` has to do for one account, and so how fast it is; a model that can do better than
    one account after the other writes `batch`. `FORMS` declares what `pieces` gives a solver and a proof.
    """

    MODEL: ClassVar[str]
    PARAMETERS: ClassVar[type[Part]]
    FORMS: ClassVar[Declared] = NONE
    MODES: ClassVar[tuple[Mode, ...]] = ("portfolio",)
    TAKES: ClassVar[frozenset[str]] = frozenset()
    SETTINGS: ClassVar[frozenset[str]] = frozenset()
    LINEAR: ClassVar[tuple[str, ...]] = ("USDC",)
    MANY: ClassVar[str] = "account by account through the exact engine: this model has no arithmetic on blocks"
    parameters: Any

    def __init__(self, rules: Rules) -> None:
        if rules.model != self.MODEL:
            raise refuse("rules.model", rules.model, repr(self.MODEL))
        self.rules = rules
        self.parameters = self._validated(rules)

    def _validated(self, rules: Rules) -> Part:
        try:
            return self.PARAMETERS.model_validate(rules.parameters)
        except ValidationError as error:
            problems = problems_of(error, rules.parameters, self.PARAMETERS)
            named = [Problem(f"parameters.{p.path}".removesuffix(".$"), p.got, p.allowed) for p in problems]
            raise DocumentError(named, rules.label) from None

    @abstractmethod
    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """Equity, components, scenarios. Raises `MarginRefusedError` where nothing can be said."""

    @abstractmethod
    def problems(self, account: Account, market: Market) -> list[Problem]:
        """What of this account the rules cannot take, with paths; empty if they take all of it."""

    def all_problems(self, account: Account, market: Market) -> list[Problem]:
        """What the contract of the model rules out, then `problems`."""
        own = self.problems(account, market)
        told = {p.path for p in own}
        return [p for p in untaken(self, account) if p.path not in told] + own

    def applies_to(self, account: Account, market: Market) -> str | None:
        """`None` if the rules can take this account, else why not, in a sentence."""
        problems = self.all_problems(account, market)
        return None if not problems else f"{problems[0].got}; allowed: {problems[0].allowed}"

    def check(self, account: Account, market: Market) -> None:
        """Raise `DocumentError` with everything in `all_problems`, if there is anything."""
        problems = self.all_problems(account, market)
        if problems:
            raise DocumentError(problems)

    def requirement(self, account: Account, market: Market, on_failure: OnFailure = "refuse") -> Requirement:
        """The requirement of `account` in `market`.

        `on_failure="refuse"` raises `MarginRefusedError` when a position cannot be valued; `"conservative"` carries it
        at its worst bound and lists the failure. Raises `DocumentError` on input the rules do not know, and where an
        amount leaves the range of double precision.
        """
        try:
            with np.errstate(all="ignore"):
                return self._document(account, market, self.assess(account, market, on_failure))
        except ValidationError:
            allowed = "sizes, prices and parameters that double precision can multiply"
            raise DocumentError(Problem("requirement", "an amount that is not finite", allowed)) from None

    def _document(self, account: Account, market: Market, found: Assessment) -> Requirement:
        initial = sum(c.initial for c in found.components)
        maintenance = sum(c.maintenance for c in found.components)
        decimals = self.rules.decimals if found.decimals is None else found.decimals
        charged = Charged(
            decimals=decimals,
            initial=to_units(initial, decimals, against="payer"),
            maintenance=to_units(maintenance, decimals, against="payer"),
            equity=to_units(found.net_equity, decimals, against="holder"),
        )
        pack_notes = self.rules.notes if charged.initial > 0 or charged.maintenance > 0 else ()
        return Requirement(
            account=account.name,
            rules=self.rules.label,
            model=self.MODEL,
            time=market.time,
            currency=found.currency or self.rules.currency,
            initial=initial,
            maintenance=maintenance,
            net_equity=found.net_equity,
            health=found.net_equity / maintenance if charged.maintenance > 0 else None,
            excess_initial=found.net_equity - initial,
            excess_maintenance=found.net_equity - maintenance,
            charged=charged,
            components=found.components,
            binding=found.binding,
            scenarios=found.scenarios,
            shares=_total_shares(found.components),
            pools=found.pools,
            workings=found.workings,
            inputs=Inputs(account=account.hash(), market=market.hash(), rules=self.rules.hash()),
            failures=found.failures,
            notes=(
                *found.notes,
                *pack_notes,
                *pool_notes(found.pools),
                *self._unused(account),
                *_owing(found.net_equity, maintenance),
            ),
        )

    def _unused(self, account: Account) -> tuple[str, ...]:
        chosen = any(p.leverage for p in account.positions) or any(o.leverage for o in account.orders)
        return ("a chosen leverage is not used by these rules",) if chosen and "leverage" not in self.TAKES else ()

    def batch(self, universe: Universe) -> Batch | None:
        """Arithmetic on blocks of accounts that gives what `assess` gives, to 1e-9; `None` if there is none."""
        return None

    def rows(self, universe: Universe) -> RowTables | None:
        """The tables of `batch` as rows that can be computed anew one by one; `None` if the rules have none."""
        return None

    def many(self, positions: Positions, market: Market) -> Totals:
        """Margins of many accounts that hold positions only, without a document for each.

        Equal to `assess` account by account to 1e-9, relative; neither the order of the accounts nor that of their
        positions changes a bit. An account that the rules refuse does not stop the others: see `Totals`.

        >>> import plimsoll as pl
        >>> from plimsoll.feeds.demo import demo_account, demo_market
        >>> from plimsoll.margin import Positions
        >>> held = Positions.of([demo_account(), pl.Account()])
        >>> totals = pl.margin_model("prbm@2026-01-01").many(held, demo_market()).check()
        >>> bool(totals.initial[0] > totals.maintenance[0] > totals.initial[1] == 0.0)
        True
        """
        return totals_of(self, positions, market)

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """Equity and maintenance margin in each of the `K` states of a path, one track for each pool of the account.

        What `assess` gives in the moved markets; raises what it raises. One track called `account` where the account
        has no pools.
        """
        return tracks_of(self.assess, account, market, states)

    def vol_rule(self, account: Account, market: Market) -> VolRule:
        """How the model's volatility shocks reach other tenors; flat where it has none, or none by a power of time.

        For pictures on which its scenarios are to lie. Where it differs by underlying, that of the first one held.
        """
        return FLAT

    def procedure(self, assumed: Assumed = SUPPOSED) -> Procedure | None:
        """How the venue liquidates, from the pack; `None` where no public rule says.

        `assumed` is what holds for the parts that its rules leave open.
        """
        return None

    def sale(self, account: Account, market: Market) -> Sale | None:
        """The auction of an account below its line as it would start now; `None` where the rules have none."""
        return None

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """For each underlying the price multipliers at which equity or margin may bend or jump, increasing.

        Strikes of the options it holds; rules with tiers add the prices at which a position changes its tier.
        """
        return strike_multipliers(account, market)

    def balance_bends(self, account: Account, market: Market) -> dict[str, tuple[float, ...]]:
        """For each asset the balances (collateral less loans, in the asset) at which what it counts for bends or jumps.

        Ends of tiers and caps of the pack, everything else of the account as it is; nothing where it counts in
        proportion. At a jump the value is that of the side below.
        """
        return {}

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """The form for a solver and the one for a proof, over the contracts of a universe in their order."""
        return Form("refused", self.FORMS.solver_why), Form("refused", self.FORMS.proof_why)

    @property
    def maintenance_part(self) -> float | None:
        """The part of the initial margin of positions that is their maintenance margin, where the rules have it so."""
        return None

    def form_at(self, universe: Universe, quantity: F64) -> Form:
        """The form that is nearest to the rules at signed positions `quantity[N]`: that of a solver.

        A model whose rule has cases gives the one that these positions are in.
        """
        return self.pieces(universe, np.abs(quantity))[0]

    def forms(self, instruments: Sequence[str], market: Market, reach: F64 | float | None = None) -> Forms:
        """What these rules give a solver or a proof for positions in `instruments`: their initial margin alone.

        `reach` is the largest position that is considered, for each instrument or one for all, in contracts; rules that
        grow faster than the position need it. Raises `DocumentError` naming each instrument that the rules do not
        take.

        >>> import plimsoll as pl
        >>> from plimsoll.feeds.demo import demo_market
        >>> market = demo_market()
        >>> names = [c.name for c in market.instruments if c.kind == "perpetual"]
        >>> forms = pl.margin_model("prbm@2026-01-01").forms(names, market)
        >>> forms.solver.standing, forms.proof.convex
        ('exact', True)
        """
        universe = Universe.as_listed(self, tuple(instruments), market)
        far = None if reach is None else np.broadcast_to(np.asarray(reach, dtype=np.float64), (len(universe.names),))
        if far is not None and not (np.isfinite(far) & (far > 0)).all():
            raise refuse("reach", reach, "numbers of contracts above zero")
        solver, proof = self.pieces(universe, far)
        return Forms(self.MODEL, self.forms_currency(universe), universe.names, solver, proof)

    def forms_currency(self, universe: Universe) -> str:
        """The currency of the forms: that of the rules."""
        return self.rules.currency

    def incremental(self, account: Account, market: Market, instrument: str, quantity: float) -> Incremental:
        """What buying (selling, if negative) `quantity` contracts at the mark changes: `M(P + t) - M(P)`.

        The premium of an option is paid from its settlement currency; see `plimsoll.margin.trade.traded`.
        """
        before = self.requirement(account, market)
        after = self.requirement(traded(account, market, instrument, quantity), market)
        return Incremental(after.initial - before.initial, after.maintenance - before.maintenance, before, after)


def _owing(equity: float, maintenance: float) -> tuple[str, ...]:
    """Health has no denominator where nothing is required; an account that owes money must not look well for it."""
    if equity < 0 and maintenance <= 0:
        return ("net equity is below zero though nothing is required: the account owes more than it holds",)
    return ()


def _total_shares(components: Sequence[Component]) -> tuple[Share, ...]:
    totals: dict[str, list[float]] = {}
    for component in components:
        for share in component.shares:
            entry = totals.setdefault(share.subject, [0.0, 0.0])
            entry[0] += share.initial
            entry[1] += share.maintenance
    return tuple(Share(subject=s, initial=i, maintenance=m) for s, (i, m) in totals.items())
