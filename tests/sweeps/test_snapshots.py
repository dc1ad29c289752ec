"""A 50-position book on real snapshots under every model, equal to the independent naive calculation to 1e-9."""

from __future__ import annotations

import os
import random
import statistics
from datetime import datetime
from pathlib import Path

import pytest

from naive.adapters import pmrm2_inputs, prbm_inputs
from naive.pmrm2 import pmrm2
from naive.prbm import prbm
from plimsoll.feeds import import_chain, list_snapshots, sample_book
from plimsoll.margin import Account, Requirement, margin_model
from plimsoll.margin.translate import same_exposure
from plimsoll.market import Market

CHAINS = "deribit_chain_*.parquet"
SNAPSHOTS = 125
TOLERANCE = 1e-9
SEEDS = (7, 8, 9)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "sweeps.md"
TABLE = "| book | accounts | least health | median | most |\n| --- | ---: | ---: | ---: | ---: |\n"


def snapshots(shared: Path) -> list[tuple[Path, datetime]]:
    """Every snapshot of the shared chains, in order."""
    files = sorted((shared / "data" / "options").glob(CHAINS))
    return [(file, s.time) for file in files for s in list_snapshots(file)]


def near(got: float, expected: float) -> bool:
    return abs(got - expected) <= TOLERANCE * max(1.0, abs(expected))


def check_prbm(account: Account, market: Market) -> Requirement:
    model = margin_model("prbm@2026-01-01")
    found = model.requirement(account, market)
    book, prices = prbm_inputs(account.to_dict(), market.to_dict())
    naive = prbm(model.rules.parameters, book, prices)
    assert near(found.initial, naive["initial"])
    assert near(found.maintenance, naive["maintenance"])
    for name in ("scan", "min_delta", "short_option"):
        assert near(sum(v for k, v in found.workings.items() if k.endswith("." + name)), naive[name])
    return found


def check_pmrm2(account: Account, market: Market, rules: str) -> Requirement:
    model = margin_model(rules)
    found = model.requirement(account, market)
    underlying = found.binding[0].underlying
    naive = pmrm2(*pmrm2_inputs(account.to_dict(), market.to_dict(), model.rules.parameters, underlying))
    assert near(found.excess_initial, naive["im"])
    assert near(found.excess_maintenance, naive["mm"])
    assert near(found.net_equity, naive["mtm_incl_cash"])
    assert all(
        near(mine.pnl, theirs)
        for mine, theirs in zip(found.scenarios, [*naive["scenario_pnl"], naive["basis_contingency"]], strict=True)
    )
    return found


def shares_add_up(requirement: Requirement) -> None:
    for part in requirement.components:
        assert near(sum(s.initial for s in part.shares), part.initial)
        assert near(sum(s.maintenance for s in part.shares), part.maintenance)


def check_snapshot(path: Path, time: datetime, seed: int) -> dict[str, Requirement]:
    """Both coins of one snapshot under every model; returns what was charged, by coin and rules."""
    market = import_chain(path, time)
    charged: dict[str, Requirement] = {}
    for coin in sorted(market.indices):
        account = sample_book(market, 50, seed, underlyings=[coin])
        assert len(account.positions) == 50
        requirement = check_prbm(account, market)
        shares_add_up(requirement)
        charged[f"{coin}, {requirement.rules}"] = requirement
        twin, linear = same_exposure(account, market)
        shares_add_up(check_prbm(twin, linear))
        for rules in ("derive-pmrm2@2025-04-18", "derive-pmrm2@2026-01-21"):
            requirement = check_pmrm2(twin, linear, rules)
            shares_add_up(requirement)
            charged[f"{coin}, {rules}"] = requirement
    return charged


def test_a_seeded_tenth_of_the_snapshots(shared: Path) -> None:
    every = snapshots(shared)
    assert len(every) == SNAPSHOTS
    for path, time in random.Random(20261120).sample(every, SNAPSHOTS // 10 + 1):
        check_snapshot(path, time, seed=7)


@pytest.mark.long
def test_every_snapshot_and_three_books(shared: Path) -> None:
    """What it finds is committed in docs/validation/sweeps.md, which must be what this run gives."""
    every = snapshots(shared)
    assert len(every) == SNAPSHOTS
    health: dict[str, list[float]] = {}
    for path, time in every:
        for seed in SEEDS:
            for label, found in check_snapshot(path, time, seed).items():
                assert found.initial > 0
                assert found.health is not None
                health.setdefault(label, []).append(found.health)
    rows = "".join(
        f"| {label} | {len(h)} | {min(h):.2f} | {statistics.median(h):.2f} | {max(h):.2f} |\n"
        for label, h in sorted(health.items())
    )
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("PLIMSOLL_WRITE_SWEEPS") == "1":
        head = page[: page.index(TABLE) + len(TABLE)]
        PAGE.write_text(head + rows, encoding="utf-8")
    else:
        assert page.endswith(TABLE + rows)
