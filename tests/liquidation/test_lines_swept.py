"""Lines of random accounts under every shipped rule set, held to naive sweeps of the price."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import line_checks
import plimsoll as pl
from line_books import Desk, listed
from line_checks import Found, check, twin
from lines_page import accounts_of, publish, row, rows

ACCOUNTS, PRICES = 1_000, 10_000
TENTH = ACCOUNTS // 10
HANDFUL, FEWER, LESS_ASSESSED = (1, 2, 0), 1_000, 12
"""Accounts of every run (of which one should turn near its line and one have two lines), prices, and how many of them
are assessed again, for rule sets with arithmetic of their own on paths."""

SIXTY = 60
"""Accounts of the slow run along paths: each number of lines is among the first 58 of every rule set."""

ASSESSED, WHOLE_ASSESSED = 9, 30
"""Prices of each account that are assessed again in the slow run, and in the whole."""

CENTRALISED = {"aevo", "binance", "bybit", "deribit", "hyperliquid", "okx", "paradex"}
"""First words of the rule sets of venues with an order book of their own."""

LEAST = TENTH
"""Accounts of the page of a rule set that is swept along its paths; the long run takes as many as of the others."""

FEW, COARSE = (1, 2), 40
"""Accounts and prices where the requirement is computed again at each price."""

SOME, SPARSE = 10, 100
"""The same in the long run."""

NO_CONTRACTS = ("okx-margin", "lending", "opyn-naked", "opyn-spread", "span-arrays")
"""Rule sets that take none of the listed contracts: loans, whose lines are held to their formulas, vaults of one sold
option that never owe cash (test_opyn.py), and the arrays of a file.
"""
STRAIGHT = ("gmx-v2",)
"""Rule sets under which every position is a pool of its own whose excess is a straight line: none has two lines."""

WHOLE = int(os.environ.get("PLIMSOLL_LINES_ACCOUNTS", ACCOUNTS))
"""Accounts of the long run."""


@cache
def market() -> pl.Market:
    """The listed market, once."""
    return pl.Market.from_dict(listed())


@cache
def desk(label: str) -> Desk:
    """The desk of a shipped pack, once."""
    return Desk.of(next(p for p in pl.shipped_packs() if p.label == label), market())


@cache
def twins() -> dict[str, str]:
    """The newest pack of each name, and what its lines are held to."""
    newest = {p.name: p for p in pl.shipped_packs() if p.name not in NO_CONTRACTS}
    return {p.label: twin(pl.margin_model(p)) for p in newest.values()}


def labels(*kinds: str) -> list[str]:
    """The packs that are held to one of these."""
    return [label for label, kind in twins().items() if kind in kinds]


BY_TIERS, AT_ONCE, AGAIN = labels("closed form"), labels("path, assessed"), labels("assessed again")


def market_units(label: str) -> set[str]:
    """What the tiers of the contracts that a desk takes count, of those whose margin can bend with the price."""
    found = set()
    for name in (n for names in desk(label).takes.values() for n in names):
        contract = market().contracts[name]
        rule = desk(label).model.rule(contract)  # type: ignore[attr-defined]
        if rule[2] == "notional" or (rule[2] == "coins" and contract.settlement.value == "inverse"):  # type: ignore[union-attr]
            found.add(rule[2])
    return found


@pytest.mark.parametrize("label", BY_TIERS)
def test_a_tenth_of_the_accounts_by_tiers(label: str) -> None:
    tally = Found(label)
    for seed in range(TENTH):
        check(desk(label), seed, PRICES, tally)
    assert tally.accounts == TENTH
    # every kind of book is among them, where margin bends with the price: tiers that count contracts never do
    bends = bool(market_units(label))
    assert min(tally.lines[n] for n in ("012" if bends else "01")) >= 3, tally
    assert {"falling", "rising"} <= set(tally.sides)


@pytest.mark.parametrize("label", AT_ONCE)
def test_a_handful_of_accounts_along_their_paths(label: str) -> None:
    tally = Found(label)
    for seed in HANDFUL:
        check(desk(label), seed, FEWER, tally, start=400, assessed_at=LESS_ASSESSED)
    assert tally.accounts == len(HANDFUL)
    assert tally.assessed >= LESS_ASSESSED * len(HANDFUL)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("label", AT_ONCE)
def test_sixty_accounts_along_their_paths(label: str) -> None:
    tally = Found(label)
    for seed in range(SIXTY):
        check(desk(label), seed, PRICES, tally, assessed_at=ASSESSED)
    assert tally.accounts == SIXTY
    assert tally.prices >= SIXTY * PRICES
    assert tally.assessed >= SIXTY * ASSESSED
    straight = desk(label).model.MODEL in STRAIGHT
    assert min(tally.lines[n] for n in ("01" if straight else "012")) >= 1, tally
    assert straight or tally.kinds["tangent"] >= 1
    assert {"falling", "rising"} <= set(tally.sides)


@pytest.mark.parametrize("label", AGAIN)
def test_a_few_accounts_assessed_again(label: str) -> None:
    tally = Found(label)
    for seed in FEW:
        check(desk(label), seed, COARSE, tally, most=2, reach=20.0, start=40)
    assert tally.assessed == tally.prices >= COARSE * len(FEW)


@pytest.mark.parametrize("label", ["prbm@2025-01-01", "derive-srm@2026-01-21"])
def test_a_model_without_arithmetic_on_paths(label: str) -> None:
    """Searched and swept with one requirement after the other, as a new model is at first."""
    model = desk(label).model
    plain = type("Plain", (type(model),), {"along": pl.MarginModel.along})(model.rules)
    tally = Found(label)
    assert twin(plain) == "assessed again"
    for seed in FEW:
        check(replace(desk(label), model=plain), seed, COARSE, tally, most=2, reach=20.0, start=40)
    assert tally.assessed == tally.prices >= COARSE * len(FEW)


def swept(label: str, accounts: int, prices: int) -> None:
    """Some accounts of a pack."""
    for seed in range(accounts):
        check(desk(label), seed, prices, Found(label))


@pytest.mark.parametrize("damage", ["dropped", "moved"])
def test_a_line_that_is_wrong_is_seen(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks can fail: one line less, or one moved by a millionth, is told."""
    original = line_checks.liquidation

    def worse(*args: Any, **named: Any) -> Any:
        found = original(*args, **named)
        pools = []
        for p in found.pools:
            lines = p.lines[1:] if damage == "dropped" else p.lines
            if damage == "moved" and p.lines:
                lines = (replace(p.lines[0], multiplier=p.lines[0].multiplier * (1 + 1e-6)), *p.lines[1:])
            pools.append(replace(p, lines=lines))
        return replace(found, pools=tuple(pools))

    monkeypatch.setattr(line_checks, "liquidation", worse)
    with pytest.raises(AssertionError):
        swept(BY_TIERS[0], 10, 500)


@pytest.mark.parametrize(
    ("name", "seed"), [("deribit-sm", 36), ("deribit-sm", 231), ("deribit-pm", 31), ("deribit-pm", 86)]
)
def test_amounts_that_a_venue_rounds(name: str, seed: int) -> None:
    """Found by the tenth: at a line the ninth decimal goes up and down, and excess with it, several times."""
    (label,) = (x for x in AT_ONCE if x.startswith(f"{name}@"))
    check(desk(label), seed, PRICES, Found(label), assessed_at=LESS_ASSESSED)


def test_a_path_that_is_off_is_seen() -> None:
    """Arithmetic on paths that charges a hundred-millionth too much does not pass for the rules."""
    model = desk(AT_ONCE[0]).model

    def off(self: Any, *args: Any) -> Any:
        return tuple(replace(t, maintenance=t.maintenance * (1.0 + 1e-8)) for t in type(model).along(self, *args))

    worse = replace(desk(AT_ONCE[0]), model=type("Worse", (type(model),), {"along": off})(model.rules))
    with pytest.raises(AssertionError, match="account"):
        check(worse, 0, FEWER, Found("off"), start=400, assessed_at=LESS_ASSESSED)


def test_the_page_holds_what_is_shipped() -> None:
    """A row for every rule set that ships, of so many accounts at least, with all of their prices."""
    told = [[c.strip() for c in line.split("|")] for line in rows().values()]
    assert {cells[1]: cells[2] for cells in told} == twins()
    for cells in told:
        accounts, prices = (int(cells[n].replace(",", "")) for n in (3, 4))
        assert accounts >= {"closed form": ACCOUNTS, "path, assessed": LEAST, "assessed again": SOME}[cells[2]]
        assert prices >= accounts * (SPARSE if cells[2] == "assessed again" else PRICES)
    # the whole of at least one rule set of every centralised venue, as the page says
    whole = {cells[1].partition("-")[0] for cells in told if int(cells[3].replace(",", "")) >= ACCOUNTS}
    assert whole >= CENTRALISED


@pytest.mark.long
@pytest.mark.parametrize("label", [*BY_TIERS, *AT_ONCE, *AGAIN])
def test_every_account(label: str) -> None:
    """What it finds is committed in docs/validation/lines.md (PLIMSOLL_WRITE_LINES=1 writes its row)."""
    start, tally, name = time.monotonic(), Found(label), label.split("@")[0]
    many, prices = (SOME, SPARSE) if label in AGAIN else (WHOLE, PRICES)
    for seed in range(many):
        check(desk(label), seed, prices, tally, assessed_at=WHOLE_ASSESSED)
        if seed % 50 == 0:
            print(f"{label}: {seed} of {many}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    if os.environ.get("PLIMSOLL_WRITE_LINES") == "1":
        publish(tally)
    if accounts_of(rows()[name]) == many:
        assert rows()[name] == row(tally)
