"""A service with a dashboard, really running: a tenant under a replay feed and one that stands still."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plimsoll.feeds.demo import demo_market
from plimsoll.live.calls import CallRule
from plimsoll.live.engine import Engine
from plimsoll.live.fleet import sample_accounts
from plimsoll.margin.catalogue import margin_model
from plimsoll.serve.app import create_app
from plimsoll.serve.dashboard.board import Board
from plimsoll.serve.demo import RULES, DemoFeed
from plimsoll.serve.run import server_of
from plimsoll.serve.state import Service, Tenant
from plimsoll.serve.tokens import Scope, TokenFile

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""A browser that speaks to nobody but us, in a fresh profile of its own."""


@dataclass
class House:
    """The running service; `moving` has a feed and a ledger, `still` neither, `called` a ledger only."""

    url: str
    service: Service
    tokens: TokenFile
    board: Board

    @property
    def still(self) -> Tenant:
        """The tenant whose books do not move."""
        return self.service.tenants["still"]

    def token(self, tenant: str, scope: Scope) -> str:
        """A new token's text."""
        return self.tokens.create(tenant, scope, name=f"{tenant} {scope}")[1]


def tenant_of(name: str, accounts: int, ledger: Path | None) -> Tenant:
    """Sample accounts on the embedded chain, with a desk for calls."""

    def make() -> Engine:
        market = demo_market()
        return Engine(margin_model(RULES), market, sample_accounts(market, accounts), calls=CallRule())

    return Tenant(name, make, ledger=ledger)


@contextmanager
def running(folder: Path, *, accounts: int = 30, speed: float = 2.0, port: int = 0) -> Iterator[House]:
    """The service on a free port, until the end of the block."""
    tenants = {
        "moving": tenant_of("moving", accounts, folder / "moving.db"),
        "still": tenant_of("still", accounts, None),
        "called": tenant_of("called", 8, folder / "called.db"),
    }
    tokens = TokenFile(None)
    service = Service(tenants, tokens)
    app = create_app(service)
    server = server_of(app, port=port)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    feed = DemoFeed(tenants["moving"], speed=speed).start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        where = server.servers[0].sockets[0].getsockname()[1]
        yield House(f"http://127.0.0.1:{where}", service, tokens, app.state.dashboard)
    finally:
        feed.stop()
        server.should_exit = True
        thread.join(20)
