"""Tails point in time, what size adds, schedules, impact studies and tuning, against plain words for each."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.feeds.sample_fleet import sample_fleet
from plimsoll.feeds.sample_history import sample_assets, sample_history
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.market.history import DAY_NS, History
from plimsoll.rates.governor import RAW
from plimsoll.rates.impact import Fleet, impact, least_share, margins
from plimsoll.rates.publish import AssetHistory, AssetRates, RatePolicy, publish, schedule_at
from plimsoll.rates.raw import TailRule, tail_series
from plimsoll.rates.schedule import RateSchedule, initial_margin, maintenance_margin
from plimsoll.rates.size import SizeRule, correlations, hedge_jump, sized_rates, stressed_volume
from plimsoll.rates.study import study_series
from plimsoll.rates.tune import Series, grid, losses, tune

SMALL = TailRule(level=0.95, window=120, least=60, stress_window=60)
DAYS = 260


@cache
def prices(seed: int = 5, days: int = DAYS) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    closes = 100.0 * np.exp(np.cumsum(0.03 * random.standard_t(4, days)))
    closes[70] = np.nan
    return np.arange(days, dtype=np.int64) * DAY_NS, closes


@cache
def venue() -> tuple[RatePolicy, dict[str, AssetHistory], dict[str, AssetRates]]:
    policy = RatePolicy(tail=TailRule(window=300, least=250), size=SizeRule(sizes=(1e5, 1e7, 1e9)))
    histories = sample_assets(days=420)
    return policy, histories, publish(policy, histories)


def test_the_tail_is_filtered_history_said_in_loops() -> None:
    times, closes = prices()
    found = tail_series(SMALL, times, closes, (1, 3))
    logs = [float(np.log(c)) for c in closes]
    weights, variance = 0.0, 0.0
    sigma = [float("nan")]
    for before, after in pairwise(logs):
        if np.isfinite(after - before):
            variance = SMALL.decay * variance + (1 - SMALL.decay) * (after - before) ** 2
            weights = SMALL.decay * weights + (1 - SMALL.decay)
        sigma.append((variance / weights) ** 0.5)

    def measure(moves: list[float]) -> float:
        there = [m for m in moves if np.isfinite(m)]
        worst = 0.0
        for side in (-1.0, 1.0):
            lost = sorted((side * (np.exp(m) - 1) for m in there), reverse=True)
            # the k-th largest, k the first whose share before it reaches what is left of the level
            at = max(k for k in range(len(lost)) if k / len(lost) <= 1 - SMALL.level + 1e-14)
            worst = max(worst, lost[at])
        return worst

    for t in (found.start, found.start + 40, DAYS - 1):
        expected = []
        for h in (1, 3):
            last = t - h + 1
            begin = max(1, last - SMALL.window)
            scaled = [
                (logs[j + h] - logs[j]) * min(max(sigma[t] / sigma[j], 1 / SMALL.cap), SMALL.cap)
                for j in range(begin, last)
            ]
            expected.append(measure(scaled))
        got = found.tail[t - found.start]
        assert got == pytest.approx(np.maximum.accumulate(expected), rel=1e-9)
        plain = [measure([logs[j + h] - logs[j] for j in range(t - h + 1)]) for h in (1, 3)]
        assert found.floor[t - found.start] == pytest.approx(np.maximum.accumulate(plain), rel=1e-9)


def test_nothing_after_a_time_changes_its_rates() -> None:
    times, closes = prices()
    whole = tail_series(SMALL, times, closes, (1, 2))
    part = tail_series(SMALL, times[:200], closes[:200], (1, 2))
    for name in ("tail", "floor", "stressed", "sigma"):
        assert np.array_equal(getattr(whole, name)[: part.times.size], getattr(part, name)), name


def test_a_longer_period_is_never_cheaper_and_lies_between_its_neighbours() -> None:
    times, closes = prices()
    found = tail_series(SMALL, times, closes, (1, 2, 5))
    assert (np.diff(found.tail, axis=1) >= 0).all()
    assert found.at_horizon(found.tail, 2.0) == pytest.approx(found.tail[:, 1])
    assert found.at_horizon(found.tail, 3.5) == pytest.approx(0.5 * (found.tail[:, 1] + found.tail[:, 2]))
    assert found.at_horizon(found.tail, 99.0) == pytest.approx(found.tail[:, 2])
    assert found.at_horizon(found.tail, 0.1) == pytest.approx(found.tail[:, 0])


@pytest.mark.parametrize("measure", ["var", "es"])
def test_expected_shortfall_is_not_below_the_quantile(measure: str) -> None:
    times, closes = prices()
    var = tail_series(SMALL, times, closes, (1,))
    other = tail_series(SMALL.model_copy(update={"measure": measure}), times, closes, (1,))
    assert (other.tail >= var.tail - 1e-15).all()


def test_bad_prices_are_named() -> None:
    times, closes = prices()
    for change, words in (
        ({"closes": np.where(np.arange(DAYS) == 7, 0.0, closes)}, r"closes\[7\]"),
        ({"closes": closes[:50], "times": times[:50]}, "closes"),
        ({"closes": closes[:-1]}, "closes"),
        ({"times": times[::-1]}, "times"),
        ({"horizons": (2, 1)}, "horizons"),
        ({"closes": np.where(np.arange(DAYS) % 2, closes, np.nan)}, "nine of ten"),
    ):
        arguments = {"times": times, "closes": closes, "horizons": (1,)} | change
        with pytest.raises(DocumentError, match=words):
            tail_series(SMALL, **arguments)  # type: ignore[arg-type]


def test_size_makes_the_period_longer_and_the_rate_higher() -> None:
    times, closes = prices()
    tails = tail_series(SMALL, times, closes, (1, 2, 3, 5))
    rule = SizeRule(sizes=(1e5, 1e7, 5e7), participation=0.1)
    volume = np.full(tails.times.size, 2e8)
    found = sized_rates(rule, tails, volume, 0.2)
    assert found.period[0].tolist() == pytest.approx([1.0, 1.0, 2.75])
    assert (np.diff(found.raw, axis=1) > 0).all()
    # the marginal law alone: Y sigma sqrt(q / volume)
    sigma = tails.sigma[:, None]
    assert found.close_out == pytest.approx(sigma * np.sqrt(np.array(rule.sizes) / 2e8), rel=1e-9)
    assert found.hedge_jump == pytest.approx(found.tail * 0.3 * 0.2)
    extra = found.close_out + found.hedge_jump
    assert found.floor[:, 2] - extra[:, 2] == pytest.approx(tails.at_horizon(tails.floor, 2.75))


def test_stressed_volume_is_a_past_median() -> None:
    rule = SizeRule(volume_days=3, stress=0.5)
    assert stressed_volume(rule, [1.0, 9.0, 5.0, 7.0], 1.0).tolist() == [0.5, 2.5, 2.5, 3.5]
    assert stressed_volume(rule, [1.0, float("nan"), 5.0], 1.0).tolist() == [0.5, 0.5, 1.5]
    assert stressed_volume(SizeRule(volume_days=1), [1.0, 2.0], 0.5).tolist() == pytest.approx([1.0, 1.5])
    for bad in ([-1.0], [0.0], [float("inf")]):
        with pytest.raises(DocumentError, match=r"volume\[0\]"):
            stressed_volume(rule, bad, 1.0)


def test_correlations_look_back_only() -> None:
    random = np.random.default_rng(2)
    one = random.normal(size=80)
    two = 0.8 * one + 0.6 * random.normal(size=80)
    rule = SizeRule(correlation_days=30)
    now, low = correlations(rule, one, two, 1.0)
    assert now[50] == pytest.approx(np.corrcoef(one[21:51], two[21:51])[0, 1])
    assert low[50] == pytest.approx(np.quantile(now[29:51], 0.01))
    assert now[10] == low[10] == 0.0
    assert (hedge_jump(now, low) >= 0).all()
    # a hedge that keeps its correlation loses nothing
    assert hedge_jump(0.7, 0.7) == pytest.approx(0.0, abs=1e-15)


def test_rates_of_a_venue_rise_with_size_and_keep_their_promises() -> None:
    policy, histories, rates = venue()
    for name, found in rates.items():
        assert found.times[-1] == histories[name].times[-1]
        assert (np.diff(found.rate, axis=1) >= 0).all()
        raw = np.minimum(found.raw.raw, policy.governor.cap)
        assert policy.governor.emergency is not None
        assert (found.rate * policy.governor.emergency >= raw - 1e-12).all()
        assert found.raw.raw == pytest.approx(found.raw.tail + found.raw.close_out + found.raw.hedge_jump)
        assert {k for k, _ in found.changes} == {0, 1, 2}
    assert (rates["BTC"].raw.hedge_jump == 0).all()
    assert (rates["SOL"].raw.hedge_jump > 0).any()


def test_a_later_collapse_of_volume_changes_no_earlier_rate() -> None:
    policy, histories, rates = venue()
    cut = 360
    before = {n: AssetHistory(n, h.times[:cut], h.closes[:cut], h.volume[:cut]) for n, h in histories.items()}
    for thinner in (1.0, 1e-3):
        volume = {
            n: np.where(np.arange(h.times.size) < cut, h.volume, thinner * h.volume) for n, h in histories.items()
        }
        later = {n: AssetHistory(n, h.times, h.closes, volume[n]) for n, h in histories.items()}
        then, now = publish(policy, before), publish(policy, later)
        for name, found in then.items():
            count = found.times.size
            assert np.array_equal(now[name].times[:count], found.times)
            assert np.array_equal(now[name].rate[:count], found.rate)
            assert np.array_equal(now[name].raw.raw[:count], found.raw.raw)
    # the periods that the thinner market asks for are of rungs which nobody read before
    assert rates["SOL"].raw.period.max() > 5.0


def test_a_schedule_is_what_was_in_force() -> None:
    policy, _, rates = venue()
    at = 100
    when = int(rates["BTC"].times[at])
    document = schedule_at(policy, rates, "then", when)
    again = RateSchedule.from_json(document.to_json())
    assert again == document
    table = document.assets["BTC"]
    assert [t.initial for t in table.tiers] == pytest.approx(rates["BTC"].rate[at], abs=1e-6)
    assert [t.maintenance for t in table.tiers] == pytest.approx(0.5 * rates["BTC"].rate[at], abs=1e-6)
    assert [t.upto for t in table.tiers] == [1e5, 1e7, None]
    assert document.inputs["policy"] == policy.hash()
    with pytest.raises(DocumentError, match="time"):
        schedule_at(policy, rates, "before", 0)
    with pytest.raises(DocumentError, match="XRP"):
        document.tiers("XRP")


def test_other_times_of_volume_and_no_price_are_refused() -> None:
    closes, volume = sample_history(days=20)
    with pytest.raises(DocumentError, match=r"BTC\.volume"):
        AssetHistory.of("BTC", closes, volume.until(int(volume.times[5])))
    nothing = History(("A",), closes.times, np.full((20, 1), np.nan), DAY_NS)
    with pytest.raises(DocumentError, match=r"A\.closes"):
        AssetHistory.of("A", nothing, nothing)
    with pytest.raises(DocumentError, match="histories"):
        publish(RatePolicy(), {})
    with pytest.raises(DocumentError, match="lead"):
        publish(RatePolicy(), sample_assets(days=300), lead="XRP")


TABLE = TierTable(
    tiers=(
        Tier(upto=1_000.0, maintenance=0.05, initial=0.1),
        Tier(upto=10_000.0, maintenance=0.1, initial=0.2),
        Tier(upto=None, maintenance=0.25, initial=0.5),
    )
)


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=20))
def test_marginal_tiers_in_words(sizes: list[float]) -> None:
    def slow(size: float, rates: tuple[float, float, float]) -> float:
        left, total, start = abs(size), 0.0, 0.0
        for end, rate in zip((1_000.0, 10_000.0, float("inf")), rates, strict=True):
            part = min(left, end - start)
            total, left, start = total + part * rate, left - part, end
        return total

    array = np.array(sizes)
    assert initial_margin(TABLE, array) == pytest.approx([slow(s, (0.1, 0.2, 0.5)) for s in sizes])
    assert maintenance_margin(TABLE, array) == pytest.approx([slow(s, (0.05, 0.1, 0.25)) for s in sizes])


def scaled(schedule: RateSchedule, factor: float) -> RateSchedule:
    assets = {
        name: TierTable(
            tiers=tuple(
                Tier(upto=t.upto, maintenance=min(1.0, factor * t.maintenance), initial=min(1.0, factor * t.initial))
                for t in table.tiers
            )
        )
        for name, table in schedule.assets.items()
    }
    return schedule.model_copy(update={"assets": assets})


@cache
def fleet() -> tuple[RateSchedule, Fleet]:
    policy, _, rates = venue()
    schedule = schedule_at(policy, rates, "old")
    return schedule, sample_fleet(schedule, accounts=300)


def test_a_fleet_is_opened_within_its_margin_and_survives_its_own_schedule() -> None:
    schedule, accounts = fleet()
    assert Fleet.from_json(accounts.to_json()) == accounts
    found = impact(accounts, schedule, schedule)
    assert not found.called.any()
    assert not found.closed.any()
    assert (found.call == 0).all()
    assert (found.forced == 0).all()


@pytest.mark.parametrize("factor", [1.5, 2.5])
def test_a_harder_schedule_calls_and_closes(factor: float) -> None:
    schedule, accounts = fleet()
    new = scaled(schedule, factor)
    found = impact(accounts, schedule, new)
    size = accounts.notionals()
    assert found.called.sum() > 20
    for a, account in enumerate(accounts.accounts):
        need = sum(float(initial_margin(new.assets[n], size[a, [k]])[0]) for k, n in enumerate(accounts.prices))
        keep = sum(float(maintenance_margin(new.assets[n], size[a, [k]])[0]) for k, n in enumerate(accounts.prices))
        assert found.new.initial[a] == pytest.approx(need)
        assert bool(found.called[a]) == (account.equity < need)
        assert found.call[a] == pytest.approx(max(need - account.equity, 0.0))
        assert bool(found.closed[a]) == (account.equity < keep)
        if found.closed[a]:
            rest = size[a] * (1.0 - found.share[a])
            left = sum(float(maintenance_margin(new.assets[n], rest[[k]])[0]) for k, n in enumerate(accounts.prices))
            assert left == pytest.approx(account.equity, rel=1e-9)
    assert found.forced == pytest.approx((found.share[:, None] * np.abs(size)).sum(axis=0))
    assert found.stress == pytest.approx([max(0.0, *(-size[a].sum() * m for m in (-0.5, 0.5))) for a in range(300)])
    ratios = found.stress_over_margin[found.top(300)]
    assert (np.diff(ratios) <= 1e-9).all()


def test_the_least_share_is_the_least() -> None:
    schedule = RateSchedule(name="x", effective="2026-01-01T00:00:00Z", assets={"BTC": TABLE})  # type: ignore[arg-type]
    size, equity = np.array([[5_000.0], [-5_000.0], [100.0]]), np.array([225.0, -1.0, 50.0])
    share = least_share(schedule, ("BTC",), size, equity)
    # 450 of maintenance for 5,000; 225 of them are those of 2,750
    assert share.tolist() == pytest.approx([1 - 2_750 / 5_000, 1.0, 0.0])
    assert margins(schedule, ("BTC",), size).maintenance.tolist() == [450.0, 450.0, 5.0]


def test_fleets_with_faults_are_named() -> None:
    schedule, accounts = fleet()
    content = accounts.to_dict()
    rows = [dict(a) for a in content["accounts"][:2]]
    for change, words in (
        ({"accounts": [rows[0], rows[0]]}, r"accounts\[1\].name"),
        ({"accounts": [rows[0] | {"positions": {"DOGE": 1.0}}]}, "positions.DOGE"),
        ({"accounts": []}, "accounts"),
        ({"volume": {"BTC": 1.0}}, "volume"),
        ({"prices": content["prices"] | {"BTC": 0.0}}, "prices.BTC"),
    ):
        with pytest.raises(DocumentError, match=words):
            Fleet.from_dict(content | change)
    bare = schedule.model_copy(update={"assets": {"BTC": TABLE}})
    with pytest.raises(DocumentError, match=r"new\.assets"):
        impact(accounts, schedule, bare)
    for moves in ([], [-1.0], [float("nan")]):
        with pytest.raises(DocumentError, match="moves"):
            impact(accounts, schedule, schedule, moves)
    with pytest.raises(DocumentError, match="accounts"):
        sample_fleet(schedule, accounts=0)
    with pytest.raises(DocumentError, match=r"schedule\.assets"):
        sample_fleet(schedule, prices={"XRP": 1.0})


def test_the_choice_is_the_cheapest_that_covers_and_reads_nothing_later() -> None:
    policy, histories, _ = venue()
    policy = RatePolicy(tail=policy.tail, size=policy.size, governor=RAW)
    series = study_series(policy, histories)
    split = int(series[0].times[110])
    rules = grid(notices=(0.0,), ups=(0.25, None), downs=(0.02, None))
    found = tune(series, rules, split, coverage=0.97)
    fit = [t for t in found.tried if t.score.coverage >= 0.97]
    assert found.before.mean == min(t.score.mean for t in fit)
    assert found.frozen == found.rule.hash()
    # other prices after the split change the judgement, not the choice
    changed = []
    for s in series:
        lost = s.losses.copy()
        part = s.part(split, int(s.times[-1]) + 1)
        lost[part] = np.where(np.isfinite(lost[part]), 0.9, np.nan)
        lost[part.start - 1] = 0.9  # this period ends after the split
        raw = s.raw.copy()
        raw[part] *= 3.0
        changed.append(Series(s.name, s.times, raw, s.floor, s.stressed, lost))
    again = tune(changed, rules, split, coverage=0.97)
    assert again.rule == found.rule
    assert again.before == found.before
    assert again.after != found.after
    limited = tune(series, rules, split, coverage=0.97, peak_to_trough=2.5)
    assert limited.before.peak_to_trough <= 2.5
    assert limited.before.mean >= found.before.mean
    with pytest.raises(DocumentError, match="best coverage"):
        tune(series, rules, split, coverage=0.97, peak_to_trough=1.0)


def test_losses_are_those_of_both_sides() -> None:
    found = losses([100.0, 110.0, float("nan"), 99.0], 1)
    assert found[0] == pytest.approx([-0.1, 0.1])
    assert np.isnan(found[1:]).all()


def test_the_sample_history_is_the_same_bits_and_crashes() -> None:
    one, two = sample_history(days=300), sample_history(days=300)
    assert one[0].hash == two[0].hash
    assert one[1].hash == two[1].hash
    assert sample_history(days=300, seed=12)[0].hash != one[0].hash
    moves = one[0].log_returns()[1]
    assert (moves[149] < -0.05).all()
    with pytest.raises(DocumentError, match="days"):
        sample_history(days=3)


def test_a_governed_venue_moves_less_than_a_raw_one() -> None:
    policy, histories, rates = venue()
    raw = publish(RatePolicy(tail=policy.tail, size=policy.size, governor=RAW), histories)
    for name in histories:
        calm, bare = rates[name].rate[:, 0], raw[name].rate[:, 0]
        assert calm.max() / calm.min() < bare.max() / bare.min()
