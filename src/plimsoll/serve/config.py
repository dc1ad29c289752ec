"""Which tenants a service has, as a document; and the tenants of it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator

from plimsoll.documents import Document, Name, Part, fault, refuse
from plimsoll.live.alerts import AlertRules, Webhook, secret_of
from plimsoll.live.engine import Engine
from plimsoll.live.orders import Limits
from plimsoll.margin import Account, load_rules
from plimsoll.margin.catalogue import margin_model
from plimsoll.market import Market
from plimsoll.serve.limits import ServiceLimits
from plimsoll.serve.state import Tenant
from plimsoll.serve.tokens import TenantName

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Path_ = Annotated[str, Field(min_length=1, max_length=1_000)]


class TenantConfig(Part):
    """One tenant: its rules, the market it starts in, its accounts, and where its record is kept; paths of files.

    Each tenant has a ledger of its own, or none. `limits` are what orders are held to. `alerts` are the rules of its
    monitors, not the shipped ones; every alert is posted to the `webhook`, signed with the secret that stands in the
    environment under the name `webhook_secret_variable`.
    """

    name: TenantName
    rules: Name
    market: Path_
    accounts: Annotated[tuple[Path_, ...], Field(min_length=1, max_length=100_000)]
    ledger: Path_ | None = None
    limits: Path_ | None = None
    alerts: Path_ | None = None
    webhook: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    webhook_secret_variable: Variable | None = None

    @model_validator(mode="after")
    def _signs_something(self) -> Self:
        if self.webhook_secret_variable is not None and self.webhook is None:
            raise fault("webhook_secret_variable", self.webhook_secret_variable, "a webhook beside it")
        return self


class ServiceConfig(Document):
    """The tenants of a service. Paths are relative to the file."""

    SCHEMA: ClassVar[str] = "plimsoll.service"

    tenants: Annotated[tuple[TenantConfig, ...], Field(min_length=1, max_length=100)]


def tenants_of(config: ServiceConfig, folder: Path, limits: ServiceLimits | None = None) -> dict[str, Tenant]:
    """The tenants, each with its engine running. Raises `DocumentError` for two that share a name, a ledger or
    a webhook, where their alerts could not be told apart."""
    names = [t.name for t in config.tenants]
    ledgers = [_place(folder, t.ledger) for t in config.tenants if t.ledger is not None]
    hooks = [t.webhook for t in config.tenants if t.webhook is not None]
    for what, values in (("name", names), ("ledger", ledgers), ("webhook", hooks)):
        twice = [v for k, v in enumerate(values) if v in values[:k]]
        if twice:
            raise refuse(f"tenants.{what}", twice[0], "one of its own for each tenant")
    found: dict[str, Tenant] = {}
    with ExitStack() as undone:
        for tenant in config.tenants:
            found[tenant.name] = tenant_of(tenant, folder, limits)
            undone.callback(found[tenant.name].close)
        undone.pop_all()
    return found


def tenant_of(config: TenantConfig, folder: Path, limits: ServiceLimits | None = None) -> Tenant:
    """One tenant; what its ledger has goes before the files."""
    # what cannot be read is told before anything is started
    model = margin_model(load_rules(_rules(folder, config.rules)))
    market = Market.load(folder / config.market)
    accounts = [Account.load(folder / path) for path in config.accounts]
    orders = None if config.limits is None else Limits.load(folder / config.limits)
    ledger = None if config.ledger is None else _place(folder, config.ledger)
    alerts = None if config.alerts is None else AlertRules.load(folder / config.alerts)
    webhook = None if config.webhook is None else webhook_of(config.webhook, config.webhook_secret_variable)

    def make() -> Engine:
        return Engine(model, market, accounts, limits=orders)

    return Tenant(config.name, make, ledger=ledger, limits=limits, alerts=alerts, webhook=webhook)


def webhook_of(url: str, variable: str | None) -> Webhook:
    """A webhook, signed with the secret of an environment variable. Raises `DocumentError` where it is not set."""
    secret = None if variable is None else secret_of(variable)
    if variable is not None and secret is None:
        raise refuse("webhook_secret_variable", variable, "an environment variable that is set and not empty")
    return Webhook(url, secret=secret)


def _rules(folder: Path, rules: str) -> str:
    return str(folder / rules) if rules.endswith(".json") else rules


def _place(folder: Path, ledger: str) -> str:
    return ledger if "://" in ledger else str(folder / ledger)


__all__ = ["ServiceConfig", "TenantConfig", "tenant_of", "tenants_of", "webhook_of"]
