"""What both kinds of vault of Opyn have in common: collateral against what the options may come to cost."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding
from plimsoll.margin.venues.opyn.parameters import SpreadParameters
from plimsoll.margin.venues.opyn.vault import Vault, vault_problems
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
_WHY = (
    "a vault holds one sold option and at most one bought one: positions in several options are several vaults, and "
    "which collateral goes into which is the holder's choice"
)


class OpynVault(MarginModel):
    """One vault: initial and maintenance margin are the same, in the token that the vault holds.

    An expired vault needs what its sold option pays; what a bought one pays stands against it.
    """

    MODES = ("cross",)
    FORMS = Declared("refused", "none", _WHY, "refused", _WHY)
    MANY = "account by account through the exact engine: a vault holds one sold option"
    parameters: SpreadParameters

    @abstractmethod
    def required(self, vault: Vault, market: Market, states: States) -> F64:
        """`[K]` collateral that a vault needs before expiry, in its token."""

    @abstractmethod
    def paths(self, vault: Vault) -> list[str]:
        """Paths of the parameters that set it."""

    def workings(self, vault: Vault, market: Market, required: float) -> dict[str, float]:
        """Further intermediate results."""
        return {}

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`."""
        return vault_problems(self.parameters, account, market)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        vault = Vault.of(self.parameters, account, market)
        equity, required = (float(x[0]) for x in self._standing(vault, market, States({}, np.ones(1))))
        names = [h.name for h in (vault.short,) if h is not None]
        amounts = np.full(len(names), required)
        options = component("options", "Sold option", weakest(self.rules, self.paths(vault)), names, amounts, amounts)
        label = "settlement" if vault.expired else "the vault by itself"
        return Assessment(
            net_equity=equity,
            components=(options,),
            binding=(Binding(underlying=vault.currency, kind="vault", label=label, pnl=-options.initial),),
            scenarios=(),
            workings={
                "required": options.initial,
                "excess": equity - options.initial,
                **({} if vault.expired else self.workings(vault, market, options.initial)),
            },
            currency=vault.currency,
            decimals=self.parameters.tokens[vault.currency].decimals,
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: collateral stays, what is needed moves."""
        self.check(account, market)
        return (Track(ACCOUNT, *self._standing(Vault.of(self.parameters, account, market), market, states)),)

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: refused, with the reason."""
        return Form("refused", _WHY), Form("refused", _WHY)

    def _standing(self, vault: Vault, market: Market, states: States) -> tuple[F64, F64]:
        """`[K]` equity and what is needed."""
        ones = np.ones(len(states))
        if vault.expired:
            equity = vault.collateral + vault.paid(vault.long, market)
            return equity * ones, vault.paid(vault.short, market) * ones
        needed = np.zeros(len(states)) if vault.short is None else self.required(vault, market, states)
        return vault.collateral * ones, needed
