"""The panel of open calls: each amount in its own currency, names that are text and nothing else."""

from __future__ import annotations

import pytest

for library in ("fastapi", "jinja2"):
    pytest.importorskip(library)

from plimsoll.serve.dashboard.calls import Calls, OpenCall, calls_part  # noqa: E402  only where its libraries are


class Visitor:
    """Somebody with every scope, or none."""

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed

    def may(self, scope: str) -> bool:
        """Whether."""
        return self.allowed


def call(account: str, amount: float, currency: str) -> OpenCall:
    """A call of four hours."""
    return OpenCall(account, f"{account}:1", amount, currency, "2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z", None)


@pytest.mark.parametrize("allowed", [False, True])
def test_what_is_asked_is_shown_by_currency(allowed: bool) -> None:
    rows = (call("a", 10.5, "USD"), call("<b>", 0.25, "BTC"))
    page = calls_part(Calls(rows, {"called": 2}, {"BTC": 0.25, "ETH": 0.0, "USD": 10.5}, 0, ()), Visitor(allowed))  # type: ignore[arg-type]
    assert "2 calls open, 0.2500 BTC and $10 asked" in page
    assert ">0.2500 BTC</b>" in page
    assert "<b>:1" not in page
    assert page.count("<form") == (2 if allowed else 0)


def test_nothing_is_asked_where_no_call_is_open() -> None:
    page = calls_part(Calls((), {}, {"USD": 0.0}, 0, ()), Visitor(True))  # type: ignore[arg-type]
    assert "No calls open" in page
    assert "asked" not in page
