"""Jobs about proofs, run by the service's worker: margin and solvency, proved and verified. Unaudited."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from plimsoll.documents import Document, DocumentError, Problem
from plimsoll.margin import Account, Rules, margin_model
from plimsoll.market import Market
from plimsoll.proofs import (
    UNAUDITED,
    CommittedBook,
    MarginProof,
    RowsDocument,
    Signature,
    Signed,
    Solvency,
    Vault,
    VaultFile,
    VenueBooks,
    check_margin,
    check_solvency,
    gather_books,
    prove_margin,
    prove_solvency,
    state_account,
)

Tell = Callable[[str, int, int], None]
Work = Callable[[dict[str, Any], Tell], dict[str, Any]]


def margin_proved(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Proof, rows, committed book and sealed vault of the one account of the task."""
    options = task["options"]
    (content,) = task["accounts"].values()
    vault = _vault(options)
    stated = state_account(
        whole_lots(Account.from_dict(content, "account")),
        Market.from_dict(task["market"], "market"),
        margin_model(Rules.from_dict(task["rules"], "rules")),
        pseudonym=options["pseudonym"],
        epoch=options["epoch"],
        venue=options["venue"] or "",
        also=options["also"],
        underlyings=options["underlying"],
        quantity_bits=options["quantity_bits"],
        money_bits=options["money_bits"],
        reach=options["reach"],
        told=tell,
    )
    opening = stated.opening(vault)
    tell("the proof", 2, 4)
    proof = prove_margin(stated.statement, opening)
    tell("the vault", 3, 4)
    return {
        "label": UNAUDITED,
        "proof": proof.to_dict(),
        "rows": RowsDocument.of(stated.statement.written.rows).to_dict(),
        "book": CommittedBook.of(proof).to_dict(),
        "vault": vault.sealed(options["passphrase"]).to_dict(),
        "bytes": len(proof.proof) // 2,
    }


def solvency_proved(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The publication, the inclusions of those who are counted, and the sealed vault."""
    options = task["options"]
    vault = _vault(options)
    if options["books"] is not None:
        books = VenueBooks.from_dict(options["books"], "books")
    else:
        stated = options["tenant"]
        accounts = [
            whole_lots(Account.from_dict(content, "account")).model_copy(update={"name": name})
            for name, content in task["accounts"].items()
        ]
        market = Market.from_dict(task["market"], "market")
        reserves, about = stated["reserves"], {name: stated[name] for name in ("venue", "epoch", "bits")}
        books = gather_books(accounts, market, reserves, **about)
    published = prove_solvency(books, options["padding"], tell)
    made = published.solvency
    under = {s.name for s, item in zip(published.secrets, made.leaves, strict=True) if item.under}
    counted = [h.name for h in books.accounts if h.name not in under]
    for i, secret in enumerate(published.secrets):
        vault.put(f"{made.terms.venue}/{made.terms.epoch}/{secret.name or f'padding {i}'}", secret.opening)
    return {
        "label": UNAUDITED,
        "publication": made.to_dict(),
        "inclusions": [given.to_dict() for given in published.inclusions(counted)],
        "vault": vault.sealed(options["passphrase"]).to_dict(),
        "leaves": len(made.leaves),
        "apart": sum(item.under for item in made.leaves),
        "root": made.root.hash,
    }


def margin_verified(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Whether a proof of margin is accepted, why not, and what binds it."""
    options = task["options"]
    book = options["book"]
    reason = check_margin(
        MarginProof.from_dict(options["proof"], "proof"),
        Market.from_dict(options["market"] or task["market"], "market"),
        margin_model(options["rules"]),
        venue=options["venue"],
        account=options["account"],
        epoch=options["epoch"],
        source=_signed(options["source"]),
        book=None if book is None else CommittedBook.from_dict(book, "book"),
        signed=_signed(options["signed"]),
        told=tell,
    )
    return {"label": UNAUDITED, "accepted": reason is None, "reason": reason, "bound": book is not None}


def solvency_verified(task: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Whether a publication is accepted, why not, and whether the venue signed it."""
    options = task["options"]
    made, signed = Solvency.from_dict(options["publication"], "publication"), _signed(options["signed"])
    tell("the publication", 0, 2)
    reason = check_solvency(made, venue=options["venue"], epoch=options["epoch"], signed=signed, told=tell)
    return {
        "label": UNAUDITED,
        "accepted": reason is None,
        "reason": reason,
        "signed": signed is not None,
        "leaves": len(made.leaves),
        "apart": sum(item.under for item in made.leaves),
        "root": made.root.hash,
    }


KINDS: dict[str, Work] = {
    "prove-margin": margin_proved,
    "prove-solvency": solvency_proved,
    "verify-margin": margin_verified,
    "verify-solvency": solvency_verified,
}

_GIVEN: dict[str, type[Document]] = {
    "vault": VaultFile,
    "books": VenueBooks,
    "proof": MarginProof,
    "publication": Solvency,
    "market": Market,
    "book": CommittedBook,
}


def check_given(options: Mapping[str, Any]) -> None:
    """Read the documents of a request before a process is started. Raises `DocumentError`."""
    for name, model in _GIVEN.items():
        _read(options.get(name), model, f"job.{name}")
    for name in ("source", "signed"):
        _read((options.get(name) or {}).get("signature"), Signature, f"job.{name}.signature")


def _read(content: Any, model: type[Document], path: str) -> None:
    if content is None:
        return
    try:
        model.from_dict(content)
    except DocumentError as error:
        raise DocumentError([Problem(f"{path}.{p.path}", p.got, p.allowed) for p in error.problems]) from None


def hashes_of(kind: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """What a ledger keeps of a proof: what it is about, and hashes. No commitment, no amount, no blinding."""
    if kind == "prove-margin":
        proof = MarginProof.from_dict(result["proof"], "proof")
        terms = proof.terms
        about = {name: getattr(terms, name) for name in ("venue", "account", "epoch", "rules_label", "standing")}
        hashes = {name: getattr(terms, name) for name in ("rules", "market", "array", "rows")}
        book = CommittedBook.from_dict(result["book"], "book").hash()
        return {"proves": "margin", **about, **hashes, "proof": proof.hash(), "book": book, "label": result["label"]}
    made = Solvency.from_dict(result["publication"], "publication")
    return {
        "proves": "solvency",
        "venue": made.terms.venue,
        "epoch": made.terms.epoch,
        "leaves": len(made.leaves),
        "root": made.root.hash,
        "proof": made.hash(),
        "label": result["label"],
    }


LOTS = 8
"""Decimals that lots have at most, which are those of a bitcoin."""

NOISE = 1e-10
"""Contracts within which the sums of a floating-point engine lie about a quantity, where its own steps are finer."""


def whole_lots(account: Account) -> Account:
    """The account with quantities as they were traded: 0.3 where tenths were added up to 0.30000000000000004.

    A quantity that is further from a decimal of so many places is left as it is, for the proof to refuse.
    """

    def meant(quantity: float) -> float:
        lots = round(quantity, LOTS)
        return lots if abs(lots - quantity) <= max(NOISE, 64.0 * math.ulp(quantity)) else quantity

    held = [p.model_copy(update={"quantity": meant(p.quantity)}) for p in account.positions]
    # what is left after the last lot is gone is no position, but its profit is still owed
    return account.model_copy(update={"positions": tuple(p for p in held if p.quantity or p.unrealised_pnl)})


def _vault(options: Mapping[str, Any]) -> Vault:
    given = options["vault"]
    return Vault() if given is None else Vault.opened(VaultFile.from_dict(given, "vault"), options["passphrase"])


def _signed(given: Mapping[str, Any] | None) -> Signed | None:
    return None if given is None else Signed(Signature.from_dict(given["signature"], "signature"), given["key"])
