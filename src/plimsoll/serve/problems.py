"""Refusals as problem documents (RFC 9457) that name the fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from plimsoll.documents import DocumentError, PlimsollError, Problem
from plimsoll.ledger import UnavailableError
from plimsoll.live.runner import OverloadedError, StoppedError

MEDIA = "application/problem+json"
SHOWN = 100
"""Problems of one reply."""

TITLES = {
    400: "The request is not understood",
    401: "No token that holds",
    403: "The token does not allow this",
    404: "Nothing of this name",
    405: "Not with this method",
    406: "Not in this form",
    409: "In conflict with what is there",
    412: "It has changed",
    413: "Too large",
    415: "Not in this form",
    422: "Refused",
    429: "Too many requests",
    500: "A fault of the service",
    503: "Not now",
    504: "It takes too long",
}


class Refused(Exception):
    """An answer with a status other than success; `problems` name fields."""

    def __init__(
        self,
        status: int,
        detail: str,
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.problems = status, detail, tuple(problems)
        self.headers = dict(headers or {})


def content_of(status: int, detail: str, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """The fields of a problem document."""
    found: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": detail[:2_000],
    }
    if problems:
        found["problems"] = [{"path": p.path[:400], "got": p.got, "allowed": p.allowed} for p in problems[:SHOWN]]
    return found


def response_of(refused: Refused) -> Response:
    """The reply to a refusal."""
    text = json.dumps(content_of(refused.status, refused.detail, refused.problems), ensure_ascii=True)
    return Response(text, refused.status, refused.headers, MEDIA)


def refusal_of(error: Exception) -> Refused:
    """What an error of ours is to a caller. Anything unknown is a fault, of which nothing is told."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, DocumentError):
        return Refused(422, "something in the request is not allowed", error.problems)
    if isinstance(error, OverloadedError):
        return Refused(503, "the engine is behind; send it again", headers={"Retry-After": "1"})
    if isinstance(error, (StoppedError, UnavailableError)):
        return Refused(503, "the engine or its ledger has stopped; it has to be started again")
    if isinstance(error, PlimsollError):
        return Refused(422, str(error))
    return Refused(500, "the service could not answer; its log says why")
