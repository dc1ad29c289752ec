"""What the service says where its libraries are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from plimsoll.documents import PlimsollError

LIBRARIES = ("fastapi", "starlette", "uvicorn", "websockets", "prometheus_client", "httpx", "sqlalchemy", "alembic")


class MissingServiceError(PlimsollError):
    """A library of the service is not installed."""


@contextmanager
def needed() -> Iterator[None]:
    """Turns a library that is not there into an error that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in LIBRARIES:
            raise
        raise MissingServiceError(
            f"the service needs {error.name}, which is not installed: pip install 'plimsoll-margin[service]'"
        ) from None
