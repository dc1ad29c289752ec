"""`plimsoll rates`: the margin rates of a venue through a history, their tuning, and whom a new schedule hits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._common import console, json_option, print_json, write_text
from plimsoll.cli._rate_histories import histories_of, with_books, with_events, with_minutes

if TYPE_CHECKING:
    from plimsoll.rates.publish import RatePolicy

F = TypeVar("F", bound=Callable[..., Any])


def history_option(function: F) -> F:
    """`--history FILE` and `--asset SYMBOL=NAME`."""
    text = "Bars with close and volume (CSV or Parquet), coins at their close; default: a history made by the project."
    named = "A symbol of the file, or SYMBOL=NAME; may be repeated; the first is the one in which others are hedged."
    function = click.option("--asset", "assets", multiple=True, metavar="SYMBOL", help=named)(function)
    return click.option("--history", metavar="FILE", help=text)(function)


def learned_option(function: F) -> F:
    """`--learned`."""
    text = (
        "Let the shipped forecast of volatility raise what is asked, from the day until which it was grown on; where "
        "the gate kept its trees out, its baseline. It never lowers anything by itself. Needs --history with daily "
        "open, high, low, close and volume."
    )
    return click.option("--learned", is_flag=True, help=text)(function)


def known_option(function: F) -> F:
    """`--funding FILE` and `--dvol FILE`, which the learned forecast may look at."""
    function = click.option("--dvol", metavar="FILE", help="Volatility index of the market, for --learned.")(function)
    return click.option("--funding", metavar="FILE", help="Funding rates of the market, for --learned.")(function)


def policy_option(function: F) -> F:
    """`--policy FILE`."""
    text = "Rate policy (`plimsoll schema rate-policy`); default: the house's."
    return click.option("--policy", metavar="FILE", help=text)(function)


@click.group(
    invoke_without_command=True,
    epilog="Example: plimsoll rates -o rates.png --schedule schedule.json",
    no_args_is_help=False,
)
@history_option
@learned_option
@known_option
@click.option("--books", metavar="FILE", help="Order books for the cost of closing (`plimsoll schema rate-books`).")
@click.option(
    "--minutes",
    multiple=True,
    metavar="FILE|NAME=FILE",
    help="Shorter bars of the assets, or of NAME: rates at once on moves within a bar. May be repeated.",
)
@click.option("--events", metavar="FILE", help="What happened when (`plimsoll schema rate-events`): rates at once.")
@policy_option
@click.option("--output", "-o", metavar="FILE", help="Draw raw and published rates (.png or .svg).")
@click.option("--schedule", metavar="FILE", help="Write the schedule in force at --at.")
@click.option("--at", metavar="TIME", help="ISO 8601 instant of the table and the schedule; default: the end.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    history: str | None,
    assets: tuple[str, ...],
    learned: bool,
    funding: str | None,
    dvol: str | None,
    books: str | None,
    minutes: tuple[str, ...],
    events: str | None,
    policy: str | None,
    output: str | None,
    schedule: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """Margin rates per asset and tier: raw, floored, buffered, limited in speed, announced, each with its cause.

    A rate is published at the end of every bar and on events between them: a move of more than the policy's sigmas
    (--minutes), a collapse of depth (--books), or what --events tells. Nothing later than an instant decides what is
    published then.
    """
    if ctx.invoked_subcommand is not None:
        return
    from plimsoll.cli._progress import late_bar
    from plimsoll.market.history import instant_ns
    from plimsoll.rates.publish import publish, schedule_at

    notes: list[str] = []
    rule, found = _policy(policy), histories_of(history, assets, learned, funding, dvol, notes)
    if books is not None:
        found = with_books(found, books)
    for file in minutes:
        found = with_minutes(found, file, assets, notes)
    if events is not None:
        found = with_events(found, events)
    with late_bar() as bar:
        rates = publish(rule, found, told=bar)
    for name, one in found.items():
        used = {e.time for e in rates[name].events.values()}
        idle = sum(e.time not in used for e in one.events)
        if idle:
            notes.append(f"{idle} events of {name} before its first rate or long after its last bar: nothing followed")
    when = None if at is None else instant_ns(at, "--at")
    document = schedule_at(rule, rates, "published", when)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.rates_figure import rates_figure

        save(rates_figure(rates, found), output)
    if schedule is not None:
        write_text(schedule, document.to_json(), "--schedule")
    if as_json:
        changes = {
            name: [{"tier": k, "at": int(r.times[c.announced]), **vars(c)} for k, c in r.changes]
            for name, r in rates.items()
        }
        happened = {
            name: [
                vars(e) | {"raw": r.raw.raw[k].tolist(), "rate": r.rate[k].tolist()}
                for k, e in sorted(r.events.items())
            ]
            for name, r in rates.items()
        }
        print_json({"schedule": document.to_dict(), "changes": changes, "events": happened, "notes": notes})
        return
    from plimsoll.report.rates_view import rates_view

    out = console()
    out.print(rates_view(rule, rates, found, when))
    if notes:
        out.print()
    for note in notes:
        out.print(note, markup=False)
    for name, path in (("picture", output), ("schedule", schedule)):
        if path is not None:
            out.print(f"\n{name}: {path}", markup=False, soft_wrap=True)


@command.command(epilog="Example: plimsoll rates impact --fleet fleet.json --old before.json --new after.json")
@click.option("--fleet", required=True, metavar="FILE", help="Accounts (`plimsoll schema fleet`).")
@click.option("--old", required=True, metavar="FILE", help="The schedule in force.")
@click.option("--new", required=True, metavar="FILE", help="The announced schedule.")
@click.option("--books", metavar="FILE", help="Order books (`plimsoll schema rate-books`): forced sales against depth.")
@click.option("--top", default=8, show_default=True, type=click.IntRange(1, 1000), help="Accounts to name.")
@json_option
def impact(fleet: str, old: str, new: str, books: str | None, top: int, as_json: bool) -> None:
    """Who is called by a new schedule, for how much, what is sold against which volume, and who has most stress.

    With --books, what is sold is held against the last book of each asset too: what lies within 1 % of its middle on
    the thinner side.
    """
    from plimsoll.rates.impact import Fleet
    from plimsoll.rates.impact import impact as study
    from plimsoll.rates.schedule import RateSchedule

    found = study(Fleet.load(fleet), RateSchedule.load(old), RateSchedule.load(new))
    depth: dict[str, float] = {}
    if books is not None:
        from plimsoll.rates.depth import RateBooks, near_depth

        document = RateBooks.load(books)
        depth = {asset: near_depth(document.of(asset)[-1]) for asset in found.assets if asset in document.books}
    if not as_json:
        from plimsoll.report.rates_view import impact_view

        console().print(impact_view(found, top, depth))
        return
    rows = [
        {
            "name": account.name,
            "equity": float(found.equity[a]),
            "initial": [float(found.old.initial[a]), float(found.new.initial[a])],
            "maintenance": [float(found.old.maintenance[a]), float(found.new.maintenance[a])],
            "called": bool(found.called[a]),
            "call": float(found.call[a]),
            "closed": bool(found.closed[a]),
            "share": float(found.share[a]),
            "stress": float(found.stress[a]),
        }
        for a, account in enumerate(found.fleet.accounts)
    ]
    forced = {asset: float(size) for asset, size in zip(found.assets, found.forced, strict=True)}
    told = {"accounts": rows, "forced": forced, "top": [found.fleet.accounts[a].name for a in found.top(top)]}
    print_json(told | ({"depth": depth} if depth else {}))


@command.command(
    epilog="Example: plimsoll rates tune --split 2022-01-01T00:00:00Z --history daily.parquet --asset BTCUSDT=BTC"
)
@history_option
@policy_option
@click.option("--split", required=True, metavar="TIME", help="Rules are chosen before it and judged from it on.")
@click.option("--coverage", default=0.99, show_default=True, type=click.FloatRange(0.5, 1.0), help="Least, before it.")
@click.option("--peak-to-trough", type=click.FloatRange(1.0), help="Most, before it; default: no limit.")
@click.option("--output", "-o", metavar="FILE", help="Draw every rule that was tried (.png or .svg).")
@click.option("--governor", metavar="FILE", help="Write the chosen governor.")
@json_option
def tune(
    history: str | None,
    assets: tuple[str, ...],
    policy: str | None,
    split: str,
    coverage: float,
    peak_to_trough: float | None,
    output: str | None,
    governor: str | None,
    as_json: bool,
) -> None:
    """The cheapest governor that covers, chosen on the first part of a history and judged once on the rest.

    Ends with 1 when the second part is covered less than was wanted.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.market.history import instant_ns
    from plimsoll.rates.study import study_series
    from plimsoll.rates.tune import grid
    from plimsoll.rates.tune import tune as search

    notes: list[str] = []
    rule, found, rules = _policy(policy), histories_of(history, assets, notes=notes), grid()
    border = instant_ns(split, "--split")
    with late_bar() as bar:
        series = study_series(rule, found, told=bar)
        chosen = search(
            series,
            rules,
            border,
            coverage=coverage,
            peak_to_trough=peak_to_trough,
            told=lambda n: bar("rules tried", n, len(rules)),
        )
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.rates_figure import frontier_figure

        save(frontier_figure(chosen, coverage), output)
    if governor is not None:
        write_text(governor, chosen.rule.to_json(), "--governor")
    if as_json:
        print_json(
            {
                "rule": chosen.rule.to_dict(),
                "frozen": chosen.frozen,
                "before": dict(vars(chosen.before)),
                "after": dict(vars(chosen.after)),
                "tried": len(chosen.tried),
            }
        )
    else:
        from plimsoll.report.rates_view import tuned_view

        out = console()
        out.print(tuned_view(chosen, border, coverage))
        for note in notes:
            out.print(note, markup=False)
        for name, path in (("picture", output), ("governor", governor)):
            if path is not None:
                out.print(f"\n{name}: {path}", markup=False, soft_wrap=True)
    if chosen.after.coverage < coverage:
        raise click.exceptions.Exit(1)


@command.command(epilog="Example: plimsoll rates thresholds --history hourly.parquet --asset BTCUSDT=BTC -o v.png")
@history_option
@learned_option
@known_option
@click.option("--rule", metavar="FILE", help="Threshold rule (`plimsoll schema threshold-rule`); default: the house's.")
@click.option("--fast-hours", default=24.0, show_default=True, help="Window of the realised volatility.")
@click.option("--decay-hours", default=168.0, show_default=True, help="Memory of the forecast volatility.")
@click.option("--output", "-o", metavar="FILE", help="Draw the scalars (.png or .svg).")
@json_option
def thresholds(
    history: str | None,
    assets: tuple[str, ...],
    learned: bool,
    funding: str | None,
    dvol: str | None,
    rule: str | None,
    fast_hours: float,
    decay_hours: float,
    output: str | None,
    as_json: bool,
) -> None:
    """The scalar on maintenance margins through a history: how far volatility raises thresholds, and how fast."""
    from plimsoll.margin.avsl import ThresholdRule
    from plimsoll.market.history import History
    from plimsoll.rates.thresholds import raised, threshold_path

    chosen = ThresholdRule() if rule is None else ThresholdRule.load(rule)
    paths, notes = [], list[str]()
    for name, found in histories_of(history, assets, learned, funding, dvol, notes).items():
        closes = History.build([name], found.times, found.closes)
        hours = closes.step_ns / 3.6e12
        fast, decay = max(fast_hours, 2.0 * hours), max(decay_hours, 2.0 * hours)
        path = threshold_path(chosen, closes, name, fast_hours=fast, decay_hours=decay)
        if found.forecast is not None:
            higher = raised(path, found.forecast)
            path = threshold_path(chosen, closes, name, fast_hours=fast, decay_hours=decay, forecast=higher)
        paths.append(path)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.rates_figure import thresholds_figure

        save(thresholds_figure(paths), output)
    if as_json:
        print_json([{"name": p.name, "times": p.times.tolist(), "scalar": p.scalar.tolist()} for p in paths])
        return
    from plimsoll.report.rates_view import thresholds_view

    out = console()
    out.print(thresholds_view(paths))
    for note in notes:
        out.print(note, markup=False)
    if output is not None:
        out.print(f"\npicture: {output}", markup=False, soft_wrap=True)


def _policy(path: str | None) -> RatePolicy:
    from plimsoll.rates.publish import RatePolicy

    return RatePolicy() if path is None else RatePolicy.load(path)
