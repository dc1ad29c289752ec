"""A lending pool: what can be borrowed against collateral, and when it is liquidated.

Source: venues-onchain 3.6, own words. Rule codes `LENDING-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Problem, Reason, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding
from plimsoll.margin.venues.lending.parameters import LendingParameters, Weights
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
EMODE = "emode"
_WHY = "these rules margin loans against collateral and take no contracts that a {} could hold"


@dataclass(frozen=True)
class Loan:
    """What an account owes, in coins by asset, and how its collateral counts.

    `category` is that of all debts where the account is in the mode of correlated assets, `isolated` the only
    collateral where it is isolated, `dropped` isolated assets that do not count beside other collateral.
    """

    held: dict[str, float]
    owed: dict[str, float]
    category: str | None
    isolated: str | None
    dropped: tuple[str, ...]


class LendingPool(MarginModel):
    """Loans against collateral, in USD.

    ```
    net equity    sum of value * liquidation threshold       so that health is the pool's health factor
    maintenance   debt                                       liquidated below a health of one
    initial       debt + sum of value * (threshold - LTV)    its excess is what can still be borrowed
    ```

    Without a debt nothing is required; `workings.available` is what can be borrowed in either case.
    With the setting `emode` assets of the category that all debts belong to count with the weights of the category.
    An isolated asset counts alone or not at all, and what can be borrowed against it has a ceiling in dollars. Loans
    are in `borrowed`; a negative balance is one, too. Interest is what the balances already hold.
    """

    MODEL = "lending"
    PARAMETERS = LendingParameters
    MODES = ("cross",)
    TAKES = frozenset({"borrowed"})
    SETTINGS = frozenset({EMODE})
    FORMS = Declared("refused", "none", _WHY.format("solver"), "refused", _WHY.format("proof"))
    MANY = "account by account through the exact engine: an account holds loans, and no contracts to share tables"
    parameters: LendingParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: assets of the pool, loans that its modes allow, no contracts."""
        assets, problems = self.parameters.assets, []
        for i, p in enumerate(account.positions):
            got = f"{p.instrument!r} ({Reason.UNSUPPORTED_CONTRACT.value})"
            allowed = "no contracts: assets in collateral and loans in borrowed"
            problems.append(Problem(f"account.positions[{i}].instrument", got, allowed))
        for field, balances in (("collateral", account.collateral), ("borrowed", account.borrowed)):
            for asset, amount in balances.items():
                if amount != 0.0 and asset not in assets:
                    got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
                    problems.append(
                        Problem(f"account.{field}.{asset}", got, "assets of the pool: " + ", ".join(assets))
                    )
        return problems or self._loan_problems(account)

    def _loan_problems(self, account: Account) -> list[Problem]:
        assets, problems = self.parameters.assets, []
        held, owed = _balances(account)
        for asset in owed:
            where = f"account.borrowed.{asset}" if account.borrowed.get(asset) else f"account.collateral.{asset}"
            if not assets[asset].borrowable:
                able = ", ".join(n for n, a in assets.items() if a.borrowable)
                problems.append(Problem(where, f"a debt in {asset}", f"assets that can be borrowed: {able}"))
        alone = [a for a in held if assets[a].ceiling is not None]
        if alone and len(alone) == len(held):
            if len(alone) > 1:
                got = f"{', '.join(alone)}, each an isolated asset"
                problems.append(Problem("account.collateral", got, "one isolated asset, or others beside them"))
            for asset in (a for a in owed if not assets[a].isolation_borrowable):
                able = ", ".join(n for n, a in assets.items() if a.isolation_borrowable) or "none"
                got = f"a debt in {asset} against {alone[0]} in isolation"
                problems.append(Problem("account.borrowed", got, f"assets that can be borrowed in isolation: {able}"))
        if account.settings.get(EMODE) and owed:
            found = {assets[a].category for a in owed}
            if len(found) > 1 or None in found:
                got = "debts in " + ", ".join(f"{a} ({assets[a].category or 'no category'})" for a in owed)
                problems.append(Problem(f"account.settings.{EMODE}", got, "debts of one category of correlated assets"))
        return problems

    def loan(self, account: Account) -> Loan:
        """The account as the pool sees it; it must have passed `problems`."""
        assets = self.parameters.assets
        held, owed = _balances(account)
        alone = tuple(a for a in held if assets[a].ceiling is not None)
        isolated = alone[0] if len(alone) == 1 and len(held) == 1 else None
        category = assets[next(iter(owed))].category if account.settings.get(EMODE) and owed else None
        return Loan(held, owed, category, isolated, () if isolated else alone)

    def weights(self, loan: Loan, asset: str) -> Weights:
        """How `asset` counts in this account."""
        own = self.parameters.assets[asset]
        if asset in loan.dropped:
            return Weights(ltv=0.0, threshold=0.0)
        if loan.category is not None and own.category == loan.category:
            return self.parameters.categories[loan.category]
        return own

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account, market, on_failure)
        loan = self.loan(account)
        debts = np.array([amount * _price(market, a) for a, amount in loan.owed.items()])
        power, line = self._counted(loan, {a: np.array(_price(market, a)) for a in loan.held})
        most = None if loan.isolated is None else self.parameters.assets[loan.isolated].ceiling
        able = float(power.sum())
        above = 0.0 if most is None else max(able - most, 0.0)
        debt, counted, none = float(debts.sum()), float(line.sum()), np.zeros(len(loan.held))
        needed = 1.0 if loan.owed else 0.0  # what owes nothing needs nothing
        held = [f"collateral {a}" for a in loan.held]
        paths = [f"assets.{a}" for a in loan.held] + ["categories"] * (loan.category is not None)
        evidence = weakest(self.rules, paths or ["assets"])
        beyond, cut = needed * (line - power), needed * np.array([above])[: len(held)]
        gap = component("loan_to_value", "Collateral beyond what can be borrowed", evidence, held, beyond, none)
        owing = component("debt", "Debt", "read", [f"borrowed {a}" for a in loan.owed], debts, debts)
        ceiling = component("debt_ceiling", "Debt ceiling of the isolated asset", evidence, held[:1], cut, none[:1])
        health = {"health_factor": counted / debt} if debt > 0.0 else {}
        found = {"collateral_at_threshold": counted, "borrowing_power": able - above, "debt": debt}
        notes = [f"counts for nothing beside other collateral: {', '.join(loan.dropped)}"] if loan.dropped else []
        return Assessment(
            net_equity=counted,
            components=(owing, gap, ceiling),
            binding=(Binding(underlying="", kind="debt", label="debt against collateral", pnl=-debt),),
            scenarios=(),
            workings=found | {"available": max(0.0, able - above - debt)} | health,
            failures=book.failures,
            notes=tuple(notes),
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: all states at once; an asset moves with its index, if it has one."""
        self.check(account, market)
        open_book(account, market, "refuse")
        loan = self.loan(account)

        def price(asset: str) -> F64:
            moves = states.multiplier(asset) if asset in market.indices else np.ones(len(states))
            return _price(market, asset) * moves

        debt = np.zeros(len(states))
        for asset, amount in loan.owed.items():
            debt = debt + amount * price(asset)
        _, line = self._counted(loan, {a: price(a) for a in loan.held})
        equity = line.sum(axis=0) if loan.held else np.zeros(len(states))
        return (Track(ACCOUNT, equity, debt),)

    def _counted(self, loan: Loan, price: dict[str, F64]) -> tuple[F64, F64]:
        """`[H, ...]` USD that each asset held counts for: to borrow against, and against liquidation."""
        rows: tuple[list[F64], list[F64]] = ([], [])
        for asset, coins in loan.held.items():
            tables = self.weights(loan, asset).discounts(self.parameters.assets[asset].most)
            for row, table in zip(rows, tables, strict=True):
                row.append(table.counted(np.full(price[asset].shape, coins), price[asset]))
        return np.array(rows[0]), np.array(rows[1])


def _balances(account: Account) -> tuple[dict[str, float], dict[str, float]]:
    """Coins held and owed by asset; a negative balance is owed."""
    held = {a: x for a, x in account.collateral.items() if x > 0.0}
    owed = {a: x for a, x in account.borrowed.items() if x > 0.0}
    for asset, amount in account.collateral.items():
        if amount < 0.0:
            owed[asset] = owed.get(asset, 0.0) - amount
    return held, owed


def _price(market: Market, asset: str) -> float:
    price = market.price_of(asset)
    if price is None or price.price <= 0.0:
        got = None if price is None else price.price
        raise refuse(f"market.assets.{asset}", got, "a USD price of this asset, above zero")
    return price.price
