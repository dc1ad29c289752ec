"""`plimsoll verify`: proofs and inclusion, by whoever they are for. Unaudited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, load_market, market_option, print_json, rules_option
from plimsoll.cli._progress import late_bar

if TYPE_CHECKING:
    from plimsoll.documents import Document


@click.group(epilog="Example: plimsoll verify inclusion me.json --publication day.json --account me --equity 1250.5")
def command() -> None:
    """Verify a proof that somebody gave you (extra `proofs`).

    Unaudited: no cryptographer from outside has reviewed these proofs.
    """


def document_of(file: str, role: str) -> Document:
    """The document in a file that is signed in a role."""
    from plimsoll.market import Market
    from plimsoll.proofs import CommittedBook, Solvency

    kinds: dict[str, type[Document]] = {"market": Market, "book": CommittedBook, "solvency": Solvency}
    return kinds[role].load(file)


@command.command(epilog="Example: plimsoll verify proof p.json --market m.json --rules prbm@2026-01-01 ...")
@click.argument("file", metavar="PROOF")
@market_option
@rules_option
@click.option("--venue", required=True, help="The venue that the proof has to speak of.")
@click.option("--pseudonym", required=True, help="The account that the proof has to speak of.")
@click.option("--epoch", required=True, help="The epoch that the proof has to speak of.")
@click.option("--market-signature", metavar="FILE", help="The source's signature of the snapshot.")
@click.option("--source-key", metavar="KEY", help="The public key of the source, as you know it.")
@click.option("--trust-market", is_flag=True, help="The snapshot is your own: take it without a signature.")
@click.option("--book", metavar="FILE", help="The commitments that the venue signed.")
@click.option("--book-signature", metavar="FILE", help="Its signature of them.")
@click.option("--venue-key", metavar="KEY", help="The public key of the venue, as you know it.")
@click.option("--trust-book", is_flag=True, help="The book is your own reckoning, as `verify fills` makes it.")
@json_option
def proof(
    file: str,
    market: str,
    rules: str,
    venue: str,
    pseudonym: str,
    epoch: str,
    market_signature: str | None,
    source_key: str | None,
    trust_market: bool,
    book: str | None,
    book_signature: str | None,
    venue_key: str | None,
    trust_book: bool,
    as_json: bool,
) -> int:
    """Verify a proof of margin against the published snapshot and rules.

    The array is computed again here: nothing is taken from the proof but its commitments. Exit code 1 if it is refused.
    """
    from plimsoll.documents import refuse
    from plimsoll.proofs import UNAUDITED, CommittedBook, MarginProof, Signature, Signed, check_margin, measure_of

    if not trust_market and not (market_signature and source_key):
        raise refuse("--market-signature", None, "with --source-key, or --trust-market for a snapshot of your own")
    if book and not trust_book and not (book_signature and venue_key):
        raise refuse("--book-signature", None, "with --venue-key, or --trust-book for a book of your own reckoning")
    with late_bar() as bar:
        source = signed = committed = None
        if market_signature and source_key:
            source = Signed(Signature.load(market_signature), source_key)
        if book:
            committed = CommittedBook.load(book)
            if book_signature and venue_key:
                signed = Signed(Signature.load(book_signature), venue_key)
        reason = check_margin(
            MarginProof.load(file),
            load_market(market),
            measure_of(rules),
            venue=venue,
            account=pseudonym,
            epoch=epoch,
            source=source,
            book=committed,
            signed=signed,
            told=bar,
        )
    bound = "nothing binds the commitments to a book"
    if book:
        bound = "the commitments are those " + ("that the venue signed" if signed else "of your book")
    if as_json:
        print_json({"accepted": reason is None, "reason": reason, "bound": bool(book), "label": UNAUDITED})
    elif reason is None:
        out = console()
        out.print("accepted: the committed collateral covers the margin of the committed positions")
        out.print(bound)
        out.print(UNAUDITED)
    else:
        console().print(f"refused: {reason}", markup=False)
    return 0 if reason is None else 1


@command.command(
    epilog="Example: plimsoll verify solvency day.json --venue v --epoch 2026-11-26 --signature day.sig ..."
)
@click.argument("file", metavar="PUBLICATION")
@click.option("--venue", required=True, help="The venue that it has to speak of.")
@click.option("--epoch", required=True, help="The epoch that it has to speak of.")
@click.option("--signature", required=True, metavar="FILE", help="The venue's signature of the publication.")
@click.option("--venue-key", required=True, metavar="KEY", help="The public key of the venue, as you know it.")
@json_option
def solvency(file: str, venue: str, epoch: str, signature: str, venue_key: str, as_json: bool) -> int:
    """Verify a venue's publication: ranges, sums within reserves, balanced open interest, the root.

    It says nothing of who controls the reserves, nor of accounts that were never entered. Exit code 1 if it is refused.
    """
    from plimsoll.proofs import UNAUDITED, Signature, Signed, Solvency, check_solvency

    with late_bar() as bar:
        bar("the publication", 0, 2)
        made = Solvency.load(file)
        signed = Signed(Signature.load(signature), venue_key)
        reason = check_solvency(made, venue=venue, epoch=epoch, signed=signed, told=bar)
    apart = sum(item.under for item in made.leaves)
    told = {
        "accepted": reason is None,
        "reason": reason,
        "leaves": len(made.leaves),
        "apart": apart,
        "root": made.root.hash,
        "label": UNAUDITED,
    }
    if as_json:
        print_json(told)
    elif reason is None:
        out = console()
        out.print(f"accepted: {len(made.leaves) - apart:,} equities that are not negative, within the reserves")
        out.print(f"{apart} listed apart with less than nothing; open interest balances in every instrument")
        out.print(f"root {made.root.hash}", soft_wrap=True)
        out.print(UNAUDITED)
    else:
        console().print(f"refused: {reason}", markup=False)
    return 0 if reason is None else 1


@command.command(
    epilog="Example: plimsoll verify inclusion me.json --publication day.json --account me --equity 1250.5"
)
@click.argument("file", metavar="INCLUSION")
@click.option("--publication", required=True, metavar="FILE", help="The publication, or any copy of it.")
@click.option("--signature", metavar="FILE", help="The venue's signature of the publication.")
@click.option("--venue-key", metavar="KEY", help="The public key of the venue, as you know it.")
@click.option("--root", "root_hash", metavar="HASH", help="The hash of the root as it is published elsewhere.")
@click.option("--venue", required=True, help="The venue that it has to speak of.")
@click.option("--epoch", required=True, help="The epoch that it has to speak of.")
@click.option("--account", required=True, help="Your own name at the venue.")
@click.option("--equity", required=True, metavar="AMOUNT", help="What you know to be your equity, in the currency.")
@json_option
def inclusion(
    file: str,
    publication: str,
    signature: str | None,
    venue_key: str | None,
    root_hash: str | None,
    venue: str,
    epoch: str,
    account: str,
    equity: str,
    as_json: bool,
) -> int:
    """Check that your own account is counted, with your own equity, in the root that is published for all.

    Takes the root from a signed publication, or holds it to --root. Exit code 1 if it is refused.
    """
    from decimal import Decimal, InvalidOperation

    from plimsoll.documents import refuse
    from plimsoll.proofs import (
        UNAUDITED,
        Inclusion,
        ProofRefusedError,
        Signature,
        Solvency,
        check_signature,
        verify_inclusion,
    )

    if not (signature and venue_key) and not root_hash:
        raise refuse("--signature", None, "with --venue-key, or --root with the published hash")
    made, given = Solvency.load(publication), Inclusion.load(file)
    try:
        units = Decimal(equity) * 10**made.terms.decimals
    except InvalidOperation:
        raise refuse("--equity", equity, "a decimal number") from None
    if not units.is_finite() or units != units.to_integral_value():
        raise refuse("--equity", equity, f"a number of at most {made.terms.decimals} decimals")
    reason = None
    try:
        if signature and venue_key:
            check_signature(made, "solvency", Signature.load(signature), venue_key)
        if root_hash and root_hash != made.root.hash:
            raise ProofRefusedError("the root is not the one that is published")
        verify_inclusion(given, made.root, venue=venue, epoch=epoch, account=account, equity=int(units))
    except ProofRefusedError as error:
        reason = error.reason
    if as_json:
        print_json({"accepted": reason is None, "reason": reason, "root": made.root.hash, "label": UNAUDITED})
    elif reason is None:
        console().print(f"accepted: {account} is counted with {equity} {made.terms.currency}", markup=False)
        console().print(UNAUDITED)
    else:
        console().print(f"refused: {reason}", markup=False)
    return 0 if reason is None else 1


@command.command(epilog="Example: plimsoll verify rows p.json --market m.json --rules prbm@2026-01-01 -o rows.json")
@click.argument("file", metavar="PROOF")
@market_option
@rules_option
@click.option("--output", "-o", required=True, metavar="FILE", help="The rows, for a verifier that does not make them.")
def rows(file: str, market: str, rules: str, output: str) -> None:
    """Write the rows of a proof of margin, computed from snapshot and rules."""
    from plimsoll.cli._common import write_text
    from plimsoll.proofs import MarginProof, RowsDocument, margin_claim, measure_of, required

    given = MarginProof.load(file)
    requirement = required(measure_of(rules), given.terms.instruments, load_market(market), given.terms.reach)
    write_text(output, RowsDocument.of(margin_claim(given, requirement).rows).to_json(None))
    click.echo(f"{output}: {given.terms.rows}")


@command.command(epilog="Example: plimsoll verify fills log.json --book ann.book --book bob.book -o after")
@click.argument("file", metavar="LOG")
@click.option("--book", "books", multiple=True, required=True, metavar="FILE", help="A committed book of before.")
@click.option("--signature", "signatures", multiple=True, metavar="FILE", help="The venue's, of each book in order.")
@click.option("--venue-key", metavar="KEY", help="The public key of the venue, as you know it.")
@click.option("--trust-books", is_flag=True, help="The books are your own reckoning: take them without signatures.")
@click.option("--output", "-o", required=True, metavar="FOLDER", help="Where the books of after go, ACCOUNT.json.")
def fills(
    file: str,
    books: tuple[str, ...],
    signatures: tuple[str, ...],
    venue_key: str | None,
    trust_books: bool,
    output: str,
) -> int:
    """Move committed books by the published fills: what a proof of the later epoch is held to.

    LOG is a document, `plimsoll schema fill-log`; both sides of each of its fills are among the books. Nothing is
    opened, and nobody's secret is needed. Hand the book on to `verify proof --book ... --trust-book`. Exit code 1 if a
    signature, a book or a fill is refused. Unaudited.
    """
    from pathlib import Path

    from plimsoll.cli._common import plain_name, write_text
    from plimsoll.documents import refuse
    from plimsoll.proofs import (
        UNAUDITED,
        CommittedBook,
        FillLog,
        ProofRefusedError,
        Signature,
        check_signature,
        follow,
    )

    if not trust_books and not (venue_key and len(signatures) == len(books)):
        raise refuse("--signature", len(signatures), f"{len(books)} with --venue-key, or --trust-books")
    before: dict[str, CommittedBook] = {}
    try:
        for i, name in enumerate(books):
            book = CommittedBook.load(name)
            if not trust_books and venue_key:
                check_signature(book, "book", Signature.load(signatures[i]), venue_key)
            if book.account in before or not plain_name(book.account):
                raise refuse(f"{name}: account", book.account, "each once, in letters, digits, '.', '_' and '-'")
            before[book.account] = book
        log = FillLog.load(file)
        after = follow(before, log)
    except ProofRefusedError as error:
        console().print(f"refused: {error.reason}", markup=False)
        return 1
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    for account, book in after.items():
        write_text(str(folder / f"{account}.json"), book.to_json())
    console().print(
        f"{output}: {len(after)} books of epoch {log.after}, after {len(log.fills)} fills",
        markup=False,
        highlight=False,
    )
    console().print(UNAUDITED)
    return 0
