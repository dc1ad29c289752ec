"""Small books in small markets, built by hand for one rule at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from plimsoll.margin import Account, Rules
from plimsoll.market import Market

TIME = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 86_400.0
YEAR = 365.0 * DAY


class Desk:
    """An account and the market it lives in. Every `add_*` returns the name of what it added."""

    def __init__(self, spot: float = 100.0, cash: str = "USDC", *, cash_price: float = 1.0, confidence: float = 1.0):
        self.cash = cash
        self.indices: dict[str, Any] = {"BTC": {"price": spot, "confidence": confidence}}
        self.assets: dict[str, Any] = {cash: {"price": cash_price}}
        self.expiries: dict[tuple[str, float], dict[str, Any]] = {}
        self.instruments: list[dict[str, Any]] = []
        self.marks: dict[str, Any] = {}
        self.positions: list[dict[str, Any]] = []
        self.collateral: dict[str, float] = {}

    def add_expiry(
        self,
        seconds: float,
        variable: float = 100.0,
        fixed: float = 0.0,
        *,
        rate: float = 0.0,
        confidence: tuple[float, float, float] = (1.0, 1.0, 1.0),
        underlying: str = "BTC",
        **fields: Any,
    ) -> float:
        """An expiry; `confidence` is that in forward, rate and volatility."""
        self.expiries[underlying, seconds] = {
            "underlying": underlying,
            "expiry": (TIME + timedelta(seconds=seconds)).isoformat(),
            "forward": {"variable": variable, "fixed": fixed, "confidence": confidence[0]},
            "rate": {"value": rate, "confidence": confidence[1]},
            "vol_confidence": confidence[2],
            **fields,
        }
        return seconds

    def _add(self, kind: str, quantity: float, terms: dict[str, Any], mark: dict[str, Any], **position: Any) -> str:
        name = f"{kind.upper()}-{len(self.instruments)}"
        settle = {"underlying": "BTC", "settlement": "linear", "currency": self.cash}
        self.instruments.append({"kind": kind, "name": name, **settle, **terms})
        if mark:
            self.marks[name] = mark
        self.positions.append({"instrument": name, "quantity": quantity, **position})
        return name

    def add_option(
        self, quantity: float, strike: float, call: bool, seconds: float, vol: float | None = 0.5, **terms: Any
    ) -> str:
        """An option of an expiry that was added before."""
        expiry = self.expiries[terms.get("underlying", "BTC"), seconds]["expiry"]
        mark = {} if vol is None else {"vol": vol}
        return self._add("option", quantity, {"expiry": expiry, "strike": strike, "call": call, **terms}, mark)

    def add_perpetual(
        self,
        quantity: float,
        price: float = 100.0,
        *,
        confidence: float = 1.0,
        unrealised: float = 0.0,
        funding: float = 0.0,
        **terms: Any,
    ) -> str:
        """A perpetual at `price`."""
        money = {"unrealised_pnl": unrealised, "unsettled_funding": funding}
        return self._add("perpetual", quantity, terms, {"price": price, "confidence": confidence}, **money)

    def add_future(self, quantity: float, seconds: float, price: float, **terms: Any) -> str:
        """A dated future at `price`."""
        expiry = self.expiries[terms.get("underlying", "BTC"), seconds]["expiry"]
        return self._add("future", quantity, {"expiry": expiry, **terms}, {"price": price})

    def add_collateral(self, asset: str, amount: float, price: float | None = None, confidence: float = 1.0) -> str:
        """A balance; `price` leaves the market's own price of the asset alone if left out."""
        self.collateral[asset] = amount
        if price is not None:
            self.assets[asset] = {"price": price, "confidence": confidence}
        return asset

    @property
    def account(self) -> Account:
        """The account document."""
        content = {"positions": self.positions, "collateral": self.collateral}
        return Account.from_dict({"schema": Account.SCHEMA, "schema_version": 1, **content})

    @property
    def market(self) -> Market:
        """The market document."""
        content = {
            "time": TIME.isoformat(),
            "indices": self.indices,
            "assets": self.assets,
            "expiries": list(self.expiries.values()),
            "instruments": self.instruments,
            "marks": self.marks,
        }
        return Market.from_dict({"schema": Market.SCHEMA, "schema_version": 1, **content})


def rules_of(model: str, currency: str, parameters: dict[str, Any]) -> Rules:
    """A rule set of its own with these parameters."""
    head = {"schema": Rules.SCHEMA, "schema_version": 1, "name": "toy", "model": model, "effective": "2025-01-01"}
    return Rules.from_dict({**head, "currency": currency, "parameters": parameters})


def changed(parameters: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of nested `parameters` with leaves at dotted paths replaced."""
    import copy

    result = copy.deepcopy(parameters)
    for path, value in changes.items():
        here, steps = result, path.split(".")
        for step in steps[:-1]:
            here = here[step]
        assert steps[-1] in here, path
        here[steps[-1]] = value
    return result
