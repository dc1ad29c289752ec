"""The record: margins written to it, read from it and verified."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.certify import Extract
from plimsoll.ledger import Entry, Ledger
from plimsoll.ledger.margins import check_margins, extract_of, margin_event
from plimsoll.ledger.verify import verify
from plimsoll.serve import wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.body import body_of
from plimsoll.serve.operations import answer, cursor_of, encoded, operation, privileged, start_of
from plimsoll.serve.problems import Refused
from plimsoll.serve.state import MARGINS, Tenant

router = APIRouter(prefix="/v1", tags=["audit"])


def _ledger(tenant: Tenant) -> Ledger:
    if tenant.ledger is None:
        raise Refused(404, "this service keeps no ledger")
    return tenant.ledger


@operation(router, "POST", "/accounts/{account}/record", scope="operate", reply=wire.Recorded, status=201, once=True)
async def record_margin(request: Request, account: str) -> Response:
    """Compute the margin of an account as it stands, certify it in integers and write it to the ledger."""
    tenant = tenant_of(request)
    raw = await request.body()

    async def work() -> tuple[int, bytes]:
        _ledger(tenant)
        if raw.strip():
            raise Refused(400, "a body where none belongs")
        book = await tenant.book(account)
        margin = await tenant.compute(lambda: margin_event(book.model, book.account, book.market, stream=MARGINS))
        from dataclasses import replace

        future = tenant.note(lambda place: replace(margin.event, position=place), MARGINS)
        assert future is not None
        entry = await asyncio.wrap_future(future)
        found = wire.Recorded(
            seq=entry.seq,
            hash=entry.hash,
            account=account,
            charged=margin.requirement.charged.model_dump(mode="json"),
            certified=margin.certificate is not None,
            uncertified=margin.reason,
        )
        return 201, encoded(found)

    return await privileged(request, raw, work, {"account": account})


@operation(router, "GET", "/audit/records", scope="read", reply=wire.RecordPage)
async def list_records(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    kind: Annotated[str | None, Query(max_length=120)] = None,
) -> Response:
    """Records of the ledger in their order, perhaps of one kind, and its head."""
    tenant = tenant_of(request)
    ledger = _ledger(tenant)
    after = start_of("records", cursor)

    def read() -> bytes:
        rows = list(ledger.entries(after, kind=kind, most=limit + 1))
        last, head = ledger.head()
        more = cursor_of("records", rows[limit - 1].seq) if len(rows) > limit else None
        page = [record_json(entry) for entry in rows[:limit]]
        return encoded({"head": head, "last": last, "records": page, "next": more})

    return answer(request, await tenant.compute(read))


def record_json(entry: Entry) -> dict[str, Any]:
    """A record as it goes over the wire."""
    content = entry.read
    names = ("seq", "kind", "stream", "position", "time", "hash", "previous")
    own = {name: getattr(entry, name) for name in names}
    return {**own, "content": content["content"], "attached": content["attached"]}


@operation(router, "GET", "/audit/records/{seq}", scope="read", reply=wire.RecordRow)
async def get_record(request: Request, seq: int) -> Response:
    """One record."""
    tenant = tenant_of(request)
    ledger = _ledger(tenant)
    return answer(request, await tenant.compute(lambda: encoded(record_json(_entry(ledger, seq)))))


@operation(router, "GET", "/audit/records/{seq}/extract", scope="read", reply=Extract)
async def get_extract(request: Request, seq: int) -> Response:
    """One margin record with all that computes it again, for `plimsoll audit check`; it holds no other account."""
    tenant = tenant_of(request)
    ledger = _ledger(tenant)

    def read() -> bytes:
        _entry(ledger, seq)
        return encoded(extract_of(ledger, seq))

    return answer(request, await tenant.compute(read))


def _entry(ledger: Ledger, seq: int) -> Entry:
    if not 0 < seq < 2**62:
        raise Refused(404, "no such record")
    for entry in ledger.entries(seq - 1, most=1):
        if entry.seq == seq:
            return entry
    raise Refused(404, "no such record")


@operation(router, "POST", "/audit/verify", scope="trade-check", reply=wire.Verification, body=wire.VerifyIn)
async def verify_records(request: Request) -> Response:
    """Read the whole ledger once more: every hash, every certificate in integers, every margin from its inputs."""
    tenant = tenant_of(request)
    ledger = _ledger(tenant)
    given = await body_of(request, wire.VerifyIn, tenant.limits.depth)

    def read() -> bytes:
        chain = verify(ledger, given.head)
        margins = check_margins(ledger, given.anew)
        faults = [vars(fault) for fault in (*chain.faults, *margins.faults)]
        return encoded(
            {
                "good": not faults,
                "records": chain.records,
                "documents": chain.documents,
                "head": chain.head,
                "margins": margins.records,
                "certificates": margins.integers,
                "arrays": margins.arrays,
                "identical": margins.identical,
                "faults": faults[:1_000],
            }
        )

    return answer(request, await tenant.compute(read))
