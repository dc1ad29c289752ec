"""The commands. Only names and one-line descriptions live here: a command's room is imported when it runs."""

from __future__ import annotations

import sys

from plimsoll.cli._group import LazyGroup, Listing

LISTING: dict[str, list[Listing]] = {
    "Book": [
        Listing("demo", "The margin of an embedded book: comparison, reasons and an HTML report.", "demo"),
        Listing("margin", "The requirement of an account under one rule set.", "margin"),
        Listing("compare", "The same account under every rule set that applies.", "compare"),
        Listing("sensitivity", "What moves a requirement: spot, vol, a day, rules; the next kink.", "sensitivity"),
        Listing("liquidation", "Every liquidation line of an account along a path, with a picture.", "liquidation"),
        Listing("call", "The margin call of an account, its deadline, and the smallest set of closes.", "call"),
        Listing("calendar", "Margin and health hour by hour: expiries, funding, theta, new rules.", "calendar"),
        Listing("explain", "Why margin and health changed between two snapshots, as an exact sum.", "explain"),
        Listing("surface", "Profit and loss over price, volatility and time.", "surface"),
        Listing("risk", "VaR, expected shortfall and clearing-house charges, with their errors.", "risk"),
        Listing("stress", "A book under stress scenarios; the smallest shock that breaks it.", "stress"),
        Listing("optimise", "The trades that lower margin most for what they cost, and their proof.", "optimise"),
        Listing("fit", "Fit volatility surfaces without arbitrage; the error of every expiry.", "fit"),
        Listing("book", "Make books: a reproducible random one.", "book"),
        Listing("import", "Files of venues into market snapshots.", "imports"),
    ],
    "Venue": [
        Listing("rules", "List, show, compare and import dated rule packs.", "rules"),
        Listing("rates", "Margin rates through a history, tuned and governed; whom a new schedule hits.", "rates"),
        Listing("controller", "Policies that set a margin rate: trained in the laboratory, compared.", "controller"),
        Listing("close-out", "A failing account through the ways to liquidate it, side by side.", "close_out"),
        Listing("cascade", "Crashes that a fleet's own liquidations deepen; 10 October 2025 again.", "cascade"),
        Listing("waterfall", "Who pays for a default, layer after layer; the size of a fund.", "waterfall"),
        Listing("liens", "Collateral on other chains: a checked simulation, latency haircuts.", "liens"),
    ],
    "Validate": [
        Listing("conformance", "Run numbers that venues computed against the models.", "conformance"),
        Listing("validate", "Backtests: published ones reproduced, and our own.", "validate"),
        Listing("schema", "Print the JSON Schema of a document.", "schema"),
    ],
    "Operate": [
        Listing("live", "Margins kept up to date through a replayed market; an order checked before it goes.", "live"),
        Listing(
            "efficiency", "What portfolio margin saves at equal coverage, and for which books nothing.", "efficiency"
        ),
        Listing("serve", "REST and WebSocket of the live engine, for one or more tenants.", "serve"),
        Listing("token", "API tokens of the service: create, list, revoke.", "token"),
        Listing("audit", "Verify, replay and export the record of margins; check one account of it.", "audit"),
        Listing("completion", "Print the shell completion script.", "completion"),
    ],
    "Prove": [
        Listing("prove", "Prove margin or solvency without showing a book (unaudited).", "prove"),
        Listing("verify", "Verify a proof of margin or solvency, or an inclusion (unaudited).", "verify"),
    ],
}


def main() -> None:
    """Entry point: runs the command and turns refusals into one message and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line. 0: done; 1: done, but a check missed; 2: bad input; 3: a fault of ours."""
    import click

    _tell_warnings_plainly()
    try:
        code = LazyGroup.build(LISTING).main(arguments, prog_name="plimsoll", standalone_mode=False)
        return int(code) if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # what is still buffered has no reader: it must not be written when the interpreter ends
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001  the last line: a user never sees a traceback
        return _report(error)


def _tell_warnings_plainly() -> None:
    """Our own warnings are for the user and show as one line; other libraries' are shown as Python does."""
    import warnings

    as_python_does = warnings.showwarning

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, *further: object, **named: object
    ) -> None:
        if category.__module__.startswith("plimsoll."):
            print(f"warning: {message}", file=sys.stderr)
        else:
            as_python_does(message, category, filename, lineno, *further, **named)  # type: ignore[arg-type]

    warnings.showwarning = show


def _report(error: Exception) -> int:
    import os

    from plimsoll.documents import PlimsollError

    if isinstance(error, PlimsollError):
        print(f"error: {error}", file=sys.stderr)
        return 2
    if os.environ.get("PLIMSOLL_TRACEBACK"):
        raise error
    print(f"internal error: {type(error).__name__}: {error}", file=sys.stderr)
    print("This is a fault of Plimsoll; PLIMSOLL_TRACEBACK=1 shows where.", file=sys.stderr)
    return 3
