"""An announced change of rules: requirement, health and line of accounts before and after, worst hit first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from plimsoll.documents import DocumentError, refuse
from plimsoll.liquidation.line import Line, liquidation
from plimsoll.margin import Account, MarginModel, Rules, margin_model
from plimsoll.margin.requirement import Requirement
from plimsoll.market import Market

LINE_POINTS = 80
"""Points with which the search of each line begins: two lines are drawn for every account."""


@dataclass(frozen=True, eq=False)
class Side:
    """One account under one rule set: its requirement and its nearest lines below and above today's prices."""

    requirement: Requirement
    falling: Line | None
    rising: Line | None

    @property
    def health(self) -> float | None:
        """Net equity over maintenance margin, of the weakest pool where there are several."""
        pools = [p.health for p in self.requirement.pools if p.health is not None]
        return min(pools) if pools else self.requirement.health

    @property
    def below(self) -> bool:
        """Whether a pool is below its line."""
        health = self.health
        return self.requirement.excess_maintenance < 0 or (health is not None and health < 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        r = self.requirement
        return {
            "initial": r.initial,
            "maintenance": r.maintenance,
            "net_equity": r.net_equity,
            "health": self.health,
            "falling": None if self.falling is None else self.falling.move,
            "rising": None if self.rising is None else self.rising.move,
        }


@dataclass(frozen=True, eq=False)
class Hit:
    """One account before and after; without a number `refusal` says why. `number` is its place among those given."""

    number: int
    account: str
    before: Side | None
    after: Side | None
    refusal: str = ""

    @property
    def liquidated(self) -> bool:
        """Above its line before and below it after: the change alone would close it."""
        return self.before is not None and self.after is not None and self.after.below and not self.before.below

    @property
    def called(self) -> float:
        """Money missing to the initial margin after the change that was not missing before, at least zero."""
        if self.before is None or self.after is None:
            return 0.0
        was, now = (max(0.0, -s.requirement.excess_initial) for s in (self.before, self.after))
        return max(0.0, now - was)

    @property
    def weight(self) -> float:
        """Rise of the maintenance margin over the equity that carries it; what is below its line weighs most."""
        if self.before is None or self.after is None:
            return float("-inf")
        rise = self.after.requirement.maintenance - self.before.requirement.maintenance
        equity = self.after.requirement.net_equity
        if equity <= 0:
            return float("inf") if rise > 0 else rise
        return rise / equity

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "number": self.number,
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
            "liquidated": self.liquidated,
            "called": self.called,
            "refusal": self.refusal or None,
        }


@dataclass(frozen=True, eq=False)
class Announced:
    """Every account under both rule sets, worst hit first; amounts in `currency`."""

    before: str
    after: str
    currency: str
    hits: tuple[Hit, ...]

    @property
    def liquidated(self) -> int:
        """Accounts that the change alone would put below their line."""
        return sum(h.liquidated for h in self.hits)

    @property
    def called(self) -> float:
        """Money that is newly missing to the initial margins, in all."""
        return sum(h.called for h in self.hits)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "before": self.before,
            "after": self.after,
            "currency": self.currency,
            "liquidated": self.liquidated,
            "called": self.called,
            "accounts": [h.to_dict() for h in self.hits],
        }


def announced(
    accounts: Sequence[Account],
    market: Market,
    before: Rules,
    after: Rules,
    *,
    lines: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Announced:
    """`accounts` under both rule sets in the same market, on the same day.

    The order is: those that the change alone puts below their line, then by the rise of the maintenance margin over the
    equity; accounts that one of the rule sets refuses come last, with the reason. Without `lines` only requirements are
    computed. Raises `DocumentError` for rule sets in different currencies, whose amounts do not compare.
    """
    if before.currency != after.currency:
        raise refuse("after.currency", after.currency, f"{before.currency}, as before the change")
    models = margin_model(before), margin_model(after)
    hits = []
    for i, account in enumerate(accounts):
        name = account.name or f"account {i + 1}"
        if progress is not None:
            progress(name, i, len(accounts))
        try:
            sides = [_side(model, account, market, lines) for model in models]
        except DocumentError as error:
            hits.append(Hit(i, name, None, None, str(error)))
        else:
            hits.append(Hit(i, name, sides[0], sides[1]))
    ordered = sorted(hits, key=lambda h: (not h.liquidated, -h.weight, h.number))
    known = [h.after.requirement.currency for h in ordered if h.after is not None]
    return Announced(before.label, after.label, known[0] if known else after.currency, tuple(ordered))


def _side(model: MarginModel, account: Account, market: Market, lines: bool) -> Side:
    requirement = model.requirement(account, market)
    if not lines:
        return Side(requirement, None, None)
    found = liquidation(model, account, market, points=LINE_POINTS).lines
    falling = next((x for x in found if x.multiplier < 1.0), None)
    return Side(requirement, falling, next((x for x in found if x.multiplier >= 1.0), None))
