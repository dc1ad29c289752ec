"""What an announced change does: the order of the hit, those closed by it, and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from builders import CALL, PERP, account_doc, market_doc, rules_doc
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.liquidation.announced import announced
from plimsoll.margin import with_parameter

SRM = "derive-srm@2025-04-18"


def stricter(name: str = "2027-01-01") -> pl.Rules:
    """The standard manager with twice the maintenance rate of perpetuals, announced for 2027."""
    rules = pl.Rules.from_dict(rules_doc(SRM) | {"effective": name})
    raised = with_parameter(rules, "defaults.perp.mm_req", 2 * rules.parameters["defaults"]["perp"]["mm_req"])
    return with_parameter(raised, "defaults.perp.im_req", 0.2)


def accounts() -> list[pl.Account]:
    rows = [
        ("options", {CALL: 1.0}, 9e4),
        ("thin", {PERP: 1.0}, 6e3),
        ("thick", {PERP: 1.0}, 5e4),
        ("odd", {"NO": 1.0}, 1.0),
    ]
    return [
        pl.Account.from_dict(account_doc(held, name=name, collateral={"USDC": money})) for name, held, money in rows
    ]


def test_those_that_the_change_closes_come_first_and_refusals_last() -> None:
    market, before, after = pl.Market.from_dict(market_doc()), pl.find_rules(SRM), stricter()
    found = announced(accounts(), market, before, after)
    assert [h.account for h in found.hits] == ["thin", "thick", "options", "odd"]
    thin, thick, options, odd = found.hits
    assert (found.liquidated, thin.liquidated, thick.liquidated) == (1, True, False)
    assert odd.refusal.startswith("account.positions[0].instrument")
    assert thick.before is not None
    assert thick.after is not None
    assert thick.after.requirement.maintenance == pytest.approx(2 * thick.before.requirement.maintenance)
    assert thick.before.falling is not None
    assert thick.after.falling is not None
    # the same equity carries more: the line is nearer
    assert thick.before.falling.move < thick.after.falling.move < 0
    model = pl.margin_model(before)
    assert thick.before.requirement == model.requirement(accounts()[2], market)
    assert options.weight == 0.0
    assert found.called == pytest.approx(
        sum(max(0.0, -h.after.requirement.excess_initial) for h in (thin, thick) if h.after)
        - sum(max(0.0, -h.before.requirement.excess_initial) for h in (thin, thick) if h.before)
    )


def test_no_change_hits_nobody() -> None:
    market, same = pl.Market.from_dict(market_doc()), pl.find_rules(SRM)
    found = announced(accounts()[:3], market, same, same, lines=False)
    assert (found.liquidated, found.called) == (0, 0.0)
    assert [h.weight for h in found.hits] == [0.0, 0.0, 0.0]
    assert [h.number for h in found.hits] == [0, 1, 2]


def test_amounts_of_two_currencies_are_not_compared() -> None:
    with pytest.raises(DocumentError, match=r"after\.currency"):
        announced(accounts(), pl.Market.from_dict(market_doc()), pl.find_rules(SRM), pl.find_rules("prbm@2026-01-01"))


def test_the_command_prints_the_worst_hit_first(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "market.json").write_text(json.dumps(market_doc()))
    stricter().save(tmp_path / "after.json")
    head = ["rules", "impact", SRM, str(tmp_path / "after.json"), "-m", str(tmp_path / "market.json")]
    args = list(head)
    for account in accounts():
        account.save(tmp_path / f"{account.name}.json")
        args += ["-a", str(tmp_path / f"{account.name}.json")]
    assert run(args) == 0
    told = capsys.readouterr().out
    assert all(len(line) <= 80 for line in told.splitlines()), told
    lines = [line.split()[0] for line in told.splitlines() if line.split()]
    assert lines.index("thin") < lines.index("thick") < lines.index("options") < lines.index("odd")
    assert "1 of 4 accounts fall below their line" in told
    assert run([*args, "--json", "--no-lines"]) == 0
    assert json.loads(capsys.readouterr().out)["accounts"][0]["liquidated"] is True
    assert run([*head, "-a", str(tmp_path / "odd.json")]) == 2
