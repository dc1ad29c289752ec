"""The example book of other payoffs: reproducible, listed, funded, margined."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.cli import run
from plimsoll.contracts import is_exotic
from plimsoll.documents import DocumentError
from plimsoll.feeds import generated_market, sample_exotics
from plimsoll.feeds.sample_exotics import LEGS
from plimsoll.margin import margin_model
from plimsoll.market import Market

INVERSE, LINEAR = generated_market(), generated_market(settlement="linear")


@pytest.mark.parametrize("market", [INVERSE, LINEAR], ids=["inverse", "linear"])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_one_of_each_and_enough_collateral(market: Market, settlement: str) -> None:
    account, listed = sample_exotics(market, "ETH", settlement)
    assert sample_exotics(market, "ETH", settlement) == (account, listed)
    held = [listed.contracts[p.instrument] for p in account.positions]
    assert [c.kind for c in held if is_exotic(c)] == [kind for _, kind, *_ in LEGS]
    assert {c.underlying for c in held} == {"ETH"}
    assert {c.settlement.value for c in held} == {settlement}  # type: ignore[union-attr]
    # the perpetual of the market that settles as they do
    hedged = (market is INVERSE) == (settlement == "inverse")
    assert len(held) == len(LEGS) + hedged
    for pack in ("prbm@2026-01-01", "dsa@2026-01-01"):
        found = margin_model(pack).requirement(account, listed)
        assert found.failures == ()
        assert 0.0 < found.maintenance < found.net_equity


def test_bad_arguments_are_named() -> None:
    for arguments, message in (
        ({"underlying": "SOL"}, "underlying: got 'SOL'; allowed: one of BTC, ETH"),
        ({"settlement": "quanto"}, "settlement: got 'quanto'"),
        ({"cash": "EURX"}, "market.assets.EURX"),
    ):
        with pytest.raises(DocumentError, match=message):
            sample_exotics(INVERSE, **arguments)
    bare = INVERSE.model_copy(update={"instruments": INVERSE.instruments[:0], "marks": {}})
    with pytest.raises(DocumentError, match="underlying: got None"):
        sample_exotics(bare)
    future = tuple(c for c in INVERSE.instruments if c.kind != "option")
    with pytest.raises(DocumentError, match="no usable option on BTC"):
        sample_exotics(INVERSE.model_copy(update={"instruments": future}))


def test_the_command_writes_both_documents(tmp_path: Path, capsys: Any) -> None:
    market, account, listed = (str(tmp_path / f"{n}.json") for n in ("market", "account", "listed"))
    LINEAR.save(market)
    assert run(["book", "exotics", "-m", market, "-o", account, "--market-output", listed]) == 0
    assert "8 positions" in capsys.readouterr().out
    assert run(["margin", "-a", account, "-m", listed, "--rules", "prbm@2026-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["initial"] > 0.0
    assert run(["surface", "-a", account, "-m", listed, "--moves", "-20:20:5", "--vols", "0,20", "--days", "0"]) == 0
    # the market without them does not know the positions
    assert run(["margin", "-a", account, "-m", market, "--rules", "prbm@2026-01-01"]) == 2
    assert "unknown_instrument" in capsys.readouterr().err
