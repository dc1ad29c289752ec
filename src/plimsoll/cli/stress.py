"""`plimsoll stress`: a book under stress scenarios, the scenarios themselves, and the smallest shock that breaks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import (
    console,
    held_as,
    json_option,
    load_account,
    load_market,
    mode_option,
    name_files,
    print_json,
    same_exposure_option,
    write_text,
)
from plimsoll.cli.stress_venue import venue_command

if TYPE_CHECKING:
    from plimsoll.margin import Account, MarginModel
    from plimsoll.margin.account import Mode
    from plimsoll.market import Market
    from plimsoll.scenarios.factors import FactorHistory
    from plimsoll.scenarios.stress import StressScenarios

SHOWN = 20


class BookFirst(click.Group):
    """A group whose first word may be a file: then it means `book FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["book", *args]
        return super().parse_args(ctx, args)


@click.group(cls=BookFirst, epilog="Example: plimsoll stress account.json market.json --rules prbm@2026-03-01")
def command() -> None:
    """A book under stress scenarios: BOOK.json [MARKET.json] and the options of `stress book`.

    Without files: the demonstration's book. `stress scenarios` lists or generates scenarios, `stress reverse` looks for
    the smallest shock that leaves a book short of its maintenance margin, `stress venue` for the one that empties a
    venue's fund.
    """


@command.command("book", epilog="Example: plimsoll stress account.json market.json -r prbm@2026-03-01 --html page.html")
@click.argument("account", metavar="[BOOK.json]", required=False)
@click.argument("market", metavar="[MARKET.json]", required=False)
@click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="Rule set; default: prbm on the market's day.")
@click.option("--scenarios", "-s", "file", metavar="FILE", help="Scenarios; default: those of the package.")
@click.option("--kind", type=click.Choice(["historical", "hypothetical", "generated"]), help="Only those of a kind.")
@click.option("--generate", type=int, metavar="COUNT", help="Add generated scenarios to them.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the generated scenarios.")
@click.option("--exact", type=int, default=SHOWN, show_default=True, help="Worst scenarios to margin again.")
@click.option("--output", "-o", metavar="FILE", help="Draw them (.png or .svg).")
@click.option("--html", metavar="FILE", help="Write a self-contained page.")
@same_exposure_option
@mode_option
@json_option
def book(
    account: str | None,
    market: str | None,
    rules: str | None,
    file: str | None,
    kind: str | None,
    generate: int | None,
    seed: int,
    exact: int,
    output: str | None,
    html: str | None,
    same_exposure: bool,
    mode: Mode | None,
    as_json: bool,
) -> None:
    """Profit and loss, collateral, equity and requirement of a book after each scenario, worst first.

    The loss of every scenario, at its worst instant, comes from the P&L array; the worst are margined again on the
    shocked market, pegs, volatilities and depth with it. MARKET.json may be left out where BOOK.json is a folder with
    account.json and market.json.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.laboratory.book_stress import stress_book

    model, holdings, snapshot = read_book(account, market, rules, same_exposure, mode)
    chosen, told = read_scenarios(file, kind, generate, seed, holdings, snapshot)
    with late_bar() as bar:
        found = stress_book(model, holdings, snapshot, chosen.scenarios, exact=exact, progress=bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.stress_figure import stress_figure

        save(stress_figure(found), output)
    if html is not None:
        from plimsoll.report.stress_page import stress_page

        write_text(html, stress_page(found, told), "--html")
    if as_json:
        print_json({"source": told, **found.to_dict()})
        return
    from plimsoll.report.stress_view import stress_view

    out = console()
    out.print(stress_view(found, SHOWN))
    name_files(out, picture=output, page=html)


@command.command(epilog="Example: plimsoll stress scenarios --generate 5000 --seed 7 -o generated.json")
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--generate", type=int, metavar="COUNT", help="Draw this many instead of reading any.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the generated scenarios.")
@click.option("--underlying", "-u", multiple=True, metavar="NAME", help="May be repeated; default: BTC, ETH, SOL.")
@click.option("--stable", multiple=True, metavar="NAME", help="Coins that may lose their peg; default: USDC, USDT.")
@click.option("--draws", type=click.Choice(["plain", "antithetic", "sobol"]), default="plain", show_default=True)
@click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars whose volatility and ranks to draw with.")
@click.option("--stretch", type=float, default=1.5, show_default=True, help="Times the volatility of that history.")
@click.option("--output", "-o", metavar="FILE", help="Write the scenarios as a file.")
@json_option
def scenarios(
    file: str | None,
    generate: int | None,
    seed: int,
    underlying: tuple[str, ...],
    stable: tuple[str, ...],
    draws: str,
    history: tuple[str, ...],
    stretch: float,
    output: str | None,
    as_json: bool,
) -> None:
    """The scenarios of a file, of the package, or generated ones, with their worst moves.

    --json prints exactly the file.
    """
    import numpy as np

    from plimsoll.documents import refuse
    from plimsoll.scenarios.stress import StressLaw, StressScenarios, instants, shipped_scenarios
    from plimsoll.scenarios.stress.generated import generate as drawn

    coins, pegs = underlying or ("BTC", "ETH", "SOL"), stable or ("USDC", "USDT")
    if generate is None:
        found = shipped_scenarios() if file is None else StressScenarios.load(file)
    else:
        if file is not None:
            raise refuse("FILE", file, "no file beside --generate")
        law = StressLaw() if not history else StressLaw.of_history(read_prices(history, coins), coins, stretch=stretch)
        found = drawn(generate, seed, coins, pegs, law=law, draws=draws)  # type: ignore[arg-type]
    if output is not None:
        write_text(output, found.to_json(None))
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, right in (("scenario", False), ("evidence", False), *((c, True) for c in coins), ("vol", True),
                        ("depth", True), ("peg", True)):  # fmt: skip
        table.add_column(name, justify="right" if right else "left", no_wrap=True)
    rows = instants(found.scenarios[:SHOWN], coins, pegs, dict.fromkeys(coins, 0.5))
    for k, scenario in enumerate(found.scenarios[:SHOWN]):
        at = rows.scenario == k
        worst = [p[np.argmax(np.abs(np.log(p)))] - 1.0 for p in rows.price[at].T]
        table.add_row(
            scenario.name, scenario.evidence, *(f"{x:+.1%}" for x in worst), f"×{rows.vol[at].max():.2f}",
            f"{rows.depth[at].min():.0%}", f"{rows.peg[at].min():.3f}",
        )  # fmt: skip
    out = console()
    out.print(table)
    if len(found) > SHOWN:
        out.print(f"{len(found) - SHOWN:,} more")
    if generate is None:
        out.print("largest move of each coin from the start; a volatility of 50 % stands behind points", style="dim")
    if output is not None:
        out.print(f"file: {output}", markup=False, soft_wrap=True)


@command.command(epilog="Example: plimsoll stress reverse account.json market.json -r prbm@2026-03-01 --history d.csv")
@click.argument("account", metavar="[BOOK.json]", required=False)
@click.argument("market", metavar="[MARKET.json]", required=False)
@click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="Rule set; default: prbm on the market's day.")
@click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars that say what an ordinary move is.")
@click.option("--horizon", metavar="1d|12h", default="1d", show_default=True, help="Of the ordinary move.")
@click.option("--reach", type=float, default=20.0, show_default=True, help="Largest size looked at.")
@click.option("--rays", type=int, default=128, show_default=True, help="Directions of the grid.")
@click.option("--seed", type=int, default=0, show_default=True)
@same_exposure_option
@mode_option
@json_option
def reverse(
    account: str | None,
    market: str | None,
    rules: str | None,
    history: tuple[str, ...],
    horizon: str,
    reach: float,
    rays: int,
    seed: int,
    same_exposure: bool,
    mode: Mode | None,
    as_json: bool,
) -> None:
    """The smallest joint move of prices and volatilities that leaves a book short of its maintenance margin.

    Size is the Mahalanobis distance under the history's covariance: how many ordinary moves of the horizon, in its own
    direction. The search is a grid of directions, bisection and refinement; what the grid shows below is said.
    """
    from plimsoll.cli._durations import days_of
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.risk import read_histories
    from plimsoll.laboratory.reverse_book import factors_of, reverse_book
    from plimsoll.margin.joint_account import joint_account
    from plimsoll.scenarios.factors import FactorHistory

    model, holdings, snapshot = read_book(account, market, rules, same_exposure, mode)
    known, told = read_histories(history, snapshot)
    names = joint_account(holdings, snapshot)[0].underlyings
    factors = factors_of(FactorHistory.of_levels(known, names), names, days_of(horizon))
    with late_bar() as bar:
        found = reverse_book(model, holdings, snapshot, factors, reach=reach, rays=rays, seed=seed, progress=bar)
    if as_json:
        print_json({"rules": model.rules.label, "history": told, "horizon_days": factors.days, **found.to_dict()})
        return
    from plimsoll.report.stress_view import reverse_view

    out = console()
    out.print(reverse_view(found, f"leaves {holdings.name or 'the account'} short of its margin", factors.days))
    out.print(f"{model.rules.label}; {told}", style="dim", markup=False)


def read_book(
    account: str | None, market: str | None, rules: str | None, same_exposure: bool, mode: Mode | None
) -> tuple[MarginModel, Account, Market]:
    """Model, account and market; the demonstration's where no file is given."""
    from plimsoll.documents import refuse
    from plimsoll.feeds.demo import demo_account, demo_market
    from plimsoll.margin import margin_model

    if account is not None and market is None:
        folder = Path(account)
        if not folder.is_dir():
            raise refuse("MARKET.json", "nothing", "a market snapshot, or as BOOK.json a folder that holds both")
        account, market = str(folder / "account.json"), str(folder / "market.json")
    holdings = demo_account() if account is None else load_account(account)
    snapshot = demo_market() if market is None else load_market(market)
    model = margin_model(rules or f"prbm@{snapshot.time.date().isoformat()}")
    return model, *held_as(model, holdings, snapshot, same_exposure, mode)


def read_scenarios(
    file: str | None, kind: str | None, count: int | None, seed: int, account: Account, market: Market
) -> tuple[StressScenarios, str]:
    """The scenarios to use and a sentence that says which."""
    from plimsoll.laboratory.shocked import stables
    from plimsoll.margin.joint_account import joint_account
    from plimsoll.scenarios.stress import StressScenarios, generate, shipped_scenarios

    found = shipped_scenarios() if file is None else StressScenarios.load(file)
    told = "scenarios of the package" if file is None else f"scenarios of {file}"
    if count is not None:
        names = joint_account(account, market)[0].underlyings
        drawn = generate(count, seed, names, stables(account, market))
        found = StressScenarios(scenarios=(*found.scenarios, *drawn.scenarios))
        told += f" and {count:,} generated with seed {seed}"
    if kind is not None:
        found, told = found.of(kind), f"{told}, only {kind}"  # type: ignore[arg-type]
    return found, told


def read_prices(given: tuple[str, ...], coins: tuple[str, ...]) -> FactorHistory:
    """The histories in the files, joined: symbols with a quote currency at their end are those of the coin."""
    from plimsoll.feeds.bars import read_bars
    from plimsoll.market.history import join
    from plimsoll.scenarios.factors import FactorHistory

    parts = []
    for text in given:
        name, _, path = text.rpartition("=")
        read = read_bars(path, name=name or None).history
        names = tuple(next((c for c in coins if n in (c, f"{c}USDT", f"{c}USDC", f"{c}USD")), n) for n in read.names)
        parts.append(type(read)(names, read.times, read.values, read.step_ns, read.limit_ns))
    return FactorHistory.of_levels(join(parts), coins)


command.add_command(venue_command, "venue")
