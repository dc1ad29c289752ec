"""`plimsoll validate`: did the margin cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plimsoll.cli._common import console, json_option, name_files, print_json, write_text

if TYPE_CHECKING:
    from plimsoll.market.history import History
    from plimsoll.validate.walk import EngineModel

COINS = ("BTC", "ETH")
"""Those of the library of books."""


@click.group(invoke_without_command=True, epilog="Example: plimsoll validate run --prices daily.parquet -o page.html")
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Backtests: our own day by day, published ones reproduced, and disclosures checked.

    Without a subcommand: `run` on a generated history.
    """
    if ctx.invoked_subcommand is not None:
        return None
    code: int = ctx.invoke(run)
    return code


@command.command(epilog="Example: plimsoll validate run --prices daily.parquet --funding funding.csv.gz -o page.html")
@click.option(
    "--prices",
    metavar="[COIN=]FILE",
    help="Daily closes of BTC, ETH or both, those that the books hold; COIN where the file has no column of symbols. "
    "Default: a generated history.",
)
@click.option("--funding", metavar="FILE", help="Funding rates of --coin, for the book that needs a basis.")
@click.option("--model", "-m", multiple=True, metavar="NAME|FILE", help="May be repeated; default: fhs and hs.")
@click.option("--book", "-b", multiple=True, metavar="NAME", help="May be repeated; default: all that have a history.")
@click.option("--coin", default="BTC", show_default=True, help="Coin of the books of one coin: BTC or ETH.")
@click.option("--from", "start", metavar="INSTANT", help="First forecast, such as 2019-01-01T00:00:00Z.")
@click.option("--until", metavar="INSTANT", help="Last loss.")
@click.option("--look-back", default=500, show_default=True, help="Days of history behind each forecast.")
@click.option("--broken", type=float, metavar="FACTOR", help="Add the first model times this: 0.5 halves it.")
@click.option("--output", "-o", metavar="FILE", help="Write the disclosure as a page: .html.")
@click.option("--document", "-d", metavar="FILE", help="Write the disclosure as JSON.")
@json_option
def run(
    prices: str | None,
    funding: str | None,
    model: tuple[str, ...],
    book: tuple[str, ...],
    coin: str,
    start: str | None,
    until: str | None,
    look_back: int,
    broken: float | None,
    output: str | None,
    document: str | None,
    as_json: bool,
) -> int:
    """Forecast the loss of a library of books every day from what was known, and judge the forecasts.

    Exit 0: no coverage is rejected over all books and regimes; 1: some are, each of them printed; 2: bad input.
    """
    import json

    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.validate.books import library
    from plimsoll.validate.disclosure import disclosure
    from plimsoll.validate.judge import judge
    from plimsoll.validate.walk import walk_forward

    models = _models(model or ("fhs", "hs"), broken)
    if coin not in COINS:
        raise refuse("--coin", coin, f"one of {', '.join(COINS)}")
    shapes = library(book, coin)
    levels, data, notes = _levels(prices, funding, {c for s in shapes for c in s.coins} if book else set(), coin)
    without = [s.name for s in shapes if not set(s.coins) <= set(levels.names)]
    if without:
        shapes = tuple(s for s in shapes if s.name not in without)
        notes.append(f"{', '.join(without)} left out: the file has not the prices of all of their coins")
    if not shapes:
        held = [n for n in levels.names if n in COINS]
        raise refuse("--coin", coin, f"a coin of the file: {', '.join(held)}")
    if not book and not any(n.endswith(" basis") for n in levels.names):
        shapes = tuple(s for s in shapes if not s.basis)
        notes.append("books with a dated future are left out: no history of the basis was given (--funding)")
    if look_back < 60:
        raise refuse("--look-back", look_back, "at least 60 days")
    with late_bar() as bar:
        least = min(250, look_back)
        walk = walk_forward(
            models, shapes, levels, start=start, until=until, least=least, look_back=look_back, progress=bar
        )
        bar("judging", 0, 1)
        judged = judge(walk)
    made = disclosure(
        walk, judged, models, command=_command(prices, funding, model, book, coin, start, until, look_back, broken),
        data=data, notes=notes,
    )  # fmt: skip
    if output is not None:
        from plimsoll.report.validation_page import validation_page

        write_text(output, validation_page(walk, judged, made))
    if document is not None:
        text = json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(document, text + "\n", "--document")
    if as_json:
        print_json(made)
    else:
        from plimsoll.report.validation_view import coverage_table, rejection_lines, unclaimed_lines

        out = console()
        for name in judged.models:
            out.print(coverage_table(judged, name))
        for name in judged.models:
            for line in (*rejection_lines(judged, name), *unclaimed_lines(judged, name)):
                out.print(line, markup=False)
        for line in (*notes, "iv: proxy for every book with options"):
            out.print(line, markup=False)
        name_files(out, page=output, document=document)
    return 1 if any(judged.rejections(m) for m in judged.models) else 0


@command.command(epilog="Example: plimsoll validate check disclosure.json")
@click.argument("file", metavar="FILE")
def check(file: str) -> int:
    """Is a disclosure whole: every field there, the result the one that was hashed, every rejection listed?

    Whether the result is right is what its replay command tells. Exit 0: whole; 1: not, with the reasons.
    """
    from plimsoll.documents import parse_json, read_bytes, refuse
    from plimsoll.validate.disclosure import check as look

    content = parse_json(read_bytes(file), file)
    if not isinstance(content, dict):
        raise refuse("$", content, "a disclosure", file)
    problems = look(content)
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo(f"whole: result {content['hashes']['result']}\nreplay: {content['command']}")
    return 1 if problems else 0


@command.command(epilog="Example: plimsoll validate reproduce ../shared/data/backtests")
@click.argument("folder", metavar="DIR")
@click.option("--fits/--no-fits", default=True, show_default=True, help="Models fitted day by day: minutes of work.")
@click.option("--every", is_flag=True, help="Show every figure that was computed, not only those that differ.")
@json_option
def reproduce(folder: str, fits: bool, every: bool, as_json: bool) -> int:
    """Compute the figures of published VaR and ES backtests from the returns beside them.

    DIR holds ASSET_daily_log_returns.csv and var_backtest_published_ASSET.csv, evt_fhs_published_ASSET.csv,
    es_z2_published_ASSET.csv, each also as .csv.gz. Exit 0: all that can be computed is equal; 1: a figure differs,
    or was left out; 2: no such folder.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.validate.published import reproduce as compute

    with late_bar() as bar:
        found = compute(folder, fits=fits, progress=bar)
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.backtests_view import figure_table, reasons, summary_table

        out = console()
        out.print(summary_table(found))
        listed = [f for f in found.figures if f.status == "differs" or (every and f.status == "equal")]
        if listed:
            out.print(figure_table(listed))
        for line in (*found.notes, *reasons(found)):
            out.print(line, markup=False)
        kinds = ("equal", "differs", "not reproducible", "skipped")
        out.print(", ".join(f"{found.count(k)} {k}" for k in kinds if found.count(k)))  # type: ignore[arg-type]
    return 0 if found.complete else 1


def _models(names: tuple[str, ...], broken: float | None) -> list[EngineModel]:
    """The models by name or file, and the first one broken on purpose."""
    from plimsoll.documents import refuse
    from plimsoll.risk.models import risk_model
    from plimsoll.validate.walk import EngineModel

    found = [EngineModel(risk_model(name)) for name in names]
    if broken is not None:
        if not 0 < broken < 10:
            raise refuse("--broken", broken, "a factor above 0 and below 10")
        found.append(EngineModel(found[0].model, f"{found[0].label} x {broken:g}", broken))
    return found


def _levels(
    prices: str | None, funding: str | None, coins: set[str], lead: str
) -> tuple[History, dict[str, str], list[str]]:
    """Levels of every factor of `coins` (empty: of whichever the file has), with the basis of `lead`; the digest of
    each file, and remarks."""
    import hashlib
    from pathlib import Path

    from plimsoll.validate.levels import basis_rate, factor_levels

    def digest(path: str) -> str:
        return "sha256:" + hashlib.sha256(Path(path).read_bytes()).hexdigest()

    notes: list[str] = []
    if prices is None:
        closes, data = _generated(), {"generated": "a seeded history, of no market"}
        notes.append("the history is generated, of no market (--prices FILE for a real one)")
    else:
        from plimsoll.documents import refuse
        from plimsoll.feeds.bars import read_bars, symbols_of

        coin, path = _coin_and_path(prices)
        held = symbols_of(path)
        own = {s: c for c in COINS for s in (c, f"{c}USDT", f"{c}USD", f"{c}USDC") if s in (held or ())}
        wanted = sorted(coins or set(own.values()))
        if held is not None:
            if coin is not None:
                raise refuse("--prices", prices, "FILE alone: it has a column of symbols")
            if not wanted or not set(wanted) <= set(own.values()):
                raise refuse("--prices", ", ".join(held), f"symbols of {', '.join(wanted or COINS)}", path)
            names = {s: c for s, c in own.items() if c in wanted}
        else:
            if coin is None and len(wanted) != 1:
                raise refuse("--prices", prices, f"COIN=FILE, COIN of {', '.join(COINS)}: it has no column of symbols")
            names, coin = None, coin or wanted[0]
            if wanted and wanted != [coin]:
                raise refuse("--prices", prices, f"prices of {', '.join(wanted)}, which the books hold")
        read = read_bars(path, name=coin, names=names, utc_offset_hours=_offset(path))
        closes, data = read.history, {Path(path).name: digest(path)}
        notes += [f"{f.count} times {f.rule} in {f.name}: {f.what}" for f in read.report.findings]
    basis = None
    if funding is not None:
        from plimsoll.feeds.funding import read_funding

        rates = read_funding(funding, name=lead, utc_offset_hours=_offset(funding)).history
        basis = basis_rate(rates.select([lead]))
        data[Path(funding).name] = digest(funding)
    return factor_levels(closes, closes.names, basis=basis), data, notes


def _coin_and_path(text: str) -> tuple[str | None, str]:
    """`BTC=daily.csv` in its parts; no coin where none was given."""
    coin, mark, path = text.partition("=")
    return (coin, path) if mark and coin in COINS else (None, text)


def _offset(path: str) -> int | None:
    """UTC for files whose times have no zone; nothing for those that have one."""
    from plimsoll.documents import DocumentError
    from plimsoll.feeds.bars import _stamps, _table

    try:
        _stamps(_table(path), 0, path)
    except DocumentError:
        return None
    return 0


def _generated() -> History:
    from datetime import UTC, datetime

    from plimsoll.feeds.generated_history import generated_history

    whole = generated_history(datetime(2026, 1, 1, tzinfo=UTC))
    return whole.select([n for n in whole.names if " " not in n])


def _command(
    prices: str | None,
    funding: str | None,
    model: tuple[str, ...],
    book: tuple[str, ...],
    coin: str,
    start: str | None,
    until: str | None,
    look_back: int,
    broken: float | None,
) -> str:
    """The command line that runs this again, files by their names."""
    from pathlib import Path
    from shlex import join

    def bare(text: str) -> str:
        coin, path = _coin_and_path(text)
        return (f"{coin}=" if coin else "") + Path(path).name

    given: list[tuple[str, Any]] = [
        ("--prices", prices and bare(prices)),
        ("--funding", funding and Path(funding).name),
        *(("--model", m) for m in model),
        *(("--book", b) for b in book),
        ("--coin", None if coin == "BTC" else coin),
        ("--from", start),
        ("--until", until),
        ("--look-back", look_back),
        ("--broken", broken),
    ]
    words = [str(w) for name, value in given if value is not None for w in (name, value)]
    return join(["plimsoll", "validate", "run", *words])
