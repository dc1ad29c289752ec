"""The books of the sweeps: what is held on each shared snapshot, in which contracts, and which rules must refuse it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from plimsoll.contracts import Dated
from plimsoll.feeds import import_chain, list_snapshots, sample_book
from plimsoll.margin import Account
from plimsoll.margin.translate import same_exposure
from plimsoll.market import Market

CHAINS = "deribit_chain_*.parquet"
SNAPSHOTS = 125
COINS = ("BTC", "ETH")
SIZE, SEEDS = 50, (7, 8, 9)
"""Positions and seeds of the books of one coin."""

BOTH_SIZE, BOTH_SEED = 40, 7
WEAK_SIZE, WEAK_SEED = 6, 10

SRM_POSITIONS = 48

Form = Literal["coin", "linear", "cross"]
Kind = Literal["one coin", "both coins", "weak market"]


@dataclass(frozen=True)
class Book:
    """An account on a market. `form`: as imported (`coin`), as linear contracts, or as imported in cross mode."""

    account: Account
    market: Market
    coins: tuple[str, ...]
    form: Form
    kind: Kind

    @cached_property
    def account_doc(self) -> dict[str, Any]:
        return self.account.to_dict()

    @cached_property
    def market_doc(self) -> dict[str, Any]:
        return self.market.to_dict()

    def in_coin(self) -> Book:
        """The same positions with all collateral in the coin that they settle in, which is what Deribit counts."""
        (coin,) = self.coins
        prices = {asset: self.market.price_of(asset) for asset in self.account.collateral}
        usd = sum(amount * price.price for a, amount in self.account.collateral.items() if (price := prices[a]))
        changed = {**self.account_doc, "collateral": {coin: usd / self.market.indices[coin].price}}
        return Book(Account.from_dict(changed), self.market, self.coins, self.form, self.kind)


@cache
def snapshots(shared: Path) -> tuple[tuple[Path, datetime], ...]:
    """Every snapshot of the shared chains, in order."""
    files = sorted((shared / "data" / "options").glob(CHAINS))
    return tuple((file, s.time) for file in files for s in list_snapshots(file))


def weak(market: Market) -> Market:
    """The same prices with the stable coin at 0.97 and low confidences, all of them different: doubts are charged."""
    content = market.to_dict()
    for row in content["indices"].values():
        row["confidence"] = 0.5
    for mark in content["marks"].values():
        mark["confidence"] = 0.54
    for row in content["expiries"]:
        if row["forward"] is not None:
            row["forward"]["confidence"] = 0.45
        row["rate"]["confidence"] = 0.4
        row["vol_confidence"] = 0.52
    content["assets"]["USDC"] = {"price": 0.97, "confidence": 0.53}
    return Market.from_dict(content)


def held(account: Account, market: Market) -> Market:
    """The market with nothing listed but what the account holds, which spares hashing a thousand instruments."""
    names = {p.instrument for p in account.positions}
    instruments = tuple(c for c in market.instruments if c.name in names)
    dates = {(c.underlying, c.expiry) for c in instruments if isinstance(c, Dated)}
    changes = {
        "instruments": instruments,
        "expiries": tuple(e for e in market.expiries if (e.underlying, e.expiry) in dates),
        "marks": {name: mark for name, mark in market.marks.items() if name in names},
        "depth": {},
    }
    return market.model_copy(update=changes)


PLANS: tuple[tuple[Kind, tuple[str, ...], int, int], ...] = (
    *(("one coin", (coin,), SIZE, seed) for seed in SEEDS for coin in COINS),
    ("both coins", COINS, BOTH_SIZE, BOTH_SEED),
    *(("weak market", (coin,), WEAK_SIZE, WEAK_SEED) for coin in COINS),
)
"""The books of every snapshot: kind, coins, positions, seed."""


def books_of(path: Path, time: datetime, plans: Iterable[int] = range(len(PLANS))) -> Iterator[tuple[Book, ...]]:
    """The books of a snapshot, each in all its forms; of all `PLANS` or of some."""
    market = import_chain(path, time)
    assert tuple(sorted(market.indices)) == COINS
    for plan in plans:
        kind, coins, size, seed = PLANS[plan]
        prices = weak(market) if kind == "weak market" else market
        account = sample_book(prices, size, seed, underlyings=coins)
        assert len(account.positions) == size
        twin, linear = same_exposure(account, prices)
        prices, linear = held(account, prices), held(twin, linear)
        forms = [Book(account, prices, coins, "coin", kind), Book(twin, linear, coins, "linear", kind)]
        if len(coins) > 1:
            cross = account.model_copy(update={"mode": "cross"})
            forms.append(Book(cross, prices, coins, "cross", kind))
        yield tuple(forms)


def refusals(rules: str, book: Book) -> set[str]:
    """Why these rules must refuse the book, empty if they take it; said here once more, apart from the models."""
    name, several = rules.partition("@")[0], len(book.coins) > 1
    reasons = set()
    if name.startswith("derive"):
        if book.form != "linear":
            reasons.add("unsupported_contract")
        if name == "derive-srm" and len(book.account.positions) > SRM_POSITIONS:
            reasons.add("too_many_positions")
        if name != "derive-srm" and several:
            reasons.add("several_underlyings")
    if name.startswith("deribit") and book.form == "coin" and several:
        reasons.add("several_currencies")
    if name == "deribit-pm" and book.form == "cross":
        reasons |= {"several_currencies", "unsupported_mode"}
    if name == "deribit-sm" and book.form == "linear":
        reasons.add("unsupported_contract")
    if name not in ("derive-srm", "deribit-sm") and book.form == "cross":
        reasons.add("unsupported_mode")
    return reasons
