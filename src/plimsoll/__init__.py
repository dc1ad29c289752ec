"""Plimsoll: the margin of a book of crypto derivatives, exact and by risk.

```python
import plimsoll as pl

market = pl.Market.load("market.json")
account = pl.Account.load("account.json")
model = pl.margin_model("derive-pmrm2@2025-04-18")
requirement = model.requirement(account, market)
```
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.documents import DocumentError, Failure, PlimsollError, Reason
    from plimsoll.margin import (
        Account,
        MarginModel,
        MarginRefusedError,
        Order,
        Position,
        Requirement,
        Rules,
        find_rules,
        margin_model,
        shipped_packs,
    )
    from plimsoll.market import Market
    from plimsoll.risk import aumann_shapley, pnl_array
    from plimsoll.scenarios import Scenarios, grid

__version__ = "0.1.0"

# names load their room on first use, so that starting the command line stays quick
_HOMES = {
    "Account": "margin",
    "DocumentError": "documents",
    "Failure": "documents",
    "MarginModel": "margin",
    "MarginRefusedError": "margin",
    "Market": "market",
    "Order": "margin",
    "PlimsollError": "documents",
    "Position": "margin",
    "Reason": "documents",
    "Requirement": "margin",
    "Rules": "margin",
    "Scenarios": "scenarios",
    "aumann_shapley": "risk",
    "find_rules": "margin",
    "grid": "scenarios",
    "margin_model": "margin",
    "pnl_array": "risk",
    "shipped_packs": "margin",
}

__all__ = [
    "Account",
    "DocumentError",
    "Failure",
    "MarginModel",
    "MarginRefusedError",
    "Market",
    "Order",
    "PlimsollError",
    "Position",
    "Reason",
    "Requirement",
    "Rules",
    "Scenarios",
    "aumann_shapley",
    "find_rules",
    "grid",
    "margin_model",
    "pnl_array",
    "shipped_packs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'plimsoll' has no attribute {name!r}")
    return getattr(import_module(f"plimsoll.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
