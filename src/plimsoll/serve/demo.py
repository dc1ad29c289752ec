"""The demonstration: sample accounts and their market maker on the embedded chain, a generated day played to them."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from plimsoll.documents import PlimsollError
from plimsoll.feeds.demo import demo_market
from plimsoll.live.alerts import AlertRules, Webhook
from plimsoll.live.calls import CallRule
from plimsoll.live.engine import Engine
from plimsoll.live.events import Event, Fill, Prices
from plimsoll.live.fleet import sample_accounts
from plimsoll.live.generated import generated_day
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.catalogue import margin_model
from plimsoll.market import Market
from plimsoll.serve.limits import ServiceLimits
from plimsoll.serve.state import Tenant

RULES = "prbm@2026-01-30"
ACCOUNTS = 50
ENDLESS = 10**15

MAKER = "market maker"
"""The account that holds the other side of every position. No sample account has this name."""

OTHER_SIDE = "matching, other side"
"""The source of its fills, which are those of `matching` under the same numbers, turned round."""

WALLET = {"USDC": 5_000_000.0, "BTC": 20.0}
"""What it brings for fifty accounts, some forty times its initial margin; for more by the square root, as what is left
of many books grows.
"""


def demo_tenant(
    name: str = "demo",
    *,
    accounts: int = ACCOUNTS,
    rules: str = RULES,
    seed: int = 7,
    ledger: str | Path | None = None,
    limits: ServiceLimits | None = None,
    alerts: AlertRules | None = None,
    webhook: Webhook | None = None,
) -> Tenant:
    """Sample accounts on the embedded chain under the house model, and the market maker against whom they all stand.

    So open interest balances, as at a venue. With a ledger they go on where it ends.
    """

    def make() -> Engine:
        market, model = demo_market(), margin_model(rules)
        fleet = sample_accounts(market, accounts, seed=seed)
        return Engine(model, market, [*fleet, market_maker(model, market, fleet)], calls=CallRule())

    return Tenant(name, make, ledger=ledger, limits=limits, alerts=alerts, webhook=webhook)


def market_maker(model: MarginModel, market: Market, fleet: Sequence[Account]) -> Account:
    """The account that holds the other side of every position of a fleet, profits too, and is well collateralised."""
    held = Engine(model, market, fleet)
    quantity: dict[str, list[float]] = defaultdict(list)
    profit: dict[str, list[float]] = defaultdict(list)
    for a in range(len(fleet)):
        for position in held.account(a).positions:
            quantity[position.instrument].append(position.quantity)
            profit[position.instrument].append(position.unrealised_pnl or 0.0)
    rows = []
    for name in sorted(quantity):
        # lots are tenths and thousandths, of which a sum of floats is a little off
        size, gain = round(math.fsum(quantity[name]), 6), math.fsum(profit[name])
        if size:
            rows.append({"instrument": name, "quantity": -size} | ({"unrealised_pnl": -gain} if gain else {}))
    part = max(1.0, math.sqrt(len(fleet) / ACCOUNTS))
    content = {
        "schema": Account.SCHEMA,
        "schema_version": Account.VERSION,
        "name": MAKER,
        "positions": rows,
        "collateral": {asset: round(amount * part, 2) for asset, amount in WALLET.items()},
    }
    return Account.from_dict(content)


class DemoFeed:
    """A generated day, played to a tenant on a thread: the prices, the clock, and fills with both their sides.

    The other side of each fill is the market maker's where the tenant has one, and no question comes between the two.
    `speed` times the day's own pace. After a restart from a ledger it goes on behind the last event of each source.
    """

    def __init__(self, tenant: Tenant, *, speed: float = 1.0, seed: int = 7) -> None:
        self.tenant, self.speed = tenant, speed
        self.failure: PlimsollError | None = None
        self._stop = threading.Event()
        self._maker = MAKER in tenant.number
        traders = [name for name in tenant.names if name != MAKER]
        self._events = generated_day(demo_market(), traders, ENDLESS, seed)
        self._thread = threading.Thread(target=self._run, name="plimsoll-demo", daemon=True)

    def start(self) -> DemoFeed:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End it, and wait until it has."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for events in self._paced(self._later()):
                if self._stop.is_set():
                    return
                self.tenant.submit_together(events, timeout=1.0)
        except PlimsollError as error:
            self.failure = error

    def _later(self) -> Iterator[list[Event]]:
        """The events that the books have not seen, those of one moment together."""
        seen = self.tenant.live.ask(lambda engine: engine.gate.sources()).result()

        def new(event: Event) -> bool:
            last, newest = seen.get(event.source, (0, None))
            if isinstance(event, Prices):
                return newest is None or event.time.timestamp() > newest
            return event.number > last

        for event in self._events:
            if self._stop.is_set():
                return
            sides = [event]
            if self._maker and isinstance(event, Fill):
                sides.append(replace(event, source=OTHER_SIDE, account=MAKER, quantity=-event.quantity))
            fresh = [side for side in sides if new(side)]
            if fresh:
                yield fresh

    def _paced(self, events: Iterator[list[Event]]) -> Iterator[list[Event]]:
        began, first = time.monotonic(), None
        for together in events:
            at = together[0].time
            first = at if first is None else first
            wait = (at - first).total_seconds() / self.speed - (time.monotonic() - began)
            if wait > 0.0 and self._stop.wait(wait):
                return
            yield together
