"""Which prices are believed: an index by the oracle's rule, the others against their index and what they were."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from plimsoll.documents import DocumentError
from plimsoll.live.events import Prices
from plimsoll.live.gate_rule import GateRule, Refusal
from plimsoll.live.prices import HotPrices
from plimsoll.market.oracle import OracleState, Quote, observe

FROM_ZERO = 2_000.0
"""Beyond the logarithm of any float, on either side."""

HIGHEST = 1e30
"""Nothing costs more, and nothing less than its inverse, so that ratios and squares of prices are floats."""

PRICE = f"a number above zero, from {1.0 / HIGHEST:g} to {HIGHEST:g}"


class Beliefs:
    """What was told of each price, and what is believed of it; see `GateRule`.

    It remembers the oracle of every index, the last quote of each source for it, and moves that went too far and wait
    to be said again.
    """

    def __init__(self, rule: GateRule, prices: HotPrices) -> None:
        self.rule, self.prices = rule, prices
        self._pending: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._quotes: dict[str, dict[str, Quote]] = {}
        self._oracles: dict[str, OracleState] = {}
        clock = prices.time.timestamp()
        for underlying in sorted(u for u in prices.universe.market.indices):
            start = prices.index(underlying)
            self._oracles[underlying] = OracleState(start, clock, recent=((clock, start or 0.0),), latest=clock)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Underlyings with an oracle."""
        return tuple(self._oracles)

    def state(self, underlying: str) -> OracleState:
        """What the oracle of an underlying remembers."""
        return self._oracles[underlying]

    def quotes(self, underlying: str) -> tuple[Quote, ...]:
        """The last quote of each source for an index, by name."""
        own = self._quotes.get(underlying, {})
        return tuple(own[s] for s in sorted(own))

    def over(self, prices: HotPrices) -> None:
        """Judge by other prices from now on, which know these underlyings and perhaps more."""
        self.prices = prices
        clock = prices.time.timestamp()
        for underlying in sorted(set(prices.universe.market.indices) - set(self._oracles)):
            start = prices.index(underlying)
            self._oracles[underlying] = OracleState(start, clock, recent=((clock, start or 0.0),), latest=clock)

    def freeze(self) -> dict[str, Any]:
        """What it remembers, as plain JSON values."""
        return {
            "pending": [[*place, *value] for place, value in sorted(self._pending.items())],
            "quotes": {u: [[q.source, q.time, q.price] for q in own.values()] for u, own in self._quotes.items()},
            "oracles": {u: asdict(state) for u, state in self._oracles.items()},
        }

    def thaw(self, content: Mapping[str, Any]) -> None:
        """Remember what `freeze` gave."""
        self._pending = {(a, b, c): (float(t), float(m)) for a, b, c, t, m in content["pending"]}
        self._quotes = {u: {s: Quote(s, float(t), float(p)) for s, t, p in own} for u, own in content["quotes"].items()}
        self._oracles = {u: _oracle(state) for u, state in content["oracles"].items()}

    def index(
        self, event: Prices, key: str, price: float, seconds: float, accepted: dict[str, float]
    ) -> Refusal | None:
        """An index by the oracle's rule; what it believes goes into `accepted`."""
        state = self._oracles.get(key)
        if state is None:
            return Refusal.of(event, "unknown", f"indices.{key}", repr(key), ", ".join(self._oracles))
        if not _is_price(price):
            return Refusal.of(event, "not a price", f"indices.{key}", repr(price), PRICE)
        quotes = self._quotes.setdefault(key, {})
        quotes[event.source] = Quote(event.source, seconds, price)
        now = max(seconds, state.latest, state.time)
        try:
            state, reading = observe(self.rule.oracle, state, tuple(quotes[s] for s in sorted(quotes)), now)
        except DocumentError as error:
            return Refusal.of(event, "suspect", f"indices.{key}", repr(price), str(error))
        self._oracles[key] = state
        if reading.status != "good":
            allowed = f"a move of {reading.allowed:.3g} from {reading.price:g}, or enough sources ({reading.status})"
            return Refusal.of(event, "suspect", f"indices.{key}", repr(price), allowed)
        if event.source in reading.faults:
            got = f"{price!r}: {reading.faults[event.source]}"
            accepted[key] = reading.price
            return Refusal.of(event, "suspect", f"indices.{key}", got, f"near the other sources, at {reading.price:g}")
        accepted[key] = reading.price
        return None

    def other(
        self, event: Prices, name: str, key: str, price: float, seconds: float,
        indices: Mapping[str, float], doubted: set[str],
    ) -> Refusal | None:  # fmt: skip
        """A price that is no index: against its index, its limits and what it was."""
        full = f"{name}.{key}"
        known = self.prices.known(name, key)
        if known is None:
            return Refusal.of(event, "unknown", full, repr(key), "what the market lists")
        if not _is_price(price):
            return Refusal.of(event, "not a price", full, repr(price), PRICE)
        rule = self.rule
        if name == "assets":
            return self._jump(event, full, price, seconds, _move(price, known), rule.asset_move)
        underlying = key.rpartition(" ")[0] if name == "forwards" else self._underlying(key)
        if underlying in doubted:
            return Refusal.of(event, "suspect", full, repr(price), "a message whose index is believed")
        if name == "vols":
            if price > rule.vol_most:
                return Refusal.of(event, "far off", full, repr(price), f"at most {rule.vol_most:g}")
            return self._jump(event, full, price, seconds, _move(price, known), rule.vol_move)
        before = self.prices.index(underlying)
        if before is None:
            return Refusal.of(event, "unknown", full, repr(underlying), "an underlying with an index")
        now = indices.get(underlying, before)
        if abs(_move(price, now)) > rule.basis:
            allowed = f"at most {rule.basis:g} (log) off the index {now:g}"
            return Refusal.of(event, "far off", full, repr(price), allowed)
        move = _move(price, known) - _move(now, before)
        return self._jump(event, full, price, seconds, move, rule.basis_move)

    def _jump(
        self, event: Prices, full: str, price: float, seconds: float, move: float, limit: float
    ) -> Refusal | None:
        """Whether a move is within its limit, or was said before by the same source and has stood for a while."""
        place = (event.source, full, "jump")
        if abs(move) <= limit:
            self._pending.pop(place, None)
            return None
        first = self._pending.get(place)
        if first is not None and abs(move - first[1]) <= limit / 4.0:
            if seconds - first[0] >= self.rule.confirm:
                del self._pending[place]
                return None
        else:
            self._pending[place] = (seconds, move)
        return Refusal.of(event, "suspect", full, f"{price!r}, a move of {move:+.3g}", f"at most {limit:g} at once")

    def _underlying(self, name: str) -> str:
        row = self.prices.row[name]
        return self.prices.plan.contracts[row].underlying


def _oracle(content: Mapping[str, Any]) -> OracleState:
    """The state of an oracle out of JSON, where floats may have come back as whole numbers."""
    since = content["suspect_since"]
    return OracleState(
        price=None if content["price"] is None else float(content["price"]),
        time=float(content["time"]),
        variance=float(content["variance"]),
        suspect_since=None if since is None else float(since),
        suspect_price=float(content["suspect_price"]),
        quarantined={s: float(t) for s, t in content["quarantined"].items()},
        recent=tuple((float(t), float(p)) for t, p in content["recent"]),
        latest=float(content["latest"]),
    )


def _move(price: float, before: float) -> float:
    """The log move of a price.

    From zero, which a market may hold where it knows no better, every move is too far to be believed at once: it is
    measured from `FROM_ZERO`, so that two that say the same lie near each other.
    """
    return math.log(price) - math.log(before) if before > 0.0 else FROM_ZERO + math.log(price)


def _is_price(price: float) -> bool:
    return 1.0 / HIGHEST <= price <= HIGHEST
