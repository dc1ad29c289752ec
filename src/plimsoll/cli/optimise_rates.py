"""`plimsoll optimise rates`: the cheapest rate schedule of a venue, learnt walk-forward, against the governed rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._rate_histories import histories_of

if TYPE_CHECKING:
    from plimsoll.rates.tune import Series


@click.command(name="rates", epilog="Example: plimsoll optimise rates --history bars.parquet --from 2022-01-01")
@click.option("--history", metavar="FILE", help="Bars with close and volume (CSV or Parquet); default: generated ones.")
@click.option("--asset", "assets", multiple=True, metavar="SYMBOL[=NAME]", help="Of the file; may be repeated.")
@click.option("--policy", metavar="FILE", help="Rate policy (`plimsoll schema rate-policy`); default: the house's.")
@click.option("--from", "start", metavar="DATE", help="Judged from here on, learnt before; default: the second half.")
@click.option("--coverage", default=0.99, show_default=True, help="Part of the losses that rates have to cover.")
@click.option("--states", default=6, show_default=True, type=click.IntRange(1, 50), help="States of volatility.")
@click.option(
    "--every", default=90, show_default=True, type=click.IntRange(1), help="Bars until they are learnt again."
)
@click.option("--least", default=250, show_default=True, type=click.IntRange(50), help="Bars before the first time.")
@click.option("--window", default=1500, show_default=True, type=click.IntRange(50), help="Bars that are learnt from.")
@click.option("--floor", default=0.01, show_default=True, help="Lowest rate, a fraction of the notional.")
@click.option("--cap", default=1.0, show_default=True, help="Highest rate.")
@click.option("--output", "-o", metavar="FILE", help="Draw it (.png or .svg).")
@json_option
def rates_command(
    history: str | None,
    assets: tuple[str, ...],
    policy: str | None,
    start: str | None,
    coverage: float,
    states: int,
    every: int,
    least: int,
    window: int,
    floor: float,
    cap: float,
    output: str | None,
    as_json: bool,
) -> None:
    """Margin rates that cost users least and cover as many losses: one for each state of volatility.

    Learnt from what was known at each time as an exact mixed-integer program, published within the governor's limits of
    speed, and compared with the governed rule on what came after, each scaled to the same coverage.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.optimise.rate_rules import StateRule, compare
    from plimsoll.rates.publish import RatePolicy
    from plimsoll.rates.study import study_series

    rule = StateRule(coverage, states, every, least, window, floor, cap)
    chosen = RatePolicy() if policy is None else RatePolicy.load(policy)
    with late_bar() as bar:
        series = study_series(chosen, histories_of(history, assets), told=bar)
        found = compare(series, _start(start, series), rule=rule, governor=chosen.governor, tell=bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.rate_rule_figure import rate_rule_figure

        save(rate_rule_figure(found), output)
    if as_json:
        print_json(found.to_dict())
        return
    from plimsoll.report.rate_rule_view import rate_rule_view

    out = console()
    out.print(rate_rule_view(found))
    if output is not None:
        out.print(f"picture: {output}", markup=False, soft_wrap=True)


def _start(text: str | None, series: list[Series]) -> int:
    """Nanoseconds of `--from`, or of the middle of what all assets have rates for."""
    if text is not None:
        from plimsoll.documents import parse_instant, refuse
        from plimsoll.market.history import instant_ns

        try:
            return instant_ns(parse_instant(text if "T" in text else f"{text}T00:00:00Z"), "--from")
        except ValueError:
            raise refuse(
                "--from", text, "a day such as 2022-01-01, or an instant such as 2022-01-01T08:00:00Z"
            ) from None
    first, last = max(int(s.times[0]) for s in series), min(int(s.times[-1]) for s in series)
    return first + (last - first) // 2
