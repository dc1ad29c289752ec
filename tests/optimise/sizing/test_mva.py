"""The cost of margin in a quote: a closed form, loops over exact requirements, signs and errors."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import account, chain
from naive.mva import cost
from plimsoll.documents import DocumentError
from plimsoll.optimise.sizing import FundingTerms, Watch, life_of, margin_cost, still
from plimsoll.scenarios.paths import JointPaths
from sizing_desk import log_normal, perpetuals


def with_vol(paths: JointPaths, seed: int) -> JointPaths:
    """The paths with a factor of implied volatility of their own."""
    rng = np.random.default_rng(seed)
    vol = np.exp(0.1 * rng.standard_normal((len(paths.days), 1, paths.weight.size)))
    return JointPaths(("BTC", "BTC iv"), np.concatenate([paths.multiplier, vol], axis=1), paths.days, paths.weight)


@pytest.mark.parametrize("rules", ["prbm@2026-01-01", "hyperliquid-perps@2026-01-01"])
def test_a_linear_position_costs_notional_rate_spread_and_time(rules: str) -> None:
    market, model = perpetuals(), pl.margin_model(rules)
    paths = still(log_normal(1, {"BTC": 0.6}, days=60.0, instants=6, size=60))
    empty = pl.Account(mode=model.MODES[0])
    found = margin_cost(Watch(market, model, paths), empty, "BTC-PERP", 2.0, FundingTerms(spread=0.1), holding_days=60)
    for side in (found.bid, found.ask):
        assert side.now > 0.0
        # the margin is a rate times the notional, whose mean stays where it is
        assert side.cost == pytest.approx(side.now * 0.1 * 60 / 365, rel=1e-9)
        assert side.profile == pytest.approx(np.full(7, side.now), rel=1e-9)
        assert side.basis_points == pytest.approx(1e4 * side.now / 140_000 * 0.1 * 60 / 365, rel=1e-9)
        assert side.vol_points is None


@pytest.mark.parametrize("rules", ["prbm@2026-01-01", "deribit-pm@2026-01-30", "deribit-sm@2026-01-30"])
def test_options_agree_with_loops_over_exact_requirements(rules: str) -> None:
    market, model = chain(np.random.default_rng(5), "inverse"), pl.margin_model(rules)
    book = account({"60D-1-C": -3.0, "14D-0.9-P": 2.0}, {"BTC": 5.0})
    paths = with_vol(log_normal(3, {"BTC": 0.7}, days=60.0, instants=3, size=4), 1)
    terms = FundingTerms(spread=0.12, discount=0.04)
    found = margin_cost(Watch(market, model, paths), book, "60D-1.1-C", 2.0, terms)
    price, vol = paths.multiplier[:, 0].tolist(), paths.multiplier[:, 1].tolist()
    for side in (found.bid, found.ask):
        each = cost(
            model, book, market, "60D-1.1-C", side.quantity, paths.days.tolist(), price, vol, 0.12, 0.04
        )  # fmt: skip
        assert side.cost == pytest.approx(np.mean(each), rel=1e-9)
        assert side.error == pytest.approx(np.std(each, ddof=1) / np.sqrt(4), rel=1e-6)


def test_what_lowers_margin_earns_and_its_mirror_costs() -> None:
    market, model = chain(np.random.default_rng(5)), pl.margin_model("prbm@2026-01-01")
    short = account({"60D-1-C": -5.0})
    paths = still(with_vol(log_normal(3, {"BTC": 0.7}, days=60.0, instants=6, size=200), 2))
    watch = Watch(market, model, paths)
    hedge = margin_cost(watch, short, "60D-1-C", 2.0, FundingTerms())
    assert hedge.bid.cost < 0.0 < hedge.ask.cost
    assert hedge.bid.now < 0.0
    points = hedge.ask.vol_points
    assert points is not None
    assert points > 0.0
    # a spread twice as large costs twice as much
    twice = margin_cost(watch, short, "60D-1-C", 2.0, FundingTerms(spread=0.16))
    assert twice.ask.cost == pytest.approx(2.0 * hedge.ask.cost, rel=1e-12)


def test_the_error_tells_how_far_other_paths_are() -> None:
    market, model = chain(np.random.default_rng(5)), pl.margin_model("prbm@2026-01-01")
    short = account({"60D-1-C": -5.0})
    found = [
        margin_cost(
            Watch(market, model, still(with_vol(log_normal(s, {"BTC": 0.7}, days=60.0, instants=5, size=400), s))),
            short,
            "60D-0.9-P",
            1.0,
            FundingTerms(),
        ).ask
        for s in range(6)
    ]
    costs, errors = np.array([f.cost for f in found]), np.array([f.error for f in found])
    assert costs.std(ddof=1) < 2.5 * errors.mean()
    assert np.abs(costs - costs.mean()).max() < 4.0 * errors.max()


def test_lives_and_refusals() -> None:
    market, model = chain(np.random.default_rng(5)), pl.margin_model("prbm@2026-01-01")
    assert life_of(market, "60D-1-C") == pytest.approx(60.0)
    assert life_of(market, "60D-1-C", 7.0) == 7.0
    assert life_of(market, "PERP", 30.0) == 30.0
    for asked, said in ((("PERP",), "holding_days"), (("NONE",), "instrument"), (("PERP", -1.0), "holding_days")):
        with pytest.raises(DocumentError, match=said):
            life_of(market, *asked)  # type: ignore[arg-type]
    watch = Watch(market, model, log_normal(1, {"BTC": 0.5}, days=30.0, size=10))
    with pytest.raises(DocumentError, match=r"paths.days"):
        margin_cost(watch, account({}), "60D-1-C", 1.0, FundingTerms())
    with pytest.raises(DocumentError, match="quantity"):
        margin_cost(watch, account({}), "60D-1-C", -1.0, FundingTerms(), holding_days=30.0)
    other = Watch(market, model, log_normal(1, {"ETH": 0.5}, days=30.0, size=10))
    with pytest.raises(DocumentError, match=r"paths.BTC"):
        margin_cost(other, account({}), "60D-1-C", 1.0, FundingTerms(), holding_days=30.0)
