"""One running service for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

for library in ("fastapi", "uvicorn", "websockets", "prometheus_client", "httpx", "sqlalchemy"):
    pytest.importorskip(library)

from served import Served, served  # noqa: E402  only where its libraries are


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two tenants: `north` with a ledger, `south` without."""
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found
