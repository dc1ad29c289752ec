"""What Prometheus reads: each tenant has a registry of its own and sees no other."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from plimsoll.live.monitors import Readings
    from plimsoll.serve.state import Tenant

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class TenantMeasures:
    """The numbers of one tenant."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made: dict[str, Any] = {"registry": self.registry}
        self.requests = Counter(
            "plimsoll_requests", "Requests answered.", ("operation", "status"), **made
        )  # `_total` is added by the library
        self.seconds = Histogram(
            "plimsoll_request_seconds", "Seconds from request to reply.", ("operation",), buckets=BUCKETS, **made
        )
        self.events = Gauge("plimsoll_events", "Events that the engine has seen.", **made)
        self.queue = Gauge("plimsoll_queue", "Events and questions that wait for the engine.", **made)
        self.accounts = Gauge("plimsoll_accounts", "Accounts by status.", ("status",), **made)
        self.faults = Gauge("plimsoll_messages_set_apart", "Messages that the gate set apart.", ("fault",), **made)
        self.calls = Gauge("plimsoll_margin_calls", "Margin calls since the start.", **made)
        self.streams = Gauge("plimsoll_streams", "Clients of the stream.", **made)
        self.dropped = Counter("plimsoll_streams_dropped", "Clients of the stream that were too slow.", **made)
        self.jobs = Gauge("plimsoll_jobs", "Jobs by state.", ("state",), **made)
        self.ledger = Gauge("plimsoll_ledger_records", "Number of the last record of the ledger.", **made)
        self.webhook = Gauge("plimsoll_webhook_alerts", "Alerts posted to the webhook.", ("outcome",), **made)
        self.up = Gauge("plimsoll_up", "Whether the engine takes events.", **made)
        self.readings = ReadingMeasures(made)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)


class ReadingMeasures:
    """The last reading of the monitors; absent until there is one. Amounts in USD."""

    def __init__(self, made: dict[str, Any]) -> None:
        def gauge(name: str, words: str, *labels: str) -> Gauge:
            return Gauge(f"plimsoll_monitor_{name}", words, labels, **made)

        self.event = gauge("event", "Number of the event after which the monitors were read.")
        self.amounts = gauge("usd", "Sums over all accounts that are margined, in USD.", "amount")
        self.utilisation = gauge("utilisation", "Initial margin over equity, of everybody.")
        self.leverage = gauge("leverage", "Gross notional over equity, of everybody.")
        self.steps = gauge("accounts", "Accounts by step of the call policy.", "step")
        self.held = gauge("herfindahl", "Sum of squared shares of the open interest.", "underlying", "side")
        self.group = gauge("linked_largest_share", "Share of the notional held by the largest linked group.")
        self.furthest = gauge("oracle_furthest", "Furthest source of an index, in bands of its rule.", "underlying")
        self.suspect = gauge("oracle_suspect_seconds", "Seconds in which an index was not believed.", "underlying")
        self.stale = gauge("prices_stale", "Prices that are older than their limit.", "kind")
        self.age = gauge("price_age_seconds", "Age of the oldest price.", "kind")
        self.waiting = gauge("facts_waiting", "Facts that wait behind a gap.", "source")
        self.alerts = gauge("alerts", "Alerts that stand.", "rule", "severity")

    def tell(self, found: Readings, standing: Sequence[tuple[str, str, str, datetime]]) -> None:
        """Show a reading and the alerts that stand with it; what has gone from it is no longer shown."""
        used = found.utilisation
        self.event.set(found.events)
        for name in ("initial", "maintenance", "equity", "free", "missing"):
            self.amounts.labels(name).set(getattr(used, name))
        for total, value in ((self.utilisation, used.total), (self.leverage, found.leverage.total)):
            total.set(float("nan") if value is None else value)
        self.group.set(found.linked.largest_share)
        for labelled in (self.steps, self.held, self.furthest, self.suspect, self.stale, self.age, self.waiting):
            labelled.clear()
        self.alerts.clear()
        for name, step in found.health.steps.items():
            self.steps.labels(name).set(step.accounts)
        for name, sides in found.concentration.underlyings.items():
            for side, held in sides.items():
                self.held.labels(name, side).set(held.herfindahl)
        for name, index in found.oracle.indices.items():
            self.furthest.labels(name).set(index.furthest)
            self.suspect.labels(name).set(index.suspect_seconds)
        for name, field in found.feeds.fields.items():
            self.stale.labels(name).set(field.stale)
            self.age.labels(name).set(field.age)
        for name, source in found.feeds.sources.items():
            self.waiting.labels(name).set(source.waiting)
        for (rule, severity), count in Counts((rule, severity) for rule, _, severity, _ in standing).items():
            self.alerts.labels(rule, severity).set(count)


class Measures:
    """Counts requests for the tenant whose token they carried; those without one are counted nowhere."""

    def seen(self, scope: Any, status: int, seconds: float) -> None:
        """One request was answered."""
        state = scope.get("state") or {}
        tenant: Tenant | None = state.get("tenant")
        if tenant is None:
            return
        route = scope.get("route")
        name = getattr(route, "operation_id", None) or "other"
        tenant.measures.requests.labels(name, str(status)).inc()
        tenant.measures.seconds.labels(name).observe(seconds)
