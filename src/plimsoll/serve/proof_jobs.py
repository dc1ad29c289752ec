"""Proofs among the jobs of a tenant: who may make them, and what is recorded of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from plimsoll.ledger import Event
from plimsoll.serve import wire_proofs as wire
from plimsoll.serve.auth import caller_of, demand, tenant_of
from plimsoll.serve.state import CALL, PROOF, PROOFS, Tenant


async def may_prove(request: Request, job: wire.ProveMarginIn | wire.ProveSolvencyIn) -> None:
    """Record who asks for a proof. Raises `Refused` (403) without the scope operate, and records that too.

    The record has no hash of the request, as other calls have: the request holds a passphrase, and a hash of it is
    faster to try than the vault.
    """
    await demand(request, "operate")
    tenant, token = tenant_of(request), caller_of(request)
    about: dict[str, Any] = {"operation": "start_job", "kind": job.kind}
    if isinstance(job, wire.ProveMarginIn):
        about |= {"account": job.account, "pseudonym": job.pseudonym, "epoch": job.epoch}
    who = {"token": token.id, "name": token.name, "scope": token.scope}
    await tenant.durable(tenant.note_call(CALL, about | who))


def about_of(job: wire.ProofJob) -> dict[str, str]:
    """What a job about a proof speaks of, from a request whose documents were read: no amount, nothing secret.

    `venue`, `epoch` and, of a margin, the `account` by its pseudonym; of what is verified also the hashes it names.
    """
    if isinstance(job, wire.ProveMarginIn):
        return {"account": job.pseudonym, "venue": job.venue or "", "epoch": job.epoch}
    if isinstance(job, wire.VerifyMarginIn):
        expected = {"account": job.account, "venue": job.venue, "epoch": job.epoch}
        return expected | _named(job.proof["terms"])
    if isinstance(job, wire.VerifySolvencyIn):
        return {"venue": job.venue, "epoch": job.epoch, "root": str(job.publication["root"]["hash"])}
    told: Mapping[str, Any] = job.tenant.model_dump() if job.tenant is not None else (job.books or {})["terms"]
    return {"venue": str(told["venue"]), "epoch": str(told["epoch"])}


def speaks_of(kind: str, about: Mapping[str, str], result: Mapping[str, Any] | None) -> dict[str, str]:
    """The same of a job as it stands: with the hashes of what it has made."""
    if result is None or not kind.startswith("prove-"):
        return dict(about)
    if kind == "prove-margin":
        return {**about, "venue": str(result["proof"]["terms"]["venue"]), **_named(result["proof"]["terms"])}
    return {**about, "root": str(result["root"]), "leaves": f"{result['leaves']:,}"}


def _named(terms: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(terms[name]) for name in ("array", "rules", "rules_label", "market")}


def kept_of(tenant: Tenant, kind: str, event: int) -> Callable[[dict[str, Any]], Awaitable[None]]:
    """What is done with the result of a proof before it is given out: its hashes are recorded, durably."""

    async def keep(result: dict[str, Any]) -> None:
        if tenant.ledger is None:
            return
        from plimsoll.serve.proof_work import hashes_of

        content = {**await asyncio.to_thread(hashes_of, kind, result), "event_number": event}
        now = datetime.now(UTC)
        await tenant.durable(tenant.note(lambda place: Event(PROOF, PROOFS, now, content, place), PROOFS))

    return keep
