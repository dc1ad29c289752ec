"""The four numbers that people watch, and differences of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.margin.requirement import Binding
from plimsoll.market import Market


@dataclass(frozen=True)
class Change:
    """A difference of levels, in their currency; `health` is a pure number, `None` where nothing is required."""

    initial: float
    maintenance: float
    net_equity: float
    health: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Plain JSON values."""
        return {
            "initial": self.initial,
            "maintenance": self.maintenance,
            "net_equity": self.net_equity,
            "health": self.health,
        }

    def is_zero(self) -> bool:
        """Whether nothing changed at all."""
        return self.initial == 0.0 and self.maintenance == 0.0 and self.net_equity == 0.0 and not self.health


NO_CHANGE = Change(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Levels:
    """Margins and net equity in `currency`, and what bound. `health` is net equity over maintenance, or `None`."""

    currency: str
    initial: float
    maintenance: float
    net_equity: float
    binding: tuple[Binding, ...] = ()

    @property
    def health(self) -> float | None:
        """Net equity over maintenance margin; `None` when nothing is required."""
        return self.net_equity / self.maintenance if self.maintenance > 0 else None

    def minus(self, before: Levels) -> Change:
        """What changed since `before`. Raises `DocumentError` when the two stand in different currencies."""
        if self.currency != before.currency:
            allowed = f"amounts in {before.currency}, as before: two currencies have no difference"
            raise refuse("requirement.currency", self.currency, allowed)
        new, old = self.health, before.health
        return Change(
            self.initial - before.initial,
            self.maintenance - before.maintenance,
            self.net_equity - before.net_equity,
            None if new is None or old is None else new - old,
        )

    def to_dict(self) -> dict[str, float | None]:
        """Plain JSON values, without currency and binding."""
        return Change(self.initial, self.maintenance, self.net_equity, self.health).to_dict()


def levels(model: MarginModel, account: Account, market: Market) -> Levels:
    """The levels of `account` under `model`, without the document around them: hashing costs as much as the numbers.

    Raises what the model raises, and `DocumentError` where an amount leaves the range of double precision.
    """
    with np.errstate(all="ignore"):
        found = model.assess(account, market, "refuse")
    initial = sum(c.initial for c in found.components)
    maintenance = sum(c.maintenance for c in found.components)
    if not np.isfinite([initial, maintenance, found.net_equity]).all():
        allowed = "sizes, prices and parameters that double precision can multiply"
        raise refuse("requirement", "an amount that is not finite", allowed)
    currency = found.currency or model.rules.currency
    return Levels(currency, float(initial), float(maintenance), float(found.net_equity), found.binding)
