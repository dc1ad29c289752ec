"""Ledgers on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.servers import Server, binaries, server


@pytest.fixture(scope="session")
def running_postgres() -> Iterator[Server]:
    """A server for the whole session."""
    if binaries() is None:
        pytest.skip("no PostgreSQL: neither initdb on the path nor /usr/lib/postgresql")
    with server() as running:
        yield running


@pytest.fixture
def postgres(running_postgres: Server) -> Server:
    """The server with no tables."""
    running_postgres.empty()
    return running_postgres
