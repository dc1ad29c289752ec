"""A market of one coin with every exotic payoff in it, and the same contracts valued by the naive definitions."""

from __future__ import annotations

import math
from typing import Any

import plimsoll as pl
from builders import account_doc, at, market_doc, option, perpetual
from naive.exotics import american_tree, barrier, everlasting, expectation, vanilla_payoff

DAY, YEAR = 86_400.0, 31_536_000.0
SPOT, FORWARD, VOL = 70_000.0, 71_000.0, 0.6
MONTH = 30.0 * DAY

KINDS: dict[str, dict[str, Any]] = {
    "american": {"kind": "american_option", "strike": 75_000.0, "call": False},
    "barrier-up-out": {"kind": "barrier_option", "strike": 68_000.0, "call": True, "barrier": 76_000.0, "up": True},
    "barrier-up-in": {"kind": "barrier_option", "strike": 68_000.0, "call": True, "barrier": 76_000.0, "up": True},
    "barrier-down-out": {"kind": "barrier_option", "strike": 72_000.0, "call": False, "barrier": 62_000.0, "up": False},
    "barrier-down-in": {"kind": "barrier_option", "strike": 72_000.0, "call": False, "barrier": 62_000.0, "up": False},
    "cash": {"kind": "digital_option", "strike": 74_000.0, "call": True, "pays": "cash", "cash": 1_000.0},
    "asset": {"kind": "digital_option", "strike": 69_000.0, "call": False, "pays": "asset"},
    "asian": {"kind": "asian_option", "strike": 70_500.0, "call": True, "average": "arithmetic"},
    "asian-geometric": {"kind": "asian_option", "strike": 70_500.0, "call": False, "average": "geometric"},
    "power": {"kind": "power_option", "strike": 70_000.0, "call": True, "power": 2.0, "cap": 50_000.0},
    "everlasting": {"kind": "perpetual_option", "strike": 71_000.0, "call": True, "style": "everlasting"},
    "endless": {"kind": "perpetual_option", "strike": 71_000.0, "call": False, "style": "american"},
}
"""Terms by short name; `contract` adds what they share."""


def contract(short: str, settlement: str = "linear", /, **changes: Any) -> dict[str, Any]:
    """The contract document of `short`, one month to expiry."""
    terms = dict(KINDS[short])
    if terms["kind"] == "perpetual_option":
        terms["holding_rate"] = 12.0
    else:
        terms["expiry"] = at(MONTH)
    if terms["kind"] == "barrier_option":
        terms |= {"knock_in": short.endswith("in"), "rebate": 500.0}
    if terms["kind"] == "asian_option":
        # the last fixing, and one that has no effect on the naive calculation below: it is the expiry itself
        terms["fixings"] = [at(MONTH)]
    currency = "BTC" if settlement == "inverse" else "USDC"
    shared = {"name": short, "underlying": "BTC", "settlement": settlement, "currency": currency}
    return terms | shared | changes


def market(
    contracts: list[dict[str, Any]], forward: float = FORWARD, vol: float = VOL, **changes: Any
) -> dict[str, Any]:
    """BTC at 70,000 with a forward of 71,000 in a month."""
    row = {"underlying": "BTC", "expiry": at(MONTH), "forward": {"variable": forward}}
    marks = {c["name"]: {"vol": vol} for c in contracts}
    return market_doc(expiries=[row], instruments=contracts, marks=marks, **changes)


def naive_dollars(c: dict[str, Any], spot: float, forward: float, vol: float, coin: bool = False) -> float:
    """Dollar value of one contract a month before expiry; `coin`: an American option exercised for coins."""
    s, k, call = vol * math.sqrt(MONTH / YEAR), c["strike"], c["call"]
    if c["kind"] == "american_option":
        rate = math.log(forward / spot) if coin else 0.0
        found = [american_tree(spot, forward, k, s, call, rate, n)[0] for n in (400, 401)]
        return 0.5 * sum(found)
    if c["kind"] == "barrier_option":
        beyond = spot >= c["barrier"] if c["up"] else spot <= c["barrier"]
        if beyond or c.get("touched"):
            return expectation(vanilla_payoff(k, call), spot, forward, s, [k]) if c["knock_in"] else c["rebate"]
        return barrier(spot, forward, k, c["barrier"], s, call, c["up"], c["knock_in"], c["rebate"])
    if c["kind"] == "perpetual_option":
        if c["style"] == "everlasting":
            return everlasting(spot, k, vol, call, c["holding_rate"])
        return _endless(spot, k, vol, call, c["holding_rate"])

    def pays(x: float) -> float:
        if c["kind"] == "digital_option":
            inside = x > k if call else x <= k
            return inside * (c["cash"] if c["pays"] == "cash" else x)
        if c["kind"] == "power_option":
            gain = (x / k) ** c["power"] - 1.0
            return min(max(0.0, k * (gain if call else -gain)), c["cap"])
        # an average of one fixing at the expiry
        return max(x - k if call else k - x, 0.0)

    kinks = (
        [k]
        if c.get("cap") is None or c["kind"] != "power_option"
        else [k, k * (1.0 + c["cap"] / k) ** (1.0 / c["power"])]
    )
    return expectation(pays, spot, forward, s, kinks)


def _endless(spot: float, k: float, vol: float, call: bool, rate: float) -> float:
    """Best level to exercise at, by search: what is paid there, times the mean discount until the price gets there."""
    root = math.sqrt(0.25 + 2.0 * rate / (vol * vol))
    p = 0.5 + root if call else 0.5 - root

    def worth(edge: float) -> float:
        return abs(edge - k) * (spot / edge) ** p

    steps = [k * (1.0 + (i if call else -i) / 20_000.0) for i in range(1, 19_000)]
    waits = [e for e in steps if (e > spot if call else e < spot)]
    now = max(spot - k if call else k - spot, 0.0)
    return max([now, *(worth(e) for e in waits)])


VANILLA, SWAP = option(70_000, False), perpetual()


def desk(
    book: dict[str, float],
    settlement: str = "linear",
    *more: dict[str, Any],
    unmarked: tuple[str, ...] = (),
    **changes: Any,
) -> tuple[pl.Account, pl.Market]:
    """An account holding `book`: exotic contracts by short name, and a vanilla put and a perpetual by theirs."""
    own = {c["name"] for c in more}
    listed = [contract(n, settlement) for n in book if n in KINDS and n not in own] + [*more]
    content = market([*listed, VANILLA, SWAP], **changes)
    content["marks"][SWAP["name"]] = {"price": SPOT}
    content["marks"] = {n: mark for n, mark in content["marks"].items() if n not in unmarked}
    return pl.Account.from_dict(account_doc(book)), pl.Market.from_dict(content)
