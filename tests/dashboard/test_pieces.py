"""Parts of the dashboard by themselves: figures without inline style, sessions, the worker, forms."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.serve.dashboard import account_work
from plimsoll.serve.dashboard.account import legs_of
from plimsoll.serve.dashboard.forms import number
from plimsoll.serve.dashboard.visitors import Sessions, Visitor
from plimsoll.serve.dashboard.worker import BusyError, Worker


class Door:
    """Lets one token in, until it is shut."""

    def __init__(self) -> None:
        self.open = True

    def admit(self, token: str) -> Visitor | None:
        return Visitor("1", "desk", "north", frozenset({"read"})) if token == "good" and self.open else None

    def holds(self, visitor: Visitor) -> bool:
        return self.open


def test_figures_have_no_style_of_their_own() -> None:
    found = account_work.line_of_account("prbm@2026-01-30", demo_account(), demo_market())
    svg = found["svg"]
    assert "style" not in svg
    assert "<script" not in svg
    assert svg.startswith("<svg")
    # the look is still there, as attributes
    assert 'stroke="#1f6fa8"' in svg
    assert re.search(r'font-size="[\d.]+px"', svg)
    assert "var(--ink)" in svg


def test_the_line_is_that_of_the_engine() -> None:
    from plimsoll.liquidation import liquidation
    from plimsoll.margin.catalogue import margin_model

    found = account_work.line_of_account("prbm@2026-01-30", demo_account(), demo_market())
    exact = liquidation(margin_model("prbm@2026-01-30"), demo_account(), demo_market(), low=0.4, high=1.6)
    assert [x["move"] for x in found["lines"]] == pytest.approx([x.move for x in exact.lines], abs=1e-9)


def test_a_session_lives_as_long_as_its_token() -> None:
    now = [0.0]
    door = Door()
    sessions = Sessions(door, idle=100.0, clock=lambda: now[0])
    assert sessions.login("bad") is None
    secret = sessions.login("good")
    assert secret is not None
    assert len(secret) > 40
    assert sessions.visitor(secret) is not None
    assert sessions.visitor(secret + "x") is None
    assert sessions.visitor(None) is None
    assert secret not in repr(vars(sessions))
    now[0] = 90.0
    assert sessions.visitor(secret) is not None
    now[0] = 185.0
    assert sessions.visitor(secret) is not None, "use prolongs it"
    now[0] = 286.0
    assert sessions.visitor(secret) is None
    assert len(sessions) == 0
    secret = sessions.login("good")
    door.open = False
    assert sessions.visitor(secret) is None, "a token that was revoked"
    door.open = True
    secret = sessions.login("good")
    sessions.logout(secret)
    assert sessions.visitor(secret) is None


def _slow(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _fails() -> None:
    raise DocumentError([])


def test_the_worker_computes_elsewhere_and_remembers() -> None:
    async def main() -> None:
        # a process that begins on a busy machine has been seen to take half a minute
        worker = Worker(seconds=100.0)
        try:
            first, second = await asyncio.gather(
                worker.ask("a", 60.0, _slow, 0.1, mark="now"), worker.ask("a", 60.0, _slow, 0.1, mark="later")
            )
            assert first is second
            assert first.value != os.getpid()
            assert first.mark == "now"
            assert (await worker.ask("a", 60.0, _slow, 0.1)) is first
            assert (await worker.ask("a", 0.0, _slow, 0.1)) is not first
            with pytest.raises(DocumentError):
                await worker.ask("b", 60.0, _fails)
            worker.seconds = 0.2
            with pytest.raises(BusyError, match=r"0\.2 seconds"):
                await worker.ask("c", 60.0, _slow, 60.0)
            # the process was ended, and the next question gets another
            worker.seconds = 100.0
            assert (await worker.ask("d", 60.0, _slow, 0.0)).value != first.value
        finally:
            worker.close()

    asyncio.run(main())


KILLED = """
import asyncio, os, signal
from plimsoll.serve.dashboard.worker import Worker

async def main():
    print((await Worker().ask("a", 60.0, os.getpid)).value, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_a_server_that_is_killed_leaves_no_worker(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    paths = os.pathsep.join(p for p in sys.path if p)
    ran = subprocess.run(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}, check=False
    )
    child = int(ran.stdout)
    until = time.monotonic() + 30.0
    while Path(f"/proc/{child}").exists() and "State:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.05)


def test_the_ticket_s_legs() -> None:
    fields = {"instrument1": "A", "quantity1": "-1,000.5", "price1": "", "instrument2": "B", "quantity2": ""}
    (leg,) = legs_of(fields)
    assert (leg.instrument, leg.quantity, leg.price) == ("A", -1000.5, None)
    for wrong in ("nan", "many", "1e999", "--1"):
        with pytest.raises(DocumentError, match="quantity of leg 1"):
            legs_of({"instrument1": "A", "quantity1": wrong})


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "0", "101", "1.5"])
def test_numbers_of_a_form(text: str) -> None:
    assert number({"n": " 1,0 "}, "n", 1, 100, whole=True) == 10
    with pytest.raises(DocumentError, match="n: got"):
        number({"n": text}, "n", 1, 100, whole=True)
