"""`plimsoll serve`: the service on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from plimsoll.serve.state import Tenant
    from plimsoll.serve.tokens import TokenFile

PLACE = "FILE|postgresql://..."
TOKENS = "plimsoll-tokens.json"
SECRET = "PLIMSOLL_WEBHOOK_SECRET"  # noqa: S105  where it is found, not what it is


@click.command(epilog="Example: plimsoll serve --demo --ledger demo.db")
@click.option(
    "--demo", is_flag=True, help="Sample accounts on the embedded chain, with a generated day played to them."
)
@click.option("--config", metavar="FILE", help="The tenants (JSON, `plimsoll schema service`).")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot of a single tenant (JSON).")
@click.option("--account", "-a", "accounts", multiple=True, metavar="FILE", help="Account document; may be repeated.")
@click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="The rule set of a single tenant.")
@click.option("--tenant", metavar="NAME", help="Name of a single tenant.  [default: desk, with --demo demo]")
@click.option("--ledger", metavar=PLACE, help="Record of a single tenant: what is acknowledged then is on the disk.")
@click.option(
    "--tokens", metavar="FILE", help="Hashed API tokens.  [default: beside the ledger; without one in memory]"
)
@click.option("--history", metavar="FILE", help="Daily bars for the dashboard's pages on rates and coverage.")
@click.option(
    "--alerts", metavar="FILE", help="Alert rules (JSON, `plimsoll schema alert-rules`), not the shipped ones."
)
@click.option("--webhook", metavar="URL", help=f"Post every alert there, signed where ${SECRET} is set.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8_000, show_default=True, help="Port to listen on.")
@click.option("--certificate", metavar="FILE", help="Certificate for TLS (PEM).")
@click.option("--key", metavar="FILE", help="Key of the certificate (PEM).")
@click.option("--sample", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Accounts of --demo.")
@click.option("--speed", type=click.FloatRange(0.0), default=1.0, show_default=True, help="Pace of --demo; 0: no feed.")
def command(
    demo: bool,
    config: str | None,
    market: str | None,
    accounts: tuple[str, ...],
    rules: str | None,
    tenant: str | None,
    ledger: str | None,
    tokens: str | None,
    history: str | None,
    alerts: str | None,
    webhook: str | None,
    host: str,
    port: int,
    certificate: str | None,
    key: str | None,
    sample: int,
    speed: float,
) -> None:
    """The live engine behind REST, WebSocket and a dashboard, for tenants apart, by one process. Ctrl-C ends it.

    A tenant without a token gets one, which is printed this once. The interface is described at /v1/openapi.json.
    """
    from pathlib import Path

    from plimsoll.cli._common import console
    from plimsoll.documents import refuse
    from plimsoll.serve.extra import needed

    with needed():
        from plimsoll.serve.app import create_app
        from plimsoll.serve.demo import DemoFeed
        from plimsoll.serve.run import checked_tls, run, server_of
        from plimsoll.serve.state import Service
        from plimsoll.serve.tokens import TokenFile
    checked_tls(certificate, key)
    if history is not None and not Path(history).is_file():
        raise refuse("--history", history, "a file of daily bars")
    kept = TokenFile(_tokens(tokens, ledger, config))
    told = {"alerts": alerts, "webhook": webhook}
    tenants = _tenants(demo, config, market, accounts, rules, tenant, ledger, sample, told)
    out = console()
    feed = None
    service = Service(tenants, kept)
    try:
        server = server_of(
            create_app(service, secure=certificate is not None, history=history),
            host=host,
            port=port,
            certificate=certificate,
            key=key,
        )
        scheme = "http" if certificate is None else "https"
        for own in tenants.values():
            again = ", as its ledger has it" if own.resumed else ""
            words = f"{own.name}: {len(own.names):,} accounts under {own.model.rules.label}{again}"
            out.print(words, markup=False, highlight=False, soft_wrap=True)
            if own.unread:
                words = f"{own.name}: these alerts are for `plimsoll live monitor`: {', '.join(own.unread)}"
                out.print(words, markup=False, highlight=False, soft_wrap=True)
            _first_token(kept, own.name)
        out.print(f"{scheme}://{host}:{port}/v1/openapi.json", markup=False, soft_wrap=True)
        out.print(f"{scheme}://{host}:{port}/dashboard", markup=False, soft_wrap=True)
        if demo and speed > 0.0:
            feed = DemoFeed(next(iter(tenants.values())), speed=speed).start()
        run(server)
    finally:
        if feed is not None:
            feed.stop()
        service.close()
        _not_posted(tenants)


def _not_posted(tenants: dict[str, Tenant]) -> None:
    """Say at the end which alerts nobody has taken."""
    for own in tenants.values():
        counts = None if own.webhook is None else own.webhook.counts
        if counts is not None and own.webhook is not None and counts["failed"] + counts["dropped"]:
            words = f"{counts['failed']} alerts failed, {counts['dropped']} dropped; the last: {own.webhook.last}"
            click.echo(f"{own.name}: webhook: {counts['sent']} alerts sent, {words}", err=True)


def _first_token(tokens: TokenFile, tenant: str) -> None:
    """A token for a tenant that has none that holds."""
    now = tokens.now()
    if any(t.tenant == tenant and t.revoked is None and t.expires > now for t in tokens.all()):
        return
    token, secret = tokens.create(tenant, "admin", name="first")
    click.echo(f"first token of {tenant} (admin, until {token.expires:%Y-%m-%d}), shown this once:\n{secret}")


def _tokens(path: str | None, ledger: str | None, config: str | None) -> str | None:
    if path is not None:
        return path
    if ledger is not None and "://" not in ledger:
        return f"{ledger}.tokens.json"
    return TOKENS if ledger is not None or config is not None else None


def _tenants(
    demo: bool,
    config: str | None,
    market: str | None,
    accounts: tuple[str, ...],
    rules: str | None,
    name: str | None,
    ledger: str | None,
    sample: int,
    told: dict[str, str | None],
) -> dict[str, Tenant]:
    import os
    from pathlib import Path

    from plimsoll.documents import refuse
    from plimsoll.live.alerts import AlertRules
    from plimsoll.serve.config import ServiceConfig, tenants_of, webhook_of
    from plimsoll.serve.demo import demo_tenant

    single = market is not None or bool(accounts) or rules is not None
    if demo + (config is not None) + single != 1:
        raise refuse(
            "--demo, --config, --market", "none or several", "one of them: the demonstration, tenants, a tenant"
        )
    if config is not None:
        if name is not None or ledger is not None:
            raise refuse("--tenant, --ledger", "with --config", "what the document says of each tenant")
        if any(value is not None for value in told.values()):
            raise refuse("--alerts, --webhook", "with --config", "what the document says of each tenant")
        return tenants_of(ServiceConfig.load(config), Path(config).resolve().parent)
    variable = SECRET if told["webhook"] is not None and os.environ.get(SECRET) else None
    if demo:
        own = name or "demo"
        rules_of_alerts = None if told["alerts"] is None else AlertRules.load(told["alerts"])
        hook = None if told["webhook"] is None else webhook_of(told["webhook"], variable)
        return {own: demo_tenant(own, accounts=sample, ledger=ledger, alerts=rules_of_alerts, webhook=hook)}
    if market is None or not accounts or rules is None:
        raise refuse("--market, --account, --rules", "not all of them", "the market, an account or more, the rule set")
    content = {
        "schema": ServiceConfig.SCHEMA,
        "schema_version": 1,
        "tenants": [
            {"name": name or "desk", "rules": rules, "market": market, "accounts": accounts, "ledger": ledger}
            | {**told, "webhook_secret_variable": variable},
        ],
    }
    return tenants_of(ServiceConfig.from_dict(content, "options"), Path.cwd())
