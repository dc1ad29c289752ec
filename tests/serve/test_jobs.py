"""Jobs: results of the library, progress, a limit of time, and an end that is an end."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from plimsoll.serve import wire
from plimsoll.serve.client import Client, ServiceError
from served import LIMITS, Served, served


def ended(client: Client, job: str) -> wire.JobOut:
    until = time.monotonic() + 100.0
    while (found := client.get_job(job)).state in ("waiting", "running"):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def running_pid(house: Served, job: str) -> int:
    until = time.monotonic() + 60.0
    while True:
        process = house.north.jobs.of(job).process
        if process is not None:
            return process.pid
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_stress_job_is_the_librarys(house: Served) -> None:
    from plimsoll.laboratory.book_stress import stress_book
    from plimsoll.scenarios.stress import shipped_scenarios

    client, engine = house.client("north trade-check"), house.north.live.engine
    job = client.start_job(wire.StressIn(kind="stress", account="account 0", exact=2))
    assert (job.state, job.kind, job.event) == ("waiting", "stress", engine.events)
    found = ended(client, job.id)
    assert (found.state, found.problem) == ("done", None), found
    assert found.result is not None
    own = stress_book(engine.model, engine.account(0), engine.market(), shipped_scenarios().scenarios, exact=2)
    assert {k: v for k, v in found.result.items() if k != "source"} == own.to_dict()
    assert job.id in {j.id for j in client.list_jobs().jobs}
    assert client.cancel_job(job.id) == found


def test_a_cancelled_job_has_ended(house: Served) -> None:
    client = house.client("north trade-check")
    first = client.start_job(wire.StressIn(kind="stress", account="account 0", generate=20_000, exact=200))
    second = client.start_job(wire.StressIn(kind="stress", account="account 1"))
    pid = running_pid(house, first.id)
    assert client.get_job(second.id).state == "waiting"
    assert client.cancel_job(second.id).state == "cancelled"
    os.kill(pid, 0)
    found = client.cancel_job(first.id)
    assert gone(pid)
    assert (found.state, found.result) == ("cancelled", None)
    assert found.ended is not None
    # the turn is free again
    assert (
        ended(client, client.start_job(wire.StressIn(kind="stress", account="account 1", exact=0)).id).state == "done"
    )


def test_what_a_job_refuses_is_told_with_its_field(house: Served) -> None:
    client = house.client("north trade-check")
    job = client.start_job(wire.HedgeIn(kind="hedge", account="account 0", worth=0.0))
    found = ended(client, job.id)
    assert found.state == "failed"
    assert found.problem is not None
    assert found.problem.problems[0].path == "worth"
    with pytest.raises(ServiceError, match=r"422.*\n.*prbm"):
        client.start_job(wire.PlaceIn(kind="place", accounts={"account 0": ("prbm@1999-01-01",)}))
    with pytest.raises(ServiceError, match="404"):
        client.start_job(wire.CapitalIn(kind="capital", accounts=("nobody",)))
    with pytest.raises(ServiceError, match="404: no such job"):
        client.get_job("0")


@pytest.mark.slow
def test_a_key_starts_one_job(house: Served) -> None:
    client = house.client("north trade-check")
    job = wire.StressIn(kind="stress", account="account 2", exact=0)
    first, second = (client.start_job(job, key="one") for _ in range(2))
    assert first == second
    assert ended(client, first.id).state == "done"


def test_a_job_has_a_time_and_a_queue_an_end(tmp_path: Path) -> None:
    with served(tmp_path, replace(LIMITS, job_seconds=0.5, waiting=1)) as house:
        client = house.client("north trade-check")
        job = wire.StressIn(kind="stress", account="account 0", generate=20_000, exact=200)
        first = client.start_job(job)
        second = client.start_job(job)
        with pytest.raises(ServiceError, match="503: 2 jobs run or wait"):
            client.start_job(job)
        pid = running_pid(house, first.id)
        found = ended(client, first.id)
        assert found.state == "timed out"
        assert found.problem is not None
        assert found.problem.status == 504
        assert gone(pid)
        second_pid = running_pid(house, second.id)
    # closing the service ends its jobs
    assert gone(second_pid)


@pytest.mark.slow
def test_optimisers_answer(tmp_path: Path) -> None:
    from plimsoll.serve.demo import demo_tenant

    jobs = (
        wire.HedgeIn(kind="hedge", account="account 1", worth=0.02, seconds=20.0),
        wire.PlaceIn(kind="place", accounts={"account 1": ("prbm@2026-01-30", "derive-srm@2026-01-21")}),
        wire.CapitalIn(kind="capital", accounts=("account 1",), paths=200),
    )
    with served(tmp_path) as house:
        tenant = demo_tenant("south", accounts=3, limits=house.service.limits)
        old, house.service.tenants["south"] = house.service.tenants["south"], tenant
        old.close()
        client = house.client("south trade-check")
        for job in jobs:
            found = ended(client, client.start_job(job).id)
            assert (found.state, found.problem) == ("done", None)
            assert found.result
            assert found.progress.text
