"""How far published rates move with two numbers that no source gives: the hedged part, and the refills of a book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from plimsoll.feeds.recording import read_recording
from plimsoll.market.history import instant_ns
from plimsoll.market.order_book import OrderBook
from plimsoll.rates.depth import near_depth
from plimsoll.rates.governor import RAW, GovernorRule
from plimsoll.rates.publish import AssetHistory, RatePolicy, publish
from plimsoll.rates.size import SizeRule
from plimsoll.rates.study import study_series
from rates_tables import of_rule

HEDGED = (0.0, 0.15, 0.3, 0.6)
REFILLS = (72.0, 288.0, 1152.0)
WITHIN = 0.001
RECORDING = "orderbook/binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz"
SIZES = (5e7, 2e8)


def hedge_rows(assets: Mapping[str, AssetHistory], split: int) -> list[list[str]]:
    """Mean rates and coverage of all coins but the first, by the part of the interest that leans on a hedge in it."""
    found = {}
    for part in HEDGED:
        series = study_series(RatePolicy(size=SizeRule(hedged=part)), assets)
        end = max(int(s.times[-1]) for s in series) + 1
        others = series[1:]
        found[part] = [of_rule("", rule, others).score(others, split, end) for rule in (RAW, GovernorRule())]
    base = found[SizeRule().hedged]
    return [
        [
            f"{part:.0%}{' (assumed)' if part == SizeRule().hedged else ''}",
            *(
                cell
                for one, usual in zip(scores, base, strict=True)
                for cell in (f"{one.mean:.2%}", f"{one.mean / usual.mean - 1.0:+.1%}", f"{one.coverage:.2%}")
            ),
        ]
        for part, scores in found.items()
    ]


def refill_rows(asset: AssetHistory, data: Path) -> list[list[str]]:
    """Periods and raw rates of two sizes on the day of the recorded book, by how often its depth comes back."""
    book, _ = next(iter(read_recording(data / RECORDING).books()))
    day = instant_ns("2024-08-09T00:00:00Z")
    keep = asset.times <= day
    rows = []
    for name, part in (("as recorded", 1.0), ("a tenth", 0.1), ("a hundredth", 0.01)):
        thin = OrderBook(book.time_ns, book.bids * [1.0, part], book.asks * [1.0, part])
        history = replace(
            asset, times=asset.times[keep], closes=asset.closes[keep], volume=asset.volume[keep], books=(thin,)
        )
        for refills in REFILLS:
            size = SizeRule(sizes=SIZES, within=WITHIN, refills=refills)
            rates = publish(RatePolicy(size=size, governor=RAW), {"BTC": history})["BTC"]
            depth = near_depth(thin, WITHIN)
            # what `KnownBooks.volume` lets a close take in a day at its participation
            most = depth * (1.0 - size.stress) * refills
            cells = [
                cell
                for k in range(len(SIZES))
                for cell in (f"{rates.raw.period[-1, k]:.2f} d", f"{rates.raw.raw[-1, k]:.2%}")
            ]
            assert int(np.searchsorted(rates.times, day)) == rates.times.size - 1
            rows.append([name, f"{refills:g}", f"${depth / 1e6:,.2f}m", f"${most / 1e6:,.0f}m", *cells])
    return rows
