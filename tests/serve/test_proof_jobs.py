"""Proofs over the wire: made by jobs, verified by jobs, kept as hashes, shown on the audit page."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import unescape
from typing import Any

import httpx
import pytest

pytest.importorskip("py_arkworks_bls12381")

import plimsoll as pl
import plimsoll.proofs.vault as vault_module
from live_books import engine_of
from plimsoll.documents import DocumentError
from plimsoll.proofs import (
    CommittedBook,
    Inclusion,
    MarginProof,
    ProofRefusedError,
    Solvency,
    Vault,
    VaultFile,
    VenueBooks,
    gather_books,
    new_key,
    public_key,
    sign,
    verify_inclusion,
)
from plimsoll.serve import proof_work, wire_proofs
from plimsoll.serve.client import Client, ServiceError
from plimsoll.serve.dashboard.jobs import _piece
from plimsoll.serve.jobs import Job
from plimsoll.serve.proof_jobs import about_of
from plimsoll.serve.state import Tenant
from proofs_venue import three
from served import LIMITS, MARKET, Served, served

PERP, CALL, OTHER = "BTC-PERP-linear", "BTC-1-linear-1.25-C", "BTC-1-linear"
PASSPHRASE = "correct horse"
PATIENT = replace(LIMITS, job_seconds=250.0)
RULES = "prbm@2026-01-01"


def account(name: str, perpetual: float, calls: float, usdc: float) -> pl.Account:
    held = [
        {"instrument": PERP, "quantity": perpetual, "entry_price": 69_000.0},
        {"instrument": CALL, "quantity": calls},
    ]
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "collateral": {"USDC": usdc}}
    return pl.Account.from_dict({**content, "positions": [p for p in held if p["quantity"]]})


ACCOUNTS = [
    account("ann", 0.5, 0.0, 60_000.0),
    account("bob", -0.5, 1.0, 70_000.0),
    account("eve", 0.0, -1.0, 90_000.0),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`north` has three accounts whose open interest balances, and a ledger."""
    folder = tmp_path_factory.mktemp("proofs")
    with served(folder) as found:
        tenant = Tenant("north", lambda: engine_of(MARKET, ACCOUNTS), ledger=folder / "own.db", limits=PATIENT)
        old, found.service.tenants["north"] = found.service.tenants["north"], tenant
        old.close()
        yield found


def ended(client: Client, job: wire_proofs.ProofJob) -> Any:
    own, until = client.start_job(job).id, time.monotonic() + 250.0
    while (found := client.get_job(own)).state in ("waiting", "running"):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def result(client: Client, job: wire_proofs.ProofJob) -> dict[str, Any]:
    found = ended(client, job)
    assert (found.state, found.problem) == ("done", None), found
    assert found.progress.total > 0
    return dict(found.result)


def audit_page(house: Served, who: str) -> str:
    with logged_in(house, who) as visitor:
        found = visitor.get("/dashboard/audit")
        assert found.status_code == 200
        return found.text


def proving(**changes: Any) -> wire_proofs.ProveMarginIn:
    fields = {"kind": "prove-margin", "account": "ann", "pseudonym": "desk-7", "epoch": "2", "passphrase": PASSPHRASE}
    return wire_proofs.ProveMarginIn.model_validate({**fields, "venue": "toy", "also": (OTHER,), **changes})


def verifying(made: dict[str, Any], **changes: Any) -> wire_proofs.VerifyMarginIn:
    key = new_key()
    book = CommittedBook.from_dict(made["book"])
    fields = {
        "kind": "verify-margin",
        "proof": made["proof"],
        "rules": RULES,
        "venue": "toy",
        "account": "desk-7",
        "epoch": "2",
        "book": made["book"],
        "signed": {"signature": sign(book, "book", key).to_dict(), "key": public_key(key)},
    }
    return wire_proofs.VerifyMarginIn.model_validate({**fields, **changes})


@pytest.mark.timeout(300)
def test_a_margin_is_proved_and_verified_over_the_wire(house: Served) -> None:
    assert "No proof of margin or solvency was made yet" in audit_page(house, "north read")
    client = house.client("north operate")
    made = result(client, proving())
    proof = MarginProof.from_dict(made["proof"])
    assert (proof.terms.venue, proof.terms.account, proof.terms.instruments) == ("toy", "desk-7", (PERP, OTHER))
    assert made["label"].startswith("unaudited")
    # the vault opens the very commitments, under the passphrase alone
    kept = Vault.opened(VaultFile.from_dict(made["vault"]), PASSPHRASE).entries["toy/desk-7/2"]
    assert kept.values[:2] == (5, 0)
    book = CommittedBook.from_dict(made["book"])
    from plimsoll.proofs.group import default_group

    assert tuple(default_group().encode(v).hex() for v in kept.commitments()) == book.commitments
    with pytest.raises(DocumentError, match="does not open"):
        Vault.opened(VaultFile.from_dict(made["vault"]), "wrong horse")
    found = result(house.client("north trade-check"), verifying(made))
    assert (found["accepted"], found["reason"], found["bound"]) == (True, None, True)

    # what the ledger has of it: hashes, nothing that opens or commits
    client = house.client("north read")
    (row,) = client.list_records(kind="proof").records
    assert row.content["proof"] == proof.hash()
    assert row.content["array"] == proof.terms.array
    assert (row.content["account"], row.content["book"]) == ("desk-7", book.hash())
    assert row.attached == {}
    (call,) = [r for r in client.list_records(kind="call", limit=500).records if r.content["operation"] == "start_job"]
    assert (call.content["account"], call.content["kind"]) == ("ann", "prove-margin")
    assert house.client("north trade-check").verify_records().good
    everything = json.dumps([r.model_dump(mode="json") for r in client.list_records(limit=500).records])
    told = house.north.jobs.all.values()
    for secret in (PASSPHRASE, *proof.commitments, *(f"{b:064x}" for b in kept.blindings)):
        assert secret not in everything
        if secret not in proof.commitments:
            assert all(secret not in job.told().model_dump_json() and job.task == b"" for job in told)

    the_pages_of_both_jobs(house, made)
    text = audit_page(house, "north read")
    for words in (
        "desk-7",
        proof.terms.array,
        proof.terms.rules,
        proof.terms.rules_label,
        "Unaudited",
        'href="/verifier/"',
        "seconds",
    ):
        assert words in text, words
    assert PASSPHRASE not in text


@contextmanager
def logged_in(house: Served, who: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.url, headers={"Origin": house.url}, timeout=60.0) as visitor:
        assert visitor.post("/dashboard/login", data={"token": house.secrets[who]}).status_code == 303
        yield visitor


def values(text: str) -> dict[str, str]:
    """What stands in the places of a job's page that have a name."""
    return {k: unescape(v) for k, v in re.findall(r'id="job-([a-z]+)">([^<]*)<', text)}


PART = {"X-Plimsoll-Part": "1"}


def the_pages_of_both_jobs(house: Served, made: dict[str, Any]) -> None:
    """A page of its own for who comes by a link, a piece for who follows; the files are those of the interface."""
    proving_job, verifying_job = list(house.north.jobs.all.values())[-2:]
    terms = made["proof"]["terms"]
    hashes = {"array": terms["array"], "rules": terms["rules"]}
    about = {"venue": "toy", "epoch": "2", "account": "desk-7", "state": "done", **hashes}
    with logged_in(house, "north trade-check") as visitor:
        page = visitor.get(f"/dashboard/jobs/{proving_job.id}")
        assert f'data-load="/dashboard/jobs/{proving_job.id}"' in page.text
        assert "<!doctype html>" in page.text
        piece = visitor.get(f"/dashboard/jobs/{proving_job.id}", headers=PART).text
        found = values(piece)
        assert {k: found[k] for k in about} == about
        assert found["kind"] == "prove-margin"
        assert found["label"].startswith("Unaudited")
        for words in ('href="/verifier/"', made["proof"]["terms"]["rules_label"], "/result/vault"):
            assert words in piece
        assert "ann" not in found.values(), "the account goes by its pseudonym"
        files = re.findall(rf'href="(/dashboard/jobs/{proving_job.id}/result[^"]*)"', piece)
        assert [f.rpartition("/")[2] for f in files] == ["result", "proof", "rows", "book", "vault"]
        for file in files:
            answer = visitor.get(file)
            name = file.rpartition("/")[2]
            assert answer.json() == (made if name == "result" else made[name])
            assert answer.headers["content-disposition"].startswith(
                f'attachment; filename="prove-margin-{proving_job.id}'
            )
        piece = visitor.get(f"/dashboard/jobs/{verifying_job.id}", headers=PART).text
        found = values(piece)
        assert {k: found[k] for k in about} == about
        assert (found["kind"], found["verdict"]) == ("verify-margin", "Accepted")
        for path in ("nothing", "nothing/result", f"{proving_job.id}/result/label", f"{verifying_job.id}/result/proof"):
            assert visitor.get(f"/dashboard/jobs/{path}").status_code == 404
        audit = visitor.get("/dashboard/audit").text
        assert audit.count(f'href="/dashboard/jobs/{proving_job.id}"') == 1
    with logged_in(house, "north read") as visitor:
        piece = visitor.get(f"/dashboard/jobs/{proving_job.id}", headers=PART).text
        assert "/result" not in piece
        assert visitor.get(f"/dashboard/jobs/{proving_job.id}/result").status_code == 403
    with logged_in(house, "south admin") as visitor:
        for path in (proving_job.id, f"{proving_job.id}/result", f"{proving_job.id}/result/vault"):
            assert visitor.get(f"/dashboard/jobs/{path}").status_code == 404


def shown(job: wire_proofs.ProofJob, result: dict[str, Any] | None, **state: Any) -> str:
    """The piece of a job that stands somewhere."""
    own = Job("0" * 16, job.kind, 7, b"", about_of(job), **{"state": "done", "result": result, **state})
    return bytes(_piece(own, True).body).decode()


def test_who_may_prove_and_what_is_refused_at_once(house: Served) -> None:
    with pytest.raises(ServiceError, match=r"403.*operate"):
        house.client("north trade-check").start_job(proving())
    denied = [r.content for r in house.client("north read").list_records(kind="call", limit=500).records]
    assert any(c.get("status") == 403 and c.get("needed") == "operate" for c in denied)
    client = house.client("north operate")
    with pytest.raises(ServiceError, match="404: no such account"):
        client.start_job(proving(account="nobody"))
    raw = {"kind": "prove-margin", "account": "ann", "pseudonym": "x", "epoch": "1"}
    headers = house.headers("north operate")
    for job, path in (
        ({**raw, "passphrase": "short"}, "job.passphrase"),
        ({**raw, "passphrase": PASSPHRASE, "vault": {}}, "job.vault"),
        ({"kind": "prove-solvency", "passphrase": PASSPHRASE}, "books"),
        ({**verifying_raw(), "proof": {}}, "job.proof"),
        ({**verifying_raw(), "market": MARKET.to_dict()}, "source"),
        ({**verifying_raw(), "rules": "prbm@1999-01-01"}, "rules"),
        ({"kind": "verify-solvency", "publication": {"schema": "x"}, "venue": "v", "epoch": "1"}, "job.publication"),
    ):
        answer = house.http.post(f"{house.url}/v1/jobs", json={"job": job}, headers=headers)
        assert answer.status_code == 422, answer.text
        assert path in answer.text, (path, answer.text)


def verifying_raw() -> dict[str, Any]:
    return {"kind": "verify-margin", "proof": {}, "rules": RULES, "venue": "v", "account": "a", "epoch": "1"}


def task_of(kind: str, job: wire_proofs.ProofJob, *names: str) -> dict[str, Any]:
    """What a worker is given."""
    accounts = {a.name: a.to_dict() for a in ACCOUNTS if a.name in names}
    options = job.model_dump(mode="json")
    proof_work.check_given(options)
    rules = pl.margin_model(RULES).rules.to_dict()
    return {"kind": kind, "market": MARKET.to_dict(), "accounts": accounts, "rules": rules, "options": options}


def silent(_text: str, _done: int, _total: int) -> None:
    return


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "COST", 4)


@pytest.mark.usefixtures("quick")
def test_solvency_of_books_and_of_the_tenants_accounts() -> None:
    fields = {"kind": "prove-solvency", "passphrase": PASSPHRASE, "padding": 1}
    own = wire_proofs.ProveSolvencyIn.model_validate({**fields, "books": three().to_dict()})
    made = proof_work.solvency_proved(task_of("prove-solvency", own), silent)
    assert (made["leaves"], made["apart"], len(made["inclusions"])) == (4, 0, 3)
    asked = {"kind": "verify-solvency", "publication": made["publication"], "venue": "toy", "epoch": "1"}
    job = wire_proofs.VerifySolvencyIn.model_validate(asked)
    assert proof_work.solvency_verified(task_of("verify-solvency", job), silent)["accepted"] is True
    other = wire_proofs.VerifySolvencyIn.model_validate({**asked, "epoch": "2"})
    found = proof_work.solvency_verified(task_of("verify-solvency", other), silent)
    assert (found["accepted"], found["reason"], found["signed"]) == (False, "it speaks of another epoch", False)
    # their pages: before, after, and of a tenant's accounts or of a document alike
    assert values(shown(own, None, state="running")) == {
        "kind": "prove-solvency", "state": "running", "venue": "toy", "epoch": "1",
        "label": "Unaudited: no cryptographer from outside has reviewed these proofs. ",
    }  # fmt: skip
    stated = {"venue": "x & y", "epoch": "9", "reserves": {"USDC": 1.0}}
    tenants = wire_proofs.ProveSolvencyIn.model_validate(
        {"kind": "prove-solvency", "passphrase": PASSPHRASE, "tenant": stated}
    )
    failed = shown(tenants, None, state="failed", problem={"detail": "<no>"})
    assert values(failed)["venue"] == "x & y"
    assert "It failed. &lt;no&gt;" in failed
    assert "/result" not in failed
    done = shown(own, made)
    assert (values(done)["root"], "root of 4 leaves" in done) == (made["root"], True)
    assert re.findall(r'/result/(\w+)"', done) == ["publication", "vault"]
    told = values(shown(other, found))
    assert (told["verdict"], told["root"]) == ("Not accepted: it speaks of another epoch", made["root"])
    kept = proof_work.hashes_of("prove-solvency", made)
    assert kept["proof"] == Solvency.from_dict(made["publication"]).hash()
    assert not {"leaves", "commitments"} & {k for k, v in kept.items() if isinstance(v, (list, dict))}
    # goes on with an earlier vault: the same epoch again would be a second book of it
    again = wire_proofs.ProveSolvencyIn.model_validate(
        {**fields, "books": three().to_dict(), "vault": made["vault"], "padding": 0}
    )
    with pytest.raises(pl.PlimsollError, match="another opening of this name"):
        proof_work.solvency_proved(task_of("prove-solvency", again), silent)


def test_books_of_accounts_owe_what_lies_in_them() -> None:
    """The equity by the public map: cash and profit at their price, and the marks of options, to two cents."""
    books = gather_books(ACCOUNTS, MARKET, {"USDC": 250_000.0}, venue="v", epoch="1")
    price = 0.999
    for holder, own in zip(books.accounts, ACCOUNTS, strict=True):
        numbers = [holder.positions.get(i.name, 0) for i in books.terms.instruments]
        numbers += [holder.balances[a.name] for a in books.terms.assets]
        equity = sum(m * x for m, x in zip(books.terms.map, numbers, strict=True)) / 1e8
        # by hand: cash, profit of the perpetual against its mark, calls at the Black price of the engine
        q = {p.instrument: p.quantity for p in own.positions}
        profit = q.get(PERP, 0.0) * (70_000.0 * 1.001 - 69_000.0)
        rest = (own.collateral["USDC"] + profit) * price
        assert equity - rest == pytest.approx(q.get(CALL, 0.0) * option_usd(), abs=0.02)


def option_usd() -> float:
    from plimsoll.risk import compile_plan, unit_values
    from plimsoll.scenarios import Scenarios

    plan = compile_plan([MARKET.contracts[CALL]], MARKET)
    return float(unit_values(plan, Scenarios.build([1.0]), "usd")[0, 0])


def test_books_that_cannot_be_made() -> None:
    def gathered(accounts: list[pl.Account], **reserves: float) -> VenueBooks:
        return gather_books(accounts, MARKET, reserves, venue="v", epoch="1")

    with pytest.raises(DocumentError, match=r"reserves\.USDC"):
        gathered(ACCOUNTS, BTC=1.0)
    with pytest.raises(DocumentError, match="without a price"):
        gathered(ACCOUNTS, USDC=1.0, XYZ=1.0)
    with pytest.raises(DocumentError, match="at most 6 decimals"):
        gathered([account("a", 0.1234567, 0.0, 1.0)], USDC=1.0)
    with pytest.raises(DocumentError, match="each account once"):
        gathered([ACCOUNTS[0], ACCOUNTS[0]], USDC=1.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_tenants_solvency_over_the_wire(house: Served) -> None:
    client = house.client("north operate")
    stated = {"venue": "toy", "epoch": "3", "reserves": {"USDC": 230_000.0}}
    fields = {"kind": "prove-solvency", "passphrase": PASSPHRASE, "tenant": stated, "padding": 2}
    made = result(client, wire_proofs.ProveSolvencyIn.model_validate(fields))
    solvency = Solvency.from_dict(made["publication"])
    given = {i["account"]: Inclusion.from_dict(i) for i in made["inclusions"]}
    assert set(given) == {"ann", "bob", "eve"}
    own = given["ann"]
    asked = {"venue": "toy", "epoch": "3", "account": "ann"}
    verify_inclusion(own, solvency.root, **asked, equity=own.equity)
    with pytest.raises(ProofRefusedError):
        verify_inclusion(own, solvency.root, **asked, equity=own.equity + 1)
    key = new_key()
    signed = {"signature": sign(solvency, "solvency", key).to_dict(), "key": public_key(key)}
    told = {"kind": "verify-solvency", "publication": made["publication"], "venue": "toy", "epoch": "3"}
    for by, accepted in ((signed, True), ({**signed, "key": public_key(new_key())}, False)):
        found = result(client, wire_proofs.VerifySolvencyIn.model_validate({**told, "signed": by}))
        assert found["accepted"] is accepted
    # less than is owed is not provable
    short = {**stated, "reserves": {"USDC": 200_000.0}}
    found = ended(client, wire_proofs.ProveSolvencyIn.model_validate({**fields, "tenant": short}))
    assert found.state == "failed"
    assert "reserves less the sum" in found.problem.detail
    text = audit_page(house, "north read")
    assert made["root"] in text
    assert "the venue is solvent" in text
