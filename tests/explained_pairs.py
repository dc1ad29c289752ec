"""Pairs of generated markets and random books, and one market changed part by part, for the tests of `explain`."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import cache
from typing import Any

from plimsoll.feeds import generated_market, sample_book
from plimsoll.feeds.generated import DEFAULT_TIME
from plimsoll.margin import Account
from plimsoll.market import Market

Doc = dict[str, Any]

HOURS = (0, 24, 60, 170)
SEEDS = (1, 2, 3)

PRBM, PMRM2 = "prbm@2026-03-27", "derive-pmrm2@2026-03-27"

PACKS = {
    "prbm": PRBM,
    "prbm-whole": "prbm-whole@2026-03-27",
    "dsa": "dsa@2026-03-27",
    "derive-pmrm2": PMRM2,
    "derive-pmrm1": "derive-pmrm1@2026-03-27",
    "derive-srm": "derive-srm@2026-03-27",
    "deribit-sm": "deribit-sm@2026-03-27",
    "deribit-pm": "deribit-pm@2026-03-27",
    "deribit-pm-contingency": "deribit-pm@2023-11-01",
}
"""A pack of every model of the house, of Deribit and of Derive."""

ONE = (("BTC",), ("ETH",))
ANY = (*ONE, ("BTC", "ETH"))


@cache
def market_of(seed: int, hours: int, settlement: Any) -> Market:
    """A generated market of both coins."""
    return generated_market(seed, DEFAULT_TIME + timedelta(hours=hours), ("BTC", "ETH"), settlement)


@cache
def book_of(
    seed: int, hours: int, settlement: Any, coins: tuple[str, ...], kinds: tuple[str, ...], own: int
) -> Account:
    """A random book on `market_of` the same."""
    return sample_book(market_of(seed, hours, settlement), 3 + own % 9, own, coins, kinds)


def random_pair(number: int, rules: str) -> tuple[Account, Market, Account, Market]:
    """Another pair for each number: other markets, instants and books, as `rules` can hold them."""
    own = random.Random(number)
    first, last = sorted(own.choices(HOURS, k=2))
    seeds = own.choices(SEEDS, k=2)
    settlement, coins, mode = terms(rules, own)
    kinds = ("option", "perpetual") if rules.startswith("derive") else ("option", "future", "perpetual")
    sides = []
    for seed, hours in zip(seeds, (first, last), strict=True):
        book = book_of(seed, hours, settlement, coins, kinds, own.randrange(12))
        held = as_reported(book, own).model_copy(update={"mode": mode})
        sides.append((held, market_of(seed, hours, settlement)))
    (account, market), (account_after, market_after) = sides
    return account, market, account_after, market_after


def terms(rules: str, own: random.Random) -> tuple[str, tuple[str, ...], str]:
    """Settlement, coins and mode of an account that `rules` can hold."""
    name = rules.partition("@")[0]
    if name.startswith("derive"):
        return "linear", own.choice(ANY if name == "derive-srm" else ONE), "portfolio"
    if name == "deribit-sm":
        mode = own.choice(["portfolio", "cross"])
        return "inverse", own.choice(ANY if mode == "cross" else ONE), mode
    settlement = own.choice(["linear", "inverse"])
    segregated = name == "deribit-pm" and settlement == "inverse"
    return settlement, own.choice(ONE if segregated else ANY), "portfolio"


def as_reported(account: Account, own: random.Random) -> Account:
    """Some entry prices replaced by a reported profit, or by nothing: profit that counts as settled."""
    rows = []
    for position in account.positions:
        row = position.model_dump(exclude_none=True)
        if "entry_price" in row and own.random() < 0.6:
            del row["entry_price"]
            if own.random() < 0.5:
                row["unrealised_pnl"] = own.uniform(-1.0, 1.0)
        if row["instrument"].endswith("PERPETUAL") and own.random() < 0.5:
            row["unsettled_funding"] = own.uniform(-0.1, 0.1)
        rows.append(row)
    return Account.from_dict({**account.to_dict(), "positions": rows})


def changed(account: Account, market: Market, parts: set[str], own: random.Random) -> tuple[Account, Market]:
    """The documents with only `parts` changed, each by hand in the JSON."""
    a, m = account.to_dict(), market.to_dict()
    if "trades" in parts:
        for row in a["positions"]:
            row["quantity"] = row["quantity"] * own.uniform(0.5, 1.5)
    if "collateral" in parts:
        a["collateral"]["USDC"] += 10_000.0
    if "spot" in parts:
        factor = own.uniform(0.9, 1.1)
        for index in m["indices"].values():
            index["price"] *= factor
        for row in m["expiries"]:
            row["forward"]["variable"] *= factor
        options = {c["name"] for c in m["instruments"] if c["kind"] == "option"}
        for name, mark in m["marks"].items():
            if name not in options:
                mark["price"] *= factor
    if "vol" in parts:
        lift = own.uniform(0.01, 0.1)
        for mark in m["marks"].values():
            if mark.get("vol") is not None:
                mark["vol"] += lift
    if "time" in parts:
        m["time"] = (market.time + timedelta(hours=own.randint(1, 20))).isoformat()
    if "other" in parts:
        m["assets"]["USDC"]["price"] = 0.98
    # a price of an option is a consequence of all the others
    for mark in m["marks"].values():
        if mark.get("vol") is not None:
            mark["price"] = None
    return Account.from_dict(a), Market.from_dict(m)
