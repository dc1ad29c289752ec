"""The monitors of a running service: the readings of the library, the alerts of the rules, in metrics of one tenant."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from plimsoll.live import Transfer
from plimsoll.live.monitors import Readings, read
from plimsoll.serve import monitors
from served import Served, served


def looked(house: Served, tenant: str) -> Readings:
    """A new reading, by the loop of the service."""
    own = house.service.tenants[tenant]
    own.monitors._at = float("-inf")
    assert own.hub.loop is not None
    return asyncio.run_coroutine_threadsafe(own.monitors.readings(), own.hub.loop).result(30.0)


def shown(house: Served, who: str) -> dict[tuple[str, ...], float]:
    answer = house.http.get(house.url + "/v1/metrics", headers=house.headers(who))
    return {
        (sample.name.removeprefix("plimsoll_monitor_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name.startswith("plimsoll_monitor_")
    }


def test_metrics_have_the_readings_of_the_library_and_the_alerts_that_stand(tmp_path: Path) -> None:
    with served(tmp_path) as house:
        tenant = house.north
        found = looked(house, "north")
        own = tenant.live.ask(lambda engine: read(engine, with_density=False)).result(30.0)
        assert found.to_dict() == own.to_dict()
        told = shown(house, "north read")
        assert told["event",] == own.events
        assert told["utilisation",] == own.utilisation.total
        assert told["usd", "equity"] == own.utilisation.equity
        assert told["accounts", "healthy"] == own.health.steps["healthy"].accounts
        assert told["herfindahl", "long", "BTC"] == own.concentration.underlyings["BTC"]["long"].herfindahl
        below = ("accounts below maintenance", "critical")
        assert ("alerts", *below) not in told
        # an account falls below its maintenance margin: the rule says so, and no longer once its time has passed
        equity, now = float(tenant.live.engine.charged(2)[2]) / 1e6, tenant.live.engine.prices.time
        need = float(tenant.live.engine.charged(2)[1]) / 1e6
        tenant.submit(Transfer("drain", 1, now, "account 2", "USDC", 0.5 * need - equity)).result(30.0)
        assert looked(house, "north").events == own.events + 1
        assert shown(house, "north read")["alerts", *below] == 1.0
        assert [(r, s) for r, _, s, _ in tenant.monitors.standing if (r, s) == below] == [below]
        # the other tenant has neither this reading nor this alert
        looked(house, "south")
        other = shown(house, "south read")
        assert ("alerts", *below) not in other
        assert other["event",] == 0.0


def test_a_large_fleet_is_read_block_by_block(house: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = looked(house, "south").to_dict()
    turns = itertools.count()
    ask = house.service.tenants["south"].ask

    async def counted(question: object) -> object:
        next(turns)
        return await ask(question)  # type: ignore[arg-type]

    monkeypatch.setattr(monitors, "BLOCK", 2)
    monkeypatch.setattr(house.service.tenants["south"], "ask", counted)
    assert looked(house, "south").to_dict() == whole
    assert next(turns) == 4, "five accounts are three blocks, and the reading is a turn of its own"
