"""What several commands share: reading documents, the console, common options."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.margin import Account, MarginModel
    from plimsoll.margin.account import Mode
    from plimsoll.market import Market

F = TypeVar("F", bound=Callable[..., Any])


def load_account(path: str) -> Account:
    """The account in a JSON file; `DocumentError` names what is wrong with it."""
    from plimsoll.margin import Account

    return Account.load(path)


def load_market(path: str) -> Market:
    """The market snapshot in a JSON file."""
    from plimsoll.market import Market

    return Market.load(path)


def load_book(account: str | None, market: str | None) -> tuple[Account, Market]:
    """An account and its market; the demonstration's where neither file is given. One without the other is refused."""
    from plimsoll.documents import refuse
    from plimsoll.feeds.demo import demo_account, demo_market

    if account is None and market is None:
        return demo_account(), demo_market()
    if account is None or market is None:
        missing = "--account" if account is None else "--market"
        raise refuse(missing, "nothing", "both --account and --market, or neither for the demonstration's book")
    return load_account(account), load_market(market)


def console() -> Console:
    """Standard output for people: colours and width of the terminal, plain text in a pipe."""
    from rich.console import Console

    class PipedConsole(Console):
        """A reader that has seen enough (`| head`) is no error."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return PipedConsole(highlight=False)


def print_json(content: Any) -> None:
    """JSON to standard output."""
    click.echo(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))


def write_text(path: str, text: str, option: str = "--output") -> None:
    """Write a file, or refuse naming the option, the path and the reason."""
    from plimsoll.documents import refuse

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise refuse(option, f"{path} ({error.strerror})", "a file that can be written") from None


def name_files(out: Console, **paths: str | None) -> None:
    """A line for each file that was written, under what it is."""
    for what, path in paths.items():
        if path is not None:
            out.print(f"{what}: {path}", markup=False, soft_wrap=True)


def account_option(function: F) -> F:
    """`--account FILE`."""
    return click.option("--account", "-a", required=True, metavar="FILE", help="Account document (JSON).")(function)


def market_option(function: F) -> F:
    """`--market FILE`."""
    return click.option("--market", "-m", required=True, metavar="FILE", help="Market snapshot (JSON).")(function)


def plain_name(name: str) -> bool:
    """Whether a name may be that of a file in a folder of ours."""
    return all(c.isalnum() or c in "._-" for c in name) and name.isascii() and not name.startswith(".")


def rules_option(function: F) -> F:
    """`--rules NAME@DATE|FILE`, one rule set."""
    text = "Rule set in force on a day, or a file."
    return click.option("--rules", "-r", required=True, metavar="NAME@DATE|FILE", help=text)(function)


def same_exposure_option(function: F) -> F:
    """`--same-exposure`."""
    text = "Hold coin-settled contracts as linear ones of the same coins first, for rule sets that take only those."
    return click.option("--same-exposure", is_flag=True, help=text)(function)


def mode_option(function: F) -> F:
    """`--mode portfolio|cross|isolated`."""
    text = "Hold the account in this margin mode; isolated, every position has the initial margin that it needs alone."
    return click.option("--mode", type=click.Choice(["portfolio", "cross", "isolated"]), help=text)(function)


def held_as(
    model: MarginModel, account: Account, market: Market, same_exposure: bool, mode: Mode | None
) -> tuple[Account, Market]:
    """The account and market as `--same-exposure` and `--mode` ask for them."""
    if same_exposure:
        account, market = linear(model, account, market)
    if mode is not None:
        from plimsoll.margin.modes import in_mode

        account = in_mode(model, account, market, mode)
    elif account.mode not in model.MODES:
        from plimsoll.documents import DocumentError, Problem, Reason

        modes = " or ".join(repr(m) for m in model.MODES)
        got = f"{account.mode!r} ({Reason.UNSUPPORTED_MODE.value})"
        raise DocumentError(Problem("account.mode", got, f"{modes}, in the document or by --mode"))
    return account, market


def linear(model: MarginModel, account: Account, market: Market) -> tuple[Account, Market]:
    """The account in linear contracts as the rules of a model list them, and the market with these."""
    from plimsoll.margin.translate import same_exposure as translate

    currency = model.LINEAR[0]
    return translate(account, market, currency=currency, restate=currency != "USDC")


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")(function)
