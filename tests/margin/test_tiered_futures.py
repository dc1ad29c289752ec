"""Futures by tiers as any venue may define them: sizes of any unit, whole tiers, a fee of closing, any leverage."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from binance_books import CM, UM, account_doc, futures_books, market_doc
from many_books import same
from plimsoll.contracts import Contract, Settlement
from plimsoll.documents import Part
from plimsoll.margin import Rules
from plimsoll.margin.many import Positions
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.parts.legs import Unit
from plimsoll.margin.parts.orders import Resting
from plimsoll.margin.parts.tiers import TierRows, Tiers, TierTable
from plimsoll.margin.path import States, tracks_of
from random_books import SOME

Doc = dict[str, Any]


class ToyParameters(Part):
    """One table for everything."""

    table: TierTable
    unit: str
    leverage: float | None
    fee: float


class Toy(TieredFutures):
    """A venue without a folder."""

    MODEL: ClassVar[str] = "toy"
    PARAMETERS = ToyParameters
    parameters: ToyParameters

    def rule(self, contract: Contract) -> tuple[str, TierTable, Unit] | None:
        if contract.kind not in ("future", "perpetual"):
            return None
        return "table", self.parameters.table, self.parameters.unit  # type: ignore[return-value]

    def listed(self) -> str:
        return "futures and perpetuals"

    @property
    def default_leverage(self) -> float | None:
        return self.parameters.leverage

    def close_fee_rate(self, contract: Contract) -> float:
        return self.parameters.fee


# ends that positions of the random books come to in each unit
ENDS = {"notional": (1e5, 2e6), "coins": (3.0, 40.0), "contracts": (3.0, 40.0)}
COIN_ENDS = {"notional": (0.5, 40.0), "coins": (0.5, 40.0), "contracts": (100.0, 5_000.0)}


def toy(unit: str, counting: str, leverage: float | None, fee: float, inverse: bool) -> Toy:
    ends = (COIN_ENDS if inverse else ENDS)[unit]
    rates = ((0.01, 0.02), (0.02, 0.05), (0.1, 0.25))
    tiers = [{"upto": u, "maintenance": m, "initial": i} for u, (m, i) in zip((*ends, None), rates, strict=True)]
    parameters = {"table": {"counting": counting, "tiers": tiers}, "unit": unit, "leverage": leverage, "fee": fee}
    head = {"schema": "plimsoll.rules", "schema_version": 1, "name": "toy", "model": "toy", "effective": "2025-01-01"}
    return Toy(Rules.from_dict({**head, "currency": "USDT", "parameters": parameters}))


@st.composite
def toys(draw: st.DrawFn, inverse: bool) -> Toy:
    unit = draw(st.sampled_from(["notional", "coins", "contracts"]))
    counting = draw(st.sampled_from(["marginal", "whole"]))
    leverage = draw(st.sampled_from([None, 10.0]))
    return toy(unit, counting, leverage, draw(st.sampled_from([0.0, 0.0006])), inverse)


def plain(model: Toy, contract: Doc, quantity: float, price: float) -> tuple[float, float]:
    """Initial and maintenance margin by loops."""
    p = model.parameters
    inverse = contract["settlement"] == "inverse"
    coins = abs(quantity) * contract["multiplier"] / (price if inverse else 1.0)
    notional = coins if inverse else coins * price
    size = {"notional": notional, "coins": coins, "contracts": abs(quantity)}[p.unit]
    need = start = 0.0
    for tier in p.table.tiers:
        end = np.inf if tier.upto is None else tier.upto
        least, rate = tier.initial, tier.maintenance
        need += max(0.0, min(size, end) - start) * rate
        start = end
        if size <= end:
            break
    value = notional / size if size else 0.0
    kept = need * value if p.table.counting == "marginal" else notional * rate
    initial = notional * (least if p.leverage is None else max(least, 1.0 / p.leverage))
    return initial + p.fee * notional, kept + p.fee * notional


@SOME
@given(st.data())
@pytest.mark.parametrize("inverse", [False, True])
def test_margins_by_loops_on_blocks_and_along_a_path(inverse: bool, data: st.DataObject) -> None:
    model = data.draw(toys(inverse))
    contracts = CM if inverse else UM
    content, market_content = data.draw(futures_books(contracts, orders=False))
    account, market = pl.Account.from_dict(content), pl.Market.from_dict(market_content)
    found = model.requirement(account, market)
    terms = {c["name"]: c for c in contracts}
    chosen = [p for p in account.positions if p.leverage is None]
    bare = pl.Account.from_dict(
        account_doc([{"instrument": p.instrument, "quantity": p.quantity, "leg": p.leg} for p in chosen])
    )
    wanted = [
        plain(model, terms[p.instrument], p.quantity, market_content["marks"][p.instrument]["price"]) for p in chosen
    ]
    own = model.requirement(bare, market)
    assert own.initial == pytest.approx(sum(i for i, _ in wanted), rel=1e-10)
    assert own.maintenance == pytest.approx(sum(m for _, m in wanted), rel=1e-10)
    held = Positions.of([pl.Account.from_dict(account_doc([{"instrument": n, "quantity": 7.0}])) for n in terms])
    same(model.many(held, market), held, model, market)
    # a whole tier jumps at its end: away from every end a path is what the engine says
    moves = np.array([0.3, 0.95, 1.0, 1.2, 5.0])
    states = States({"BTC": moves, "SOL": moves}, np.ones(5))
    scale = abs(found.net_equity) + found.workings["notional"] * 20.0 + sum(map(abs, account.collateral.values()))
    for mine, theirs in zip(
        model.along(account, market, states), tracks_of(model.assess, account, market, states), strict=True
    ):
        assert mine.equity == pytest.approx(theirs.equity, rel=1e-9, abs=1e-11 * scale)
        assert mine.maintenance == pytest.approx(theirs.maintenance, rel=1e-9, abs=1e-11 * scale)


@SOME
@given(st.data())
@pytest.mark.parametrize("inverse", [False, True])
def test_the_form_is_never_below_the_margin_and_equal_at_the_reach(inverse: bool, data: st.DataObject) -> None:
    model = data.draw(toys(inverse))
    contracts = CM if inverse else UM
    market = pl.Market.from_dict(market_doc(contracts, {c["name"]: {"price": 1_000.0} for c in contracts}))
    reach = data.draw(st.floats(0.5, 1e5))
    form = model.forms([c["name"] for c in contracts], market, reach).solver
    part = data.draw(st.floats(-1.0, 1.0))
    for quantity in (part * reach, reach):
        rows = [{"instrument": c["name"], "quantity": quantity} for c in contracts]
        charged = model.requirement(pl.Account.from_dict(account_doc(rows)), market).initial
        found = form.at(np.full(len(contracts), quantity))
        assert found >= charged * (1.0 - 1e-12)
        if quantity == reach or form.holds(np.full(len(contracts), quantity)):
            assert found == pytest.approx(charged, rel=1e-12)


def test_a_form_over_several_rates_asks_for_a_reach_and_over_one_does_not() -> None:
    market = pl.Market.from_dict(market_doc(UM[:1], {"BTCUSDT": {"price": 1_000.0}}))
    with pytest.raises(
        pl.DocumentError, match="reach: got None; allowed: the largest position considered, for 1 futures"
    ):
        toy("notional", "marginal", None, 0.0, False).forms(["BTCUSDT"], market)
    low = toy("notional", "marginal", 2.0, 0.0, False).forms(["BTCUSDT"], market).solver
    assert low.holds(np.array([1e9]))
    assert low.at(np.array([-3.0])) == pytest.approx(1_500.0)


@pytest.mark.parametrize("settlement", list(Settlement)[:2])
def test_kinks_are_where_a_position_changes_its_tier(settlement: Settlement) -> None:
    inverse = settlement is Settlement.INVERSE
    contract = (CM if inverse else UM)[0]
    market = pl.Market.from_dict(market_doc([contract], {contract["name"]: {"price": 50_000.0}}))
    model = toy("notional", "marginal", None, 0.0, inverse)
    account = pl.Account.from_dict(account_doc([{"instrument": contract["name"], "quantity": -10.0}]))
    ends = (COIN_ENDS if inverse else ENDS)["notional"]
    value = 10.0 * 100.0 / 50_000.0 if inverse else 500_000.0
    wanted = sorted(value / e if inverse else e / value for e in ends)
    assert model.kinks(account, market)["BTC"].tolist() == pytest.approx(wanted)
    assert toy("contracts", "whole", None, 0.0, inverse).kinks(account, market).get("BTC", np.zeros(0)).size == 0


def test_a_forward_that_is_partly_fixed_comes_later_to_the_end_of_a_tier() -> None:
    future = next(c for c in UM if c["kind"] == "future")
    market = market_doc([future], {future["name"]: {"price": 50_000.0}})
    row = {"underlying": "BTC", "expiry": future["expiry"], "forward": {"variable": 20_000.0, "fixed": 30_000.0}}
    market["expiries"] = [row]
    model = toy("notional", "whole", None, 0.0, False)
    account = pl.Account.from_dict(account_doc([{"instrument": future["name"], "quantity": 1.0}]))
    where = pl.Market.from_dict(market)
    (kink, _) = model.kinks(account, where)["BTC"].tolist()
    assert kink == pytest.approx(1.0 + (100_000.0 - 50_000.0) / 20_000.0)
    states = States({"BTC": np.array([kink * (1.0 - 1e-9), kink * (1.0 + 1e-9)])}, np.ones(2))
    (track,) = model.along(account, where, states)
    assert track.maintenance == pytest.approx([1_000.0, 2_000.0], rel=1e-6)


def test_padded_tables_find_the_tiers_of_each() -> None:
    one = Tiers(np.array([10.0]), np.array([0.1, 0.2]), np.array([0.1, 0.2]), np.zeros(2))
    two = Tiers(np.array([1.0, 5.0, 20.0]), np.full(4, 0.1), np.full(4, 0.1), np.zeros(4))
    rows = TierRows.of([one, two])
    sizes = np.array([0.0, 1.0, 1.5, 5.0, 10.0, 10.1, 20.0, 1e9])
    for i, table in enumerate((one, two)):
        assert rows.place(np.full(sizes.size, i), sizes).tolist() == table.place(sizes).tolist()
    assert TierRows.of([]).ends.shape == (0, 0)


def test_orders_filled_on_either_side() -> None:
    standing = Resting(2.0, 3.0, 200.0, 330.0, None)
    assert standing.ends(1.0, 100.0) == ((1.0, 100.0), (3.0, 300.0), (2.0, 230.0))
    assert standing.worst(100.0) == 300.0
