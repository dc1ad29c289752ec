"""The page on which a proof is verified in the browser: static files, no token, nothing sent to us."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, RedirectResponse, Response

from plimsoll.serve.problems import Refused

router = APIRouter(prefix="/verifier", include_in_schema=False)

FOLDER = Path(__file__).resolve().parent.parent / "verifier"
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "worker.js": "text/javascript; charset=utf-8",
}
GENERATORS = 16_384
"""Bits of the largest statement that the file of generators is sent for, 3.1 MB: a chunk of a publication."""


@router.get("")
async def bare() -> Response:
    """The page lives under a folder, so that its parts are beside it."""
    return RedirectResponse("/verifier/", status_code=308)


@router.get("/")
async def page() -> Response:
    """The page; it says how to build its scripts where they are not there."""
    return _file("index.html")


@router.get("/generators.bin")
async def generators() -> Response:
    """The generators' file. The page holds it to a hash, so nobody has to believe it."""
    data = await run_in_threadpool(_generators)
    if data is None:
        raise Refused(404, "the libraries that make generators are not installed: the page derives its own")
    return Response(data, media_type="application/octet-stream", headers={"cache-control": "public, max-age=86400"})


@router.get("/{name}")
async def part(name: str) -> Response:
    """A script or the style of the page."""
    return _file(name)


def _file(name: str) -> Response:
    if name not in FILES or not (FOLDER / name).is_file():
        raise Refused(404, "no such path")
    return FileResponse(FOLDER / name, media_type=FILES[name], headers={"content-security-policy": POLICY})


def _generators() -> bytes | None:
    from plimsoll.proofs import MissingProofsError
    from plimsoll.proofs.generators import generators_file

    try:
        return generators_file(GENERATORS)
    except MissingProofsError:
        return None
