"""What the pages of the venue compute elsewhere: margin rates and coverage from a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.serve.dashboard.clean_svg import clean_svg

if TYPE_CHECKING:
    from plimsoll.market.history import History
    from plimsoll.rates.publish import AssetHistory
    from plimsoll.validate.books import BookShape

LAST = 10
"""Announcements on the page."""

MODELS = ("fhs", "hs")
COINS = ("BTC", "ETH")
"""Coins with a proxy of their volatility."""

DAYS, LOOK_BACK, WINDOW = 760, 500, 250
"""Days that are forecast at most, days behind each forecast, and days of a traffic light."""

GENERATED = "a history that Plimsoll generates itself: of no market, to try the page on"


def assets_of(path: str | None) -> tuple[dict[str, AssetHistory], str]:
    """Closes and volume of each asset, from a file of bars or generated, and a sentence that says which."""
    if path is None:
        from plimsoll.feeds.sample_history import sample_assets

        return sample_assets(), GENERATED
    from dataclasses import replace
    from pathlib import Path

    from plimsoll.feeds import read_bars
    from plimsoll.rates.publish import AssetHistory

    bars = read_bars(path)
    volume = bars.field("quote_volume" if "quote_volume" in bars.fields else "volume")
    if "quote_volume" not in bars.fields:
        volume = replace(volume, values=volume.values * bars.history.values)
    return {n: AssetHistory.of(n, bars.history, volume) for n in bars.history.names}, f"bars of {Path(path).name}"


def rates_of(path: str | None) -> dict[str, Any]:
    """Raw and published rates of every asset by tier, how each moved and covered, and the last announcements."""
    from plimsoll.market.history import instant_of
    from plimsoll.rates.publish import RatePolicy, publish
    from plimsoll.rates.study import period_bars
    from plimsoll.rates.tune import losses
    from plimsoll.report.rates_figure import rates_figure
    from plimsoll.validate.procyclicality import largest_rise, peak_to_trough

    policy = RatePolicy()
    assets, source = assets_of(path)
    rates = publish(policy, assets)
    found, changes = [], []
    for name, own in rates.items():
        history = assets[name]
        lost = losses(history.closes, period_bars(policy, history))[history.times.size - own.bars.size :]
        known = np.isfinite(lost).all(axis=1)
        rate, raw = own.rate[own.bars, 0], own.raw.raw[own.bars, 0]
        kinds = [
            {
                "kind": kind,
                "mean": float(x.mean()),
                "now": float(x[-1]),
                "long": float((lost[known, 0] <= x[known]).mean()),
                "short": float((lost[known, 1] <= x[known]).mean()),
                "peak": peak_to_trough(x),
                "rise1": largest_rise(x, 1),
                "rise5": largest_rise(x, 5),
                "rise30": largest_rise(x, 30),
            }
            for kind, x in (("raw", raw), ("in force", rate))
        ]
        tiers = [
            {
                "to": float(size) if k + 1 < len(policy.size.sizes) else None,
                "rate": float(own.rate[-1, k]),
                "raw": float(own.raw.raw[-1, k]),
                "tail": float(own.raw.tail[-1, k]),
                "close_out": float(own.raw.close_out[-1, k]),
                "floor": float(own.raw.floor[-1, k]),
            }
            for k, size in enumerate(policy.size.sizes)
        ]
        found.append({"name": name, "kinds": kinds, "tiers": tiers, "overrides": len(own.tiers[0].overrides)})
        changes += [
            (int(own.times[c.announced]), name, float(c.before), float(c.after), ", ".join(c.causes))
            for k, c in own.changes
            if k == 0
        ]
    changes.sort()
    last = [(f"{instant_of(t):%Y-%m-%d}", *rest) for t, *rest in changes[-LAST:][::-1]]
    day = f"{instant_of(max(int(r.times[-1]) for r in rates.values())):%Y-%m-%d}"
    svg = clean_svg(rates_figure(rates, assets), "rates", "Raw rate, rate in force and moves of the next day by asset")
    return {"source": source, "day": day, "assets": found, "changes": last, "svg": svg}


def coverage_of(path: str | None) -> dict[str, Any]:
    """Forecasts of the last days against what was lost: exceptions through time and Basel's traffic light."""
    from plimsoll.risk.models import risk_model
    from plimsoll.validate.coverage import independence, interval, kupiec, traffic_light
    from plimsoll.validate.walk import EngineModel, walk_forward

    levels, source = _levels(path)
    from plimsoll.market.history import instant_of
    from plimsoll.report.validation_figure import track_figure

    models = [EngineModel(risk_model(m)) for m in MODELS]
    start = instant_of(int(levels.times[max(LOOK_BACK, levels.times.size - 1 - DAYS)]))
    walk = walk_forward(models, _shapes(), levels, start=start.isoformat(), look_back=LOOK_BACK)
    tracks = []
    for n, track in enumerate(walk.tracks):
        rows = []
        for model, var in track.var.items():
            hits = track.losses > var
            window = hits[-WINDOW:]
            light = traffic_light(window, 1.0 - walk.level if walk.level > 0.5 else walk.level)
            low, high = interval(int(hits.sum()), hits.size)
            rows.append(
                {
                    "model": model,
                    "zone": light.zone,
                    "window": int(window.size),
                    "in_window": light.exceptions,
                    "exceptions": int(hits.sum()),
                    "days": int(hits.size),
                    "low": low,
                    "high": high,
                    "kupiec": kupiec(hits, light.level).p_value,
                    "independence": independence(hits).p_value,
                    "last": [
                        (f"{instant_of(int(track.times[t])):%Y-%m-%d}", float(track.losses[t]), float(var[t]))
                        for t in np.flatnonzero(hits)[-5:][::-1].tolist()
                    ],
                }
            )
        svg = clean_svg(track_figure(track), f"track{n}", f"Losses, forecasts and exceptions of {track.shape.name}")
        tracks.append({"name": track.shape.name, "title": track.shape.title, "rows": rows, "svg": svg})
    return {"source": source, "level": walk.level, "tracks": tracks}


def _shapes() -> tuple[BookShape, ...]:
    """A perpetual bought and one sold: the two sides of everything that a rate is charged on."""
    from plimsoll.validate.books import BookLeg, BookShape

    return tuple(
        BookShape(f"{side} {coin}", f"one coin of a perpetual, {side}", (BookLeg("perpetual", size, coin),))
        for coin in COINS[:1]
        for side, size in (("long", 1.0), ("short", -1.0))
    )


def _levels(path: str | None) -> tuple[History, str]:
    """Daily levels of the factors of the books."""
    from plimsoll.validate.levels import factor_levels

    if path is None:
        from plimsoll.feeds.sample_history import sample_history

        closes, source = sample_history()[0], GENERATED
    else:
        from pathlib import Path

        from plimsoll.feeds import read_bars

        closes, source = read_bars(path).history, f"bars of {Path(path).name}"
    return factor_levels(closes, [n for n in closes.names if n in COINS[:1]]), source
