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
from line_checks import Found, by_tiers, check
from lines_page import publish, row, rows

ACCOUNTS, PRICES = 1_000, 10_000
TENTH = ACCOUNTS // 10
FEW, COARSE = 2, 40
"""Accounts of every run, and prices, for rule sets that are assessed price by price."""

MANY, WHOLE = 10, 100
"""The same in the long run; `PLIMSOLL_LINES_MORE=5` takes five times as many accounts, and writes no page."""
NO_CONTRACTS = ("okx-margin", "lending", "opyn-naked", "opyn-spread", "span-arrays")
"""Rule sets that take none of the listed contracts: loans, whose lines are held to their formulas, vaults of one sold
option that never owe cash (test_opyn.py), and the arrays of a file.
"""
MORE = int(os.environ.get("PLIMSOLL_LINES_MORE", "1"))


@cache
def market() -> pl.Market:
    """The listed market, once."""
    return pl.Market.from_dict(listed())


@cache
def desk(label: str) -> Desk:
    """The desk of a shipped pack, once."""
    return Desk.of(next(p for p in pl.shipped_packs() if p.label == label), market())


def labels(*, tiers: bool) -> list[str]:
    """The newest pack of each name, of those that are held to closed forms or of the others."""
    packs = [p for p in pl.shipped_packs() if p.name not in NO_CONTRACTS]
    found = {p.name: p.label for p in packs if by_tiers(pl.margin_model(p)) is tiers}
    return list(found.values())


def market_units(label: str) -> set[str]:
    """What the tiers of the contracts that a desk takes count, of those whose margin can bend with the price."""
    found = set()
    for name in (n for names in desk(label).takes.values() for n in names):
        contract = market().contracts[name]
        rule = desk(label).model.rule(contract)  # type: ignore[attr-defined]
        if rule[2] == "notional" or (rule[2] == "coins" and contract.settlement.value == "inverse"):  # type: ignore[union-attr]
            found.add(rule[2])
    return found


@pytest.mark.parametrize("label", labels(tiers=True))
def test_a_tenth_of_the_accounts_by_tiers(label: str) -> None:
    tally = Found(label)
    for seed in range(TENTH):
        check(desk(label), seed, PRICES, tally)
    assert tally.accounts == TENTH
    # every kind of book is among them, where margin bends with the price: tiers that count contracts never do
    bends = bool(market_units(label))
    assert min(tally.lines[n] for n in ("012" if bends else "01")) >= 3, tally
    assert {"falling", "rising"} <= set(tally.sides)


@pytest.mark.parametrize("label", labels(tiers=False))
def test_a_few_accounts_price_by_price(label: str) -> None:
    tally = Found(label)
    for seed in (1, 2)[:FEW]:
        check(desk(label), seed, COARSE, tally, most=2, reach=20.0, start=40)
    assert tally.accounts == FEW


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
        swept(labels(tiers=True)[0], 10, 500)


def test_the_page_holds_what_is_shipped() -> None:
    """Every row is of a rule set that ships and of as many accounts as the long run takes."""
    quick = set(labels(tiers=True))
    told = [line.split("|") for line in rows().values()]
    by_label = {cells[1].strip(): int(cells[3].replace(",", "")) for cells in told}
    assert by_label
    assert by_label.keys() <= quick | set(labels(tiers=False))
    assert all(n == (ACCOUNTS if label in quick else MANY) for label, n in by_label.items())


@pytest.mark.long
@pytest.mark.parametrize("label", [*labels(tiers=True), *labels(tiers=False)])
def test_every_account(label: str) -> None:
    """What it finds is committed in docs/validation/lines.md (PLIMSOLL_WRITE_LINES=1 writes its row)."""
    quick, start = by_tiers(desk(label).model), time.monotonic()
    tally = Found(label)
    count, prices = (ACCOUNTS * MORE, PRICES) if quick else (MANY * MORE, WHOLE)
    for seed in range(count):
        check(desk(label), seed, prices, tally, most=5 if quick else 2, start=None if quick else 60)
        if seed % 50 == 0:
            print(f"{label}: {seed} of {count}, {time.monotonic() - start:.0f} s", file=sys.stderr)
    if MORE > 1:
        return
    if os.environ.get("PLIMSOLL_WRITE_LINES") == "1":
        publish(tally)
    assert rows()[label.split("@")[0]] == row(tally)
