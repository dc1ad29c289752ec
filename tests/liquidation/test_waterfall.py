"""The default waterfall: worked numbers, and what must hold for any venue."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.feeds.sample_default import sample_default
from plimsoll.liquidation.waterfall import LAYERS, RANKINGS, Outcome, VenueState, divided, waterfall

ORDERS = st.permutations(LAYERS).flatmap(lambda order: st.integers(0, len(order)).map(lambda n: tuple(order[:n])))


def venue(**content: Any) -> VenueState:
    """A venue state in cents of USD with these fields."""
    head = {"schema": VenueState.SCHEMA, "schema_version": 1, "currency": "USD", "decimals": 2}
    return VenueState.from_dict({**head, **content})


def money(state: VenueState) -> int:
    """All money of a venue: equity less losses, shares, capital and insurance."""
    own = sum(m.equity - m.loss + m.fund_share for m in state.members)
    return own + state.venue_capital + state.insurance_fund


def lots(state: VenueState) -> Counter[str]:
    """Lots long of each instrument, to compare open interest; shorts are as many."""
    found: Counter[str] = Counter()
    for m in state.members:
        for instrument, held in m.positions.items():
            found[instrument] += held.lots
    return found


def random_venue(seed: int, order: tuple[str, ...], ranking: str) -> VenueState:
    """Some members with losses and positions, many of them in default; funds that often do not suffice."""
    draw = random.Random(seed)
    names = [f"m{k:02d}" for k in range(draw.randint(1, 9))]
    instruments = ["A", "B"][: draw.randint(0, 2)]
    held: dict[str, dict[str, Any]] = {n: {} for n in names}
    for instrument in instruments:
        sizes = [draw.choice((0, draw.randint(-9, 9))) for _ in names]
        sizes[-1] -= sum(sizes)
        for name, size in zip(names, sizes, strict=True):
            if size:
                held[name][instrument] = {"lots": size, "profit": draw.randint(-60, 60)}
    members = [
        {
            "name": n,
            "equity": draw.choice((draw.randint(-200, 400), draw.randint(0, 30))),
            "loss": draw.choice((0, draw.randint(0, 300))),
            "fund_share": draw.randint(0, 40),
            "positions": held[n],
        }
        for n in names
    ]
    return venue(
        members=members,
        venue_capital=draw.randint(0, 60),
        insurance_fund=draw.randint(0, 90),
        order=list(order),
        ranking=ranking,
        prices={i: draw.randint(1, 50) for i in instruments},
        scenarios={i: [draw.randint(-20, 20) for _ in range(5)] for i in instruments},
    )


def hold(state: VenueState) -> Outcome:
    """Everything that must hold for the waterfall of any venue."""
    found = waterfall(state)
    paid = sum(p.units for p in found.payments)
    # every unit owed is paid once or is bad debt, and nothing else moves
    assert paid + sum(found.bad_debt.values()) == found.owed
    assert all(p.units > 0 for p in found.payments)
    assert money(found.after) == money(state)
    assert lots(found.after) == lots(state)
    before, after = ({m.name: m for m in s.members} for s in (state, found.after))
    for name, m in before.items():
        was, now = m.equity - m.loss, after[name].equity
        # only a defaulter ends below zero, by its bad debt; nobody else is pushed below zero
        assert now == (-found.bad_debt.get(name, 0) if was < 0 else now)
        assert now >= (0 if was >= 0 else was)
        assert 0 <= after[name].fund_share <= m.fund_share
        for instrument, held in after[name].positions.items():
            # positions only shrink: no over-close
            assert held.lots * m.positions[instrument].lots > 0
            assert abs(held.lots) <= abs(m.positions[instrument].lots)
    # replay: the same state gives the same payments, and what is settled costs nothing a second time
    assert waterfall(state) == found
    again = waterfall(found.after)
    assert again.owed == sum(found.bad_debt.values())
    return found


@given(st.integers(0, 10**6), ORDERS, st.sampled_from(RANKINGS))
def test_every_unit_is_paid_once_or_is_bad_debt(seed: int, order: tuple[str, ...], ranking: str) -> None:
    hold(random_venue(seed, order, ranking))


@given(st.integers(0, 10**6), ORDERS, st.sampled_from(RANKINGS))
def test_the_order_of_the_members_changes_nothing(seed: int, order: tuple[str, ...], ranking: str) -> None:
    state = random_venue(seed, order, ranking)
    turned = state.model_copy(update={"members": state.members[::-1]})
    one, other = waterfall(state), waterfall(turned)
    assert one.payments == other.payments
    assert one.closed == other.closed
    assert one.bad_debt == other.bad_debt


@given(st.integers(0, 10**6), st.integers(1, 50))
def test_more_owed_never_lowers_what_a_layer_pays(seed: int, more: int) -> None:
    state = random_venue(seed, LAYERS, "pro-rata")
    failed = [m for m in state.members if m.deficit]
    if not failed:
        return
    worse = tuple(m.model_copy(update={"loss": m.loss + more}) if m == failed[0] else m for m in state.members)
    one, other = hold(state), hold(state.model_copy(update={"members": worse}))
    for layer in ("own_margin", "fund_share", "venue_capital", "insurance_fund", "mutual_fund"):
        assert other.paid(layer) >= one.paid(layer)  # type: ignore[arg-type]
    assert sum(p.units for p in other.payments) >= sum(p.units for p in one.payments)


def test_the_layers_in_their_order() -> None:
    # 100 of margin, a loss of 1,000: 30 own share, 200 capital, 300 insurance, 370 from the winners' profits 3 : 1
    state = venue(
        members=[
            {"name": "short", "equity": 100, "loss": 1000, "fund_share": 30},
            {"name": "long", "equity": 900, "fund_share": 50, "positions": {"P": {"lots": 3, "profit": 600}}},
            {"name": "small", "equity": 500, "positions": {"P": {"lots": 1, "profit": 200}}},
            {"name": "flat", "equity": 500, "positions": {"P": {"lots": -4, "profit": -5}}},
        ],
        venue_capital=200,
        insurance_fund=300,
        order=["fund_share", "venue_capital", "insurance_fund", "socialised"],
        prices={"P": 10},
    )
    found = hold(state)
    told = {layer: found.paid(layer) for layer in ("own_margin", *state.order)}  # type: ignore[arg-type]
    assert told == {
        "own_margin": 100,
        "fund_share": 30,
        "venue_capital": 200,
        "insurance_fund": 300,
        "socialised": 370,
    }
    assert found.deleveraging_cost == {"long": 278, "small": 92}
    assert found.bad_debt == {}


def adl(ranking: str) -> Outcome:
    """Four lots short at 100 in default by 60; three holders are long."""
    return hold(
        venue(
            members=[
                {"name": "broke", "equity": -60, "positions": {"P": {"lots": -4, "profit": -160}}},
                # gained 50 % of its entry with leverage 1/2; gained 25 % with leverage 4; lost with leverage 1
                {"name": "calm", "equity": 600, "positions": {"P": {"lots": 3, "profit": 100}}},
                {"name": "keen", "equity": 50, "positions": {"P": {"lots": 2, "profit": 40}}},
                {
                    "name": "hedged",
                    "equity": 200,
                    "positions": {"P": {"lots": 2, "profit": -10}, "Q": {"lots": -2, "profit": 0}},
                },
                {"name": "rest", "equity": 900, "positions": {"P": {"lots": -3}, "Q": {"lots": 2}}},
            ],
            order=["adl"],
            ranking=ranking,
            prices={"P": 100, "Q": 100},
            scenarios={"P": [-30, 0, 30], "Q": [-30, 0, 30]},
        )
    )


@pytest.mark.parametrize(
    ("ranking", "taken", "costs"),
    [
        # scores: keen 0.25 x 4 = 1, calm 0.5 x 0.5 = 0.25, hedged below zero
        ("profit-leverage", {"keen": 2, "calm": 2}, {"calm": 30, "keen": 30}),
        # weights 3 : 2 : 2 of four lots by the divisor method
        ("pro-rata", {"calm": 2, "hedged": 1, "keen": 1}, {"calm": 30, "hedged": 15, "keen": 15}),
        # the hedged account would need more margin with a lot less: it is left alone
        ("least-risk", {"calm": 3, "keen": 1}, {"calm": 45, "keen": 15}),
    ],
)
def test_who_is_deleveraged(ranking: str, taken: dict[str, int], costs: dict[str, int]) -> None:
    found = adl(ranking)
    assert {c.holder: c.lots for c in found.closed} == taken
    assert found.deleveraging_cost == costs
    assert found.bad_debt == {}
    assert found.broken_hedges == ({"hedged": 30} if ranking == "pro-rata" else {})


def two_in_default(**content: Any) -> VenueState:
    """One member in default four lots short, one three lots long, and one in good standing with the last lot."""
    return venue(
        members=[
            {"name": "short", "equity": -60, "positions": {"P": {"lots": -4, "profit": -160}}},
            {"name": "long", "equity": -10, "positions": {"P": {"lots": 3, "profit": -30}}},
            {"name": "sound", "equity": 100, "positions": {"P": {"lots": 1, "profit": 5}}},
        ],
        prices={"P": 100},
        **content,
    )


def test_members_in_default_are_closed_against_each_other_when_nobody_else_is_left() -> None:
    found = hold(two_in_default(order=["adl"]))
    # the lot in good standing first, which pays; the other three without a payment
    assert [(c.defaulter, c.holder, c.lots) for c in found.closed] == [("short", "sound", 1), ("long", "short", 3)]
    assert found.deleveraging_cost == {"sound": 60}
    assert found.bad_debt == {"long": 10}
    assert found.left_open == {}
    assert found.to_dict()["left_open"] == {}


def test_what_members_in_default_still_hold_is_told() -> None:
    found = hold(two_in_default(order=["insurance_fund", "adl"], insurance_fund=70))
    assert found.bad_debt == {}
    assert found.closed == ()
    assert found.left_open == {"short": {"P": -4}, "long": {"P": 3}}


@given(st.integers(0, 10**6), st.sampled_from(RANKINGS))
def test_no_two_in_default_stay_open_against_each_other(seed: int, ranking: str) -> None:
    found = hold(random_venue(seed, ("adl", "socialised"), ranking))
    for instrument in ("A", "B"):
        left = [held.get(instrument, 0) for held in found.left_open.values()]
        assert min(left, default=0) >= 0 or max(left, default=0) <= 0


def test_the_ranking_by_risk_finds_the_least_requirement_there_is() -> None:
    """Against every possible choice of lots, on books of up to three holders."""
    for seed in range(60):
        draw = random.Random(seed)
        sizes = [draw.randint(1, 4) for _ in range(3)]
        needed = draw.randint(1, sum(sizes))
        other = [draw.randint(-4, 4) for _ in range(3)]
        members: list[dict[str, Any]] = [
            {"name": "broke", "equity": -1, "positions": {"P": {"lots": -needed}}},
            {"name": "rest", "equity": 10**6, "positions": {}},
        ]
        for k in range(3):
            own: dict[str, Any] = {"P": {"lots": sizes[k]}}
            if other[k]:
                own["Q"] = {"lots": other[k]}
            members.append({"name": f"h{k}", "equity": 10**6, "positions": own})
        for i, left in (("P", needed - sum(sizes)), ("Q", -sum(other))):
            if left:
                members[1]["positions"][i] = {"lots": left}
        rows = {i: [draw.randint(-30, 30) for _ in range(6)] for i in "PQ"}
        state = venue(members=members, order=["adl"], ranking="least-risk", prices={"P": 10, "Q": 10}, scenarios=rows)
        found = hold(state)
        after = {m.name: {i: h.lots for i, h in m.positions.items()} for m in found.after.members}
        reached = sum(state.requirement(after[f"h{k}"]) for k in range(3))
        choices = [
            (a, b, needed - a - b)
            for a in range(sizes[0] + 1)
            for b in range(sizes[1] + 1)
            if 0 <= needed - a - b <= sizes[2]
        ]
        least = min(sum(state.requirement({"P": sizes[k] - c[k], "Q": other[k]}) for k in range(3)) for c in choices)
        assert reached == least


def naive_divided(total: int, weights: dict[str, int], caps: dict[str, int]) -> dict[str, int]:
    """Unit by unit to the largest weight over units so far plus one."""
    given = dict.fromkeys(sorted(weights), 0)
    for _ in range(total):
        open_names = [n for n in given if given[n] < caps[n] and weights[n]]
        if not open_names:
            break
        best = open_names[0]
        for n in open_names[1:]:
            if weights[n] * (given[best] + 1) > weights[best] * (given[n] + 1):
                best = n
        given[best] += 1
    return given


NUMBERS = st.dictionaries(st.sampled_from("abcdefg"), st.tuples(st.integers(0, 60), st.integers(0, 40)), min_size=1)


@given(st.integers(0, 150), NUMBERS)
def test_shares_are_those_given_unit_by_unit(total: int, numbers: dict[str, tuple[int, int]]) -> None:
    weights, caps = ({n: x[k] for n, x in numbers.items()} for k in (0, 1))
    found = divided(total, weights, caps)
    assert found == naive_divided(total, weights, caps)
    more = divided(total + 1, weights, caps)
    assert all(more[n] >= found[n] for n in found)
    assert sum(found.values()) == min(total, sum(caps[n] for n in caps if weights[n]))


def test_shares_of_large_amounts_are_exact() -> None:
    found = divided(10**20 + 1, {"a": 10**19, "b": 2 * 10**19, "c": 1})
    assert sum(found.values()) == 10**20 + 1
    assert found["b"] == pytest.approx(2 * found["a"], rel=1e-15)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_the_sample_venue_defaults_and_is_settled(ranking: Any) -> None:
    found = hold(sample_default(ranking=ranking))
    assert found.owed > 0
    assert found.paid("insurance_fund") > 0
    assert found.paid("adl") > 0
    assert found.closed


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ({"members": [{"name": "a", "equity": 1.5}]}, "members[0].equity"),
        ({"members": [{"name": "a", "equity": 1}, {"name": "a", "equity": 2}]}, "members[1].name"),
        ({"members": [{"name": "a", "equity": 1, "positions": {"P": {"lots": 1}}}]}, "members[0].positions.P"),
        ({"members": [{"name": "a", "equity": 1, "positions": {"P": {"lots": 1}}}], "prices": {"P": 5}}, "members"),
        ({"members": [], "order": ["adl", "adl"]}, "order"),
        ({"members": [], "order": ["lottery"]}, "order[0]"),
        ({"members": [], "insurance_fund": -1}, "insurance_fund"),
        ({"members": [], "scenarios": {"P": [1], "Q": [1, 2]}}, "scenarios"),
    ],
)
def test_a_state_that_cannot_be_is_refused(content: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as told:
        venue(**content)
    assert path in {p.path for p in told.value.problems}
