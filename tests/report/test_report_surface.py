"""The P&L surface against the scenarios of the models, and its axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import CALL, FUTURE, MONTH, PERP, PRBM, PUT, WING, account_doc, market_doc, option
from plimsoll.cli.surface import parse_axis
from plimsoll.documents import DocumentError
from plimsoll.report.bundle import book_surface, surface_of
from plimsoll.risk.surface import Surface, surface

BOOK = {CALL: -2.0, PUT: 1.0, WING: 3.0, PERP: -0.4, FUTURE: 0.7}
MOVES, VOLS, DAYS = np.array([-0.16, 0.0, 0.08]), np.array([-0.22, 0.0, 0.4]), np.array([0.0, 1.0, 30.0])


def market() -> pl.Market:
    return pl.Market.from_dict(market_doc())


def of_book(book: dict[str, float], days: np.ndarray = DAYS) -> Surface:
    snapshot = market()
    held = [snapshot.contracts[name] for name in book]
    return surface(held, np.array(list(book.values())), snapshot, MOVES, VOLS, days)


quantities = st.floats(-50, 50, allow_nan=False)


@given(st.lists(quantities, min_size=5, max_size=5))
def test_nothing_moves_nothing_gained(held: list[float]) -> None:
    found = of_book(dict(zip(BOOK, held, strict=True)))
    assert found.pnl.shape == (3, 3, 3)
    assert found.pnl[0, 1, 1] == 0.0


@given(st.lists(quantities, min_size=5, max_size=5), st.floats(-3, 3))
def test_surface_is_linear_in_quantities(held: list[float], factor: float) -> None:
    one = of_book(dict(zip(BOOK, held, strict=True)))
    other = of_book({n: q * factor for n, q in zip(BOOK, held, strict=True)})
    assert other.pnl == pytest.approx(one.pnl * factor, rel=1e-9, abs=1e-6)


def test_unweighted_cells_are_the_scenarios_of_the_house_model() -> None:
    account = pl.Account.from_dict(account_doc(BOOK))
    model = pl.margin_model(PRBM)
    losses = {s.label: s.pnl for s in model.requirement(account, market()).scenarios}
    found = surface_of(
        model, account, market(), np.array([-0.16, 0.0, 0.04, 0.16]), np.array([-0.22, 0.4]), np.zeros(1)
    )
    for label, move, vol in (
        ("-16% iv +40%", 0, 1),
        ("0% iv -22%", 1, 0),
        ("+4% iv -22%", 2, 0),
        ("+16% iv +40%", 3, 1),
    ):
        assert found.pnl[0, vol, move] == pytest.approx(losses[label], abs=1e-6), label
        assert losses[label] != 0.0


def test_a_long_call_loses_its_value_when_it_runs_out() -> None:
    days = np.array([0.0, 30.0])
    found = of_book({WING: 1.0}, days)
    value = float(-found.pnl[1, 1, 1])
    assert value > 0
    # at expiry volatility no longer matters and an 80,000 call is worthless below its strike
    assert found.pnl[1, :, :] == pytest.approx(np.full((3, 3), -value))


def test_worst_is_the_least_cell() -> None:
    found = of_book(BOOK)
    day, vol, move, pnl = found.worst()
    assert pnl == found.pnl.min()
    place = [int(np.flatnonzero(axis == x)[0]) for axis, x in ((DAYS, day), (VOLS, vol), (MOVES, move))]
    assert found.pnl[tuple(place)] == pnl


def test_option_without_volatility_is_carried_at_its_worse_bound_and_named() -> None:
    lost = option(90_000, True)
    content = market_doc()
    content["instruments"].append(lost)
    snapshot = pl.Market.from_dict(content)
    contract = [snapshot.contracts[lost["name"]]]
    long = surface(contract, np.ones(1), snapshot, MOVES, VOLS)
    short = surface(contract, -np.ones(1), snapshot, MOVES, VOLS)
    assert (long.pnl == 0.0).all()
    # a short call at its bound is a short forward
    assert short.pnl[0, 0] == pytest.approx(-70_000 * MOVES)
    assert [f.effect for f in (*long.failures, *short.failures)] == ["conservative"] * 2
    unheld = surface(contract, np.zeros(1), snapshot, MOVES, VOLS)
    assert unheld.failures == ()


def test_contract_without_any_bound_is_refused() -> None:
    snapshot = pl.Market.from_dict(market_doc(marks={}))
    with pytest.raises(DocumentError, match="missing_mark"):
        surface([snapshot.contracts[PERP]], np.ones(1), snapshot, MOVES, VOLS)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"moves": [-1.0, 0.0]}, "moves"),
        ({"moves": []}, "moves"),
        ({"moves": [0.1, 0.0]}, "moves"),
        ({"vol_shocks": [float("nan")]}, "vols"),
        ({"days": [-1.0]}, "days"),
        ({"quantity": np.ones(2)}, "quantity"),
        ({"quantity": np.array([np.inf])}, "quantity"),
        ({"moves": np.linspace(-0.5, 0.5, 150), "vol_shocks": np.linspace(0, 1, 150)}, "moves, vols, days"),
    ],
)
def test_bad_axes_are_refused_by_name(changes: dict[str, object], path: str) -> None:
    snapshot = market()
    given_values: dict[str, object] = {"quantity": np.ones(1), "moves": MOVES, "vol_shocks": VOLS, "days": DAYS}
    with pytest.raises(DocumentError) as refused:
        surface([snapshot.contracts[CALL]], market=snapshot, **(given_values | changes))  # type: ignore[arg-type]
    assert refused.value.problems[0].path == path


def test_settlement_currency_only_where_there_is_one() -> None:
    content = market_doc()
    content["instruments"].append(option(75_000, True, settlement="inverse", currency="BTC"))
    snapshot = pl.Market.from_dict(content)
    with pytest.raises(DocumentError, match="several currencies"):
        surface(
            [snapshot.contracts[n] for n in (CALL, "BTC-75000-C")],
            np.ones(2),
            snapshot,
            MOVES,
            VOLS,
            (0.0,),
            "settlement",
        )


def test_surface_stands_alone_when_no_house_rules_are_in_force() -> None:
    expiry = MONTH.replace("2026", "2020")
    content = market_doc(time="2020-01-01T00:00:00Z")
    for row in (*content["instruments"], *content["expiries"]):
        if "expiry" in row:
            row["expiry"] = expiry
    account = pl.Account.from_dict(account_doc())
    found, requirement, remark = book_surface(account, pl.Market.from_dict(content), None, MOVES, VOLS, DAYS)
    assert requirement is None
    assert "no prbm pack in force on 2020-01-01" in remark
    assert found.pnl[0, 1, 1] == 0.0


@pytest.mark.parametrize("text", ["", "1:2", "5:1:3", "a,b", "nan", "3,2", "0:1:1", "0:1:500", "0:inf:3"])
def test_axis_texts_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(DocumentError) as refused:
        parse_axis("--moves", text, 0.01)
    assert refused.value.problems[0].path == "--moves"


def test_axis_hits_round_numbers_exactly() -> None:
    assert parse_axis("--moves", "-30:30:13", 0.01).tolist() == [i * 5 / 100 for i in range(-6, 7)]
    assert parse_axis("--days", "0,1,7", 1.0).tolist() == [0.0, 1.0, 7.0]
