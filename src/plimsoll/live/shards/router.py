"""Who gets what: facts judged once and sent to the shard of their account, prices to all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.documents import Problem
from plimsoll.live.dated import clock_problem, market_with, settlement_problem
from plimsoll.live.events import Clock, Event, Listing, Prices, Settlement
from plimsoll.live.gate_rule import Refusal
from plimsoll.live.prices import HotPrices
from plimsoll.live.shards.opening import Opening
from plimsoll.market import Market


@dataclass(frozen=True)
class Routed:
    """One event that is to be applied: what each shard of `to` gets, with the place in the stream of that shard."""

    to: Mapping[int, tuple[int, Event]]


@dataclass(frozen=True)
class Route:
    """What a message of the feed comes to: events for shards, in order, and what was set apart or refused."""

    routed: tuple[Routed, ...]
    refusals: tuple[Refusal, ...] = ()
    problems: tuple[str, ...] = ()


class Router:
    """The gate for facts, which are numbered over all accounts, and the numbers of what each shard was sent.

    A shard sees the facts of its own accounts only, so it gets them under numbers without gaps of its own. Prices go to
    every shard as they came: each judges them by the same rule in the same order, and all believe the same. The router
    follows what they believe, so that it knows which clock they take: a fact is early or not by the same time here and
    there.
    """

    def __init__(self, opening: Opening) -> None:
        # of one shard, for the rules and the market; nothing is ever margined here
        engine = opening.engine(0)
        self.model, self.prices, self.gate = engine.model, engine.prices, engine.gate
        self.shards = opening.shards
        self.owner = dict(zip((a.name for a in opening.accounts()), opening.owner.tolist(), strict=True))
        self.number = 0
        self.sent = [0] * opening.shards
        self._facts: list[Counter[str]] = [Counter() for _ in range(opening.shards)]

    def route(self, event: Event) -> Route:
        """Judge one message and say who gets it; places are counted from here on."""
        self.number += 1
        if isinstance(event, Prices):
            for one in self.gate.admit(event).events:
                self._follow(one)
            return Route((Routed({s: (self._place(s), event) for s in range(self.shards)}),))
        admitted = self.gate.admit(event)
        routed: list[Routed] = []
        problems: list[str] = []
        for one in admitted.events:
            self._follow(one)
            account = getattr(one, "account", None)
            if account is not None and account not in self.owner:
                where = f"{type(one).__name__.lower()}.account"
                problems.append(str(Problem(where, repr(account), f"one of {len(self.owner)} accounts")))
                continue
            to = range(self.shards) if account is None else (self.owner[account],)
            routed.append(Routed({s: (self._place(s), self._own(s, one)) for s in to}))
        return Route(tuple(routed), admitted.refusals, tuple(problems))

    def _follow(self, event: Event) -> None:
        """Take what every shard takes alike; what they refuse they are sent all the same, for their records say so."""
        if isinstance(event, Prices):
            self.prices.move(event)
        elif isinstance(event, Clock) and clock_problem(self.prices, event) is None:
            self.prices.go_to(event.time)
            self.gate.ticked(event)
        elif isinstance(event, Settlement) and settlement_problem(self.prices, event, self.gate.rule) is None:
            self.prices.settle(event)
        elif isinstance(event, Listing):
            market = market_with(self.prices, event, self.gate.rule)
            if not isinstance(market, Problem):
                self._over(market)

    def _over(self, market: Market) -> None:
        self.prices = HotPrices(self.model, market)
        self.gate.over(self.prices)

    def _place(self, shard: int) -> int:
        self.sent[shard] += 1
        return self.sent[shard]

    def _own(self, shard: int, fact: Event) -> Event:
        """A fact under the number that it has among those of its source for this shard."""
        self._facts[shard][fact.source] += 1
        return replace(fact, number=self._facts[shard][fact.source])

    def freeze(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values."""
        return {
            "number": self.number,
            "sent": list(self.sent),
            "facts": [dict(c) for c in self._facts],
            "market": self.prices.snapshot().to_dict(),
            "gate": self.gate.freeze(),
        }

    def thaw(self, content: Mapping[str, Any]) -> None:
        """Remember what `freeze` gave."""
        self.number = int(content["number"])
        self.sent = [int(n) for n in content["sent"]]
        self._facts = [Counter({k: int(v) for k, v in c.items()}) for c in content["facts"]]
        self._over(Market.from_dict(content["market"], "state.market"))
        self.gate.thaw(content["gate"])
