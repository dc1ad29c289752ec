"""What every page has: its frame, its headers, and the templates with their words for numbers."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from plimsoll.documents import format_instant
from plimsoll.report.amounts import exact_percent, is_dollar, money, number, percent, short_money, signed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from plimsoll.serve.dashboard.visitors import Visitor

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No script, style or request but of this server, none inline, none evaluated; see decision 055."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # not no-referrer: a form would then say that it comes from nowhere, and forms of others could not be told apart
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
PAGES = (
    ("fleet", "Fleet", "/dashboard"),
    ("account", "Account", "/dashboard/account"),
    ("rates", "Rates", "/dashboard/rates"),
    ("coverage", "Coverage", "/dashboard/coverage"),
    ("stress", "Stress", "/dashboard/stress"),
    ("audit", "Audit", "/dashboard/audit"),
)
"""Name, title and path, in the order of the keys 1 to 6."""

STATUS_WORDS = {"healthy": "good", "reduce only": "tight", "called": "bad", "refused": "bad"}


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("plimsoll.serve.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        money=money, number=number, short=short_money, percent=percent, exact=exact_percent, signed=signed,
        instant=format_instant, clock=_clock, health=_health, tone=lambda status: STATUS_WORDS.get(status, ""),
        isdollar=is_dollar,
    )  # fmt: skip
    environment.globals["pages"] = PAGES
    return environment


def _clock(time: datetime) -> str:
    """`2026-01-30 08:15:02`."""
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _health(health: float | None) -> str:
    """Health with as many digits as it needs near the line."""
    if health is None:
        return "–"
    return f"{health:,.3f}" if health < 2.0 else f"{health:,.2f}" if health < 100.0 else f"{health:,.0f}"


def part(name: str, **values: Any) -> str:
    """A piece of a page, of the template of that name. Text that comes from documents is escaped."""
    text: str = _environment().get_template(name).render(**values)
    return text


def page(request: Request, visitor: Visitor | None, name: str, status: int = 200, **values: Any) -> Response:
    """A whole page."""
    from starlette.responses import HTMLResponse

    import plimsoll

    frame = {"visitor": visitor, "page": name, "version": plimsoll.__version__, "tls": request.url.scheme == "https"}
    return HTMLResponse(part(f"{name}.html.j2", **frame, **values), status_code=status, headers=HEADERS)


def piece(text: str, status: int = 200) -> Response:
    """A piece of a page as an answer."""
    from starlette.responses import HTMLResponse

    return HTMLResponse(text, status_code=status, headers=HEADERS)


def trouble(words: str, status: int = 400) -> Response:
    """What went wrong, as a piece of a page."""
    return piece(part("trouble.html.j2", words=words), status)
