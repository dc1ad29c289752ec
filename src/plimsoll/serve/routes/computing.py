"""Jobs: optimisation, stress and proofs in processes of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from plimsoll.proofs import CommittedBook, MarginProof, Signature, Solvency, VaultFile, VenueBooks
from plimsoll.serve import proof_work, wire
from plimsoll.serve.auth import tenant_of
from plimsoll.serve.body import parsed, raw_of
from plimsoll.serve.operations import MODELS, answer, done, encoded, operation, paged
from plimsoll.serve.proof_jobs import about_of, kept_of, may_prove
from plimsoll.serve.reads import shipped
from plimsoll.serve.state import Tenant
from plimsoll.serve.wire_proofs import PROVES, ProofJob, ProveMarginIn, ProveSolvencyIn, VerifyMarginIn

router = APIRouter(prefix="/v1", tags=["jobs"])

# documents within a job, for the description
MODELS.extend([CommittedBook, MarginProof, Signature, Solvency, VaultFile, VenueBooks])


@operation(router, "POST", "/jobs", scope="trade-check", reply=wire.JobOut, body=wire.JobIn, status=202, once=True)
async def start_job(request: Request) -> Response:
    """Start an optimisation (hedge, place, capital), a stress test or a proof of accounts as they stand now.

    Proofs (prove-margin, prove-solvency; verify-margin, verify-solvency) are unaudited; to make one needs the scope
    operate. Of a proof that was made the ledger keeps hashes.
    """
    tenant = tenant_of(request)
    raw = await raw_of(request)

    async def work() -> tuple[int, bytes]:
        job = parsed(raw, wire.JobIn, tenant.limits.depth).job
        if isinstance(job, PROVES):
            await may_prove(request, job)
        names = _accounts(tenant, job)
        numbers = [tenant.of(name) for name in names]
        if isinstance(job, wire.PlaceIn):
            for rules in job.accounts.values():
                for label in rules:
                    shipped(label)
        if isinstance(job, VerifyMarginIn):
            shipped(job.rules)
        event, market, accounts = await tenant.ask(
            lambda engine: (engine.events, tenant.market(engine), [engine.account(a) for a in numbers])
        )

        def task() -> dict[str, object]:
            options = job.model_dump(mode="json")
            if job.kind in proof_work.KINDS:
                proof_work.check_given(options)
            return {
                "market": market.to_dict(),
                "accounts": {name: a.to_dict() for name, a in zip(names, accounts, strict=True)},
                "rules": tenant.model.rules.to_dict(),
                "options": options,
            }

        then = kept_of(tenant, job.kind, event) if isinstance(job, PROVES) else None
        made = await tenant.compute(task)
        about = about_of(job) if isinstance(job, ProofJob) else None
        return 202, encoded(tenant.jobs.start(job.kind, made, event, then, about).told())

    return await done(request, raw, work)


def _accounts(tenant: Tenant, job: wire.AnyJob) -> list[str]:
    """The accounts that a job is about: one, some, all of the tenant, or none."""
    if isinstance(job, (wire.HedgeIn, wire.StressIn, ProveMarginIn)):
        return [job.account]
    if isinstance(job, ProveSolvencyIn):
        return [] if job.tenant is None else list(tenant.names)
    return list(job.accounts) if isinstance(job, (wire.PlaceIn, wire.CapitalIn)) else []


@operation(router, "GET", "/jobs", scope="trade-check", reply=wire.JobPage)
async def list_jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Jobs, newest first, without their results."""
    jobs = list(reversed(tenant_of(request).jobs.all.values()))
    page, after = paged("jobs", jobs, cursor, limit)
    return answer(request, wire.JobPage(jobs=tuple(j.told(whole=False) for j in page), next=after))


@operation(router, "GET", "/jobs/{job}", scope="trade-check", reply=wire.JobOut)
async def get_job(request: Request, job: str) -> Response:
    """A job with its progress, and its result once it is done."""
    return answer(request, tenant_of(request).jobs.of(job).told())


@operation(router, "DELETE", "/jobs/{job}", scope="trade-check", reply=wire.JobOut)
async def cancel_job(request: Request, job: str) -> Response:
    """End a job. When this answers, its process has ended; one that was over is left as it is."""
    tenant = tenant_of(request)
    found = tenant.jobs.of(job)
    await tenant.jobs.cancel(found)
    return answer(request, found.told())
