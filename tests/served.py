"""A service that really runs: uvicorn on a thread at a free port of this machine, two tenants who share nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

import plimsoll as pl
from live_books import engine_of, small_accounts, small_market
from plimsoll.live import Engine, Limits
from plimsoll.serve.app import create_app
from plimsoll.serve.client import Client
from plimsoll.serve.limits import ServiceLimits
from plimsoll.serve.run import server_of
from plimsoll.serve.state import Service, Tenant
from plimsoll.serve.tokens import SCOPES, TokenFile

MARKET = small_market()
LIMITS = ServiceLimits(body=2**20, depth=12, backlog=16, streams=8, job_seconds=60.0, failures=1_000.0)


def small_engine(prefix: str = "", size: int = 5) -> Engine:
    """Some accounts on the small market, perhaps with other names."""
    accounts = [a.model_copy(update={"name": f"{prefix}{a.name}"}) for a in small_accounts(MARKET, size)]
    return engine_of(MARKET, accounts, limits=Limits(excess=5.0))


@dataclass
class Served:
    """A running service, its address, and a token of each tenant and scope."""

    url: str
    service: Service
    secrets: dict[str, str]
    clients: list[Client] = field(default_factory=list)
    # without TLS nothing has to be verified, and the trusted certificates take a tenth of a second to read
    http: httpx.Client = field(default_factory=lambda: httpx.Client(verify=False, trust_env=False, timeout=60.0))

    def client(self, who: str) -> Client:
        """A client as `north admin`."""
        made = Client(self.url, self.secrets[who])
        self.clients.append(made)
        return made

    def headers(self, who: str) -> dict[str, str]:
        """The header of a token."""
        return {"Authorization": f"Bearer {self.secrets[who]}"}

    @property
    def north(self) -> Tenant:
        """The tenant with a ledger."""
        return self.service.tenants["north"]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(folder: Path, limits: ServiceLimits = LIMITS) -> Iterator[Served]:
    """A service with the tenants `north` (with a ledger) and `south` (without)."""
    tenants = {
        "north": Tenant("north", small_engine, ledger=folder / "north.db", limits=limits),
        "south": Tenant("south", lambda: small_engine("south "), limits=limits),
    }
    tokens = TokenFile(folder / "tokens.json")
    secrets = {
        f"{tenant} {scope}": tokens.create(tenant, scope, name=f"{scope} of {tenant}", rate=50_000.0)[1]
        for tenant in tenants
        for scope in SCOPES
    }
    service = Service(tenants, tokens, limits)
    port = free_port()
    server = server_of(create_app(service), port=port)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    until = time.monotonic() + 60.0
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < until, "the server did not start in a minute"
        time.sleep(0.01)
    found = Served(f"http://127.0.0.1:{port}", service, secrets)
    try:
        yield found
    finally:
        found.http.close()
        for client in found.clients:
            client.close()
        server.should_exit = True
        thread.join(60.0)
        assert not thread.is_alive()


def tight(account: pl.Account) -> pl.Account:
    """The same with a tenth of its money."""
    return account.model_copy(update={"collateral": {k: v / 10.0 for k, v in account.collateral.items()}})
