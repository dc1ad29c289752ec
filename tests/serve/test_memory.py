"""A service that runs for months keeps nothing of a question that it has answered."""

from __future__ import annotations

import gc
import sys
from collections import deque

from live_books import TIME
from plimsoll.live import Prices
from plimsoll.live.events import to_json
from served import Served


def test_what_was_asked_and_answered_leaves_nothing_behind(house: Served) -> None:
    """Blocks that Python has allocated, all threads of the service included: less than one for two questions."""
    headers = house.headers("south operate")
    order = {"account": "south account 0", "legs": [{"instrument": "BTC-PERP-linear", "quantity": 0.5}]}

    def ask(questions: int) -> int:
        for _ in range(questions):
            assert house.http.post(house.url + "/v1/what-if", json=order, headers=headers).status_code == 200
        gc.collect()
        return sys.getallocatedblocks()

    ask(800)
    seen = [ask(300) for _ in range(4)]
    # something of it is under way at any time
    assert min(seen[2:]) - min(seen[:2]) < 300


def test_prices_that_were_told_leave_only_the_newest(house: Served) -> None:
    """A message is remembered by its hash, so many of each source; beyond that nothing grows."""
    headers = house.headers("south operate")
    live = house.service.tenants["south"].live
    gate = live.engine.gate
    gate.rule = gate.rule.model_copy(update={"remembered": 50})
    # seconds of the last events: they fill up, and are not what this is about
    live.waits, live.took = deque(maxlen=1), deque(maxlen=1)
    number = 0

    def tell(messages: int) -> int:
        nonlocal number
        while messages > 0:
            events = []
            for _ in range(min(messages, 200)):
                number += 1
                price = 70_000.0 + number % 7
                events.append(to_json(Prices("memory", number, TIME, indices={"BTC": price})))
            messages -= len(events)
            assert house.http.post(house.url + "/v1/events", json={"events": events}, headers=headers).is_success
        gc.collect()
        return sys.getallocatedblocks()

    tell(600)
    seen = [tell(400) for _ in range(4)]
    assert min(seen[2:]) - min(seen[:2]) < 400
