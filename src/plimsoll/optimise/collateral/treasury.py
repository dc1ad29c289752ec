"""Accounts, wallets and the terms of moving between them: everything a placement of collateral is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.market import Market
from plimsoll.optimise.collateral.capital_rules import AccountRules, CapitalRules, gross_notional
from plimsoll.optimise.collateral.posted import Posted, post
from plimsoll.optimise.collateral.terms import CollateralTerms, Swap, Wallet, assumed_terms
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.minimising import Tell

YEAR = 365.0

TIE = 1e-7
"""What a dollar moved is thought to cost beside all else, so that of two answers that cost the same one moves less."""

BEYOND = 1.1
"""How far accounts are measured, of what there is of an asset, so that the worth of one more is seen."""


@dataclass(frozen=True)
class Route:
    """A transfer of `asset` that can be made: its ends by number (wallets first, then accounts), `fee` in the asset
    whenever it is made, `rate` the part of the amount that is lost on top, and `unit` US dollars that each dollar sent
    forgoes on the way, or is thought to.
    """

    source: int
    target: int
    asset: str
    fee: float
    rate: float
    unit: float
    hours: float


@dataclass(frozen=True, eq=False)
class Treasury:
    """`wallets` and `accounts` in one market under `terms`; `assets` are those there are, `price` in US dollars
    and `most` what there can be of each, in the asset.
    """

    market: Market
    wallets: tuple[Wallet, ...]
    accounts: tuple[Posted, ...]
    terms: CollateralTerms
    assets: tuple[str, ...]
    price: Mapping[str, float]
    routes: tuple[Route, ...]
    most: Mapping[str, float]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of wallets, then of accounts."""
        return (*(w.name for w in self.wallets), *(p.name for p in self.accounts))

    @property
    def years(self) -> float:
        """How long the state is kept."""
        return self.terms.days / YEAR

    def held(self, node: int) -> dict[str, float]:
        """What a node has at the start, less loans."""
        if node < len(self.wallets):
            return dict(self.wallets[node].balances)
        return dict(self.accounts[node - len(self.wallets)].net)

    def earned(self, node: int, asset: str) -> float:
        """What a balance earns there, a year."""
        if node < len(self.wallets):
            return self.terms.of(asset).carry
        return self.terms.at(self.nodes[node]).paid.get(asset, 0.0)

    def carrying(self, held: Sequence[Mapping[str, float]]) -> float:
        """US dollars that a state costs while it is kept, beside everything of the start in wallets: earnings forgone
        and interest on loans. Gains by holding more of an asset than at the start are not counted: see `swap_cost`.
        """
        total = 0.0
        for asset in self.assets:
            start = sum(self.held(n).get(asset, 0.0) for n in range(len(self.nodes)))
            total += start * self.price[asset] * self.terms.of(asset).carry * self.years
            for n, balances in enumerate(held):
                total += self.holding_cost(n, asset, balances.get(asset, 0.0))
        return total + sum(self.owing_cost(k, a) for k, p in enumerate(self.accounts) for a in p.owed)

    def owing_cost(self, account: int, asset: str) -> float:
        """US dollars of interest on a loan that stays beside what an account holds of the same asset."""
        return self.holding_cost(len(self.wallets) + account, asset, -self.accounts[account].owed[asset])

    def holding_cost(self, node: int, asset: str, net: float) -> float:
        """US dollars that a balance less loans costs while it is kept; what it earns is below zero."""
        value = net * self.price[asset] * self.years
        if net >= 0.0:
            return -value * self.earned(node, asset)
        loan = self.terms.at(self.nodes[node]).loans.get(asset)
        # a loan of which the terms say nothing costs at least what the same asset earns there
        return -value * (max(0.0, self.earned(node, asset)) if loan is None else loan.rate)

    def swap_cost(self, swap: Swap) -> float:
        """US dollars for a dollar sold: the spread, and what the new asset earns more in the time, which is no saving
        of margin.
        """
        more = max(0.0, self.terms.of(swap.buy).carry - self.terms.of(swap.sell).carry)
        return swap.spread + more * self.years * (1.0 - swap.spread)

    def moves(self, asset: str) -> str | None:
        """The coin with which an asset moves, `None` where it does not."""
        return self.terms.of(asset).moves_with or (asset if asset in self.market.indices else None)


def make_treasury(
    market: Market,
    holdings: Sequence[Holding],
    wallets: Sequence[Wallet],
    terms: CollateralTerms | None = None,
    *,
    buffer: float = 0.0,
    floors: Mapping[str, float] | None = None,
    rules: CapitalRules | None = None,
    within_hours: float | None = None,
    swaps_are_hedged: bool = False,
    progress: Tell | None = None,
) -> Treasury:
    """Measure the accounts and list the transfers between them and the wallets. Without `terms`, `assumed_terms()`.

    Every account has to keep `equity >= (1 + buffer) * initial + floors[name]` (US dollars), loans and haircuts as its
    rules count them; `rules` of capital ask for least equity, a leverage or a ratio on top. Transfers that take longer
    than `within_hours` are left out. A swap between assets that move with different coins changes the delta of the
    desk: it is refused unless `swaps_are_hedged`.

    Raises `DocumentError`: no account, a name twice, an asset without a price, terms of accounts or assets that there
    are not, numbers outside of their range; and what `post` raises.
    """
    terms = terms or assumed_terms()
    floors = floors or {}
    _named(holdings, wallets, terms, floors, rules)
    if not 0.0 <= buffer < 1e6:
        raise refuse("buffer", buffer, "a part of the initial margin of at least zero")
    if within_hours is not None and not within_hours >= 0.0:
        raise refuse("within_hours", within_hours, "hours of at least zero")
    stray = [f for f, v in floors.items() if not abs(v) < 1e15]
    if stray:
        raise refuse(f"floors.{stray[0]}", floors[stray[0]], "a finite number of US dollars")
    balances = [dict(w.balances) for w in wallets] + [dict(h.account.collateral) for h in holdings]
    swapped = {a for s in terms.swaps for a in (s.sell, s.buy)}
    lent = {a for h in holdings for a in terms.at(h.name).loans}
    known = [a for b in balances for a, x in b.items() if x]
    known += [a for h in holdings for a, x in h.account.borrowed.items() if x]
    assets = tuple(sorted({*known, *swapped, *lent}))
    price = _prices(market, assets)
    most = _most(terms, balances, assets, price)
    accounts = []
    for k, h in enumerate(holdings):
        if progress is not None:
            progress(f"measuring {h.name}", k, len(holdings) + 1)
        own = terms.at(h.name)
        reach = {a: (-own.loans[a].limit if a in own.loans else 0.0, most[a]) for a in assets}
        asked = AccountRules() if rules is None else rules.of(h.name)
        # a ratio of equity to initial margin is a buffer of the account's own
        more = buffer if asked.ratio is None else max(buffer, asked.ratio - 1.0)
        one = post(h, market, reach, buffer=more, floor=floors.get(h.name, 0.0))
        if asked.least_equity or asked.leverage is not None:
            equity = post(h, market, {a: _ends(one, a) for a in one.curves}, buffer=-1.0)
            # what only one of both can follow stays where it is
            both = [a for a in one.curves if a in equity.curves]
            refused = {a: why for a, why in equity.refused.items() if a not in one.refused}
            one = replace(
                one,
                curves={a: one.curves[a] for a in both},
                refused={**one.refused, **refused},
                rules=asked,
                equity=replace(equity, curves={a: equity.curves[a] for a in both}),
                gross=gross_notional(h.account, market),
            )
        accounts.append(one)
    found = Treasury(market, tuple(wallets), tuple(accounts), terms, assets, price, (), most)
    if not swaps_are_hedged:
        for n, s in enumerate(terms.swaps):
            if found.moves(s.sell) != found.moves(s.buy):
                got = f"{s.sell} into {s.buy}, which changes the delta of the desk"
                raise refuse(
                    f"terms.swaps[{n}]", got, "assets that move with the same coin; else it is a trade to hedge"
                )
    return Treasury(market, found.wallets, found.accounts, terms, assets, price, _routes(found, within_hours), most)


def _named(
    holdings: Sequence[Holding],
    wallets: Sequence[Wallet],
    terms: CollateralTerms,
    floors: Mapping[str, float],
    rules: CapitalRules | None,
) -> None:
    names = [w.name for w in wallets] + [h.name for h in holdings]
    if not holdings:
        raise refuse("holdings", "none", "one account or more, each under a rule set")
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise refuse("holdings", ", ".join(twice), "each name once, of accounts and wallets")
    ruled: Mapping[str, object] = {} if rules is None else rules.accounts
    for path, given in (("terms.accounts", terms.accounts), ("floors", floors), ("rules.accounts", ruled)):
        stray = [n for n in given if n not in {h.name for h in holdings}]
        if stray:
            raise refuse(path, stray[0], "one of the accounts: " + ", ".join(h.name for h in holdings))


def _ends(posted: Posted, asset: str) -> tuple[float, float]:
    curve = posted.curves[asset]
    return float(curve.low[0]), float(curve.high[-1])


def _prices(market: Market, assets: Sequence[str]) -> dict[str, float]:
    found = {a: market.price_of(a) for a in assets}
    missing = [a for a, p in found.items() if p is None or p.price <= 0.0]
    if missing:
        raise DocumentError(
            [Problem(f"market.assets.{a}", "nothing", "a USD price of this collateral") for a in missing]
        )
    return {a: p.price for a, p in found.items() if p is not None}


def _most(
    terms: CollateralTerms, balances: Sequence[Mapping[str, float]], assets: Sequence[str], price: Mapping[str, float]
) -> dict[str, float]:
    """The most of each asset that may come together anywhere, and a little more."""
    result = {}
    for a in assets:
        there = sum(max(0.0, b.get(a, 0.0)) for b in balances)
        bought = sum(s.size for s in terms.swaps if s.buy == a) / price[a]
        lent = sum(t.loans[a].limit for t in terms.accounts.values() if a in t.loans)
        result[a] = BEYOND * (there + bought + lent)
    return result


def _routes(t: Treasury, within_hours: float | None) -> tuple[Route, ...]:
    found, first = [], len(t.wallets)
    for asset in t.assets:
        terms = t.terms.of(asset)
        if within_hours is not None and terms.hours > within_hours:
            continue
        # what is on its way earns nothing, and belongs to nobody's equity
        unit = max(0.0, terms.carry) * terms.hours / (24.0 * YEAR) + TIE
        for i in range(len(t.nodes)):
            for j in range(len(t.nodes)):
                if i == j or (i < first and j < first):
                    continue
                if all(n < first or asset in t.accounts[n - first].curves for n in (i, j)):
                    found.append(Route(i, j, asset, terms.fee, terms.rate, unit, terms.hours))
    return tuple(found)
