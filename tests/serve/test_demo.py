"""The demonstration's books balance: at the start, between any two events, over a restart, and in a proof by REST."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from plimsoll.live.engine import Engine
from plimsoll.live.events import Fill
from plimsoll.margin import Account
from plimsoll.serve.demo import MAKER, OTHER_SIDE, DemoFeed, demo_tenant
from plimsoll.serve.proof_work import whole_lots
from plimsoll.serve.state import Tenant
from served import LIMITS, served

PASSPHRASE = "correct horse"


def imbalance(engine: Engine) -> dict[str, Fraction]:
    """What the longs of each instrument are more than its shorts, to the last lot."""
    found: dict[str, Fraction] = {}
    for a in range(len(engine.holdings)):
        for p in whole_lots(engine.account(a)).positions:
            found[p.instrument] = found.get(p.instrument, Fraction(0)) + Fraction(str(p.quantity))
    return {name: size for name, size in found.items() if size}


def until(tenant: Tenant, done: Callable[[Engine], bool]) -> list[dict[str, Fraction]]:
    """Look at the books as fast as it goes, until something holds of them."""
    end, found = time.monotonic() + 60.0, []
    while True:
        wrong, over = tenant.live.ask(lambda engine: (imbalance(engine), done(engine))).result(30.0)
        found.append(wrong)
        if over:
            return found
        assert time.monotonic() < end


def fills(engine: Engine) -> tuple[int, int]:
    sources = engine.gate.sources()
    return sources.get("matching", (0, None))[0], sources.get(OTHER_SIDE, (0, None))[0]


def test_open_interest_balances_between_any_two_events_and_over_a_restart(tmp_path: Path) -> None:
    place = tmp_path / "demo.db"

    def started() -> Tenant:
        return demo_tenant(accounts=4, ledger=place)

    tenant = started()
    assert tenant.names[-1] == MAKER
    maker = tenant.number[MAKER]
    engine = tenant.live.engine
    assert engine.status(maker) == "healthy"
    initial, _, equity = (float(x) for x in engine.charged(maker))
    assert equity > 10.0 * initial
    # its profits are the losses of the others
    held = [engine.account(a) for a in range(len(engine.holdings))]
    assert sum(p.unrealised_pnl or 0.0 for account in held for p in account.positions) == pytest.approx(0.0, abs=1e-9)
    feed = DemoFeed(tenant, speed=100.0).start()
    looks = until(tenant, lambda engine: fills(engine)[0] >= 25)
    feed.stop()
    assert (feed.failure, [w for w in looks if w]) == (None, [])
    ours, theirs = tenant.live.ask(fills).result()
    assert ours == theirs
    # a crash between the two sides: the first was durable, the other is told after the restart
    lost = next(e for e in DemoFeed(tenant)._events if isinstance(e, Fill) and e.number == ours + 1)
    tenant.submit(lost).result(30.0)
    assert tenant.live.ask(imbalance).result() == {lost.instrument: Fraction(str(lost.quantity))}
    tenant.close()
    again = started()
    feed = DemoFeed(again, speed=100.0).start()
    until(again, lambda engine: fills(engine)[0] >= ours + 10)
    feed.stop()
    assert again.live.ask(lambda engine: (imbalance(engine), dict(engine.gate.counts))).result() == ({}, {})
    again.close()


def test_quantities_are_those_that_were_traded() -> None:
    content = {"schema": Account.SCHEMA, "schema_version": 1, "name": "a", "collateral": {"USDC": 1.0}}

    def whole(quantity: float, **more: Any) -> list[float]:
        position = {"instrument": "X", "quantity": quantity, **more}
        return [p.quantity for p in whole_lots(Account.from_dict({**content, "positions": [position]})).positions]

    assert 0.1 + 0.2 != 0.3
    assert whole(0.1 + 0.2) == [0.3]
    assert whole(sum([0.1] * 1_000)) == [100.0]
    assert whole(-123_456.7 - 0.1) == [-123_456.8]
    # finer than any lot: left as it is
    assert whole(0.1234567891) == [0.1234567891]
    assert whole(1e-9) == [1e-9]
    # nothing is left of a position but what is owed for it
    assert whole(0.3 - 0.1 - 0.2) == []
    assert whole(0.3 - 0.1 - 0.2, unrealised_pnl=1.5) == [0.0]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_demos_solvency_is_proved_and_verified_over_the_wire(tmp_path: Path) -> None:
    pytest.importorskip("py_arkworks_bls12381")
    from plimsoll.serve.wire_proofs import ProveSolvencyIn, VerifySolvencyIn

    with served(tmp_path) as house:
        tenant = demo_tenant(
            "north", accounts=2, ledger=tmp_path / "demo.db", limits=replace(LIMITS, job_seconds=250.0)
        )
        old, house.service.tenants["north"] = house.service.tenants["north"], tenant
        old.close()
        feed = DemoFeed(tenant, speed=50.0).start()
        until(tenant, lambda engine: fills(engine)[0] >= 20)
        client = house.client("north operate")

        def result(job: Any) -> dict[str, Any]:
            own, end = client.start_job(job).id, time.monotonic() + 250.0
            # the books were read while it played
            feed.stop()
            while (found := client.get_job(own)).state in ("waiting", "running"):
                assert time.monotonic() < end
                time.sleep(0.05)
            assert (found.state, found.problem) == ("done", None), found
            return dict(found.result)

        try:
            reserves = {"USDC": 2e7, "USD": 1e7, "USDT": 1e7, "BTC": 500.0}
            stated = {"venue": "demo", "epoch": "1", "reserves": reserves}
            fields = {"kind": "prove-solvency", "passphrase": PASSPHRASE, "tenant": stated}
            made = result(ProveSolvencyIn.model_validate(fields))
            assert made["leaves"] == 3
            asked = {"kind": "verify-solvency", "publication": made["publication"], "venue": "demo", "epoch": "1"}
            assert result(VerifySolvencyIn.model_validate(asked))["accepted"] is True
        finally:
            feed.stop()
