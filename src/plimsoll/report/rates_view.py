"""Published rates, their changes and the impact of a new schedule as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plimsoll.market.history import DAY_NS, instant_of
from plimsoll.rates.study import period_bars
from plimsoll.rates.tune import losses
from plimsoll.report.amounts import money, short_money
from plimsoll.report.columns import columns

if TYPE_CHECKING:
    from plimsoll.rates.impact import Impact
    from plimsoll.rates.publish import AssetHistory, AssetRates, RatePolicy
    from plimsoll.rates.thresholds import ThresholdPath
    from plimsoll.rates.tune import Tuned

STRONG, QUIET, BAD = "bold", "dim", "red"
LAST = 6
"""Changes that a table names."""


def _day(ns: int) -> str:
    return f"{instant_of(ns):%Y-%m-%d}"


def _minute(ns: int) -> str:
    return f"{instant_of(ns):%m-%d %H:%M}"


def rates_view(
    policy: RatePolicy,
    rates: Mapping[str, AssetRates],
    histories: Mapping[str, AssetHistory],
    when: int | None = None,
) -> RenderableType:
    """Each asset: rates by tier with their parts at the time `when` (ns; default: the end), what they did through the
    history, and the last changes."""
    last = max(int(r.times[-1]) for r in rates.values()) if when is None else when
    parts: list[RenderableType] = [Text(f"initial margin rates in force on {_day(last)}", style=STRONG)]
    table = columns("asset", "to", "in force", "raw", "tail", "close-out", "hedge jump", "floor", "period")
    for name, found in rates.items():
        at = int(np.searchsorted(found.times, last, side="right")) - 1
        for k, size in enumerate(policy.size.sizes):
            raw = found.raw
            table.add_row(
                name if k == 0 else "",
                short_money(size) if k + 1 < len(policy.size.sizes) else "above",
                f"{found.rate[at, k]:.2%}",
                f"{raw.raw[at, k]:.2%}",
                f"{raw.tail[at, k]:.2%}",
                f"{raw.close_out[at, k]:.2%}",
                f"{raw.hedge_jump[at, k]:.2%}",
                f"{raw.floor[at, k]:.2%}",
                f"{raw.period[at, k]:.1f} d",
            )
    words = Text("first tier: covered over its margin period, mean rate, jumps without notice", style=STRONG)
    parts += [table, Text(""), words, _history(policy, rates, histories), Text("")]
    parts.append(Text("last changes, first tier", style=STRONG))
    changes = columns("announced", "asset", "in force", "from", "to", "why")
    changes.columns[-1].justify, changes.columns[-1].no_wrap = "left", False
    say = _day if all(np.diff(r.times).min() >= DAY_NS for r in rates.values()) else _minute
    rows = [(c.announced, n, c) for n, r in rates.items() for k, c in r.changes if k == 0]
    rows.sort(key=lambda row: (int(rates[row[1]].times[row[0]]), row[1]))
    for row, name, change in rows[-LAST:]:
        style = BAD if "emergency" in change.causes else "none"
        announced = say(int(rates[name].times[row]))
        changes.add_row(
            announced,
            name,
            say(change.effective),
            f"{change.before:.2%}",
            f"{change.after:.2%}",
            ", ".join(change.causes),
            style=style,
        )
    return Group(*parts, changes, *_events(rates))


def _events(rates: Mapping[str, AssetRates]) -> list[RenderableType]:
    """The last events that raised a rate of the first tier at once, and how many there were."""
    count = sum(len(r.events) for r in rates.values())
    if not count:
        return []
    rows = [
        (int(found.times[c.announced]), name, c)
        for name, found in rates.items()
        for c in found.tiers[0].overrides
        if "event" in c.causes
    ]
    rows.sort(key=lambda row: row[:2])
    words = f"events: {count}, of which {len(rows)} raised the first tier at once"
    table = columns("at", "asset", "from", "to", "what happened")
    table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    for when, name, change in rows[-LAST:]:
        what = rates[name].events[change.announced].reason
        at = f"{instant_of(when):%Y-%m-%d %H:%M}"
        table.add_row(at, name, f"{change.before:.2%}", f"{change.after:.2%}", what, style=BAD)
    return [Text(""), Text(words, style=STRONG), *([table] if rows else [])]


def _history(policy: RatePolicy, rates: Mapping[str, AssetRates], histories: Mapping[str, AssetHistory]) -> Table:
    """In-sample: what the first tier covered on each side over its margin period, and how it moved."""
    table = columns("", "since", "long", "short", "mean", "raw", "peak/trough", "raw", "jumps")
    for name, found in rates.items():
        history = histories[name]
        start = history.times.size - found.bars.size
        lost = losses(history.closes, period_bars(policy, history))[start:]
        known = np.isfinite(lost).all(axis=1)
        rate, raw = found.rate[found.bars, 0], found.raw.raw[found.bars, 0]
        covered = (lost[known] <= rate[known, None]).mean(axis=0)
        table.add_row(
            name,
            _day(int(found.times[0])),
            f"{covered[0]:.2%}",
            f"{covered[1]:.2%}",
            f"{rate.mean():.2%}",
            f"{raw.mean():.2%}",
            f"{rate.max() / rate.min():.2f}",
            f"{raw.max() / raw.min():.2f}",
            f"{len(found.tiers[0].overrides)}",
        )
    return table


def impact_view(found: Impact, top: int = 8, depth: Mapping[str, float] | None = None) -> RenderableType:
    """Totals before and after, forced sales against volume and the USD of `depth` by asset where given, and the
    accounts with the most stress for their margin."""
    head = columns("all accounts", "old", "new", "change")
    for label, old, new in (
        ("initial margin", found.old.initial, found.new.initial),
        ("maintenance margin", found.old.maintenance, found.new.maintenance),
    ):
        before, after = float(old.sum()), float(new.sum())
        change = f"{after / before - 1:+.1%}" if before else "–"
        head.add_row(label, money(before, "USD"), money(after, "USD"), change)
    count = found.equity.size
    called, closed = int(found.called.sum()), int(found.closed.sum())
    # who was short before lacks more now, and is no new call
    again = ~found.called & (found.call > 0)
    more = f", {int(again.sum()):,} that were called before for {money(float(found.call[again].sum()), 'USD')} more"
    words = Text(
        f"{called:,} of {count:,} accounts are called for {money(float(found.call[found.called].sum()), 'USD')}"
        f"{more if again.any() else ''}; {closed:,} fall below maintenance",
        style=BAD if closed else "none",
    )
    beside = ("depth", "times it") if depth else ()
    sales = columns("forced", "to be closed", "a day's volume", "part of it", *beside)
    for asset, size, volume in zip(found.assets, found.forced, found.volume, strict=True):
        row = [asset, money(float(size), "USD"), money(float(volume), "USD"), f"{size / volume:.3%}"]
        if depth:
            here = depth.get(asset)
            row += ["–", "–"] if here is None else [money(here, "USD"), f"{size / here:.2f}" if here > 0 else "–"]
        sales.add_row(*row)
    rows = columns("most stress for its margin", "equity", "new margin", "call", "worst loss", "loss / margin")
    for a in found.top(top):
        rows.add_row(
            found.fleet.accounts[a].name,
            money(float(found.equity[a]), "USD"),
            money(float(found.new.initial[a]), "USD"),
            money(float(found.call[a]), "USD"),
            money(float(found.stress[a]), "USD"),
            f"{found.stress_over_margin[a]:.2f}",
        )
    return Group(head, Text(""), words, Text(""), sales, Text(""), rows)


def tuned_view(found: Tuned, split: int, coverage: float) -> RenderableType:
    """The chosen rule on both parts of the history."""
    rule = found.rule
    chosen = (
        f"buffer {rule.buffer:.0%}, stressed weight {rule.stress_weight:.0%}, floor {'on' if rule.floor else 'off'}, "
        f"up {_limit(rule.up_per_day)}, down {_limit(rule.down_per_day)}, notice {rule.notice_hours:g} h"
    )
    table = columns("", f"before {_day(split)}", "from then on")
    rows: tuple[tuple[str, str, str], ...] = (
        ("coverage, all assets and sides", "coverage", ".2%"),
        ("coverage, worst asset and side", "worst_coverage", ".2%"),
        ("mean rate", "mean", ".2%"),
        ("largest peak over trough", "peak_to_trough", ".2f"),
        ("largest rise in 30 days", "rise_30d", ".1%"),
        ("mean loss beyond the rate", "shortfall", ".2%"),
        ("changes a year and asset", "changes", ".0f"),
        ("losses judged", "periods", ",d"),
    )
    for label, field, form in rows:
        table.add_row(label, format(getattr(found.before, field), form), format(getattr(found.after, field), form))
    verdict = Text(
        f"{len(found.tried)} rules tried; frozen as {found.frozen[:19]} before the second part was read", style=QUIET
    )
    missed = found.after.coverage < coverage
    note = Text(f"the second part is covered to {found.after.coverage:.2%}, wanted {coverage:.2%}")
    note.style = BAD if missed else "none"
    return Group(
        Text("cheapest rule that covers", style=STRONG), Text(chosen), Text(""), table, Text(""), note, verdict
    )


def thresholds_view(paths: Sequence[ThresholdPath]) -> RenderableType:
    """Each asset: its volatilities and scalar now, and how high thresholds stood through the history."""
    table = columns("", "last", "fast vol", "forecast", "scalar", "highest", "on", "time raised")
    for path in paths:
        top = int(path.scalar.argmax())
        table.add_row(
            path.name,
            _day(int(path.times[-1])),
            f"{path.fast[-1]:.0%}",
            f"{path.forecast[-1]:.0%}",
            f"{path.scalar[-1]:.2f}",
            f"{path.scalar[top]:.2f}",
            _day(int(path.times[top])),
            f"{path.raised:.0%}",
        )
    return Group(Text("maintenance margins times a scalar that follows volatility", style=STRONG), table)


def _limit(daily: float | None) -> str:
    return "free" if daily is None else f"{daily:g} a day"
