"""Blocks that Python has allocated after each round of questions to a service, and of prices told to it, as JSON.

A program of its own: in a process that ran other tests before, what these left behind comes and goes too.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from collections import deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from live_books import TIME
from plimsoll.live import Prices
from plimsoll.live.events import to_json
from served import Served, served

REMEMBERED = 50


def blocks() -> int:
    """Those of all threads."""
    gc.collect()
    return sys.getallocatedblocks()


def asked(house: Served, questions: int) -> int:
    """What-ifs, one after the other."""
    order = {"account": "south account 0", "legs": [{"instrument": "BTC-PERP-linear", "quantity": 0.5}]}
    for _ in range(questions):
        answer = house.http.post(house.url + "/v1/what-if", json=order, headers=house.headers("south operate"))
        assert answer.status_code == 200
    return blocks()


def told(house: Served, first: int, messages: int) -> int:
    """Prices of one source and one instant, a hundred in a call."""
    for start in range(first, first + messages, 100):
        events = [
            to_json(Prices("memory", n, TIME, indices={"BTC": 70_000.0 + n % 7})) for n in range(start, start + 100)
        ]
        answer = house.http.post(
            house.url + "/v1/events", json={"events": events}, headers=house.headers("south operate")
        )
        assert answer.is_success
    return blocks()


def main() -> int:
    """First what is not counted: caches and deques fill up."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as house:
        live = house.service.tenants["south"].live
        live.engine.gate.rule = live.engine.gate.rule.model_copy(update={"remembered": REMEMBERED})
        # seconds of the last ten thousand events: they fill up, and are not what this is about
        live.waits, live.took = deque(maxlen=1), deque(maxlen=1)
        asked(house, 400)
        questions = [asked(house, 300) for _ in range(6)]
        told(house, 1, 400)
        prices = [told(house, 401 + 300 * k, 300) for k in range(6)]
        print(json.dumps({"questions": questions, "prices": prices}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
