"""Curves of what would be liquidated within a move, from accounts, and the charge that follows from them alone."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from plimsoll.documents import DocumentError
from plimsoll.liquidation.density import MOVES, Edge, book_of, edges, exposures, posted, published
from plimsoll.margin.cavb import Book, CrowdingCurves, CrowdingRule, crowding

PRICES = {"BTC": 50_000.0, "ETH": 2_000.0}
MODEL = pl.margin_model("prbm@2025-01-01")


def market(depth: dict[str, Any] | None = None) -> pl.Market:
    """A linear perpetual of each coin, and an inverse one of BTC."""
    rows = [
        {"kind": "perpetual", "name": f"{u}-P", "underlying": u, "settlement": "linear", "currency": "USDC"}
        for u in PRICES
    ]
    rows.append(
        {"kind": "perpetual", "name": "BTC-I", "underlying": "BTC", "settlement": "inverse", "currency": "BTC"}
        | {"multiplier": 100.0}
    )
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {u: {"price": p} for u, p in PRICES.items()},
            "assets": {"USDC": {"price": 1.0}},
            "instruments": rows,
            "marks": {"BTC-P": {"price": 50_000.0}, "ETH-P": {"price": 2_000.0}, "BTC-I": {"price": 50_000.0}},
            "depth": {} if depth is None else depth,
        }
    )


def ladder(price: float, each: float) -> dict[str, Any]:
    """Ten levels, one per cent apart, of so many coins."""
    return {
        "bids": [[price * (1.0 - 0.01 * k), each] for k in range(1, 11)],
        "asks": [[price * (1.0 + 0.01 * k), each] for k in range(1, 11)],
    }


def account(name: str, health: float, **held: float) -> pl.Account:
    """Positions at today's price with a health of so much, for one underlying."""
    rows = [{"instrument": f"{u}-P", "quantity": q, "entry_price": PRICES[u]} for u, q in held.items()]
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "positions": rows}
    need = sum(0.08 * abs(q) * PRICES[u] for u, q in held.items())
    return pl.Account.from_dict({**content, "collateral": {"USDC": health * need}})


def line(health: float, side: float) -> float:
    """The move at which `health * 0.08 + side * x = 0.08 (1 + x)`, without its sign."""
    return 0.08 * (health - 1.0) / (1.0 - 0.08 * side)


BOOKS = [account(f"l{k}", 1.1 + 0.2 * k, BTC=1.0 + k) for k in range(6)]
BOOKS += [account(f"s{k}", 1.2 + 0.3 * k, BTC=-2.0) for k in range(3)]
BOOKS += [account(f"e{k}", 1.3 + 0.3 * k, ETH=30.0) for k in range(3)]


def test_edges_are_the_lines_of_accounts_by_hand() -> None:
    found = edges(MODEL, BOOKS, market())
    assert len(found) == len(BOOKS)
    for k, edge in enumerate(found):
        if k < 6:
            assert edge.fall == pytest.approx(line(1.1 + 0.2 * k, 1.0))
            assert edge.exposure == pytest.approx(50_000.0 * (1.0 + k))
        elif k < 9:
            assert edge.rise == pytest.approx(line(1.2 + 0.3 * (k - 6), -1.0))
            assert edge.exposure == pytest.approx(-100_000.0)
        else:
            assert (edge.underlying, edge.exposure) == ("ETH", pytest.approx(60_000.0))


def test_curves_are_sums_over_accounts_rounded_against_them() -> None:
    here = market({"BTC-P": ladder(50_000.0, 3.0), "BTC-I": ladder(50_000.0, 500.0), "ETH-P": ladder(2_000.0, 10.0)})
    found = edges(MODEL, BOOKS, here)
    curves = published(found, here, rules="prbm@2025-01-01", stress=0.5, unit=1_000.0)
    assert curves.accounts == len(BOOKS)
    btc = curves.underlyings["BTC"]
    for k, move in enumerate(MOVES):
        sold = sum(50_000.0 * (1.0 + n) for n in range(6) if line(1.1 + 0.2 * n, 1.0) <= move)
        assert sold <= btc.fall.liquidated[k] < sold + 1_000.0
        bought = sum(100_000.0 for n in range(3) if line(1.2 + 0.3 * n, -1.0) <= move)
        assert bought <= btc.rise.liquidated[k] < bought + 1_000.0
        levels = [j for j in range(1, 11) if 0.01 * j <= move + 1e-9]
        usd = sum(3.0 * 50_000.0 * (1.0 - 0.01 * j) + 500.0 * 100.0 for j in levels)
        assert usd / 2.0 - 1_000.0 < btc.fall.depth[k] <= usd / 2.0
        asks = sum(3.0 * 50_000.0 * (1.0 + 0.01 * j) + 500.0 * 100.0 for j in levels)
        assert asks / 2.0 - 1_000.0 < btc.rise.depth[k] <= asks / 2.0
    assert sum(curves.underlyings["ETH"].rise.liquidated) == 0.0
    # a whole number of units, from which no book is read
    assert all(x % 1_000.0 == 0.0 for c in (btc.fall, btc.rise) for x in (*c.liquidated, *c.depth))
    # the same accounts in another order, and the same again: the same numbers
    again = edges(MODEL, BOOKS[::-1], here)
    assert published(again, here, rules="prbm@2025-01-01") == published(found, here, rules="prbm@2025-01-01")


def test_an_account_recomputes_its_add_on_from_its_book_and_the_published_text() -> None:
    here = market({"BTC-P": ladder(50_000.0, 3.0), "ETH-P": ladder(2_000.0, 10.0)})
    text = published(edges(MODEL, BOOKS, here), here, rules="prbm@2025-01-01").to_json()
    rule = CrowdingRule(beta=0.1)
    for a in BOOKS:
        venue = crowding(rule, CrowdingCurves.from_json(text), [book_of(MODEL, a, here)])
        need = MODEL.requirement(a, here).initial
        held = {
            p.instrument.removesuffix("-P"): p.quantity * PRICES[p.instrument.removesuffix("-P")] for p in a.positions
        }
        own = crowding(rule, CrowdingCurves.from_json(text), [Book(held, need)])
        assert own.total == pytest.approx(venue.total)
    largest = crowding(rule, CrowdingCurves.from_json(text), [book_of(MODEL, BOOKS[5], here)])
    assert largest.direction == "fall"
    assert largest.total > 0.0


def test_an_owner_whose_book_is_divided_is_charged_no_less() -> None:
    here = market({"BTC-P": ladder(50_000.0, 3.0)})
    curves = published(edges(MODEL, BOOKS, here), here, rules="prbm@2025-01-01")
    rule = CrowdingRule(beta=0.1)
    whole = crowding(rule, curves, [book_of(MODEL, account("o", 2.0, BTC=4.0), here)])
    for parts in ((2.0, 2.0), (1.0, 3.0), (5.0, -1.0), (1.0, 1.0, 1.0, 1.0)):
        books = [book_of(MODEL, account("o", 2.0, BTC=q), here) for q in parts]
        assert crowding(rule, curves, books).total >= whole.total * (1 - 1e-9)


def test_pools_are_liquidated_by_themselves() -> None:
    model = pl.margin_model("binance-usdm@2024-10-24")
    rows = [
        {"kind": "perpetual", "name": f"{u}USDT", "underlying": u, "settlement": "linear", "currency": "USDT"}
        for u in PRICES
    ]
    here = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {u: {"price": p} for u, p in PRICES.items()},
            "assets": {"USDT": {"price": 1.0}},
            "instruments": rows,
            "marks": {f"{u}USDT": {"price": p} for u, p in PRICES.items()},
        }
    )
    positions = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 50_000.0, "isolated_margin": 2_500.0},
        {"instrument": "ETHUSDT", "quantity": -10.0, "entry_price": 2_000.0},
    ]
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": positions}
    one = pl.Account.from_dict({**content, "name": "a", "collateral": {"USDT": 10_000.0}})
    found = {(e.underlying, e.subject): e for e in edges(model, [one], here)}
    assert set(found) == {("BTC", "BTCUSDT"), ("ETH", "shared")}
    assert 0.04 < found["BTC", "BTCUSDT"].fall < 0.05
    assert found["ETH", "shared"].exposure == pytest.approx(-20_000.0)
    assert 0.1 < found["ETH", "shared"].rise < 1.0
    assert exposures(one, here) == {"BTC": pytest.approx(50_000.0), "ETH": pytest.approx(-20_000.0)}
    assert exposures(one, here, "shared") == {"ETH": pytest.approx(-20_000.0)}


def test_who_is_below_its_line_now_is_liquidated_at_the_smallest_move() -> None:
    (edge,) = edges(MODEL, [account("low", 0.9, BTC=1.0)], market())
    assert (edge.fall, edge.rise) == (0.0, 0.0)
    curves = published([edge], market(), rules="r", moves=[0.01, 0.02])
    assert curves.underlyings["BTC"].fall.liquidated == (50_000.0, 50_000.0)
    # no book at all: the largest ratio that counts, and the cap
    found = crowding(CrowdingRule(), curves, [Book({"BTC": 50_000.0}, 8_000.0)])
    assert found.capped
    assert found.total == 4_000.0


def test_depth_of_a_recorded_book(shared: Path) -> None:
    """A thousand levels of BTCUSDT on 8 August 2024: what is within a move, against a plain sum."""
    with gzip.open(shared / "data/orderbook/binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz", "rt") as lines:
        row = next(json.loads(x.split(" ", 1)[1]) for x in lines if "lastUpdateId" in x)
    bids, asks = ([[float(p), float(q)] for p, q in row[s] if float(q) > 0] for s in ("bids", "asks"))
    here = market({"BTC-P": {"bids": bids, "asks": asks}})
    mid = (bids[0][0] + asks[0][0]) / 2.0
    moves = np.array([0.0005, 0.001, 0.002, 0.05])
    found = posted(here, "BTC", "fall", moves)
    assert found == pytest.approx([sum(p * q for p, q in bids if p >= mid * (1 - m)) for m in moves])
    assert posted(here, "BTC", "rise", moves) == pytest.approx(
        [sum(p * q for p, q in asks if p <= mid * (1 + m)) for m in moves]
    )
    assert all(b >= a for a, b in pairwise(found))
    assert posted(here, "ETH", "fall", moves) == [0.0] * 4


def test_bad_input_is_refused() -> None:
    edge = Edge("a", "account", "BTC", 0.1, 0.1, 1.0)
    for more in ({"stress": 1.5}, {"unit": 0.0}):
        with pytest.raises(DocumentError, match="stress"):
            published([edge], market(), rules="r", **more)
    with pytest.raises(DocumentError, match="moves"):
        published([edge], market(), rules="r", moves=[0.2, 0.1])
    strange = account("x", 2.0, BTC=1.0).to_dict()
    strange["positions"][0]["instrument"] = "DOGE-P"
    with pytest.raises(DocumentError, match="DOGE-P"):
        exposures(pl.Account.from_dict(strange), market())
