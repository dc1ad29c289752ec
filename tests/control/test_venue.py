"""The venue that is controlled: money to the unit, the same people for all, terms that add up, frozen policies."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from plimsoll.control.courses import Course, Record, drawn, training_courses
from plimsoll.control.evaluate import episode
from plimsoll.control.policies import AT, SHIPPED, FrozenPolicy, shipped
from plimsoll.control.projection import violations
from plimsoll.control.terms import TERMS, Agents, ControlTerms
from plimsoll.control.venue import STATES, UNIT, Venue
from plimsoll.documents import DocumentError
from plimsoll.laboratory import flow

TERMS_40 = ControlTerms(agents=Agents(accounts=200), steps=40)
RULE = FrozenPolicy(name="rule", kind="rule", parameters=(0.5, 0.25, -1.0))


def crash(terms: ControlTerms) -> Course:
    """A quiet course that falls by a fifth in one step, half way."""
    random = np.random.default_rng(2)
    many = terms.bounds.window + terms.steps
    logs = np.concatenate([[0.0], np.cumsum(0.004 * random.standard_normal(many))])
    logs[-(terms.steps // 2) :] += log(0.8)
    return Course("crash", np.exp(logs), np.ones(terms.steps + 1), terms.bounds.window)


def test_money_and_lots_are_the_same_after_every_step_of_a_crash() -> None:
    venue = Venue(TERMS_40, crash(TERMS_40), 3, check=True)
    uncovered = forced = 0.0
    while not venue.done:
        venue.post(0.0)
        found = venue.step()
        venue.steps.conserved()
        uncovered, forced = uncovered + found.uncovered, forced + found.forced
    assert forced > 0.0
    assert uncovered > 0.0
    assert venue.steps.out.conserved
    assert violations(TERMS_40.bounds, venue.projection.posted) == []


def test_costs_are_the_terms_at_their_prices() -> None:
    venue = Venue(TERMS_40, crash(TERMS_40), 3)
    p = TERMS_40.prices
    while not venue.done:
        before = venue.posted.in_force
        rate = venue.post(0.3).in_force
        found = venue.step()
        lots = np.abs(venue.steps.state.lots).sum() * float(venue.steps.world.catalogue.lot[0])
        interest = float(lots * venue.steps.out.price[venue.steps.done, 0])
        fee = venue.steps.world.venue.taker_fee + TERMS_40.agents.half_spread
        by = dict(zip(TERMS, found.costs.tolist(), strict=True))
        assert found.open_interest == pytest.approx(interest, rel=1e-12)
        assert by["capital"] == pytest.approx(p.funding * interest * rate * 4.0 / 8760.0, rel=1e-12)
        assert by["calls"] == pytest.approx(p.call * found.called, rel=1e-12)
        assert by["volume"] == pytest.approx(p.volume * fee * found.lost, rel=1e-12)
        assert by["bad_debt"] == pytest.approx(p.bad_debt * found.uncovered, rel=1e-12)
        assert by["forced"] == pytest.approx(p.forced * found.forced, rel=1e-12)
        assert by["changes"] == pytest.approx(p.change * interest * abs(log(rate / before)), abs=1e-9)
        assert venue.reward(found) == pytest.approx(-found.costs.sum() / venue.scale * 1e4 * 2190.0, rel=1e-12)


def test_a_higher_rate_posts_more_and_keeps_volume_away_and_an_elasticity_of_zero_does_not() -> None:
    course = drawn(TERMS_40, 5)
    low, high = (FrozenPolicy(name="s", kind="static", parameters=(x,)) for x in (-0.5, 1.0))
    still = TERMS_40.model_copy(update={"agents": Agents(accounts=200, elasticity=0.0, touch=0.0)})
    volume = TERMS.index("volume")
    one, two = (episode(TERMS_40, course, 1, p.fresh()) for p in (low, high))
    assert two.rate > one.rate
    assert two.costs[volume] > one.costs[volume]
    assert two.interest < one.interest
    assert two.costs[TERMS.index("capital")] > one.costs[TERMS.index("capital")]
    for p in (low, high):
        assert episode(still, course, 1, p.fresh()).costs[volume] == pytest.approx(0.0, abs=1e-9)


def test_the_state_is_made_of_the_past_alone() -> None:
    one, two = drawn(TERMS_40, 8), drawn(TERMS_40, 8)
    two.price[two.warm + 21 :] *= 1.3
    seen = []
    for course in (one, two):
        venue = Venue(TERMS_40, course, 8)
        rows = []
        for _ in range(20):
            rows.append(venue.state())
            venue.post(0.2)
            venue.step()
        rows.append(venue.state())
        seen.append(np.array(rows))
    assert np.array_equal(seen[0], seen[1])
    assert seen[0].shape == (21, len(STATES))
    assert np.isfinite(seen[0]).all()


def test_a_replay_of_a_frozen_policy_is_the_same_to_the_bit() -> None:
    course = drawn(TERMS_40, 4)
    for name in SHIPPED:
        frozen = FrozenPolicy.from_json(shipped(name).to_json())
        assert frozen.hash() == shipped(name).hash()
        one, two = (episode(TERMS_40, course, 4, p.fresh()) for p in (frozen, shipped(name)))
        assert one.digest == two.digest
        assert one.costs.tobytes() == two.costs.tobytes()
        assert not one.violated


def test_the_weights_of_the_network_are_those_of_its_file() -> None:
    from hashlib import sha256
    from importlib import resources

    data = resources.files("plimsoll.control").joinpath("data", "network.npz")
    content = data.read_bytes()
    frozen = shipped("network")
    assert frozen.trained["weights"] == f"sha256:{sha256(content).hexdigest()}"
    with data.open("rb") as file, np.load(file) as arrays:
        for n, layer in enumerate(frozen.layers):
            assert np.array_equal(np.array(layer)[:, :-1], arrays[f"w{n}"])
            assert np.array_equal(np.array(layer)[:, -1], arrays[f"b{n}"])


def test_shipped_policies_were_trained_on_the_terms_that_ship() -> None:
    for name in SHIPPED:
        assert shipped(name).trained["terms"] == ControlTerms().hash(), name


def test_policies_meet_the_same_people_on_the_same_course() -> None:
    course = drawn(TERMS_40, 6)
    venues = [Venue(TERMS_40, course, 6) for _ in range(2)]
    for k, venue in enumerate(venues):
        while not venue.done:
            venue.post(1.0 if k else -1.0)
            venue.step()
    one, two = (v.crowd for v in venues)
    assert np.array_equal(one.traits.size, two.traits.size)
    assert one.random.bit_generator.state == two.random.bit_generator.state


def test_voluntary_trades_and_payments_conserve() -> None:
    venue = Venue(TERMS_40, drawn(TERMS_40, 9), 9)
    steps = venue.steps
    before = steps.state.money().copy()
    change = np.zeros(200, dtype=np.int64)
    change[:3] = (5, -7, 11)
    usd = flow.trade(steps, change, 0.001)
    assert usd[:3] == pytest.approx(np.array([5, 7, 11]) * 50_000.0 * float(steps.world.catalogue.lot[0]))
    flow.pay(steps, np.full(200, -3, dtype=np.int64))
    assert (steps.state.money() == before).all()
    assert not steps.state.net().any()
    assert flow.equity(steps).sum() / UNIT > 0
    with pytest.raises(DocumentError, match="change"):
        flow.trade(steps, change[:5], 0.001)
    with pytest.raises(DocumentError, match="half_spread"):
        flow.trade(steps, change, -0.1)
    with pytest.raises(DocumentError, match="units"):
        flow.pay(steps, np.zeros(3, dtype=np.int64))


def test_a_record_in_steps_and_episodes() -> None:
    hour = 3_600_000_000_000
    times = np.arange(6_000, dtype=np.int64) * hour
    price = np.exp(np.cumsum(0.003 * np.random.default_rng(1).standard_normal(6_000)))
    price[100] = np.nan
    record = Record.of("X", times, price, TERMS_40)
    assert (np.diff(record.times) == 4 * hour).all()
    assert record.price[25] == price[99]
    courses = record.courses(TERMS_40)
    assert len(courses) == (record.times.size - TERMS_40.bounds.window) // 40 - (
        (record.times.size - TERMS_40.bounds.window) % 40 == 0
    )
    later = record.courses(TERMS_40, since=int(record.times[700]))
    assert later[0].price[later[0].warm] == record.price[700]
    mixed = training_courses(TERMS_40, [record], 3)
    assert [c.name.split()[0] for c in mixed[:4]] == ["drawn", "X", "drawn", "X"]
    with pytest.raises(DocumentError, match="bars of at most"):
        Record.of("X", times * 24, price, TERMS_40)
    with pytest.raises(DocumentError, match="one episode"):
        record.between(0, int(times[300])).courses(TERMS_40)


def test_documents_of_policies_refuse() -> None:
    head = {"schema": FrozenPolicy.SCHEMA, "schema_version": 1, "name": "x"}
    with pytest.raises(DocumentError, match="parameters"):
        FrozenPolicy.from_dict(head | {"kind": "rule", "parameters": [1.0]})
    with pytest.raises(DocumentError, match="layers"):
        FrozenPolicy.from_dict(head | {"kind": "network", "layers": [[[1.0, 2.0]]]})
    with pytest.raises(DocumentError, match="policy"):
        shipped("best")


def test_a_pid_and_a_rule_say_what_their_formulas_say() -> None:
    state = np.zeros(len(STATES))
    state[AT["rate"]], state[AT["over_coverage"]], state[AT["vol_regime"]] = 0.5, 0.3, -1.0
    asked = 0.2 + log(1.5) + log(1.25) - 0.5
    assert RULE.fresh().action(state) == pytest.approx(asked / 0.05)
    pid = FrozenPolicy(name="pid", kind="pid", parameters=(0.1, 2.0, 0.5, 1.0, 0.05)).fresh()
    state[AT["breaches"]] = 0.25
    assert pid.action(state) == pytest.approx((0.2 + 0.1 + 0.4 + 0.5 * 0.01 + 0.2 - 0.5) / 0.05)


@pytest.mark.long
def test_a_hundred_thousand_steps_break_no_bound() -> None:
    """Every shipped policy in turn, drawn courses, every unit of money counted after each step."""
    terms, steps, k = ControlTerms(), 0, 0
    while steps < 100_000:
        frozen = shipped(SHIPPED[k % len(SHIPPED)])
        found = episode(terms, drawn(terms, 7_000_000 + k), k, frozen.fresh(), check=True)
        assert found.violated == ()
        steps, k = steps + terms.steps, k + 1
