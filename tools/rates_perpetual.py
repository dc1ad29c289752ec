"""The perpetual of 2022 minute by minute: rates from six-hourly closes against the worst minute of the next day.

Looks come every six hours and each is held against 24 hours, so neighbours share most of their minutes. Tests are made
on looks a day apart, which share none: four such series for each side, and the least of the eight p-values times eight
(Bonferroni, whatever they have in common). Storms last for days; so the same is done with blocks of ten days, of which
at most a tenth may hold a loss beyond a rate that is 99 % sure each day, however those days hang together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from plimsoll.feeds import read_bars
from plimsoll.market.history import HOUR_NS, History, instant_ns
from plimsoll.rates.events import EventRule, moves
from plimsoll.rates.governor import GovernorRule, govern
from plimsoll.rates.raw import Instants, TailRule, TailSeries, both_sides, tail_series, tails_between
from plimsoll.rates.tune import Series
from plimsoll.validate import kupiec
from rates_tables import Schedule, of_rule, score_row

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
HOURS = 6
PHASES = 24 // HOURS
BLOCK_DAYS = 10
BEGIN = "2022-01-01T00:00:00Z"


def perpetual(
    folder: Path, rules: Sequence[tuple[str, GovernorRule]], on_events: str
) -> tuple[list[list[str]], int, int]:
    """Rows of the static rate, of every rule, and of the rule `on_events` with rates between the looks; how many looks
    there were, and how many events."""
    early = read_bars(folder / "binance_spot_1h_BTC_ETH_2017_2021.parquet", names={"BTC/USDT": "BTC"}).history
    late = read_bars(folder / "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet", names={"BTCUSDT": "BTC"}).history
    minutes = read_bars(folder / "binance_usdm_BTCUSDT_1m_2022.parquet", name="BTC")
    spot = _joined(early, late)
    policy = TailRule(decay=0.9985, window=24 * 1000, least=24 * 250, stress_window=24 * 250, cap=3.0)
    # hours from 2019 on are enough for a thousand days of windows before 2022
    start = int(np.searchsorted(spot.times, instant_ns("2018-06-01T00:00:00Z")))
    end = int(np.searchsorted(spot.times, instant_ns("2023-01-01T00:00:00Z"), side="right"))
    at = np.arange(end - 1, start - 1, -HOURS)[::-1]
    times, closes, coarse = spot.times[at], spot.series("BTC")[at], _coarse(policy)
    tails = tail_series(coarse, times, closes, (PHASES,))
    worst = _excursions(minutes.field("low"), minutes.field("high"), minutes.history, tails.times)
    series = Series("BTC", tails.times, tails.tail[:, 0], tails.floor[:, 0], tails.stressed[:, 0], worst)
    begin = instant_ns(BEGIN)
    before = closes[times < begin]
    moved = np.log(before[PHASES:] / before[:-PHASES])
    plain = both_sides(coarse, moved[np.isfinite(moved)])
    schedules = [Schedule("static, fixed at the split", (np.full(tails.times.size, plain),), ((),))]
    schedules += [of_rule(name, rule, [series]) for name, rule in rules]
    between, count = _on_events(dict(rules)[on_events], coarse, tails, times, closes, minutes.history)
    schedules.append(Schedule(f"{on_events}, and on events", *between))
    rows = [_row(s, series, begin) for s in schedules]
    return rows, int(np.isfinite(worst).all(axis=1).sum()), count


def _row(schedule: Schedule, series: Series, begin: int) -> list[str]:
    """A schedule's scores from `begin` on, with both p-values."""
    end = int(series.times[-1]) + 1
    part = series.part(begin, end)
    known = np.isfinite(series.losses[part]).all(axis=1)
    hits = (series.losses[part] > schedule.rates[0][part][:, None])[known]
    days, blocks = one_sided(hits)
    return [*score_row(schedule.name, schedule.score([series], begin, end)), f"{days:.3f}", f"{blocks:.3f}"]


def one_sided(hits: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Of `hits[K, 2]`, losses beyond the rate at every look: the chance of so many where each day has one with 1 %, by
    days that share no minute, and by blocks of them; each the least over phases and sides, times their number."""
    apart, together = [], []
    for side in range(hits.shape[1]):
        for phase in range(PHASES):
            days = hits[phase::PHASES, side]
            apart.append(kupiec(days, 0.01, exact=True, side="too many").p_value)
            whole = days[: days.size // BLOCK_DAYS * BLOCK_DAYS].reshape(-1, BLOCK_DAYS).any(axis=1)
            together.append(kupiec(whole, 0.01 * BLOCK_DAYS, exact=True, side="too many").p_value)
    return min(1.0, len(apart) * min(apart)), min(1.0, len(together) * min(together))


def _on_events(
    rule: GovernorRule, tail: TailRule, tails: TailSeries, times: I64, closes: F64, minutes: History
) -> tuple[tuple[tuple[F64, ...], tuple[tuple[int, ...], ...]], int]:
    """The rates at the looks and the indices of their changes, with rates published between them as well; how many
    events there were."""
    events = moves(EventRule(), tails.times, closes[tails.start :], tails.sigma, minutes)
    every = np.union1d(tails.times, np.array([e.time for e in events], dtype=np.int64))
    bar = np.searchsorted(tails.times, every, side="right") - 1
    rows = np.searchsorted(every, [e.time for e in events])
    price = np.full(every.size, np.nan)
    price[rows] = [np.nan if e.price is None else e.price for e in events]
    longer = tails_between(tail, tails, times, closes, Instants(every, bar, price))
    raw = longer.tail[:, 0]
    long_run = (np.cumsum(tails.tail[:, 0]) / np.arange(1, tails.times.size + 1))[bar]
    found = govern(
        rule,
        every,
        raw,
        floor=longer.floor[:, 0],
        stressed=longer.stressed[:, 0],
        stress_index=raw / long_run,
        events={int(k): e.reason for k, e in zip(rows, events, strict=True)},
    )
    looks = np.isin(every, tails.times)
    changed = tuple(int(bar[c.announced]) for c in found.changes)
    return ((found.rate[looks],), (changed,)), len(events)


def _coarse(rule: TailRule) -> TailRule:
    """The rule, which counts hours, for closes of every so many."""
    parts = {name: getattr(rule, name) // HOURS for name in ("window", "least", "stress_window")}
    return rule.model_copy(update={"decay": rule.decay**HOURS, **parts})


def _joined(early: History, late: History) -> History:
    """The first history up to the second's first bar, then the second."""
    border = int(late.times[0])
    keep = early.times < border
    times = np.concatenate([early.times[keep], late.times])
    values = np.concatenate([early.series("BTC")[keep], late.series("BTC")])
    return History.build(["BTC"], times, values, step_ns=HOUR_NS)


def _excursions(low: History, high: History, close: History, looks: npt.NDArray[np.int64]) -> F64:
    """`[T, 2]` the largest fall and rise of any minute of the 24 hours after each look; NaN outside the minutes."""
    day = 24 * 60
    lows, highs, closes = low.series("BTC"), high.series("BTC"), close.series("BTC")
    found = np.full((looks.size, 2), np.nan)
    for k, look in enumerate(looks):
        at = int((int(look) - int(close.times[0])) // close.step_ns)
        if at >= 0 and at + day < closes.size:
            found[k, 0] = 1.0 - lows[at + 1 : at + 1 + day].min() / closes[at]
            found[k, 1] = highs[at + 1 : at + 1 + day].max() / closes[at] - 1.0
    return found
