"""What rates are published from: bars, order books, shorter bars, events and forecasts, from the files of a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plimsoll.feeds import BarReport
    from plimsoll.market.history import History
    from plimsoll.rates.publish import AssetHistory


def histories_of(
    path: str | None,
    assets: tuple[str, ...],
    learned: bool = False,
    funding: str | None = None,
    dvol: str | None = None,
    notes: list[str] | None = None,
) -> dict[str, AssetHistory]:
    """The assets of `--history`, or the sample's; with `learned` the shipped forecasts of each from its daily bars.

    `notes` gets a sentence for each rule by which bars were repaired or left out, with their number.
    """
    from plimsoll.documents import refuse

    for option, given in (("--funding", funding), ("--dvol", dvol)):
        if given is not None and not learned:
            raise refuse(option, given, "nothing without --learned, which alone looks at it")
    if path is None:
        from plimsoll.feeds.sample_history import sample_assets

        if learned:
            raise refuse("--learned", "the sample history", "a file with open, high, low and close (--history)")
        made = sample_assets()
        unknown = [a for a in assets if a not in made]
        if unknown:
            raise refuse("--asset", unknown[0], f"one of {', '.join(made)}, those of the sample history")
        return {a: made[a] for a in assets} if assets else made
    from plimsoll.feeds import read_bars
    from plimsoll.rates.publish import AssetHistory

    names = _names(assets)
    bars = read_bars(path, names=names)
    told(notes, bars.report)
    volume = bars.field("quote_volume" if "quote_volume" in bars.fields else "volume")
    if "quote_volume" not in bars.fields:
        volume = replace(volume, values=volume.values * bars.history.values)
    order = list(names.values()) if names else list(bars.history.names)
    result = {name: AssetHistory.of(name, bars.history, volume) for name in order}
    if learned:
        table = {"close": bars.history, **bars.fields, "quote_volume": volume}
        return _with_forecasts(result, table, funding, dvol)
    return result


def _names(assets: tuple[str, ...]) -> dict[str, str] | None:
    """Our name of each symbol of `--asset`."""
    return {symbol: name or symbol for symbol, _, name in (a.partition("=") for a in assets)} or None


def _with_forecasts(
    histories: dict[str, AssetHistory], table: dict[str, History], funding: str | None, dvol: str | None
) -> dict[str, AssetHistory]:
    from plimsoll.feeds import read_dvol, read_funding
    from plimsoll.rates.learned import panel, served_all

    market = "BTC" if "BTC" in histories else next(iter(histories))
    rates = None if funding is None else read_funding(funding, name=market, utc_offset_hours=0).history
    index = None if dvol is None else read_dvol(dvol).history
    found = {}
    for name, history in histories.items():
        rows = panel(table, name, market=market, funding=rates, index=index)
        forecast, quantiles = served_all(rows)
        found[name] = replace(history, forecast=forecast, quantiles=quantiles)
    return found


def with_minutes(
    histories: dict[str, AssetHistory], path: str, assets: tuple[str, ...], notes: list[str] | None = None
) -> dict[str, AssetHistory]:
    """Shorter bars of the assets that the file has. `path` may be NAME=FILE; a file without symbols is then that of
    the asset, as it is where there is only one."""
    from plimsoll.documents import refuse
    from plimsoll.feeds import read_bars

    named, _, rest = path.partition("=")
    only = next(iter(histories)) if len(histories) == 1 else None
    if rest and named in histories:
        only, path = named, rest
    read = read_bars(path, name=only, names=_names(assets) if only is None else None)
    told(notes, read.report)
    bars = read.history
    if only is not None and bars.names != (only,):
        symbols = {symbol: name for symbol, name in (_names(assets) or {}).items() if symbol in bars.names}
        if only not in bars.names and not symbols:
            raise refuse("--minutes", ", ".join(bars.names), f"bars of {only}", path)
        bars = bars.select([only if only in bars.names else next(iter(symbols))])
        bars = replace(bars, names=(only,))
    found = dict(histories)
    for name in bars.names:
        if name not in histories:
            raise refuse("--minutes", name, f"one of {', '.join(histories)}", path)
        history, one = histories[name], bars.select([name])
        step = int(history.times[1] - history.times[0])
        if not one.step_ns < step:
            raise refuse("--minutes", f"bars of {one.step_ns / 1e9:g} s", f"shorter ones than {step / 1e9:g} s", path)
        late = hours_late(one, history)
        if late:
            raise refuse("--minutes", f"{name} stamped {late:+d} h off", "the clock of --history", path)
        found[name] = replace(history, minutes=one)
    return found


def hours_late(minutes: History, history: AssetHistory) -> int:
    """By how many whole hours the shorter bars are stamped late against the closes of the longer ones, 0 where they
    agree or overlap in fewer than 24 bars.

    With `d` the log ratio of the two at the ends of bars, an hour counts if the median of `|d - median(d)|` with the
    shorter ones moved back by it is less than half of that without; a basis so counts for nothing.
    """
    import numpy as np

    from plimsoll.market.history import HOUR_NS

    price, scores = minutes.values[:, 0], {}
    for hours in sorted(range(-14, 15), key=abs):
        row = (history.times + hours * HOUR_NS - minutes.times[0]) // minutes.step_ns
        on = (history.times + hours * HOUR_NS - minutes.times[0]) % minutes.step_ns == 0
        on &= (row >= 0) & (row < price.size)
        apart = np.log(price[row[on]] / history.closes[on])
        apart = apart[np.isfinite(apart)]
        if apart.size >= 24:
            scores[hours] = float(np.median(np.abs(apart - np.median(apart))))
    if 0 not in scores:
        return 0
    best = min(scores, key=lambda h: scores[h])
    return best if scores[best] < 0.5 * scores[0] else 0


def told(notes: list[str] | None, report: BarReport) -> None:
    """What was repaired or left out in a file, by rule and number."""
    if notes is not None:
        notes += [f"{f.count} times {f.rule} in {f.name}: {f.what}" for f in report.findings]


def with_events(histories: dict[str, AssetHistory], path: str) -> dict[str, AssetHistory]:
    """`--events`: what happened to each asset."""
    from plimsoll.rates.events import RateEvents

    document = RateEvents.load(path)
    _known(document.events, "events", histories, path)
    return {name: replace(found, events=document.of(name)) for name, found in histories.items()}


def with_books(histories: dict[str, AssetHistory], path: str) -> dict[str, AssetHistory]:
    """`--books`: the order books of each asset."""
    from plimsoll.rates.depth import RateBooks

    document = RateBooks.load(path)
    _known(document.books, "books", histories, path)
    return {name: replace(found, books=document.of(name)) for name, found in histories.items()}


def _known(named: Iterable[str], field: str, histories: dict[str, AssetHistory], path: str) -> None:
    from plimsoll.documents import refuse

    for asset in named:
        if asset not in histories:
            raise refuse(f"{field}.{asset}", asset, f"one of {', '.join(histories)}", path)
