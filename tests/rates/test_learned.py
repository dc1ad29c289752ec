"""Learned forecasts: no leak, the same bits from the frozen file, an honest gate, and margin that only they raise."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.market.history import DAY_NS, History
from plimsoll.rates.learned import (
    BASELINES,
    FEATURES,
    BoostedForecaster,
    Charter,
    DriftRule,
    DriftState,
    ForecastSeries,
    FrozenTrees,
    PurgedWalkForward,
    QuantileSeries,
    admitted,
    baseline_variance,
    charters,
    diebold_mariano,
    garman_klass,
    load_frozen,
    outside_share,
    panel,
    pinball,
    qlike,
    raise_at_once,
    served,
    served_quantile,
    shipped,
    watch,
)
from plimsoll.rates.learned.trees import VARIANCE
from plimsoll.rates.publish import AssetHistory, RatePolicy, publish
from plimsoll.rates.raw import TailRule
from plimsoll.rates.size import SizeRule


def _rows(count: int = 600, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 1, (count, 5))
    X[rng.random((count, 5)) < 0.1] = np.nan
    y = np.exp(0.4 * np.nan_to_num(X[:, 0]) - 0.3 * (np.nan_to_num(X[:, 1]) > 0.5) + rng.normal(0, 0.3, count))
    return X, y


def _forecaster(target: str = "variance") -> BoostedForecaster:
    return BoostedForecaster(target, 0.05, max_iter=30, min_samples_leaf=20)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["variance", "quantile"])
def test_the_frozen_trees_are_the_library_to_the_last_bit(target: str, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    X, y = _rows()
    model = _forecaster(target).fit(X, y)
    new = _rows(400, seed=9)[0]
    new[:5] = np.nan
    # also on the thresholds themselves, where left and right part
    thresholds = [t for tree in model.frozen_.trees for t in tree.threshold if t is not None][:200]
    new = np.vstack([new, np.column_stack([thresholds] * 5)])
    np.testing.assert_array_equal(model.predict(new), model.model_.predict(new))
    # and from the file, by JSON alone
    path = tmp_path / "trees.json"
    model.frozen_.save(path)
    back = load_frozen(path, model.frozen_.hash())
    np.testing.assert_array_equal(back.predict(new), model.predict(new))
    assert _forecaster(target).fit(X, y).frozen_.hash() == back.hash()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    frozen = _forecaster().fit(*_rows()).frozen_
    content = frozen.to_dict()
    content["trees"][3]["value"][-1] += 1e-12
    path = tmp_path / "trees.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DocumentError, match="hash"):
        load_frozen(path, frozen.hash())
    # children before their parent would walk in circles
    circle = frozen.to_dict()
    circle["trees"][0]["left"][0] = 0
    with pytest.raises(DocumentError, match="after their parent"):
        FrozenTrees.from_dict(circle).predict(np.zeros((1, 5)))
    for bad in (np.zeros((2, 4)), np.zeros(5), np.full((1, 5), np.inf)):
        with pytest.raises(DocumentError, match="X"):
            frozen.predict(bad)


def _walked(trees: FrozenTrees, row: list[float]) -> float:
    """What the trees say of one row before the link, node by node."""
    total = trees.baseline
    for tree in trees.trees:
        i = 0
        while tree.feature[i] >= 0:
            x, t = row[tree.feature[i]], tree.threshold[i]
            left = tree.missing_left[i] if math.isnan(x) else t is None or x <= t
            i = tree.left[i] if left else tree.right[i]
        total += tree.value[i]
    return total


def test_trees_against_a_naive_walk() -> None:
    pytest.importorskip("sklearn")
    frozen = _forecaster().fit(*_rows()).frozen_
    new = _rows(40, seed=4)[0]
    for row, got in zip(new.tolist(), frozen.predict(new).tolist(), strict=True):
        assert got == pytest.approx(math.exp(_walked(frozen, row)), rel=1e-14)


def test_the_conventions_of_scikit_learn() -> None:
    base = pytest.importorskip("sklearn.base")
    model = _forecaster()
    copy = base.clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert copy.set_params(max_iter=3).max_iter == 3
    with pytest.raises(DocumentError, match="max_iter"):
        copy.set_params(depth=3)
    with pytest.raises(DocumentError, match="a fit before"):
        copy.predict(np.zeros((1, 5)))
    X, y = _rows()
    for bad in (y[:-1], np.where(y > 1, np.nan, y), -y):
        with pytest.raises(DocumentError):
            _forecaster().fit(X, bad)
    never = np.column_stack([X, np.full(len(X), np.nan)])
    np.testing.assert_array_equal(_forecaster().fit(never, y).predict(never), _forecaster().fit(X, y).predict(X))


def test_they_learn_what_is_there() -> None:
    pytest.importorskip("sklearn")
    X, y = _rows(3000)
    new, truth = _rows(2000, seed=2)
    model = BoostedForecaster(max_iter=100, min_samples_leaf=50).fit(X, y)
    flat = qlike(truth, np.full(len(truth), y.mean())).mean()
    assert qlike(truth, model.predict(new)).mean() < 0.6 * flat
    quantile = BoostedForecaster("quantile", 0.05, max_iter=100, min_samples_leaf=50).fit(X, y)
    assert (truth < quantile.predict(new)).mean() == pytest.approx(0.05, abs=0.02)


@given(st.integers(0, 9), st.integers(0, 30), st.lists(st.integers(1, 400), min_size=2, max_size=6, unique=True))
def test_no_training_outcome_reaches_a_test(horizon: int, embargo: int, days: list[int]) -> None:
    times = np.repeat(np.arange(420) * DAY_NS, 2)
    boundaries = [d * DAY_NS for d in sorted(days)]
    walk = PurgedWalkForward(boundaries, horizon_ns=horizon * DAY_NS, embargo_ns=embargo * DAY_NS)
    seen: list[int] = []
    for k, (train, test) in enumerate(walk.split(times, groups=times)):
        assert (times[train] + (horizon + embargo) * DAY_NS <= boundaries[k]).all()
        # nothing that could have been known is thrown away
        assert len(train) == 2 * max(0, sorted(days)[k] - horizon - embargo + 1)
        seen += test.tolist()
    assert seen == [i for i, t in enumerate(times.tolist()) if boundaries[0] <= t < boundaries[-1]]
    with pytest.raises(DocumentError, match="time of each row"):
        next(walk.split(times))


def _bars(count: int = 400, seed: int = 3) -> dict[str, History]:
    rng = np.random.default_rng(seed)
    times = DAY_NS * np.arange(1, count + 1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, (count, 2)), axis=0))
    open_ = np.vstack([[100.0, 100.0], close[:-1]])
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.01, close.shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.01, close.shape)))
    table = {"open": open_, "high": high, "low": low, "close": close, "quote_volume": rng.gamma(2, 1e6, close.shape)}
    table["close"][50, 1] = np.nan
    return {k: History.build(["BTC", "X"], times, v) for k, v in table.items()}


@settings(max_examples=25)
@given(st.integers(0, 399))
def test_features_of_a_view_are_those_of_the_record(row: int) -> None:
    bars = _bars()
    rng = np.random.default_rng(5)
    funding = History.build(["BTC"], DAY_NS // 3 * np.arange(500, 1300), rng.normal(0, 1e-4, 800))
    index = History.build(["BTC"], DAY_NS * np.arange(200, 401), rng.uniform(0.3, 0.9, 201))
    whole = panel(bars, "X", market="BTC", funding=funding, index=index)
    instant = DAY_NS * (row + 1)
    views = {k: v.until(instant) for k, v in bars.items()}
    part = panel(views, "X", market="BTC", funding=funding.until(instant), index=index.until(instant))
    np.testing.assert_array_equal(part.X, whole.X[: row + 1])
    np.testing.assert_array_equal(part.rv, whole.rv[: row + 1])


def test_features_by_hand() -> None:
    bars = _bars()
    p = panel(bars, "BTC", market="BTC")
    t = 200
    o, h, lo, c = (bars[f].series("BTC") for f in ("open", "high", "low", "close"))
    rv = 0.5 * math.log(h[t] / lo[t]) ** 2 - (2 * math.log(2) - 1) * math.log(c[t] / o[t]) ** 2
    assert p.rv[t] == pytest.approx(rv, rel=1e-12)
    x = dict(zip(FEATURES, p.X[t].tolist(), strict=True))
    assert x["rv_1"] == pytest.approx(math.log(365 * rv), rel=1e-12)
    assert x["rv_22"] == pytest.approx(math.log(365 * p.rv[t - 21 : t + 1].mean()), rel=1e-9)
    five = math.log(c[t] / c[t - 5]) / math.sqrt(5 * p.rv[t - 21 : t + 1].mean())
    assert x["return_5"] == pytest.approx(five, rel=1e-9)
    r = np.diff(np.log(c))[t - 22 : t]
    assert x["downside_22"] == pytest.approx((r[r < 0] ** 2).sum() / (r**2).sum(), rel=1e-9)
    assert math.isnan(x["index"])
    assert p.target_return(5)[t] == pytest.approx(math.log(c[t + 5] / c[t]), rel=1e-9)
    assert p.target_variance(5)[t] == pytest.approx(p.rv[t + 1 : t + 6].mean(), rel=1e-12)


def test_a_range_that_is_none() -> None:
    prices = np.array([[100, 99, 98, 100], [100, 101, 101, 100], [100, 100, 100, 100], [100, 105, 95, math.nan]]).T
    assert np.isnan(garman_klass(*prices)).all()
    # a thousand days of many small steps: the variance of the path
    rng = np.random.default_rng(7)
    paths = np.cumsum(rng.normal(0, 0.03 / math.sqrt(2000), (1000, 2000)), axis=1)
    x = np.exp(np.column_stack([np.zeros(1000), paths]))
    got = garman_klass(x[:, 0], x.max(axis=1), x.min(axis=1), x[:, -1])
    # a path in steps misses part of its range, so it is a little low
    assert got.mean() / 0.03**2 == pytest.approx(0.97, abs=0.03)


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baseline_uses_its_training_days_and_then_the_past(kind: str) -> None:
    if kind == "garch":
        pytest.importorskip("arch")
    rng = np.random.default_rng(8)
    rv = 9e-4 * np.exp(rng.normal(0, 0.5, 500))
    returns = rng.normal(0, 0.03, 500)
    whole = baseline_variance(kind, returns, rv, 300, 5)  # type: ignore[arg-type]
    part = baseline_variance(kind, returns[:400], rv[:400], 300, 5)  # type: ignore[arg-type]
    np.testing.assert_allclose(part, whole[:400], rtol=1e-12)
    later = rv.copy()
    later[450:] *= 100.0
    np.testing.assert_allclose(baseline_variance(kind, returns, later, 300, 5)[:450], whole[:450], rtol=1e-12)  # type: ignore[arg-type]
    target = np.array([rv[t + 1 : t + 6].mean() for t in range(295)])
    fitted = whole[:295]
    ok = np.isfinite(fitted)
    assert fitted[ok].mean() == pytest.approx(target[ok].mean(), rel=1e-9)


def test_losses() -> None:
    assert qlike(4.0, 4.0) == 0.0
    assert qlike(4.0, 2.0) > qlike(4.0, 8.0) > 0.0
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, 20_000)
    grid = np.linspace(-3, 0, 61)
    best = grid[np.argmin([pinball(y, np.full(len(y), q), 0.05).mean() for q in grid])]
    assert best == pytest.approx(-1.645, abs=0.06)
    with pytest.raises(DocumentError):
        qlike(0.0, 1.0)
    with pytest.raises(DocumentError):
        pinball(0.0, 0.0, 1.0)


def test_the_gate_lets_in_by_its_level_and_not_more() -> None:
    """Losses of two forecasts that are equally good, with overlapping outcomes: one in twenty is let in."""
    rng = np.random.default_rng(6)
    let_in = 0
    for _ in range(600):
        e = rng.normal(0, 1, 504)
        d = np.convolve(e, np.ones(5) / 5, mode="valid")
        let_in += diebold_mariano(d, np.zeros(500), horizon=5).p_better < 0.05
    # the binomial's range at 5 to 6.5 per cent, the latter for an error that is estimated
    assert 0.025 < let_in / 600 < 0.09
    better = diebold_mariano(rng.normal(-0.2, 1, 500), np.zeros(500))
    assert better.verdict() == "wins"
    assert diebold_mariano(rng.normal(0.2, 1, 500), np.zeros(500)).verdict() == "loses"
    assert diebold_mariano(np.ones(50), np.ones(50)).verdict() == "ties"
    with pytest.raises(DocumentError, match="at least 30"):
        diebold_mariano(np.ones(20), np.ones(20))


def test_the_statistic_of_a_naive_loop() -> None:
    d = np.random.default_rng(3).normal(-0.1, 1, 80)
    got = diebold_mariano(d, np.zeros(80), horizon=3)
    n, mean, lags = 80, sum(d) / 80, max(8, int(4 * (80 / 100) ** (2 / 9)))
    long_run = 0.0
    for k in range(-lags, lags + 1):
        pairs = [(d[t] - mean) * (d[t - abs(k)] - mean) for t in range(abs(k), n)]
        long_run += (1 - abs(k) / (lags + 1)) * sum(pairs) / n
    factor = math.sqrt((n + 1 - 2 * 3 + 3 * 2 / n) / n)
    assert got.statistic == pytest.approx(mean / math.sqrt(long_run / n) * factor, rel=1e-12)


def test_drift_falls_back_and_comes_back() -> None:
    rule, state = DriftRule(scale=1.0, quiet=10), DriftState()
    for _ in range(200):
        state = watch(rule, state, 1.0, 1.0)
    assert state == DriftState()
    days = 0
    while state.use == "challenger":
        state = watch(rule, state, 2.0, 1.0)
        days += 1
    # a loss of one deviation a day, a quarter of it allowed: over eight after eleven days
    assert days == 11
    assert "above the baseline" in state.reason
    days = 0
    while state.use == "baseline":
        state = watch(rule, state, 0.0, 1.0)
        days += 1
    # the sum falls by one and a quarter a day from eight to at most two, on the fifth day; with it, ten quiet days
    assert days == 4 + 10
    strange = watch(rule, DriftState(), 0.0, 1.0, outside=0.5)
    assert (strange.use, strange.reason) == ("baseline", "50% of the features outside what was seen")
    assert watch(rule, DriftState(), math.nan, 1.0).use == "baseline"
    assert outside_share([[0.0, 5.0, math.nan]], [0, 0, 0], [1, 1, 1]).tolist() == [pytest.approx(1 / 3)]
    with pytest.raises(DocumentError):
        DriftRule(scale=0.0)


@given(st.lists(st.tuples(st.floats(1e-4, 1), st.floats(1e-4, 1), st.booleans()), min_size=1, max_size=30))
def test_a_learned_forecast_never_lowers_what_the_baseline_asks(rows: list[tuple[float, float, bool]]) -> None:
    challenger, baseline = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    use = tuple("challenger" if r[2] else "baseline" for r in rows)
    series = raise_at_once("BTC", np.arange(len(rows)), challenger, baseline, use)  # type: ignore[arg-type]
    assert (series.sigma >= baseline).all()
    for got, (c, b, trusted), whose in zip(series.sigma.tolist(), rows, series.use, strict=True):
        assert got == (max(c, b) if trusted else b)
        assert whose == ("challenger" if trusted and c > b else "baseline")


def _grown(factor: float, until: str) -> FrozenTrees:
    """One tree that says `factor` whatever it sees."""
    pytest.importorskip("sklearn")
    frozen = _forecaster().fit(*_rows()).frozen_
    leaf = frozen.trees[0].model_copy(
        update={"feature": (-1,), "threshold": (0.0,), "missing_left": (True,), "left": (0,), "right": (0,)}
        | {"value": (0.0,)}
    )
    update = {"features": FEATURES, "baseline": math.log(factor), "trees": (leaf,), "trained_until": until}
    return frozen.model_copy(update=update)


def test_what_is_served_begins_after_the_training_and_knows_the_past_only() -> None:
    bars, trees = _bars(), _grown(2.0, "1970-11-01")
    whole = served(panel(bars, "X", market="BTC"), trees)
    assert whole.times[0] == 305 * DAY_NS  # the trees end at 304 of them, 1 November
    # the returns of the walk have a deviation of 3 % a day
    own = np.array(whole.use) == "challenger"
    assert np.median(whole.sigma[own]) == pytest.approx(0.03 * math.sqrt(2.0), rel=0.2)
    assert np.median(whole.sigma[~own]) == pytest.approx(0.03, rel=0.2)
    assert set(whole.use) == {"challenger", "baseline"}  # twice the variance is wrong, and the monitor says so
    assert whole.model_hash == trees.hash()
    for end in (310, 350, 399):
        views = {k: v.until(end * DAY_NS) for k, v in bars.items()}
        part = served(panel(views, "X", market="BTC"), trees)
        np.testing.assert_array_equal(part.sigma, whole.sigma[: len(part.times)])
        assert part.use == whole.use[: len(part.times)]
    # below the baseline it is never the one that stands
    assert set(served(panel(bars, "X", market="BTC"), _grown(0.5, "1970-11-01")).use) == {"baseline"}


def test_where_the_gate_kept_them_out_the_baseline_stands() -> None:
    rows, trees = panel(_bars(), "X", market="BTC"), _grown(2.0, "1970-11-01")
    assert set(served(rows, trees, let_in=False).use) == {"baseline"}
    text = (Path(__file__).parents[2] / "docs" / "validation" / "learned.md").read_text(encoding="utf-8")
    expected: dict[tuple[str, int], dict[str, str]] = {}
    for title in ("Variance", "1% quantile", "99% quantile"):
        table = text.split(f"## {title}")[1].split("\n## ")[0]
        for line in table.splitlines():
            cells = [c.strip() for c in line.split("|")[1:-1]]
            if len(cells) == 11 and cells[9] == "let in":
                expected.setdefault((title, int(cells[1].split()[0])), {})[cells[0]] = cells[2]
    assert sum(len(coins) for coins in expected.values()) == 8
    names = {None: "Variance", 0.01: "1% quantile", 0.99: "99% quantile"}
    assert {(names[c.level], c.horizon): c.baselines for c in charters().values()} == expected
    assert admitted() == expected["Variance", 1]
    with pytest.raises(DocumentError, match="name"):
        admitted("another")


def _quantile(value: float, until: str) -> FrozenTrees:
    """One tree that says the return is `value` sigmas whatever it sees."""
    return _grown(1.0, until).model_copy(update={"link": "identity", "baseline": value})


@pytest.mark.parametrize(
    ("level", "days", "far"), [(0.01, 1, -30.0), (0.99, 1, 30.0), (0.01, 5, -30.0), (0.99, 5, 30.0)]
)
def test_a_served_quantile_is_a_loss_that_the_past_alone_decides(level: float, days: int, far: float) -> None:
    bars, until = _bars(), "1970-11-01"
    charter = Charter(target="quantile", horizon=days, level=level, lam=0.9, baselines={"X": "ewma"})
    rows = panel(bars, "X", market="BTC")
    whole = served_quantile(rows, _quantile(far, until), charter, "ewma")
    assert whole.times[0] == 305 * DAY_NS
    own = np.array(whole.use) == "challenger"
    assert own[0]  # further out than the baseline, and not yet known to be wrong
    assert set(whole.use) == {"challenger", "baseline"}
    near = served_quantile(rows, _quantile(0.01 * far, until), charter, "ewma")
    assert set(near.use) == {"baseline"}
    assert (whole.loss >= near.loss).all()
    # thirty sigmas of days of 3 % each, as a loss of the side that has it
    moved = np.log1p(whole.loss[own] if level > 0.5 else -whole.loss[own])
    assert np.median(moved) == pytest.approx(far * 0.03 * math.sqrt(days), rel=0.3)
    for end in (312, 350, 399):
        views = {k: v.until(end * DAY_NS) for k, v in bars.items()}
        part = served_quantile(panel(views, "X", market="BTC"), _quantile(far, until), charter, "ewma")
        np.testing.assert_array_equal(part.loss, whole.loss[: len(part.times)])
        assert part.use == whole.use[: len(part.times)]
    with pytest.raises(DocumentError, match=r"charter\.target"):
        served_quantile(rows, _quantile(far, until), charters()[VARIANCE], "ewma")
    with pytest.raises(DocumentError, match="rows"):
        served_quantile(rows, _quantile(far, "1970-09-01"), charter, "ewma")


def test_a_quantile_raises_published_rates_at_its_horizon_and_lowers_none() -> None:
    bars = _bars()
    history = AssetHistory.of("BTC", bars["close"], bars["quote_volume"])
    policy = RatePolicy(tail=TailRule(window=250), size=SizeRule(sizes=(1e4, 1e5)))
    base = publish(policy, {"BTC": history})["BTC"]
    at = int(base.times[60])
    for loss, level, horizon, jumps in (
        (0.01, 0.01, 1, False),
        (0.5, 0.01, 1, True),
        (0.5, 0.99, 1, True),
        (0.5, 0.999, 1, False),  # it promises more than the policy asks
        (0.5, 0.01, 90, False),  # no tier takes so long to close
    ):
        one = QuantileSeries("BTC", horizon, level, np.array([at]), np.array([loss]), ("challenger",), "hash")
        found = publish(policy, {"BTC": replace(history, quantiles=(one,))})["BTC"]
        np.testing.assert_array_equal(found.raw.raw, base.raw.raw)
        assert (found.rate >= base.rate - 1e-12).all()
        np.testing.assert_array_equal(found.rate[:60], base.rate[:60])
        assert any(c.causes == ("forecast",) for _, c in found.changes) == jumps
        if jumps:
            assert (found.rate[60] >= loss).all()
    for bad in ({"loss": np.array([-0.1])}, {"times": np.array([1, 1]), "loss": np.zeros(2), "use": ("baseline",) * 2}):
        with pytest.raises(DocumentError, match="losses of 0 or more"):
            replace(one, **bad)  # type: ignore[arg-type]


def test_what_cannot_be_served_is_named() -> None:
    rows = panel(_bars(), "X", market="BTC")
    for trees, words in (
        (_grown(1.0, ""), "trained_until"),
        (_grown(1.0, "1970-02-01"), "rows"),
        (_grown(1.0, "1990-01-01"), "rows"),
        (_grown(1.0, "1970-11-01").model_copy(update={"features": FEATURES[1:]}), "features"),
    ):
        with pytest.raises(DocumentError, match=words):
            served(rows, trees)


def test_a_forecast_is_known_from_its_time_on_and_not_for_ever() -> None:
    series = ForecastSeries("X", DAY_NS * np.array([1, 2]), np.array([0.1, 0.2]), ("challenger", "baseline"))
    at = np.array([0, DAY_NS - 1, DAY_NS, 2 * DAY_NS, 4 * DAY_NS, 4 * DAY_NS + 1])
    np.testing.assert_array_equal(series.known(at), [np.nan, np.nan, 0.1, 0.2, 0.2, np.nan])


def test_a_forecast_raises_published_rates_at_once_and_lowers_none() -> None:
    bars = _bars()
    history = AssetHistory.of("BTC", bars["close"], bars["quote_volume"])
    policy = RatePolicy(tail=TailRule(window=250), size=SizeRule(sizes=(1e4, 1e5)))
    base = publish(policy, {"BTC": history})["BTC"]
    at = int(base.times[60])
    for sigma, jumps in ((0.001, False), (0.2, True)):
        one = ForecastSeries("BTC", np.array([at]), np.array([sigma]), ("challenger",), "hash")
        found = publish(policy, {"BTC": replace(history, forecast=one)})["BTC"]
        np.testing.assert_array_equal(found.raw.raw, base.raw.raw)
        assert (found.rate >= base.rate - 1e-12).all()
        np.testing.assert_array_equal(found.rate[:60], base.rate[:60])
        assert (found.rate[60] > 1.5 * base.rate[60]).all() == jumps
        assert any(c.causes == ("forecast",) for _, c in found.changes) == jumps
        if jumps:
            # three times the volatility, the most by which a return is scaled, and no later than its own instant
            assert found.rate[60, 0] == pytest.approx(found.raw.urged[60, 0], abs=policy.governor.step)
            fall = found.rate[62:66, 0] / found.rate[61:65, 0]
            assert (fall >= 0.98 - 0.04).all()


def test_a_forecast_that_is_no_number_does_not_stand() -> None:
    series = raise_at_once("BTC", np.arange(2), [math.nan, math.inf], [0.1, 0.2], ("challenger", "challenger"))
    assert series.sigma.tolist() == [0.1, 0.2]
    with pytest.raises(DocumentError, match="rising times"):
        raise_at_once("BTC", np.array([1, 1]), [0.1, 0.1], [0.1, 0.1], ("baseline", "baseline"))


def test_the_shipped_trees_are_those_that_were_judged() -> None:
    """The file has the hash on the page, and a walk by hand through it gives what it predicts."""
    page = (Path(__file__).parents[2] / "docs" / "validation" / "learned.md").read_text(encoding="utf-8")
    X = np.random.default_rng(1).normal(0, 1, (25, len(FEATURES)))
    X[::3, 15:] = np.nan
    assert len(charters()) == 4
    for name in charters():
        trees = shipped(name)
        assert f"| `{name}` |" in page
        assert trees.hash() in page
        assert trees.features == FEATURES
        assert trees.trained_until == "2022-01-01"
        for row, factor in zip(X.tolist(), trees.predict(X).tolist(), strict=True):
            total = _walked(trees, row)
            assert factor == pytest.approx(math.exp(total) if trees.link == "log" else total, rel=1e-13)
    with pytest.raises(DocumentError, match="one of variance-1d"):
        shipped("another")


@pytest.mark.long
@pytest.mark.timeout(0)
def test_the_page_is_what_the_data_give(shared: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("arch")
    import make_learned_page

    assert make_learned_page.main(["--data", str(shared / "data"), "--check"]) == 0
