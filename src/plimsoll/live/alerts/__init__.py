"""Alerts on the monitors: levels with hysteresis, each said once, to a log, a ledger and a webhook."""

from plimsoll.live.alerts.rules import AlertRule, AlertRules, default_rules
from plimsoll.live.alerts.sinks import AlertLog, AlertRecord
from plimsoll.live.alerts.watch import Alert, AlertWatch
from plimsoll.live.alerts.webhook import Webhook, secret_of, signature

__all__ = [
    "Alert",
    "AlertLog",
    "AlertRecord",
    "AlertRule",
    "AlertRules",
    "AlertWatch",
    "Webhook",
    "default_rules",
    "secret_of",
    "signature",
]
