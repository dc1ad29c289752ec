"""The crowding add-on: from a book and published curves alone, convex, and not to be had cheaper in parts."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.margin.cavb import Book, CrowdingCurves, CrowdingRule, crowding

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RULE = CrowdingRule(beta=0.5, power=2.0, cap=0.5, free=0.001)
COINS = ("BTC", "ETH", "SOL")


def curves(**sides: list[float]) -> CrowdingCurves:
    """Curves of BTC: `fall` and `rise` liquidated, depth 1 M for each step of a move."""
    moves = [0.05, 0.1, 0.2]
    depth = [1e6, 2e6, 4e6]
    nothing = [0.0, 0.0, 0.0]
    crowds = {d: {"liquidated": sides.get(d, nothing), "depth": depth} for d in ("fall", "rise")}
    return made(moves, {"BTC": crowds})


def made(moves: list[float], underlyings: dict[str, object]) -> CrowdingCurves:
    """A document."""
    return CrowdingCurves.from_dict(
        {
            "schema": "plimsoll.crowding-curves",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "rules": "prbm@2025-01-01",
            "accounts": 10,
            "stress": 0.5,
            "moves": moves,
            "underlyings": underlyings,
        }
    )


CROWDED = curves(fall=[1e6, 4e6, 5e6], rise=[1e5, 1e5, 1e5])


@st.composite
def anything(draw: st.DrawFn) -> CrowdingCurves:
    """Curves of three coins."""
    steps = st.lists(st.floats(0.0, 1e8), min_size=4, max_size=4)
    rows = {}
    for coin in COINS:
        sides = {}
        for direction in ("fall", "rise"):
            rising = [[sum(x[: k + 1]) for k in range(4)] for x in (draw(steps), draw(steps))]
            sides[direction] = {"liquidated": rising[0], "depth": rising[1]}
        rows[coin] = sides
    return made([0.02, 0.05, 0.1, 0.3], rows)


BOOKS = st.dictionaries(st.sampled_from([*COINS, "DOGE"]), st.floats(-1e7, 1e7), max_size=4)
RULES = st.builds(
    CrowdingRule,
    beta=st.floats(0.0, 10.0),
    power=st.floats(1.1, 4.0),
    most=st.floats(1.0, 100.0),
    cap=st.floats(0.0, 2.0),
    free=st.floats(0.0, 0.1),
)


def naive(rule: CrowdingRule, published: CrowdingCurves, exposure: dict[str, float], initial: float) -> float:
    """The formula for one account, with loops over the plain JSON of the document."""
    content = json.loads(published.to_json())
    charges = []
    for direction, sign in (("fall", 1.0), ("rise", -1.0)):
        square = along = weighted = 0.0
        other = "rise" if direction == "fall" else "fall"
        for coin, sides in content["underlyings"].items():
            side = sides[direction]
            crowd = side["liquidated"][-1]
            ratio = 0.0
            for d, b in zip(side["liquidated"], side["depth"], strict=True):
                if d > 0.0:
                    ratio = max(ratio, d / b if b > 0.0 else math.inf)
            ratio = min(ratio, rule.most)
            square += (crowd + sides[other]["liquidated"][-1]) ** 2
            along += sign * exposure.get(coin, 0.0) * crowd
            weighted += sign * exposure.get(coin, 0.0) * crowd * ratio**rule.power
        if square == 0.0 or along <= 0.0:
            charges.append(0.0)
            continue
        part = max(0.0, 1.0 - rule.free * square / along)
        charges.append(min(rule.cap, rule.beta * max(0.0, weighted) / square * part) * initial)
    return max(charges)


def test_one_account_by_hand() -> None:
    """R = max(1, 2, 1.25) = 2; 1 M of a crowd of 5 M: A = 0.2, less what is free; half of 4 A on 100,000.

    With 100,000 on the other side as well the share is 5 M of 5.1 M times 1 M of 5.1 M.
    """
    alone = crowding(RULE, curves(fall=[1e6, 4e6, 5e6]), [Book({"BTC": 1e6}, 1e5)])
    assert alone.total == pytest.approx(1e5 * 0.5 * 4.0 * (0.2 - 0.001))
    found = crowding(RULE, CROWDED, [Book({"BTC": 1e6}, 1e5)])
    assert (found.direction, found.ratio) == ("fall", pytest.approx(2.0))
    assert found.alignment == pytest.approx(5.0 / 5.1**2)
    assert found.rate == pytest.approx(0.5 * 4.0 * (5.0 / 5.1**2 - 0.001))
    assert found.total == pytest.approx(1e5 * found.rate)
    # the same on the other side: 1 M beside a crowd of 100,000 whose ratio to depth is 0.1
    short = crowding(RULE, CROWDED, [Book({"BTC": -1e6}, 1e5)])
    assert short.direction == "rise"
    assert short.rate == pytest.approx(0.5 * 0.01 * (0.1 / 5.1**2 - 0.001))


@given(RULES, anything(), BOOKS, st.floats(0.0, 1e7))
def test_an_account_can_compute_its_own_add_on(
    rule: CrowdingRule, published: CrowdingCurves, exposure: dict[str, float], initial: float
) -> None:
    """From its own book and the published text: nothing else goes in."""
    found = crowding(rule, CrowdingCurves.from_json(published.to_json()), [Book(exposure, initial)])
    assert found.total == pytest.approx(naive(rule, published, exposure, initial), rel=1e-6, abs=1e-6)
    assert 0.0 <= found.total <= rule.cap * initial * (1 + 1e-12)


def test_the_other_side_and_tiny_accounts_pay_nothing() -> None:
    quiet = curves(fall=[1e6, 4e6, 5e6])
    assert crowding(RULE, quiet, [Book({"BTC": -1e6}, 1e5)]).total == 0.0
    assert crowding(RULE, quiet, [Book({"BTC": 5_000.0}, 500.0)]).total == 0.0
    assert crowding(RULE, quiet, [Book({"BTC": 5_100.0}, 500.0)]).total > 0.0
    assert crowding(RULE, CROWDED, [Book({"DOGE": 1e6}, 1e5)]).total == 0.0
    assert crowding(RULE, CROWDED, []).total == 0.0
    assert crowding(RULE, curves(), [Book({"BTC": 1e6}, 1e5)]).total == 0.0


@given(RULES, anything(), BOOKS, st.floats(0.01, 1.0), st.floats(1.0, 4.0), st.floats(1.0, 4.0))
def test_it_is_convex_in_size_until_the_cap_and_in_proportion_from_there(
    rule: CrowdingRule, published: CrowdingCurves, exposure: dict[str, float], least: float, more: float, most: float
) -> None:
    sizes = [least, least * more, least * more * most]
    found = [crowding(rule, published, [Book({u: k * e for u, e in exposure.items()}, k * 1e5)]) for k in sizes]
    charge = [f.total for f in found]
    assert charge[0] <= charge[1] * (1 + 1e-9) <= charge[2] * (1 + 1e-9) ** 2
    if sizes[2] > sizes[0] and not any(f.capped for f in found):
        middle = (sizes[1] - sizes[0]) / (sizes[2] - sizes[0])
        assert charge[1] <= (1.0 - middle) * charge[0] + middle * charge[2] + 1e-9 * (1.0 + charge[2])
    for one, size in zip(found, sizes, strict=True):
        if one.capped:
            assert one.total == pytest.approx(rule.cap * size * 1e5)


WORST = [{"BTC": -0.2, "ETH": -0.25, "SOL": -0.4, "DOGE": -0.3}, {"BTC": 0.2, "ETH": 0.25, "SOL": 0.4, "DOGE": 0.5}]
WORST += [{"BTC": -0.2, "ETH": 0.05, "SOL": -0.1, "DOGE": 0.0}]


def required(exposure: dict[str, float]) -> float:
    """A worst of scenarios: netting never costs."""
    return max(0.0, *(-sum(e * s[u] for u, e in exposure.items()) for s in WORST))


@given(RULES, anything(), BOOKS, BOOKS)
def test_no_division_of_a_book_over_accounts_lowers_the_sum(
    rule: CrowdingRule, published: CrowdingCurves, one: dict[str, float], rest: dict[str, float]
) -> None:
    """Any second account at all, opposite ones too: both together are charged at least what the whole is."""
    whole = {u: one.get(u, 0.0) + rest.get(u, 0.0) for u in {*one, *rest}}
    apart = crowding(rule, published, [Book(b, required(b)) for b in (one, rest)])
    together = crowding(rule, published, [Book(whole, required(whole))])
    assert apart.total >= together.total * (1 - 1e-9) - 1e-9
    # the order of accounts does not matter
    other = crowding(rule, published, [Book(b, required(b)) for b in (rest, one)])
    assert other.total == pytest.approx(apart.total)


def test_who_hides_that_he_owns_two_accounts_pays_less() -> None:
    """What the venue cannot know is not claimed: halves that count as strangers pay about a half."""
    whole = crowding(RULE, CROWDED, [Book({"BTC": 1e6}, 1e5)]).total
    half = Book({"BTC": 5e5}, 5e4)
    assert crowding(RULE, CROWDED, [half, half]).total == pytest.approx(whole)
    assert 2.0 * crowding(RULE, CROWDED, [half]).total < 0.51 * whole


@given(anything(), st.sampled_from(COINS), st.floats(1.0, 1e7), st.floats(1.0, 10.0))
def test_thinner_books_never_lower_the_charge(published: CrowdingCurves, coin: str, size: float, times: float) -> None:
    book = Book({coin: size}, 0.2 * size)
    content = published.to_dict()
    for sides in content["underlyings"].values():
        for side in sides.values():
            side["depth"] = [x / times for x in side["depth"]]
    thinner = CrowdingCurves.from_dict(content)
    rule = CrowdingRule(cap=1e6, free=0.0)
    # another direction can bind, and a larger charge it is
    assert crowding(rule, thinner, [book]).total >= crowding(rule, published, [book]).total * (1 - 1e-9)


def test_bad_documents_and_books_are_refused() -> None:
    content = CROWDED.to_dict()
    for change, named in (
        ({"moves": [0.1, 0.05, 0.2]}, "moves"),
        ({"moves": []}, "moves"),
        ({"moves": [0.1, 0.2]}, "liquidated"),
        ({"moves": [0.1, 0.2, 1.0]}, "moves"),
        ({"stress": 1.5}, "stress"),
        ({"accounts": -1}, "accounts"),
        ({"names": ["a"]}, "names"),
    ):
        with pytest.raises(DocumentError, match=named):
            CrowdingCurves.from_dict({**content, **change})
    falling = json.loads(CROWDED.to_json())
    falling["underlyings"]["BTC"]["fall"]["liquidated"] = [2.0, 1.0, 3.0]
    with pytest.raises(DocumentError, match=r"BTC.fall.liquidated"):
        CrowdingCurves.from_dict(falling)
    for book in (Book({"BTC": math.nan}, 1.0), Book({"BTC": 1.0}, -1.0), Book({}, math.inf)):
        with pytest.raises(DocumentError, match=r"accounts\[0\]"):
            crowding(RULE, CROWDED, [book])
    for field, value in (("power", 1.0), ("beta", -1.0), ("free", 2.0), ("owner", 1.0)):
        with pytest.raises(DocumentError, match=field):
            CrowdingRule.from_dict({**RULE.to_dict(), field: value})
