"""Long computations: started by a page and shown in it, or by the interface and shown on a page of their own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from plimsoll.documents import PlimsollError
from plimsoll.proofs import UNAUDITED
from plimsoll.serve.dashboard.shell import HEADERS, page, part, piece, trouble
from plimsoll.serve.proof_jobs import speaks_of
from plimsoll.serve.proof_work import KINDS

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor
    from plimsoll.serve.jobs import Job

SCOPE = "trade-check"

SHOWN = ("hedge", "stress", "density", "cascade", "verify")
"""Kinds whose result a page draws; of the others it shows what they are about, their state and a download."""

DOCUMENTS = ("proof", "rows", "book", "publication", "vault")
"""Documents of a result that are downloaded one by one, as the verifier and the commands take them."""


def add(board: Board) -> None:
    """Where a page asks after a job, and ends it."""
    board.get("/dashboard/jobs/{id}", _shown)
    board.get("/dashboard/jobs/{id}/result", _result)
    board.get("/dashboard/jobs/{id}/result/{part}", _result)
    board.post("/dashboard/jobs/{id}/cancel", _cancelled, SCOPE)


async def start(desk: Desk, kind: str, task: dict[str, Any], events: int) -> Response:
    """Start a job and show its progress."""
    return _piece(desk.jobs.start(kind, task, events), True)


async def _shown(request: Request, visitor: Visitor, desk: Desk) -> Response:
    """A piece of a page for whoever follows the job, else a page of its own that does."""
    whole = request.headers.get("x-plimsoll-part") is None
    try:
        job = desk.jobs.of(request.path_params["id"])
    except PlimsollError:
        words = "There is no such job any more."
        return page(request, visitor, "fault", 404, words=words) if whole else trouble(words, 404)
    if whole:
        return page(request, visitor, "job-page", id=job.id)
    return _piece(job, visitor.may(SCOPE))


async def _cancelled(request: Request, visitor: Visitor, desk: Desk) -> Response:
    try:
        job = desk.jobs.of(request.path_params["id"])
    except PlimsollError:
        return trouble("There is no such job any more.", 404)
    await desk.jobs.cancel(job)
    return _piece(job, visitor.may(SCOPE))


async def _result(request: Request, visitor: Visitor, desk: Desk) -> Response:
    """The result of a job that is done, or one document of it, as a file: for those who may see it by the interface."""
    if not visitor.may(SCOPE):
        words = f"This token may not do that: it lacks the scope {SCOPE}."
        return page(request, visitor, "fault", 403, words=words)
    name = request.path_params.get("part")
    try:
        job = desk.jobs.of(request.path_params["id"])
    except PlimsollError:
        return page(request, visitor, "fault", 404, words="There is no such job any more.")
    content = job.result if job.state == "done" else None
    if content is not None and name is not None:
        content = content.get(name) if name in DOCUMENTS else None
    if content is None:
        return page(request, visitor, "fault", 404, words="This job has no such result.")
    data = await asyncio.to_thread(lambda: json.dumps(content, allow_nan=False).encode())
    file = "-".join(filter(None, (job.kind, job.id, name)))
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{file}.json"'}
    return Response(data, media_type="application/json", headers=headers)


def _piece(job: Job, may: bool) -> Response:
    text, done, total = job.progress
    if job.state == "done" and job.kind in SHOWN:
        return piece(part(f"job-{job.kind}.html.j2", r=job.result, job=job))
    words = (job.problem or {}).get("detail", "")
    more = [f"{e.get('path', '')}: {e.get('got', '')}" for e in (job.problem or {}).get("problems", [])[:3]]
    told = {"job": job, "text": text, "done": done, "total": total, "words": "; ".join([words, *more])}
    if job.kind in SHOWN:
        return piece(part("job.html.j2", **told))
    result = job.result if job.state == "done" else None
    proof = job.kind in KINDS
    about = speaks_of(job.kind, job.about, result) if proof else dict(job.about)
    documents = [name for name in DOCUMENTS if name in (result or {})]
    more_told = {"about": about, "r": result or {}, "documents": documents, "may": may, "proof": proof}
    return piece(part("job-about.html.j2", **told, **more_told, label=UNAUDITED))
