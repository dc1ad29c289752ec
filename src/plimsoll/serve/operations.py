"""How an operation of the interface is declared, and how its answers are sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from plimsoll.documents import Document, Part, Problem, refuse
from plimsoll.serve.auth import caller_of, needs, tenant_of
from plimsoll.serve.problems import Refused, refusal_of
from plimsoll.serve.schemas import REF, named
from plimsoll.serve.state import ANSWER, CALL
from plimsoll.serve.tokens import Scope

JSON = "application/json"
KEY = "idempotency-key"
MODELS: list[type[Part]] = []
"""Every model that an operation takes or gives, for the description."""

Handler = Callable[..., Awaitable[Response]]

REFUSALS = {
    400: "The request is not understood.",
    401: "No token that holds.",
    403: "The scope of the token does not allow it.",
    404: "Nothing of this name for this tenant.",
    405: "Not with this method.",
    413: "Too large.",
    415: "Another type of body is needed.",
    422: "Something in the request is not allowed; `problems` name the fields.",
    429: "More than the rate of the token allows.",
    503: "The engine or a queue is full, or has stopped.",
    504: "It takes too long.",
}
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A second call with the same key and body is not done again: it gets the first answer.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
MATCH_PARAMETER = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that the caller has: 304 where nothing has changed.",
    "schema": {"type": "string", "pattern": "^[ -~]{0,400}$"},
}


def operation(
    router: APIRouter,
    method: str,
    path: str,
    *,
    scope: Scope | None,
    reply: type[Part] | str,
    body: type[Part] | None = None,
    status: int = 200,
    once: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare an operation named as its handler; `reply` is a model or the media type of what is no JSON."""

    def declare(handler: Handler) -> Handler:
        extra: dict[str, Any] = {"x-scope": scope or "none"}
        parameters = []
        if body is not None:
            MODELS.append(body)
            extra["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(body)}}}
        if once:
            parameters.append(KEY_PARAMETER)
        if method == "GET" and scope is not None:
            parameters.append(MATCH_PARAMETER)
        if parameters:
            extra["parameters"] = parameters
        if scope is not None:
            extra["security"] = [{"token": []}]
        if isinstance(reply, str):
            content = {reply: {"schema": {"type": "string"}}}
        else:
            MODELS.append(reply)
            content = {JSON: {"schema": _ref(reply)}}
        responses: dict[int | str, dict[str, Any]] = {status: {"description": "Done.", "content": content}}
        if method == "GET" and scope is not None:
            responses[304] = {"description": "Nothing has changed."}
        for code, words in REFUSALS.items():
            problem = {"application/problem+json": {"schema": {"$ref": f"{REF}ProblemDetails"}}}
            responses[code] = {"description": words, "content": problem}
        first, _, _ = (handler.__doc__ or "").partition("\n")
        router.add_api_route(
            path,
            handler,
            methods=[method],
            operation_id=handler.__name__,
            summary=first.strip().rstrip("."),
            description=" ".join((handler.__doc__ or "").split()),
            status_code=status,
            response_model=None,
            response_class=Response,
            responses=responses,
            openapi_extra=extra,
            dependencies=[] if scope is None else [Depends(needs(scope))],
        )
        return handler

    return declare


def _ref(model: type[Part]) -> dict[str, str]:
    return {"$ref": REF + named(model)}


def encoded(content: Part | dict[str, Any]) -> bytes:
    """JSON bytes of an answer."""
    if isinstance(content, Document):
        content = content.to_dict()
    if isinstance(content, Part):
        return content.model_dump_json().encode()
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer(request: Request, content: Part | dict[str, Any] | bytes, status: int = 200) -> Response:
    """An answer; of a GET with its ETag, or 304 where the caller has it already."""
    data = content if isinstance(content, bytes) else encoded(content)
    headers = {}
    if request.method == "GET" and status == 200:
        # weak, because it may be compressed on its way
        headers["etag"] = tag = f'W/"{hashlib.blake2b(data, digest_size=16).hexdigest()}"'
        given = request.headers.get("if-none-match", "")
        if given.strip() == "*" or tag.removeprefix("W/") in [t.strip().removeprefix("W/") for t in given.split(",")]:
            return Response(status_code=304, headers=headers)
    return Response(data, status, headers, JSON)


async def done(request: Request, raw: bytes, work: Callable[[], Awaitable[tuple[int, bytes]]]) -> Response:
    """Do what may be done once only: with an idempotency key it is, however often it comes."""
    key = request.headers.get(KEY)
    if key is None:
        status, data = await work()
        return answer(request, data, status)
    if not 1 <= len(key) <= 200 or not all("!" <= c <= "~" for c in key):
        raise Refused(
            400,
            "a key that cannot be one",
            [Problem(KEY, repr(key)[:80], "1 to 200 printable characters of ASCII, no space")],
        )
    own = (caller_of(request).id, _name(request), key)
    (status, data), again = await tenant_of(request).once.do(own, digest_of(request, raw), work)
    found = answer(request, data, status)
    if again:
        found.headers["idempotency-replayed"] = "true"
    return found


async def privileged(
    request: Request,
    raw: bytes,
    work: Callable[[], Awaitable[tuple[int, bytes]]],
    about: dict[str, Any] | None = None,
    *,
    kept: bool = True,
) -> Response:
    """`done`, and recorded: the call before it is done, what came of it where it was refused or has a key.

    The record of the call is queued in front of what it does, so both are durable together. Without `kept` the answer
    is not recorded (it holds a secret), and a key is refused.
    """
    tenant, token, key = tenant_of(request), caller_of(request), request.headers.get(KEY)
    content = {
        "operation": _name(request),
        "token": token.id,
        "name": token.name,
        "scope": token.scope,
        "request": digest_of(request, raw),
        **(about or {}),
    }
    if key is not None and not kept:
        raise Refused(400, "no idempotency key is taken here", [Problem(KEY, "given", "nothing")])

    async def recorded() -> tuple[int, bytes]:
        queued = tenant.note_call(CALL, content)
        try:
            status, data = await work()
        except Exception as error:
            tenant.note_call(ANSWER, content | {"status": refusal_of(error).status})
            raise
        if key is not None:
            await tenant.durable(tenant.note_call(ANSWER, content | {"key": key, "status": status}, data))
        else:
            await tenant.durable(queued)
        return status, data

    return await done(request, raw, recorded)


def digest_of(request: Request, raw: bytes) -> str:
    """What makes two calls the same: method, path, query and body."""
    head = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return hashlib.sha256(head + raw).hexdigest()


def _name(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "operation_id", ""))


def cursor_of(kind: str, at: int) -> str:
    """The cursor that goes on at a number."""
    return base64.urlsafe_b64encode(f"{kind}:{at}".encode()).decode().rstrip("=")


def start_of(kind: str, cursor: str | None) -> int:
    """The number of a cursor, zero without one. Raises `DocumentError` for one of another list, or none at all."""
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
        own, _, at = text.partition(":")
        number = int(at) if at.isdecimal() and len(at) < 19 else -1
    except (ValueError, binascii.Error):
        own, number = "", -1
    if own != kind or number < 0:
        raise refuse("cursor", cursor, "the `next` of a page of this list")
    return number


def paged(kind: str, rows: Sequence[Any], cursor: str | None, limit: int) -> tuple[Sequence[Any], str | None]:
    """The rows of a page, and the cursor of the next one."""
    start = start_of(kind, cursor)
    stop = start + limit
    return rows[start:stop], cursor_of(kind, stop) if stop < len(rows) else None
