"""Random accounts for every shipped rule set, with money such that they touch their line, meet it twice, or never."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

import plimsoll as pl
from builders import NOW, at
from plimsoll.documents import DocumentError
from plimsoll.liquidation import Path
from plimsoll.margin.path import tracks_of

Doc = dict[str, Any]

PRICES = {"BTC": 70_000.0, "ETH": 2_500.0, "SOL": 150.0}
CURRENCIES = ("USDT", "USDC", "USD")
KINDS = ("as drawn", "tangent", "two", "none", "below")
"""How the cash of an account is chosen; a kind that its book cannot have is drawn again."""
MONTH, QUARTER = 2_592_000.0, 7_776_000.0


def listed() -> Doc:
    """A market with perpetuals, futures and options of three coins, linear in three dollars and inverse.

    Instruments have the names of the pair and of several venues, since rules by symbol look for those.
    """
    instruments: list[Doc] = []
    marks: Doc = {}
    expiries: list[Doc] = []

    def put(kind: str, name: str, coin: str, settlement: str, currency: str, price: float, **more: Any) -> None:
        usd = settlement == "inverse" and kind != "option"
        row = {"kind": kind, "name": name, "underlying": coin, "settlement": settlement, "currency": currency}
        instruments.append(row | {"multiplier": 10.0 if usd else 1.0} | more)
        marks[name] = {"vol": 0.5 + 0.01 * len(marks) % 0.2} if kind == "option" else {"price": price}
        if kind == "perpetual":
            marks[name]["funding_rate"] = 1e-4

    for coin, spot in PRICES.items():
        for currency in CURRENCIES:
            for form in ("{}{}", "{}-{}-SWAP", "{}-{}-PERP", "{}_{}-PERPETUAL"):
                put("perpetual", form.format(coin, currency), coin, "linear", currency, spot * 1.0005)
            put("future", f"{coin}-{currency}-F", coin, "linear", currency, spot * 1.01, expiry=at(QUARTER))
        put("perpetual", f"{coin}-PERPETUAL", coin, "inverse", coin, spot * 0.9995)
        put("future", f"{coin}-F", coin, "inverse", coin, spot * 1.01, expiry=at(QUARTER))
        for seconds in (MONTH, QUARTER):
            expiries.append({"underlying": coin, "expiry": at(seconds), "forward": {"variable": spot * 1.005}})
            for ratio in (0.8, 0.95, 1.0, 1.05, 1.25):
                for call in (True, False):
                    strike = float(f"{spot * ratio:.2g}")
                    more = {"expiry": at(seconds), "strike": strike, "call": call}
                    end = f"{'M' if seconds == MONTH else 'Q'}-{strike:g}-{'C' if call else 'P'}"
                    for currency in (*CURRENCIES, coin):
                        style = "inverse" if currency == coin else "linear"
                        put("option", f"{coin}_{currency}-{end}", coin, style, currency, 0.0, **more)
    return {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": NOW,
        "indices": {c: {"price": p} for c, p in PRICES.items()},
        "assets": {c: {"price": 1.0} for c in CURRENCIES},
        "expiries": expiries,
        "instruments": instruments,
        "marks": marks,
    }


@dataclass(frozen=True)
class Desk:
    """A rule set with the instruments that it takes from the listed market, by settlement currency."""

    model: pl.MarginModel
    market: pl.Market
    takes: dict[str, list[str]]

    @classmethod
    def of(cls, pack: pl.Rules, market: pl.Market) -> Desk:
        """Every instrument is offered by itself; raises where the rules take none, so that a new venue is seen."""
        model = pl.margin_model(pack)
        takes: dict[str, list[str]] = {}
        for contract in market.instruments:
            row: Doc = {"instrument": contract.name, "quantity": 1.0}
            if "portfolio" not in model.MODES and "cross" not in model.MODES:
                row["isolated_margin"] = 1.0
            account = _account([row], model.MODES[0], {})
            if model.applies_to(account, market) is None and _margined(model, account, market):
                takes.setdefault(str(contract.currency), []).append(contract.name)  # type: ignore[union-attr]
        if not takes:
            raise AssertionError(f"{pack.label} takes nothing of tests/line_books.py: list contracts that it knows")
        return cls(model, market, takes)

    def of_names(self, names: list[str]) -> pl.Market:
        """The market with only these instruments."""
        content = self.market.to_dict()
        content["instruments"] = [r for r in content["instruments"] if r["name"] in names]
        content["marks"] = {n: m for n, m in content["marks"].items() if n in names}
        coins = {r["underlying"] for r in content["instruments"]}
        content["expiries"] = [r for r in content["expiries"] if r["underlying"] in coins]
        return pl.Market.from_dict(content)

    def draw(self, seed: str, most: int = 5, *, turning: bool = False) -> tuple[pl.Account, pl.Market, Path]:
        """An account with a unit of cash, its market and a path; the same for the same seed.

        `turning`: several positions that share their money and are nearly hedged, so that excess may turn.
        """
        shared = [x for x in self.model.MODES if x != "isolated"]
        for attempt in range(60):
            dice = random.Random(f"{self.model.rules.label} {seed} {attempt}")
            currency = dice.choice(sorted(self.takes))
            least = 2 if turning and most > 1 else 1
            names = dice.sample(self.takes[currency], min(dice.randint(least, most), len(self.takes[currency])))
            market = self.of_names(names)
            mode = dice.choice(shared if turning and shared else self.model.MODES)
            rows = [r for n in names for r in self._rows(dice, market, n, mode, plain=turning)]
            if turning or dice.random() < 0.5:
                _hedge(dice, rows, market)
            account = _account(rows, mode, {currency: 1.0})
            if self.model.applies_to(account, market) is None and _margined(self.model, account, market):
                return account, market, _path(dice, market)
        raise AssertionError(f"{self.model.rules.label}: no account was taken in 60 draws")

    def _rows(self, dice: random.Random, market: pl.Market, name: str, mode: str, *, plain: bool) -> list[Doc]:
        contract = market.contracts[name]
        option = contract.kind == "option"
        spot = PRICES[contract.underlying]
        usd = contract.settlement.value == "inverse" and not option  # type: ignore[union-attr]
        worth = float(contract.multiplier) * (1.0 if usd else spot)  # type: ignore[union-attr]
        size = 10.0 ** dice.uniform(3.0, 6.0 if option else 7.5) / worth
        mark = market.marks[name].price
        row: Doc = {"instrument": name, "quantity": dice.choice([-1.0, 1.0]) * size}
        if mark is not None:
            how = dice.randrange(3)
            row |= [{}, {"entry_price": mark * dice.uniform(0.8, 1.25)}, {"unrealised_pnl": 0.0}][how]
            if contract.kind == "perpetual" and dice.random() < 0.3:
                row["unsettled_funding"] = dice.uniform(-0.01, 0.01) * size * worth / (spot if usd else 1.0)
        takes = self.model.TAKES
        if "leverage" in takes and dice.random() < 0.5:
            row["leverage"] = dice.choice([2.0, 5.0, 10.0, 20.0])
        alone = "isolated" in takes and (mode == "isolated" or (dice.random() < 0.3 and not plain)) and not option
        rows = [row]
        if "legs" in takes and not option and dice.random() < 0.2 and not plain:
            row["leg"] = "long" if row["quantity"] > 0 else "short"
            other = dict(row, quantity=-row["quantity"] * dice.uniform(0.2, 1.0))
            rows.append(other | {"leg": "short" if row["quantity"] > 0 else "long"})
        if alone:
            for r in rows:
                value = abs(r["quantity"]) * worth / (spot if usd else 1.0)
                r["isolated_margin"] = value * dice.choice([0.01, 0.05, 0.2, 0.9])
        return rows


def _hedge(dice: random.Random, rows: list[Doc], market: pl.Market) -> None:
    """Give the last future or perpetual that shares the account's money the size that takes most delta away."""

    def value(row: Doc) -> float:
        contract = market.contracts[row["instrument"]]
        usd = contract.settlement.value == "inverse" and contract.kind != "option"  # type: ignore[union-attr]
        part = 0.5 if contract.kind == "option" else 1.0
        sign = -1.0 if contract.kind == "option" and not contract.call else 1.0  # type: ignore[union-attr]
        worth = float(contract.multiplier) * (1.0 if usd else PRICES[contract.underlying])  # type: ignore[union-attr]
        return float(row["quantity"]) * worth * part * sign

    free = [r for r in rows if "isolated_margin" not in r and "leg" not in r]
    linear = [r for r in free if market.contracts[r["instrument"]].kind != "option"]
    if not linear or len(free) < 2:
        return
    last = linear[-1]
    others = sum(value(r) for r in free if r is not last)
    if others:
        last["quantity"] *= -others / value(last) * dice.choice([dice.uniform(0.95, 1.05), dice.uniform(0.995, 1.005)])


def _account(rows: list[Doc], mode: str, cash: dict[str, float]) -> pl.Account:
    content = {"schema": "plimsoll.account", "schema_version": 1, "positions": rows, "collateral": cash, "mode": mode}
    return pl.Account.from_dict(content)


def _margined(model: pl.MarginModel, account: pl.Account, market: pl.Market) -> bool:
    try:
        model.assess(account, market, "refuse")
    except DocumentError:
        return False
    return True


def _path(dice: random.Random, market: pl.Market) -> Path:
    coins = sorted({c.underlying for c in market.instruments})
    elasticity = dice.choice([0.0, 0.0, 0.3])
    how = dice.randrange(3)
    if how == 0:
        return Path({dice.choice(coins): 1.0}, None, elasticity)
    betas = dict.fromkeys(coins, 1.0) if how == 1 else {c: dice.choice([0.5, 1.0, 1.4, -0.3]) for c in coins}
    return Path(betas, None, elasticity)


def funded(
    account: pl.Account, kind: str, m: Any, excess: Any, worth: float, dice: random.Random
) -> tuple[pl.Account, str]:
    """Cash so that the shared pool is of a kind; `excess` without cash at `m`, `worth` of a unit of cash in it.

    Gives the kind that was reached: a book without a turn of its excess has no tangent and no two lines.
    """
    (currency,) = account.collateral
    here = float(excess[int(np.searchsorted(m, 1.0))])
    size = float(np.abs(excess[(m > 0.3) & (m < 3.0)]).max()) or 1.0
    turns = [i for i in range(1, len(m) - 1) if excess[i] < excess[i - 1] and excess[i] <= excess[i + 1]]
    peaks = [i for i in range(1, len(m) - 1) if excess[i] > excess[i - 1] and excess[i] >= excess[i + 1]]
    lift = size * dice.uniform(-0.5, 1.0)
    reached = "as drawn"
    if kind == "tangent" and (turns or peaks):
        low = min(turns + peaks, key=lambda i: abs(np.log(m[i])))
        lift, reached = -float(excess[low]) + size * dice.choice([-1e-4, -1e-7, 1e-7, 1e-4]), kind
    elif kind == "two" and peaks:
        # a little above the line at the peak: under it on both sides, far enough away
        top = max(float(excess[i]) for i in peaks)
        lift, reached = -top + size * dice.uniform(1e-3, 0.3), kind
    elif kind == "none":
        lift, reached = -float(excess.min()) + 0.05 * size, kind
    elif kind == "below":
        lift, reached = -here - size * dice.uniform(0.01, 0.5), kind
    cash = account.collateral[currency] + lift / worth
    if not abs(cash) < 1e14:
        cash, reached = size / worth, "as drawn"
    return account.model_copy(update={"collateral": {currency: cash}}), reached


def assessed(model: pl.MarginModel, account: pl.Account, market: pl.Market, path: Path, m: Any) -> Any:
    """Tracks by one assessment after the other, whatever the model has of its own."""
    return {t.subject: t for t in tracks_of(model.assess, account, market, path.at(np.asarray(m)))}
