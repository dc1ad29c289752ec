"""The live engine: one event or one question per call."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any


def fill(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """A fill of one account, booked and margined."""
    engine = _engine(inputs, options)
    from plimsoll.live import Fill

    numbers = itertools.count(1)
    orders = _orders(engine, inputs)

    def call(name: str, instrument: str, quantity: float) -> Any:
        return engine.apply(Fill("matching", next(numbers), engine.prices.time, name, instrument, quantity, 0.01))

    return {"call": call, "arguments": orders}


def tick(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """A new volatility of one option, there and back."""
    engine = _engine(inputs, options)
    from plimsoll.live import Prices

    numbers = itertools.count(1)
    market = engine.market()
    vols = [(name, m.vol) for name, m in sorted(market.marks.items()) if m.vol]
    turns = [(name, vol * factor) for name, vol in vols for factor in (1.02, 1.0)]

    def call(name: str, vol: float) -> Any:
        return engine.apply(Prices("feed", next(numbers), engine.prices.time, vols={name: vol}))

    return {"call": call, "arguments": turns}


def index(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """An index with every forward and mark that follows it, in a wave of two per mille."""
    engine = _engine(inputs, options)
    return {"call": _wave(engine), "arguments": [(k,) for k in range(1, 201)]}


def whole(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Every account by `MarginModel.many` in a snapshot: what there is without an engine."""
    import numpy as np

    from plimsoll.margin.many import Positions

    engine = _engine(inputs, options)
    held = engine.holdings
    names = engine.prices.universe.names
    indptr = np.cumsum([0, *(i.size for i in held.items)])
    positions = Positions(names, indptr, np.concatenate(held.items), np.concatenate(held.quantity))
    market = engine.market()

    def call() -> Any:
        return engine.model.many(positions, market).initial[0]

    return {"call": call, "arguments": [()] * 20}


def check(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """May this order be sent? Before and after, and what binds."""
    engine = _engine(inputs, options)
    from plimsoll.live import Order

    orders = [(Order.of(*order),) for order in _orders(engine, inputs)]
    return {"call": engine.check, "arguments": orders}


def check_many(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """As many orders at once; a unit is an order."""
    import numpy as np

    from plimsoll.live import Candidates

    engine = _engine(inputs, options)
    rng = np.random.default_rng(int(inputs["seed"]))
    size = int(options["orders"])
    accounts, taken = len(engine.holdings), np.flatnonzero(engine.prices.universe.taken)
    quantity = np.round(rng.normal(0.0, 3.0, size), 1) + 0.05
    orders = Candidates.single(engine.holdings, rng.integers(0, accounts, size), rng.choice(taken, size), quantity)

    def run() -> Any:
        return {"result": engine.check_many(orders).after[0]}

    return {"run": run, "units": size}


def _wave(engine: Any) -> Any:
    from plimsoll.live import Prices, forward_key

    numbers = itertools.count(1)
    market = engine.market()
    first = market.indices["BTC"].price
    forwards = {forward_key(e.underlying, e.expiry): e.forward.price for e in market.expiries if e.forward}
    swaps = [c.name for c in market.instruments if c.kind in ("future", "perpetual")]
    marks = {n: market.marks[n].price for n in swaps if n in market.marks and market.marks[n].price}

    def call(k: int) -> Any:
        ratio = 1.0 + 0.002 * math.sin(k / 10.0)
        scaled = ({n: p * ratio for n, p in prices.items()} for prices in (forwards, marks))
        moved: Iterator[dict[str, float]] = iter(scaled)
        return engine.apply(
            Prices("feed", next(numbers), engine.prices.time, {"BTC": first * ratio}, next(moved), {}, next(moved))
        )

    return call


def _engine(inputs: dict[str, Any], options: dict[str, Any]) -> Any:
    """Accounts of 20 positions in contracts that the rules take together, with 0.8 to 3 times what they need."""
    import numpy as np

    from plimsoll.feeds import generated_market
    from plimsoll.feeds.demo import demo_market
    from plimsoll.live import Engine
    from plimsoll.margin import Account, Position, margin_model
    from plimsoll.margin.many import Positions

    rules = str(options.get("rules", "prbm@2026-01-01"))
    linear = rules.startswith("derive")
    market = generated_market(7, underlyings=("BTC",), settlement="linear") if linear else demo_market()
    model = margin_model(rules)
    one = {c.name: Account(positions=(Position(instrument=c.name, quantity=1.0),)) for c in market.instruments}
    names = [n for n, account in one.items() if model.applies_to(account, market) is None]
    rng = np.random.default_rng(int(inputs["seed"]))
    size, held = int(options["accounts"]), 20
    # a manager of Derive takes ten expiries: the first ones
    dates = sorted({c.expiry for c in market.instruments if c.name in one and c.kind == "option"})[:8]
    names = [n for n in names if getattr(market.contracts[n], "expiry", None) in (None, *dates)]
    indices = np.concatenate([np.sort(rng.choice(len(names), held, replace=False)) for _ in range(size)])
    quantity = np.round(rng.normal(0.0, 2.0, indices.size), 1) + 0.05
    positions = Positions(tuple(names), np.arange(size + 1) * held, indices, quantity)
    need = model.many(positions, market).check()
    cash = np.maximum(need.initial - need.equity, 0.0) * rng.uniform(0.8, 3.0, size)
    accounts = [
        Account(
            name=f"account {a}",
            positions=tuple(
                Position(instrument=names[i], quantity=q)
                for i, q in zip(indices[a * held : (a + 1) * held], quantity[a * held : (a + 1) * held], strict=True)
            ),
            collateral={str(need.currency[a]).replace("USD", "USDC").replace("USDCC", "USDC"): float(cash[a])},
        )
        for a in range(size)
    ]
    return Engine(model, market, accounts)


def _orders(engine: Any, inputs: dict[str, Any]) -> list[tuple[str, str, float]]:
    universe = engine.prices.universe
    names, contracts = engine.holdings.names, [n for n, ok in zip(universe.names, universe.taken, strict=True) if ok]
    rows = zip(inputs["account"].tolist(), inputs["instrument"].tolist(), inputs["quantity"].tolist(), strict=True)
    return [(names[a % len(names)], contracts[i % len(contracts)], q) for a, i, q in rows]
