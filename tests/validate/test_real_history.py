"""The walk on the real closes of 2017 to 2026: a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.dynamics.iv_proxy import IvProxy
from plimsoll.feeds.bars import read_bars
from plimsoll.feeds.funding import read_dvol, read_funding
from plimsoll.market.history import History
from plimsoll.risk.models import risk_model
from plimsoll.validate.books import library
from plimsoll.validate.judge import judge
from plimsoll.validate.levels import NOISE, basis_rate, factor_levels
from plimsoll.validate.walk import EngineModel, walk_forward


@pytest.fixture(scope="module")
def levels(shared: Path) -> History:
    """Levels of every factor on the shared closes and funding rates."""
    names = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
    data = shared / "data"
    closes = read_bars(data / "prices" / "binance_spot_daily_7coins.parquet", names=names, utc_offset_hours=0).history
    funding = read_funding(
        data / "funding" / "binance_BTCUSDT_funding_8h_2019_2026.csv.gz", name="BTC", utc_offset_hours=0
    ).history
    return factor_levels(closes, ["BTC", "ETH"], basis=basis_rate(funding))


def test_error_of_the_proxy_is_the_one_that_it_states(shared: Path, levels: History) -> None:
    """Against Deribit's volatility index: nearly no bias, and the daily change of the error that is drawn in."""
    import numpy as np

    index = read_dvol(shared / "data" / "vol" / "deribit_dvol_btc_daily_2022_2025.csv.gz").history
    mine = dict(zip(levels.times.tolist(), levels.series("BTC iv").tolist(), strict=True))
    level = IvProxy.load("BTC").level_from_index(index.values[:, 0])
    error = np.log(level / np.array([mine[t] for t in index.times.tolist()]))
    assert abs(np.nanmedian(error)) < 0.03
    assert np.nanstd(error) == pytest.approx(0.113, abs=0.002)
    assert np.nanstd(np.diff(error)) == pytest.approx(NOISE, abs=0.0005)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_filtered_history_covers_what_can_be_backtested(levels: History) -> None:
    """At 99 %, over all days: no book is rejected but the one whose loss is the proxy's own error; halved, all are."""
    fhs = risk_model("fhs")
    judged = judge(walk_forward([EngineModel(fhs), EngineModel(fhs, "halved", 0.5)], library(), levels))
    whole = {model: {v.book for v in judged.rejections(model) if v.regime == "all"} for model in judged.models}
    assert whole["fhs"] <= {"calendar"}
    assert whole["halved"] == {s.name for s in library()}
