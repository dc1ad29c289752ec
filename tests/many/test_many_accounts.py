"""Many accounts at once: what the exact engine says of each, whatever their order and the size of the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import CALL, PERP, market_doc
from many_books import PACKS, blocks, markets, notional, same
from plimsoll.margin import MODELS, model_class
from plimsoll.margin.many import Positions
from plimsoll.margin.many.engine import totals_of
from random_books import SOME

each_pack = pytest.mark.parametrize("pack", PACKS)


def block_of(*accounts: dict[str, float]) -> Positions:
    return Positions.of([pl.Account.from_dict(doc(held)) for held in accounts])


def doc(held: dict[str, float]) -> dict[str, object]:
    rows = [{"instrument": n, "quantity": q} for n, q in held.items()]
    return {"schema": "plimsoll.account", "schema_version": 1, "positions": rows}


@SOME
@given(st.data())
@each_pack
def test_every_account_has_the_amounts_of_the_exact_engine(pack: str, data: st.DataObject) -> None:
    world, positions = data.draw(blocks(pack))
    model, market = pl.margin_model(pack), data.draw(markets(world))
    same(model.many(positions, market), positions, model, market, notional(world))


@SOME
@given(st.data())
@each_pack
def test_neither_order_nor_blocks_change_a_bit(pack: str, data: st.DataObject) -> None:
    world, positions = data.draw(blocks(pack))
    model, market = pl.margin_model(pack), data.draw(markets(world))
    once = model.many(positions, market)
    order = np.array(data.draw(st.permutations(range(len(positions)))))
    lots = [list(range(positions.indptr[a], positions.indptr[a + 1])) for a in order]
    mixed = [data.draw(st.permutations(row)) for row in lots]
    flat = np.array([j for row in mixed for j in row], dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in mixed])])
    moved = Positions(positions.instruments, indptr, positions.indices[flat], positions.quantity[flat])
    again = totals_of(model, moved, market, block=data.draw(st.integers(1, 4)))
    for name in ("initial", "maintenance", "equity"):
        assert getattr(again, name).tobytes() == getattr(once, name)[order].tobytes(), name
    assert (again.currency == once.currency[order]).all()
    assert sorted(again.refused) == [i for i, a in enumerate(order) if a in once.refused]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_what_an_account_costs_it(name: str) -> None:
    assert len(model_class(name).MANY.split()) > 8
    assert name in {pl.margin_model(pack).MODEL for pack in PACKS}


def test_one_bad_account_stops_no_other_and_is_named() -> None:
    market = market_doc()
    del market["marks"][CALL]
    held = block_of({PERP: 1.0}, {CALL: 1.0, PERP: 1.0}, {}, {"NOWHERE": 2.0})
    found = pl.margin_model("prbm@2026-01-01").many(held, pl.Market.from_dict(market))
    assert sorted(found.refused) == [1, 3]
    assert np.isfinite(found.initial).tolist() == [True, False, True, False]
    assert found.initial[2] == found.maintenance[2] == found.equity[2] == 0.0
    with pytest.raises(pl.DocumentError) as told:
        found.check()
    assert "accounts[1].positions[0].instrument: got 'BTC-70000-C' (missing_vol" in str(told.value)
    assert "accounts[3].positions[0].instrument: got 'NOWHERE' (unknown_instrument" in str(told.value)
    table = found.frame()
    assert table["refused"].is_null().to_list() == [True, False, True, False]


def test_what_cancels_is_not_held() -> None:
    held = Positions((PERP, "NOWHERE"), np.array([0, 4]), np.array([0, 1, 1, 0]), np.array([1.0, 2.0, -2.0, 1.0]))
    model, market = pl.margin_model("prbm@2026-01-01"), pl.Market.from_dict(market_doc())
    same(model.many(held, market), held, model, market)
    assert model.many(held, market).initial[0] > 0.0


def test_sums_beyond_the_limit_of_a_position_are_refused_for_that_account() -> None:
    held = Positions((PERP,), np.array([0, 2, 3]), np.array([0, 0, 0]), np.array([1e11, 1e11, 1.0]))
    found = pl.margin_model("prbm@2026-01-01").many(held, pl.Market.from_dict(market_doc()))
    assert sorted(found.refused) == [0]
    assert found.initial[1] > 0.0


def test_no_account_and_no_instrument() -> None:
    market = pl.Market.from_dict(market_doc())
    nothing = Positions((), np.array([0]), np.array([], dtype=int), np.array([]))
    assert len(pl.margin_model("prbm@2026-01-01").many(nothing, market)) == 0
    empty = Positions((), np.array([0, 0]), np.array([], dtype=int), np.array([]))
    assert pl.margin_model("prbm@2026-01-01").many(empty, market).initial.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"instruments": ("A", "A")}, "positions.instruments", "each instrument once"),
        ({"indptr": np.array([0.0, 1.0])}, "positions.indptr", "integers with one axis"),
        ({"indptr": np.array([0, 2])}, "positions.indptr", "rise from 0 to 1"),
        ({"indptr": np.array([1, 1])}, "positions.indptr", "rise from 0 to 1"),
        ({"indices": np.array([2])}, "positions.indices[0]", "0 to 1"),
        ({"indices": np.array([-1])}, "positions.indices[0]", "0 to 1"),
        ({"quantity": np.array([1.0, 2.0])}, "positions.quantity", "1 as in indices"),
        ({"quantity": np.array(["x"])}, "positions.quantity", "real numbers"),
        ({"quantity": np.array([np.nan])}, "positions.quantity[0]", "contracts from -1e+11 to 1e+11"),
        ({"quantity": np.array([2e11])}, "positions.quantity[0]", "contracts from -1e+11 to 1e+11"),
    ],
)
def test_bad_positions_are_refused_by_name(changes: dict[str, object], path: str, words: str) -> None:
    good = {
        "instruments": ("A", "B"),
        "indptr": np.array([0, 1]),
        "indices": np.array([0]),
        "quantity": np.array([1.0]),
    }
    with pytest.raises(pl.DocumentError) as told:
        Positions(**{**good, **changes})  # type: ignore[arg-type]
    assert [p.path for p in told.value.problems] == [path]
    assert words in told.value.problems[0].allowed
