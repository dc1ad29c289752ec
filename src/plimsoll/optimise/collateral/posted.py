"""An account as a function of what is posted to it: a curve for each asset, and proof that they add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from plimsoll.documents import DocumentError, PlimsollError, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.market import Market
from plimsoll.optimise.collateral.capital_rules import AccountRules
from plimsoll.optimise.collateral.curve import Curve, measure_curve
from plimsoll.optimise.desk import Holding

SAME = 1e-9
"""How far, of the larger, two rooms may differ and count as one."""

PROBES = 6
"""Balances of all assets together at which the sum of the curves is held against the exact engine."""


@dataclass(frozen=True, eq=False)
class Posted:
    """An account whose balances may change.

    `room` is `equity - (1 + buffer) * initial - floor` at the start, US dollars: it has to be at least zero. `curves`
    are what a balance of each asset adds to it beside that of the start; `refused` says why an asset has none. `net`
    are the balances less loans at the start. `loans` are kept in `account.borrowed` where `beside` is true, else as
    negative balances. `owed` are loans of assets that are held too where the rules do not net both: they stay as they
    are, and `net` of such an asset is what is held. `equity` is the same account with its equity alone for room, where
    `rules` of capital ask for it (else `None`), and `gross` its notional, US dollars.
    """

    holding: Holding
    market: Market
    buffer: float
    floor: float
    rate: float
    currency: str
    room: float
    net: Mapping[str, float]
    curves: Mapping[str, Curve]
    refused: Mapping[str, str]
    beside: bool
    rules: AccountRules = field(default_factory=AccountRules)
    equity: Posted | None = None
    gross: float = 0.0
    owed: Mapping[str, float] = field(default_factory=dict)

    @property
    def least_equity(self) -> float:
        """US dollars of equity that the rules of capital ask for with the positions as they are."""
        by_leverage = 0.0 if self.rules.leverage is None else self.gross / self.rules.leverage
        return max(self.rules.least_equity, by_leverage)

    @property
    def name(self) -> str:
        """That of the holding."""
        return self.holding.name

    def account(self, net: Mapping[str, float]) -> Account:
        """The account with these balances less loans."""
        return with_balances(self.holding.account, net, self.beside, self.owed)

    def exact(self, net: Mapping[str, float]) -> float:
        """`equity - (1 + buffer) * initial - floor` under the exact engine, US dollars."""
        return exact_room(self.holding.model, self.account(net), self.market, self.buffer) - self.floor


def with_balances(
    account: Account, net: Mapping[str, float], beside: bool, owed: Mapping[str, float] | None = None
) -> Account:
    """The account with these balances less loans: loans beside the balances or in them, and what is `owed` anyhow."""
    kept = {a: x for a, x in net.items() if x > 0.0 or (x and not beside)}
    loans = {a: -x for a, x in net.items() if x < 0.0} if beside else {}
    for a, x in (owed or {}).items():
        loans[a] = loans.get(a, 0.0) + x
    return Account.from_dict(account.to_dict() | {"collateral": kept, "borrowed": loans})


def unnetted(model: MarginModel, account: Account, market: Market) -> dict[str, float]:
    """Loans of assets that are held too, where the rules do not count them as the balance less the loan.

    Whether they do is asked of the engine: the account with the one taken from the other has the same equity and the
    same initial margin, or it has not.
    """
    found = {}
    for asset, loan in account.borrowed.items():
        held = account.collateral.get(asset, 0.0)
        if not loan or held <= 0.0:
            continue
        balances = {**account.collateral, asset: max(0.0, held - loan)}
        loans = {**account.borrowed, asset: max(0.0, loan - held)}
        content = {"collateral": balances, "borrowed": loans}
        netted = Account.from_dict(
            account.to_dict() | {k: {a: x for a, x in v.items() if x} for k, v in content.items()}
        )
        for buffer in (0.0, -1.0):
            one, other = (exact_room(model, a, market, buffer) for a in (account, netted))
            if abs(one - other) > SAME * max(1.0, abs(one), abs(other)):
                found[asset] = loan
    return found


def exact_room(model: MarginModel, account: Account, market: Market, buffer: float) -> float:
    """`equity - (1 + buffer) * initial` in US dollars. Raises what the engine raises."""
    model.check(account, market)
    with np.errstate(all="ignore"):
        found = model.assess(account, market, "refuse")
    price = market.price_of(found.currency or model.rules.currency)
    if price is None:
        raise refuse(f"market.assets.{found.currency}", "nothing", "a USD price of the currency of the margin")
    return (found.net_equity - (1.0 + buffer) * sum(c.initial for c in found.components)) * price.price


def post(
    holding: Holding,
    market: Market,
    reach: Mapping[str, tuple[float, float]],
    *,
    buffer: float = 0.0,
    floor: float = 0.0,
) -> Posted:
    """Measure an account for balances of each asset within `reach` (least and most, less loans).

    An asset that is held and owed counts by its balance less the loan where the rules net both, which is asked of the
    engine; elsewhere the loan stays as it is and what is held may move. Raises `DocumentError` for an account that the
    rules refuse. An asset that the rules do not take, or count only together with others, has no curve and stays as it
    is.
    """
    account, model = holding.account, holding.model
    net = {a: x for a, x in account.collateral.items() if x}
    owed = unnetted(model, account, market)
    for a, x in account.borrowed.items():
        net[a] = net.get(a, 0.0) - (0.0 if a in owed else x)
    net = {a: x for a, x in net.items() if x}
    beside = "borrowed" in model.TAKES and not any(x < 0.0 for x in account.collateral.values())
    start = exact_room(model, account, market, buffer)
    found = model.requirement(account, market)
    price = market.price_of(found.currency)
    assert price is not None
    bends = model.balance_bends(account, market)
    curves: dict[str, Curve] = {}
    refused: dict[str, str] = {}
    for asset, (low, high) in reach.items():

        def added(x: float, asset: str = asset) -> float:
            return exact_room(model, with_balances(account, net | {asset: x}, beside, owed), market, buffer) - start

        now = net.get(asset, 0.0)
        # what is owed anyhow is part of what may be lent
        low = min(0.0, low + owed.get(asset, 0.0)) if low < 0.0 else low
        low, high = min(low, now), max(high, now)
        if high <= low:
            continue
        if low < 0.0 <= now:
            try:
                added(low)
            except PlimsollError:
                low = 0.0
        try:
            curve = measure_curve(added, low, high, bends.get(asset, ()), (0.0, now))
        except DocumentError as error:
            refused[asset] = f"{error.problems[0].got}; allowed: {error.problems[0].allowed}"
            continue
        except PlimsollError as error:
            refused[asset] = str(error).splitlines()[0]
            continue
        if curve.at_high.max() <= curve.at_low.min() + 1e-9 and now == 0.0:
            refused[asset] = "adds nothing to equity under these rules"
            continue
        curves[asset] = curve
    result = Posted(
        holding,
        market,
        buffer,
        floor,
        price.price,
        found.currency,
        start - floor,
        net,
        curves,
        refused,
        beside,
        owed=owed,
    )
    while len(curves) > 1 and _astray(result, tuple(curves)) > 0.0:
        # out goes the asset without which the others come closest to adding up
        gone = min(curves, key=lambda a: (_astray(result, tuple(n for n in curves if n != a)), a))
        refused[gone] = "what it counts for depends on the balances of other assets"
        del curves[gone]
    return result


def _astray(posted: Posted, names: Sequence[str]) -> float:
    """How far the curves of `names` are from adding up, US dollars beyond what they may be off, at balances drawn from
    their whole range; infinite where the rules refuse one.
    """
    worst, rng = 0.0, np.random.default_rng([29, len(names)])
    parts = [np.zeros(len(names)), np.ones(len(names)), *rng.random((PROBES, len(names)))]
    for part in parts if len(names) > 1 else ():
        ends = [(float(posted.curves[n].low[0]), float(posted.curves[n].high[-1])) for n in names]
        net = {n: low + float(t) * (high - low) for n, (low, high), t in zip(names, ends, part, strict=True)}
        sizes = [posted.curves[n](x) for n, x in net.items()]
        slack = 1e-5 + 1e-8 * max(abs(posted.room), *map(abs, sizes)) + sum(posted.curves[n].error for n in names)
        try:
            off = abs(posted.exact(dict(posted.net) | net) - posted.room - sum(sizes))
        except PlimsollError:
            return float("inf")
        worst = max(worst, off - slack)
    return worst
