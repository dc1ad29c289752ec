"""From rule packs to rows: what a proof accepts is what the rules require, no less, and how far above it may lie."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import plimsoll as pl
from many_books import PACKS, assessed, document, markets, notional
from plimsoll.certify import Curved, Least, Max, Ratio, Relieved, Scaled, Sum, Tail, value_of
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.margin.many import Positions
from plimsoll.proofs import (
    MarginStatement,
    NotProvableError,
    Opening,
    Pledged,
    ProofRefusedError,
    Requirement,
    ShortfallRules,
    prove_margin,
    requirement_of,
    shortfall_requirement,
    state_account,
    verify_margin,
)
from plimsoll.proofs.compile import Affine
from plimsoll.proofs.written import Written, position_rows
from plimsoll.scenarios import Scenarios
from proofs_toy import NAMES, array, needed, requirement, statement, worst
from random_books import SOME, worlds

REACH = 2_000
NAMED = (
    "prbm@2026-01-01",
    "dsa@2026-01-01",
    "deribit-pm@2024-06-17",
    "derive-pmrm1@2025-04-18",
    "derive-pmrm2@2025-04-18",
)
PROVABLE = [p for p in PACKS if pl.margin_model(p).FORMS.proof != "refused"]


def fits(written: Written, quantities: list[int], collateral: list[int]) -> bool:
    """Whether an honest prover has numbers that meet every row."""
    return written.rows.broken(written.witness(quantities, collateral)) is None


def rational(n: int, d: int) -> Ratio:
    return Ratio(numerator=n, denominator=d)


def random_node(rng: random.Random, depth: int) -> Any:
    """Any convex expression over the four toys, of what is bought and sold apart."""
    kind = rng.choice(["worst", "two", "tail", "relieved"] if depth == 0 else ["sum", "max", "scaled", "two", "tail"])
    if kind == "worst":
        return array(rng, rng.randint(1, 4))
    if kind in ("two", "tail", "relieved"):
        count = 2 if kind == "relieved" else rng.randint(1, 5)
        made = worst(
            [[rng.randint(-3, 3) for _ in NAMES] for _ in range(count)], [rng.randint(-4, 4) for _ in range(count)]
        )
        short = tuple(tuple(-x + rng.choice((0, 0, 1, 2)) for x in row) for row in made.long)
        made = made.model_copy(update={"short": short})
        if kind == "tail":
            d = rng.choice([1, 1, 2])
            return Tail(kind="tail", losses=made, count=rational(rng.randint(1, count * d), d))
        if kind == "relieved":
            price = tuple(rng.choice((None, 0, 1, 2, 4)) for _ in NAMES)
            return Relieved(kind="relieved", charge=made, price=price)
        return made
    if kind == "scaled":
        return Scaled(
            kind="scaled", factor=rational(rng.randint(0, 3), rng.randint(1, 3)), term=random_node(rng, depth - 1)
        )
    terms = tuple(random_node(rng, depth - 1) for _ in range(rng.randint(1, 3)))
    return Sum(kind="sum", terms=terms) if kind == "sum" else Max(kind="max", terms=terms)


def certain(node: Any) -> bool:
    """Whether the rows come to the expression itself: no relief left out, no division in between."""
    if isinstance(node, Relieved):
        return all(p is None or all(p + row[i] >= 0 for row in node.charge.short) for i, p in enumerate(node.price))
    if isinstance(node, Scaled):
        return certain(node.term)
    return all(map(certain, node.terms)) if isinstance(node, (Sum, Max)) else True


def rounds(node: Any) -> int:
    """How many numbers in between are rounded to a whole unit, and may so cost up to their factor each."""
    if isinstance(node, Scaled):
        return 1 + 3 * rounds(node.term)
    if isinstance(node, (Sum, Max)):
        return sum(map(rounds, node.terms))
    # a part of a contract cannot be given up: what one contract may cost
    return 8 if isinstance(node, Relieved) else 1


@pytest.mark.parametrize("seed", range(60))
def test_rows_hold_exactly_where_the_second_calculator_says(seed: int) -> None:
    rng = random.Random(seed)
    node = random_node(rng, seed % 3)
    made = statement(requirement(node), bits=12)
    for _ in range(8):
        quantities = [rng.randint(-6, 6) for _ in NAMES]
        want = value_of(node, tuple(quantities), 1)
        least = max(0, -made.written.excess(quantities, [0]))
        assert fits(made.written, quantities, [least])
        assert least == 0 or not fits(made.written, quantities, [least - 1])
        if want > 0:
            assert least >= want
            if certain(node):
                assert least - want < 1 + rounds(node)
        assert fits(made.written, quantities, [least + 1])


@SOME
@given(st.data())
def test_without_two_sides_accepted_is_sufficient_and_sufficient_is_accepted(data: st.DataObject) -> None:
    rng = random.Random(data.draw(st.integers(0, 10**6)))
    made = statement(requirement(array(rng)))
    quantities = data.draw(st.lists(st.integers(-9, 9), min_size=4, max_size=4))
    collateral = data.draw(st.integers(0, 255))
    enough = collateral - needed(made, quantities) >= 0
    # beyond the range of the excess nothing can be shown: less can be pledged
    assume(collateral - min(0, needed(made, quantities)) < 100)
    assert made.written.parts == ()
    assert fits(made.written, quantities, [collateral]) == enough


def test_the_tail_by_hand_and_a_level_of_the_prover_can_only_overstate() -> None:
    # losses 10 w, 4 w, 0, -5 w; the two largest of w = 1: (10 + 4) / 2 = 7, of w = -1: (5 + 0) / 2, rounded up
    losses = worst([[10], [4], [0], [-5]])
    node = Tail(kind="tail", losses=losses, count=rational(2, 1))
    made = statement(requirement(node, ("W",)), bits=10)
    for quantity, least in ((1, 7), (-1, 3), (2, 14), (0, 0)):
        assert [fits(made.written, [quantity], [c]) for c in (least - 1, least)] == [False, True]
    x = made.written.witness([1], [7])
    level = made.written.rows.variables.index("requirement.level")
    over = [i for i, name in enumerate(made.written.rows.variables) if ".over[" in name]
    for other in range(-30, 30):
        chosen = list(x)
        chosen[level] = other
        for i, loss in zip(over, (10, 4, 0, -5), strict=True):
            chosen[i] = max(0, loss - other)
        chosen[1] = 6
        assert made.written.rows.broken(chosen) is not None


def test_what_is_not_convex_is_refused_with_the_reason() -> None:
    one = worst([[1, 0, 0, 0]])
    lower = one.model_copy(update={"short": ((-2, 0, 0, 0),)})
    zero = rational(1, 1)
    coefficients = ((0, 0, 0, 0),) * 5
    curved = Curved(kind="curved", items=(0, 1, 2, 3), coefficients=coefficients, move=zero, down=zero, up=zero)
    for node, reason in (
        (Least(kind="least", terms=(one, one)), "binary choice"),
        (curved, "quadratic over a box"),
        (Sum(kind="sum", terms=(one, lower)), r"terms\[1\].long\[0\]: 1 for one bought and -2 for one sold"),
    ):
        with pytest.raises(NotProvableError, match=reason):
            statement(requirement(node))
    with pytest.raises(NotProvableError, match="wrap around"):
        statement(requirement(worst([[10**75] * 4])), money_bits=150)


def test_collateral_counts_down_and_debts_up() -> None:
    # 7.9 of a coin of half a unit: 3 for one, floored; a debt of one costs 4
    prices = {"USD": (Fraction(1), Fraction(1)), "COIN": (Fraction(7, 2), Fraction(18, 5))}
    of = requirement(worst([[1, 0, 0, 0]]), prices=prices)
    pledged = (Pledged(asset="USD", decimals=0, bits=10), Pledged(asset="COIN", decimals=0, bits=10, owed=True))
    made = statement(of, 10, collateral=pledged)
    # rows: 3 held COIN + USD - 4 owed COIN >= W
    for usd, coin, most in ((5, 2, 11), (20, -2, 12), (0, 0, 0)):
        assert fits(made.written, [most, 0, 0, 0], [usd, coin])
        assert not fits(made.written, [most + 1, 0, 0, 0], [usd, coin])
    plain = statement(of, 10, collateral=pledged[:1])
    assert not fits(plain.written, [0, 0, 0, 0], [-1])
    with pytest.raises(pl.DocumentError, match="COIN, USD"):
        statement(of, collateral=(Pledged(asset="BTC", decimals=0),))


def test_reach_and_the_range_of_an_exact_form_are_rows() -> None:
    of = requirement(worst([[0, 0, 0, 0]]), reach=(Fraction(3),) * 4, within=worst([[1, 1, 1, 1]], [-4]))
    made = statement(of)
    assert fits(made.written, [3, -3, 0, 0], [0])
    assert not fits(made.written, [4, -3, 0, 0], [0])
    assert not fits(made.written, [-4, 0, 0, 0], [0])
    assert not fits(made.written, [2, 2, 1, 0], [0])
    assert fits(made.written, [2, 2, 0, 0], [0])


@settings(parent=SOME, max_examples=2)
@given(st.data())
@pytest.mark.parametrize("pack", NAMED)
def test_what_a_proof_asks_of_a_book_is_never_below_its_rules(pack: str, data: st.DataObject) -> None:
    check_pack(pack, data)


@pytest.mark.long
@settings(parent=SOME, max_examples=60)
@given(st.data())
@pytest.mark.parametrize("pack", PROVABLE)
def test_no_proof_of_any_rules_asks_less_than_they_do(pack: str, data: st.DataObject) -> None:
    check_pack(pack, data)


def check_pack(pack: str, data: st.DataObject) -> None:
    """One random book: what its proof asks, beside what the engine charges."""
    choices = [k for k in PACKS[pack] if not pack.startswith("deribit") or "styles" in k]
    kinds = data.draw(st.sampled_from(choices))
    if len(kinds.get("underlyings", ())) != 1 and "styles" in kinds:
        kinds = kinds | {"underlyings": ("BTC",)}
    world = data.draw(worlds(most=5, **kinds))
    model, market = pl.margin_model(pack), data.draw(markets(world))
    names = [leg.name for leg in world.legs]
    try:
        of = requirement_of(model, names, market, REACH)
    except pl.DocumentError:
        assume(False)
    quantities = [round(leg.quantity * 100) for leg in world.legs]
    held = Positions(tuple(names), [0, len(names)], np.arange(len(names)), np.array(quantities) / 100.0)
    own = assessed(model, document(held, 0, model.MODES[0]), market)
    assume(not isinstance(own, pl.DocumentError))
    charged = float(sum(c.initial for c in own.components))
    # the requirement alone, as an expression: some are too many rows for one proof
    writer, _, sold = position_rows(of, 100, 60, 110)
    least = writer.require(Affine({}), of.node, "requirement")
    x = [*quantities, *(max(0, -quantities[i]) for i in sold)]
    x += [0] * (len(writer.names) - len(x))
    asked = least(x) / 10 ** (of.array_decimals + 2)
    near = 1e-9 * max(abs(charged), 1e-9) + 1e-12 * notional(world)
    assert asked >= charged - near - model.forms(names, market, REACH).solver.rounding
    if of.standing == "exact" and of.within is None:
        assert abs(asked - charged) <= near + 1e-6 + model.forms(names, market, REACH).solver.rounding


def demo(count: int = 3) -> tuple[pl.Account, pl.Market, pl.MarginModel]:
    account = demo_account()
    return (
        account.model_copy(update={"positions": account.positions[:count]}),
        demo_market(),
        pl.margin_model("prbm@2026-01-01"),
    )


def test_an_account_of_the_demo_proves_its_margin_and_zeros_do_not() -> None:
    account, market, model = demo()
    names = [p.instrument for p in account.positions]
    of = requirement_of(model, names, market)
    pledged = (Pledged(asset="USDC", decimals=2, bits=32),)
    made = MarginStatement.of(
        of, venue="v", account="a", epoch="e", collateral=pledged, quantity_decimals=0, quantity_bits=12, money_bits=72
    )
    quantities, _ = made.units(account, market)
    found = model.requirement(account, market)
    value = found.net_equity - found.initial
    collateral = account.collateral["USDC"] + account.collateral["BTC"] * 0
    base = (
        found.net_equity
        - model.requirement(account.model_copy(update={"collateral": {"USDC": 0.0}}), market).net_equity
    )
    excess = made.written.excess(quantities, [round(collateral * 100)])
    assert value - base + collateral == pytest.approx(excess / 10**of.array_decimals, abs=1e-6)
    least = round(collateral * 100) - excess // 10 ** (of.array_decimals - 2)
    opening = Opening.of([*quantities, least])
    proof = prove_margin(made, opening)
    expected: dict[str, Any] = {"venue": "v", "account": "a", "epoch": "e", "book": None}
    verify_margin(proof, requirement_of(model, names, market), **expected)
    with pytest.raises(NotProvableError, match="requirement"):
        prove_margin(made, Opening.of([*quantities, least - 1]))
    # zeros, under their own hashes and under the true ones
    zeros = _zeros(of)
    fake = MarginStatement.of(
        zeros,
        venue="v",
        account="a",
        epoch="e",
        collateral=pledged,
        quantity_decimals=0,
        quantity_bits=12,
        money_bits=72,
    )
    nothing = prove_margin(fake, Opening.of([*quantities, 0]))
    verify_margin(nothing, zeros, **expected)
    with pytest.raises(ProofRefusedError, match=r"terms\.array does not follow"):
        verify_margin(nothing, of, **expected)
    terms = nothing.terms.model_copy(update={"array": of.array})
    with pytest.raises(ProofRefusedError, match=r"terms\.rows does not follow"):
        verify_margin(nothing.model_copy(update={"terms": terms}), of, **expected)
    with pytest.raises(ProofRefusedError):
        verify_margin(nothing.model_copy(update={"terms": proof.terms}), of, **expected)


def _zeros(of: Requirement) -> Requirement:
    from dataclasses import replace

    return replace(of, node=Sum(kind="sum", terms=()), worth=(Fraction(0),) * len(of.instruments))


def test_the_shortfall_of_a_book_is_that_of_its_scenarios() -> None:
    account, market, _ = demo()
    names = [p.instrument for p in account.positions]
    rng = np.random.default_rng(5)
    scenarios = Scenarios.build(np.exp(rng.normal(0, 0.05, 40)))
    of = shortfall_requirement(names, market, scenarios, 0.9, {"USDC": 0.0})
    made = MarginStatement.of(
        of,
        venue="v",
        account="a",
        epoch="e",
        collateral=(Pledged(asset="USDC", decimals=2),),
        quantity_decimals=0,
        money_bits=100,
    )
    quantities, _ = made.units(account.model_copy(update={"collateral": {}}), market)
    from plimsoll.risk import pnl_array

    gains = np.array(quantities) @ pnl_array([market.contracts[n] for n in names], market, scenarios, "usd")
    want = -np.sort(gains)[:4].mean()
    x = made.written.witness(quantities, [0])
    assert made.written.least(x) / 10**of.array_decimals == pytest.approx(want, abs=1e-6)
    with pytest.raises(pl.DocumentError, match="level"):
        shortfall_requirement(names, market, scenarios, 1.0, {})


def test_a_loss_that_is_not_settled_is_owed_in_its_coin() -> None:
    """By hand: two of eight losses of a coin-margined perpetual, and a loss charged as if paid from dear collateral."""
    account, market = demo_account(), demo_market()
    (sold,) = (p for p in account.positions if p.instrument == "BTC-PERPETUAL")
    spot = (0.9, 0.95, 0.98, 1.0, 1.01, 1.02, 1.05, 1.1)
    rules = ShortfallRules(name="x", level=0.75, haircuts={"USDC": 0.0, "BTC": 0.1}, spot=spot)
    price, level = market.price_of("BTC"), market.marks["BTC-PERPETUAL"].price
    assert price is not None
    assert level is not None
    size = 10.0
    for entry in (level, 60_000.0, 65_000.0):
        held = account.model_copy(
            update={
                "positions": (sold.model_copy(update={"entry_price": entry}),),
                "collateral": {"USDC": 60_000.0},
            }
        )
        stated = state_account(held, market, rules, pseudonym="a", epoch="1")
        of = stated.statement.requirement
        loss = -sold.quantity * size * (1 / entry - 1 / level)
        x = stated.values
        excess = stated.statement.written.excess(x[:1], x[1:]) / 10**of.array_decimals
        gains = sorted(sold.quantity * size / level * (1 - 1 / s) * s for s in spot)
        shortfall = -sum(gains[:2]) / 2 * price.price
        want = 60_000.0 - shortfall - loss * price.price * (2.0 / 1.8) * 1.1
        assert excess == pytest.approx(want, rel=1e-6)


def test_what_a_statement_cannot_hold_is_said() -> None:
    account, market, model = demo()
    names = [p.instrument for p in account.positions]
    of = requirement_of(model, names[:2], market)
    made = MarginStatement.of(
        of, venue="v", account="a", epoch="e", collateral=(Pledged(asset="USDC", decimals=2),), quantity_decimals=0
    )
    with pytest.raises(NotProvableError, match="not among the instruments"):
        made.units(account, market)
    first = account.positions[0]
    short = account.model_copy(update={"positions": (first.model_copy(update={"quantity": 0.5}),)})
    with pytest.raises(NotProvableError, match="a position of 1 decimals"):
        made.units(short, market)
    owing = account.model_copy(update={"positions": (), "collateral": {"BTC": -1.0}})
    with pytest.raises(NotProvableError, match="BTC is owed"):
        made.units(owing, market)
    for pack in ("prbm-whole@2026-01-01",):
        with pytest.raises(NotProvableError):
            requirement_of(pl.margin_model(pack), names[:1], market)
