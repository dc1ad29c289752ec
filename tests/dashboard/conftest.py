"""One running service for all tests of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

for library in ("fastapi", "uvicorn", "websockets", "prometheus_client", "httpx", "sqlalchemy"):
    pytest.importorskip(library)

from dashboard_house import House, running  # noqa: E402  only where the libraries are


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """`moving` under a feed with a ledger, `still` without either."""
    with running(tmp_path_factory.mktemp("dashboard")) as found:
        yield found
