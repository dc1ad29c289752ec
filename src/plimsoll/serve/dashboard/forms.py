"""What a browser sends: whose page it comes from, the fields of a form, numbers in their range."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import HTTPConnection, Request

from plimsoll.documents import refuse

BODY = 64 * 1024
"""Bytes of a form."""


def own_origin(connection: HTTPConnection) -> bool:
    """Whether a request comes from a page of this very server."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") in ("same-origin", "none")
    return urlsplit(origin).netloc == connection.headers.get("host", "")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name. Raises `DocumentError` for one that is too long or no form."""
    told = bytearray()
    async for chunk in request.stream():
        told += chunk
        if len(told) > BODY:
            raise refuse("form", f"more than {BODY:,} bytes", f"at most {BODY:,} bytes")
    try:
        return dict(parse_qsl(told.decode(), keep_blank_values=True, max_num_fields=100))
    except (UnicodeDecodeError, ValueError) as error:
        raise refuse("form", str(error), "a form of at most 100 fields") from None


def number(fields: dict[str, str], name: str, low: float, high: float, *, whole: bool = False) -> float:
    """A number of a form within its range. Raises `DocumentError` naming the field."""
    text = fields.get(name, "").strip().replace(",", "")
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not low <= found <= high or (whole and found != int(found)):
        raise refuse(name, text, f"a {'whole ' if whole else ''}number from {low:g} to {high:g}")
    return found
