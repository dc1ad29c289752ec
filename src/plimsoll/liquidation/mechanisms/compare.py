"""One account below its line through every mechanism that its rules allow, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.documents import refuse
from plimsoll.liquidation.mechanisms.auction import PortfolioAuction
from plimsoll.liquidation.mechanisms.book_close import BookCloseOut
from plimsoll.liquidation.mechanisms.contract import CloseOut, Mechanism, Scene
from plimsoll.liquidation.mechanisms.desk import Desk
from plimsoll.liquidation.mechanisms.staged import Staged
from plimsoll.liquidation.mechanisms.takeover import LoanTakeover, TakeoverWithBonus
from plimsoll.liquidation.mechanisms.terms import CloseTerms
from plimsoll.liquidation.mechanisms.vault import BackstopVault
from plimsoll.margin import margin_model

Progress = Callable[[str, int, int], None]
HOUSE = "prbm-whole@2025-01-01"
"""The pack whose volumes and volatilities hold where no terms are given."""


@dataclass(frozen=True)
class SideBySide:
    """Every mechanism on the same scene; the first is the venue's own, or the house's assumption of it.

    `equity` and `maintenance` at the detection, in `currency`, that of the requirement.
    """

    account: str
    rules: str
    subject: str
    currency: str
    equity: float
    maintenance: float
    rows: tuple[CloseOut, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "subject": self.subject,
            "currency": self.currency,
            "equity": self.equity,
            "maintenance": self.maintenance,
            "mechanisms": [r.to_dict() for r in self.rows],
        }


def house_terms() -> CloseTerms:
    """The terms with the volumes and volatilities of the house's own pack."""
    liquidity = margin_model(HOUSE).parameters.liquidity
    return CloseTerms(impact=liquidity.impact, stress=liquidity.stress, markets=liquidity.markets)


def mechanisms_for(scene: Scene) -> tuple[Mechanism, ...]:
    """What applies to the scene: the venue's own first, its auction where it has one; loans have their own."""
    if not any(p.quantity for p in scene.account.positions):
        return (LoanTakeover(),)
    own: Mechanism = Staged()
    if scene.model.procedure() is None and scene.model.sale(scene.account, scene.market) is not None:
        own = PortfolioAuction()
    return (own, BookCloseOut(), BookCloseOut(sliced=True), BackstopVault(), TakeoverWithBonus())


def side_by_side(scene: Scene, progress: Progress | None = None) -> SideBySide:
    """The pool of a scene through each mechanism by itself, from the same start.

    Raises `DocumentError` for a pool that is not below its line, and what the model raises.
    """
    plain = replace(scene, account=scene.account.model_copy(update={"orders": ()}))
    found = plain.model.assess(plain.account, plain.market, "refuse")
    equity, maintenance = found.net_equity, sum(c.maintenance for c in found.components)
    if any(p.quantity for p in plain.account.positions):
        view = Desk.open(plain).view()
        equity, maintenance = view.equity, view.maintenance
    if equity >= maintenance:
        health = f", health {equity / maintenance:.4g}" if maintenance > 0.0 else ""
        got = f"equity {equity:,.9g} against maintenance {maintenance:,.9g}{health}"
        raise refuse("account", got, "an account below its line: less money in it, or prices moved first (--move)")
    chosen = mechanisms_for(plain)
    rows = []
    for k, mechanism in enumerate(chosen):
        if progress is not None:
            progress(mechanism.name, k, len(chosen))
        rows.append(mechanism.run(plain))
    currency = found.currency or plain.model.rules.currency
    label = plain.model.rules.label
    return SideBySide(plain.account.name, label, plain.subject, currency, equity, maintenance, tuple(rows))


__all__ = ["SideBySide", "house_terms", "mechanisms_for", "side_by_side"]
