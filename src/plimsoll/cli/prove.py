"""`plimsoll prove`: proofs of margin and solvency that show no position. Unaudited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from plimsoll.cli._common import (
    account_option,
    console,
    json_option,
    load_account,
    load_market,
    market_option,
    plain_name,
    print_json,
    rules_option,
    write_text,
)
from plimsoll.cli._progress import late_bar


@click.group(epilog="Example: plimsoll prove margin --account a.json --market m.json --rules prbm@2026-01-01 ...")
def command() -> None:
    """Prove margin or solvency without showing a book (extra `proofs`).

    Unaudited: no cryptographer from outside has reviewed these proofs.
    """


def passphrase_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The passphrase of a vault."""
    return click.option(
        "--passphrase",
        envvar="PLIMSOLL_PASSPHRASE",
        prompt=True,
        hide_input=True,
        help="Of the vault; asked for unless the environment has PLIMSOLL_PASSPHRASE.",
    )(function)


@command.command(epilog="Example: plimsoll prove margin --account a.json --market m.json --rules prbm@2026-01-01 ...")
@account_option
@market_option
@rules_option
@click.option("--venue", default="", help="Where the account is held; that of the account document if left out.")
@click.option("--pseudonym", required=True, help="The name of the account in the proof.")
@click.option("--epoch", required=True, help="What the proof is about in time, as the verifier will expect it.")
@click.option("--also", multiple=True, metavar="INSTRUMENT", help="Listed too, held or not, to hide what is held.")
@click.option("--underlying", multiple=True, help="List every instrument of this underlying in the market.")
@click.option("--quantity-bits", default=32, show_default=True, type=click.IntRange(2, 80), help="Range of a position.")
@click.option("--money-bits", default=80, show_default=True, type=click.IntRange(2, 160), help="Range of an excess.")
@click.option("--reach", type=click.IntRange(1), help="Largest position in contracts, for rules with tiers; public.")
@click.option("--vault", required=True, metavar="FILE", help="Where the blindings are kept, encrypted.")
@passphrase_option
@click.option("--output", "-o", required=True, metavar="FILE", help="The proof; the committed book goes beside it.")
@json_option
def margin(
    account: str,
    market: str,
    rules: str,
    venue: str,
    pseudonym: str,
    epoch: str,
    also: tuple[str, ...],
    underlying: tuple[str, ...],
    quantity_bits: int,
    money_bits: int,
    reach: int | None,
    vault: str,
    passphrase: str,
    output: str,
    as_json: bool,
) -> None:
    """Prove that an account's collateral covers its margin, showing neither.

    The list of instruments is public: by default those held. Writes the proof, and FILE.book with the commitments that
    a venue signs. The rules are a rule set, or a file of a lender who asks for an expected shortfall over scenarios of
    his own (`plimsoll schema shortfall-rules`). Unaudited.
    """
    from plimsoll.proofs import UNAUDITED, CommittedBook, Vault, measure_of, prove_margin, state_account

    with late_bar() as bar:
        stated = state_account(
            load_account(account),
            load_market(market),
            measure_of(rules),
            pseudonym=pseudonym,
            epoch=epoch,
            venue=venue,
            also=also,
            underlyings=underlying,
            quantity_bits=quantity_bits,
            money_bits=money_bits,
            reach=reach,
            told=bar,
        )
        kept = Vault.load(vault, passphrase)
        opening = stated.opening(kept)
        kept.save(vault, passphrase)
        bar("the proof", 2, 4)
        proof = prove_margin(stated.statement, opening)
        bar("written", 3, 4)
        write_text(output, proof.to_json())
        write_text(output + ".book", CommittedBook.of(proof).to_json())
    size = len(proof.proof) // 2
    told = {
        "proof": output,
        "book": output + ".book",
        "bytes": size,
        "commitments": len(proof.commitments),
        "instruments": len(proof.terms.instruments),
        "rows": len(stated.statement.written.rows.rows),
        "standing": proof.terms.standing,
        "label": UNAUDITED,
    }
    if as_json:
        print_json(told)
        return
    out = console()
    out.print(f"{output}: {size:,} bytes beside {len(proof.commitments)} commitments of 48", highlight=False)
    out.print(
        f"{told['instruments']} instruments are named in it, {told['rows']} rows, the requirement is {told['standing']}"
    )
    out.print(f"{output}.book: the commitments, for the venue to sign")
    out.print(UNAUDITED)


@command.command(epilog="Example: plimsoll prove solvency books.json --padding 24 -o day.json --inclusions customers")
@click.argument("file", metavar="BOOKS")
@click.option("--padding", type=click.IntRange(0), default=0, show_default=True, help="Accounts of nothing, put among.")
@click.option("--output", "-o", required=True, metavar="FILE", help="The publication.")
@click.option("--inclusions", metavar="FOLDER", help="Where each customer's own inclusion goes, in NAME.json.")
@click.option("--vault", required=True, metavar="FILE", help="Where books and blindings are kept, encrypted.")
@passphrase_option
@json_option
def solvency(
    file: str, padding: int, output: str, inclusions: str | None, vault: str, passphrase: str, as_json: bool
) -> None:
    """Prove from a venue's books that it owes no more than it shows to hold, and that open interest balances.

    BOOKS is a private document, `plimsoll schema venue-books`. Accounts under water are listed apart. Unaudited.
    """
    from plimsoll.documents import refuse
    from plimsoll.proofs import UNAUDITED, Vault, VenueBooks, prove_solvency

    with late_bar() as bar:
        books = VenueBooks.load(file)
        folder = None if inclusions is None else Path(inclusions)
        for holder in books.accounts if folder is not None else ():
            if not plain_name(holder.name):
                raise refuse("accounts.name", holder.name, "letters, digits, '.', '_' and '-' for the name of a file")
        published = prove_solvency(books, padding, bar)
        kept = Vault.load(vault, passphrase)
        for i, secret in enumerate(published.secrets):
            kept.put(f"{books.terms.venue}/{books.terms.epoch}/{secret.name or f'padding {i}'}", secret.opening)
        kept.save(vault, passphrase)
        write_text(output, published.solvency.to_json(None))
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            apart = {s.name for s, item in zip(published.secrets, published.solvency.leaves, strict=True) if item.under}
            for given in published.inclusions([h.name for h in books.accounts if h.name not in apart]):
                write_text(str(folder / f"{given.account}.json"), given.to_json())
    size = sum(len(text) // 2 for text in (*published.solvency.ranges, published.solvency.totals))
    under = sum(item.under for item in published.solvency.leaves)
    told = {
        "publication": output,
        "leaves": len(published.solvency.leaves),
        "apart": under,
        "bytes": size,
        "root": published.solvency.root.hash,
        "label": UNAUDITED,
    }
    if as_json:
        print_json(told)
        return
    out = console()
    out.print(f"{output}: {told['leaves']:,} leaves, {under} listed apart, {size:,} bytes of proofs", highlight=False)
    out.print(f"root {published.solvency.root.hash}: sign the file, and publish both in one place", soft_wrap=True)
    out.print(UNAUDITED)


@command.command(epilog="Example: plimsoll prove key venue.key")
@click.argument("file", metavar="FILE")
def key(file: str) -> None:
    """Make a private key for signatures, and print its public key."""
    import os

    from plimsoll.documents import refuse
    from plimsoll.proofs import new_key, public_key

    private = new_key()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise refuse("FILE", file, "a file that is not there yet") from None
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(private + "\n")
    click.echo(public_key(private))


@command.command(epilog="Example: plimsoll prove sign market.json --as market --key source.key -o market.sig")
@click.argument("file", metavar="FILE")
@click.option("--as", "role", type=click.Choice(["market", "book", "solvency"]), required=True, help="What it is.")
@click.option("--key", "key_file", required=True, metavar="FILE", help="The private key, as `prove key` makes it.")
@click.option("--output", "-o", required=True, metavar="FILE", help="The signature.")
def sign(file: str, role: str, key_file: str, output: str) -> None:
    """Sign a snapshot as its source, or a committed book or a solvency publication as the venue."""
    from plimsoll.cli.verify import document_of
    from plimsoll.documents import refuse
    from plimsoll.proofs import sign as signed

    private = Path(key_file).read_text(encoding="ascii").strip()
    if len(private) != 64:
        raise refuse("--key", f"{len(private)} characters", "64 hexadecimal digits")
    write_text(output, signed(document_of(file, role), role, private).to_json())
    click.echo(f"{output}: signed")
