"""Bodies: JSON read strictly, within a depth, into one of the wire's models."""

from __future__ import annotations

import asyncio
import re
from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from plimsoll.documents import Document, DocumentError, Part, Problem, parse_json, problems_of
from plimsoll.serve.problems import Refused

P = TypeVar("P", bound=Part)

TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
LARGE = 2**16
"""Bytes from which a body is read beside the event loop."""


def depth_of(raw: bytes, most: int) -> int:
    """The depth of nesting of a JSON text, at most `most + 1`: beyond, nobody counts.

    >>> depth_of(b'{"a": [1, "]]"]}', 9), depth_of(b"[" * 50, 9)
    (2, 10)
    """
    if raw.count(b"[") + raw.count(b"{") <= most and b'"' not in raw:
        return min(most, raw.count(b"[") + raw.count(b"{"))
    depth = deepest = 0
    for found in TOKENS.finditer(raw):
        first = raw[found.start()]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > most:
                return most + 1
        elif first in b"]}":
            depth -= 1
    return deepest


async def raw_of(request: Request) -> bytes:
    """The bytes of a JSON body."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "a body of another type", [Problem("content-type", kind or "nothing", "application/json")])
    return await request.body()


def parsed(raw: bytes, model: type[P], depth: int) -> P:
    """The model in a body. Raises `Refused` or `DocumentError` naming every field that is wrong."""
    if not raw:
        raise Refused(400, "an empty body", [Problem("$", "nothing", "a JSON object")])
    if depth_of(raw, depth) > depth:
        raise Refused(400, "a body nested too deeply", [Problem("$", "deeper nesting", f"at most {depth} levels")])
    try:
        content = parse_json(raw)
    except DocumentError as error:
        raise Refused(400, "a body that is not JSON", error.problems) from None
    if issubclass(model, Document):
        return model.from_dict(content)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise DocumentError(problems_of(error, content, model)) from None


async def body_of(request: Request, model: type[P], depth: int) -> P:
    """The model in the body of a request; a large one is read beside the event loop."""
    raw = await raw_of(request)
    if len(raw) < LARGE:
        return parsed(raw, model, depth)
    return await asyncio.to_thread(parsed, raw, model, depth)
