"""The walk: point in time, full revaluation of what happened, the same books every day."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from tests.validate import walks

from plimsoll.documents import DocumentError
from plimsoll.dynamics.iv_proxy import IvProxy, shipped
from plimsoll.market.history import DAY_NS, History, instant_of
from plimsoll.risk.engine import evaluate
from plimsoll.risk.joint import joint_losses
from plimsoll.risk.models import risk_model
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.validate.books import LIBRARY, BookLeg, BookShape, book_of, library
from plimsoll.validate.chain_error import CHAIN_DRAWS
from plimsoll.validate.levels import basis_rate, factor_levels
from plimsoll.validate.walk import NOISES, REGIMES, EngineModel, walk_forward

LEVELS = {"BTC": 40_000.0, "ETH": 2_500.0, "BTC iv": 0.6, "ETH iv": 0.8, "BTC basis": 1.02}
NOW = instant_of(walks.FIRST)


def black(forward: float, strike: float, vol: float, years: float, call: bool) -> float:
    """Black-76 without discount."""
    deviation = vol * math.sqrt(years)
    up = math.log(forward / strike) / deviation + deviation / 2
    sign = 1.0 if call else -1.0
    return float(sign * (forward * norm.cdf(sign * up) - strike * norm.cdf(sign * (up - deviation))))


def loss(shape: BookShape, spot: float = 1.0, vol: float = 0.0, basis: float = 1.0, days: float = 0.0) -> float:
    """Loss of a book when everything moves as one column says."""
    book = book_of(shape, LEVELS, NOW)
    column = Scenarios.build([spot], [vol], basis=[basis], days=[days])
    return float(joint_losses(book, dict.fromkeys(book.underlyings, column))[0])


@pytest.mark.parametrize("shape", LIBRARY, ids=lambda s: s.name)
def test_a_market_that_stands_still_costs_nothing(shape: BookShape) -> None:
    assert loss(shape) == pytest.approx(0.0, abs=1e-8)


def test_books_are_what_their_titles_say() -> None:
    """Losses of a fall by a tenth, of a volatility up by a fifth, written out."""
    named = {s.name: s for s in LIBRARY}
    price, month = 40_000.0, 30 / 365
    assert loss(named["linear"], 0.9) == pytest.approx(4_000.0)
    smile = IvProxy.load("BTC")
    moneyness = {z: z * 0.6 * math.sqrt(month) for z in (-1.0, 0.0, 1.0)}
    vol = {z: float(smile.vol(k, month, 0.6)) for z, k in moneyness.items()}

    def value(z: float, call: bool, spot: float = 1.0, shock: float = 1.0) -> float:
        return black(price * spot, price * math.exp(moneyness[z]), vol[z] * shock, month, call)

    assert vol[-1.0] > vol[1.0]  # the smile of the proxy: puts are dearer
    after = value(1.0, True, 0.9, 1.2) + value(-1.0, False, 0.9, 1.2)
    assert loss(named["short-strangle"], 0.9, 0.2) == pytest.approx(after - value(1.0, True) - value(-1.0, False))
    # the call spread can lose the distance of its strikes and no more
    far = price * (math.exp(moneyness[1.0]) - 1)
    assert loss(named["call-spread"], 3.0) < far
    assert loss(named["call-spread"], 3.0, -0.99) == pytest.approx(far - value(0.0, True) + value(1.0, True), rel=1e-6)
    # long the coin and short its future: only the basis moves it
    assert loss(named["basis"], 0.9, basis=1.01) == pytest.approx(40_800.0 * (0.9 * 1.01 - 1) + 4_000.0)
    # a coin and a long inverse perpetual of a coin: the coin falls, and the contract loses coins of the new price
    inverse = BookShape("inverse", "", (BookLeg("cash", 1.0), BookLeg("perpetual", 1.0, inverse=True)))
    assert loss(inverse, 0.9) == pytest.approx(4_000.0 + price * 0.1)


def test_the_library_by_name() -> None:
    assert [s.name for s in library(["basis", "linear"])] == ["basis", "linear"]
    assert len({s.name for s in LIBRARY}) == 8
    with pytest.raises(DocumentError, match="butterfly"):
        library(["butterfly"])


# levels ---------------------------------------------------------------------------------------------------------


def test_levels_know_only_the_past() -> None:
    """The levels of a history that ends earlier are the first rows of those of a longer one."""
    long, short = walks.closes(120), walks.closes(120).until(int(walks.closes(120).times[79]))
    whole, part = (factor_levels(h, ["BTC", "ETH"]) for h in (long, short))
    assert np.array_equal(whole.values[:80], part.values, equal_nan=True)


def test_volatility_is_the_level_of_the_declared_proxy() -> None:
    """`ln(index) = a + b·ln(sigma)` with the proxy's numbers and the variance so far; nothing before the warm-up."""
    closes, pack = walks.closes(60), shipped()
    made = factor_levels(closes, ["ETH"])
    returns = np.diff(np.log(closes.series("ETH")))
    weights = pack.lam ** np.arange(returns.size - 1, -1, -1)
    sigma = math.sqrt(365 * float(weights @ returns**2) / float(weights.sum()))
    expected = math.exp(pack.intercept + pack.slope * math.log(sigma)) / pack.shapes["ETH"].index_ratio
    assert made.series("ETH iv")[-1] == pytest.approx(expected)
    assert np.isnan(made.series("ETH iv")[:19]).all()
    assert np.isfinite(made.series("ETH iv")[19:]).all()


def test_basis_is_the_mean_of_a_week_known_then() -> None:
    times = walks.FIRST + (DAY_NS // 3) * np.arange(60, dtype=np.int64)
    funding = History(("BTC",), times, np.linspace(0, 59, 60)[:, None] * 1e-6, DAY_NS // 3)
    rate = basis_rate(funding)
    assert np.isnan(rate.values[19, 0])
    assert rate.values[20, 0] == pytest.approx(10e-6 * 3 * 365)
    made = factor_levels(walks.closes(15), ["BTC"], basis=rate)
    day = int(np.searchsorted(times, made.times[10], side="right")) - 1
    assert made.series("BTC basis")[10] == pytest.approx(math.exp(rate.values[day, 0] * 90 / 365))


# the walk -------------------------------------------------------------------------------------------------------


def test_every_book_has_its_days() -> None:
    walk = walks.walk()
    assert [t.shape.name for t in walk.tracks] == [s.name for s in LIBRARY]
    for t in walk.tracks:
        assert len(t.times) == len(t.losses) == len(t.regime) >= 55
        assert t.noisy.shape == (len(t.times), NOISES if t.shape.options else 0)
        assert t.on_chains.shape == (len(t.times), CHAIN_DRAWS if t.shape.options else 0)
        assert set(t.regime) <= set(REGIMES)
        for model in ("fhs", "halved", "hs"):
            assert (t.es[model] >= t.var[model]).all()
        assert t.var["halved"].tolist() == pytest.approx((t.var["fhs"] / 2).tolist())


def test_linear_losses_and_forecasts_by_hand() -> None:
    """A perpetual loses what the price loses; plain history is the order statistic of the last returns."""
    track, values = walks.walk().track("linear"), walks.levels().series("BTC")
    at = np.searchsorted(walks.levels().times, track.times)
    assert track.losses.tolist() == pytest.approx((1 - values[at] / values[at - 1]).tolist())
    row = int(at[-1]) - 1  # the last forecast
    moves = values[row - 119 : row + 1] / values[row - 120 : row]
    ranked = np.sort(1 - moves)[::-1]
    assert ranked[2] <= track.var["hs"][-1] <= ranked[0]


def test_nothing_later_reaches_a_forecast() -> None:
    """Change every close after a day: forecasts up to that day stay to the last bit, and its realised loss changes."""
    closes = walks.closes(170)
    cut = 150
    values = closes.values.copy()
    values[cut:] *= np.linspace(1.5, 3.0, 170 - cut)[:, None]
    changed = factor_levels(History(closes.names, closes.times, values, DAY_NS), ["BTC", "ETH"], basis=walks.rates(170))
    names = ["linear", "short-strangle", "market-maker"]
    one, two = (
        walk_forward(list(walks.models()), library(names), lv, least=90, look_back=120)
        for lv in (walks.levels(), changed)
    )
    for name in names:
        a, b = one.track(name), two.track(name)
        known = np.array(a.times) <= int(closes.times[cut])  # forecast at or before the day before `cut`
        assert known.sum() > 40
        for model in a.var:
            assert a.var[model][known].tobytes() == b.var[model][known].tobytes()
        assert a.losses[known][-1] != b.losses[known][-1]


def test_a_model_that_looks_ahead_is_refused() -> None:
    """A history handed to a model ends at its instant: there is no later row to reach."""
    seen: list[tuple[int, int]] = []

    class Nosy(EngineModel):
        def __call__(self, history: FactorHistory, books: object) -> dict[str, tuple[float, float]]:
            seen.append((int(history.times[-1]), len(history)))
            return super().__call__(history, books)  # type: ignore[arg-type]

    walk = walk_forward([Nosy(risk_model("hs"))], library(["linear"]), walks.levels(), least=90, look_back=100)
    times = walk.track("linear").times
    assert [t for t, _ in seen] == [t - DAY_NS for t in times]
    assert max(n for _, n in seen) == 100


def test_a_missing_close_is_left_out_and_counted() -> None:
    closes = walks.closes(170)
    values = closes.values.copy()
    values[130] = np.nan
    gapped = factor_levels(History(closes.names, closes.times, values, DAY_NS), ["BTC", "ETH"])
    walk = walk_forward([walks.models()[2]], library(["linear"]), gapped, least=90, look_back=120)
    track = walk.track("linear")
    assert track.skipped == 2
    lost = {int(closes.times[130]), int(closes.times[131])}
    assert not lost & set(track.times)


@pytest.mark.parametrize("name", ["hs", "whs", "fhs"])
def test_shared_scenarios_are_those_of_the_engine(name: str) -> None:
    """The day's scenarios shared between books give what the engine gives for each book by itself."""
    model, at = risk_model(name), walks.levels()
    row = len(at) - 2
    here = dict(zip(at.names, at.values[row].tolist(), strict=True))
    for shape in library(["linear", "short-strangle", "crowded-long"]):
        own = at.select([n for n in at.names if n.split()[0] in shape.coins and not n.endswith("basis")])
        history = FactorHistory.of_levels(own).until(int(at.times[row])).last(100)
        book = book_of(shape, here, instant_of(int(at.times[row])))
        var, es = EngineModel(model)(history, {"book": book})["book"]
        alone = evaluate(model, book, history)
        assert (var, es) == pytest.approx((alone.var.value, alone.es.value))


def test_charges_of_clearing_houses_walk_too() -> None:
    start = instant_of(int(walks.levels().times[-6]))
    walk = walk_forward(
        [EngineModel(risk_model("blend"))], library(["linear", "call-spread"]), walks.levels(), start=start, least=90
    )
    for t in walk.tracks:
        assert (t.es["blend"] >= t.var["blend"]).all()
        assert (t.var["blend"] > 0).all()


def test_the_same_walk_has_the_same_bits_whatever_else_is_walked() -> None:
    names = ["calendar", "basis", "crowded-long"]
    again = walk_forward(list(walks.models()), library(names), walks.levels(), least=90, look_back=120)
    for part in ("levels", "models", "settings"):
        assert again.hashes[part] == walks.walk().hashes[part]
    for a in again.tracks:
        b = walks.walk().track(a.shape.name)
        assert a.losses.tobytes() == b.losses.tobytes()
        assert a.noisy.tobytes() == b.noisy.tobytes()
        assert a.on_chains.tobytes() == b.on_chains.tobytes()
        assert all(a.var[m].tobytes() == b.var[m].tobytes() for m in a.var)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"models": []}, "models"),
        ({"models": [walks.models()[0], walks.models()[0]]}, "models"),
        ({"shapes": []}, "models"),
        ({"shapes": [BookShape("sol", "", (BookLeg("perpetual", 1.0, coin="SOL"),))]}, "levels.SOL"),
        ({"models": [EngineModel(risk_model("fhs").model_copy(update={"horizon_days": 2.0}))]}, "models"),
        ({"start": "2100-01-01T00:00:00Z"}, "start"),
        ({"start": "yesterday"}, "start"),
    ],
)
def test_bad_walks_are_named(change: dict[str, object], path: str) -> None:
    given = {"models": [walks.models()[2]], "shapes": library(["linear"]), "levels": walks.levels()} | change
    with pytest.raises(DocumentError) as caught:
        walk_forward(**given)  # type: ignore[arg-type]
    assert caught.value.problems[0].path == path


def test_bad_levels_are_named() -> None:
    hourly = History(("BTC",), np.arange(3) * (DAY_NS // 24), np.ones((3, 1)), DAY_NS // 24)
    with pytest.raises(DocumentError, match="step_ns"):
        factor_levels(hourly, ["BTC"])
    with pytest.raises(DocumentError, match=r"basis\.names"):
        factor_levels(walks.closes(30), ["ETH"], basis=walks.rates(30))
    with pytest.raises(DocumentError, match=r"levels\.BTC iv"):
        book_of(library(["short-strangle"])[0], {"BTC": 1.0}, NOW)
    with pytest.raises(DocumentError, match="funding"):
        basis_rate(walks.rates(5))
