"""The service: REST, WebSocket and the dashboard, one process that keeps the books of its tenants."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.serve.app import create_app
    from plimsoll.serve.client import Client
    from plimsoll.serve.state import Service, Tenant
    from plimsoll.serve.tokens import TokenFile

# what needs the extra is imported when it is used
_HOMES = {"create_app": "app", "Client": "client", "Service": "state", "Tenant": "state", "TokenFile": "tokens"}

__all__ = ["Client", "Service", "Tenant", "TokenFile", "create_app"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'plimsoll.serve' has no attribute {name!r}")
    from plimsoll.serve.extra import needed

    with needed():
        return getattr(import_module(f"plimsoll.serve.{_HOMES[name]}"), name)
