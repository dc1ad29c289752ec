"""A reproducible random book on a market: options, futures and perpetuals, both signs, with its collateral."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Dated, Option, Settlement
from plimsoll.documents import refuse
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios, grid, years_of

F64 = npt.NDArray[np.float64]

KINDS = ("option", "future", "perpetual")
MOST_EXPIRIES = 10
LEAST_SECONDS = 3_600.0

_OPTION_LOT = 0.1
_COIN_LOT = 0.001
_TYPICAL_USD = 50_000.0
_PER_FUTURE = 10


def sample_book(
    market: Market,
    positions: int = 50,
    seed: int = 7,
    underlyings: Sequence[str] | None = None,
    kinds: Sequence[str] = KINDS,
    cash: str = "USDC",
) -> Account:
    """An account with `positions` random positions of `market`. Same arguments, same account.

    Instruments are those of `underlyings` (default: the first by name only, for rules that take one) and `kinds` that
    can be valued and live for an hour or more, of ten expiries at most. Of three positions or more a tenth each,
    rounded up, are perpetuals and dated futures as far as there are any; the rest are options. All are drawn without
    repetition, options with weights that favour strikes near the forward and open interest. Sizes spread around
    50,000 USD of underlying for each position, in lots: 0.1 coin for options, whole contracts for inverse futures,
    0.001 coin for linear ones; futures and perpetuals carry an entry price within some percent of the mark. Signs are
    fair coins, but where the options together would be worth more than nothing all of theirs turn: a book that has
    sold more than it has bought is the one that margin is about.

    Collateral is `cash`, about a tenth of it in the first coin instead (all of it there if that is the `cash`), for
    equity of 1 to 1.8 times the worst loss over spot +-16 % and volatility +40 and -22 %, plus 1 % of the notional.
    With `positions=0` only collateral is left.

    Raises `DocumentError` for more positions than there are instruments, an unknown underlying or kind, and a
    market without a price of `cash` above zero.
    """
    _check(positions, seed, kinds)
    names = _underlyings(market, underlyings)
    unit = market.price_of(cash)
    if unit is None or unit.price <= 0.0:
        got = None if unit is None else unit.price
        raise refuse(f"market.assets.{cash}", got, "a USD price of the collateral above zero")
    rng = np.random.Generator(np.random.PCG64([seed, 0]))
    pool = _usable(market, names, kinds)
    if positions > len(pool):
        some = f"at most {len(pool)}, the usable instruments of {', '.join(names)} in {MOST_EXPIRIES} expiries"
        raise refuse("positions", positions, some)
    chosen = _draw(rng, pool, positions, market)
    plan = compile_plan(chosen, market)
    quantity = _quantities(rng, plan)
    if _option_value(plan, quantity) > 0:
        quantity = np.where(plan.option, -quantity, quantity)
    entry = plan.price * np.exp(0.01 * rng.standard_normal(len(plan)))
    rows = [
        {"instrument": c.name, "quantity": float(quantity[i])}
        | ({} if plan.option[i] else {"entry_price": round(float(entry[i]), 2)})
        for i, c in enumerate(chosen)
    ]
    content = {
        "schema": Account.SCHEMA,
        "schema_version": Account.VERSION,
        "name": f"sample of {positions} positions, seed {seed}",
        "as_of": market.time,
        "positions": rows,
        "collateral": _collateral(rng, plan, quantity, entry, market, names, cash),
    }
    return Account.from_dict(content, "sample book")


def _check(positions: int, seed: int, kinds: Sequence[str]) -> None:
    whole: tuple[tuple[str, object], ...] = (("positions", positions), ("seed", seed))
    for field, value in whole:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise refuse(field, value, "a whole number, 0 or more")
    unknown = [k for k in kinds if k not in KINDS]
    if isinstance(kinds, str) or unknown or not kinds:
        raise refuse("kinds", kinds, "some of " + ", ".join(KINDS))


def _underlyings(market: Market, asked: Sequence[str] | None) -> list[str]:
    listed = sorted({c.underlying for c in market.instruments if c.underlying in market.indices})
    if asked is None:
        if not listed:
            raise refuse("market.instruments", "none with an index", "an instrument of an underlying with an index")
        return listed[:1]
    unknown = [u for u in asked if u not in listed]
    if isinstance(asked, str) or unknown or not asked:
        raise refuse("underlyings", asked, "some of " + ", ".join(listed))
    return sorted(set(asked))


def _usable(market: Market, underlyings: Sequence[str], kinds: Sequence[str]) -> list[Contract]:
    """Contracts that can be valued, in order of name; at most ten expiries, those with most contracts."""
    found = [
        c
        for c in sorted(market.instruments, key=lambda c: c.name)
        if c.kind in kinds
        and c.underlying in underlyings
        and (not isinstance(c, Dated) or market.seconds_to(c.expiry) >= LEAST_SECONDS)
    ]
    failures = compile_plan(found, market).failures
    found = [c for i, c in enumerate(found) if i not in failures]
    count: dict[datetime, int] = {}
    for contract in found:
        if isinstance(contract, Dated):
            count[contract.expiry] = count.get(contract.expiry, 0) + 1
    kept = set(sorted(count, key=lambda e: (-count[e], e))[:MOST_EXPIRIES])
    return [c for c in found if not isinstance(c, Dated) or c.expiry in kept]


def _draw(rng: np.random.Generator, pool: list[Contract], positions: int, market: Market) -> list[Contract]:
    """`positions` of the pool: perpetuals, then futures, then options; what one kind lacks the others fill."""
    groups = [[c for c in pool if c.kind == kind] for kind in ("perpetual", "future", "option")]
    share = -(-positions // _PER_FUTURE) if positions > 2 else 0
    wanted = [min(len(groups[0]), share), min(len(groups[1]), share), 0]
    wanted[2] = min(len(groups[2]), positions - sum(wanted))
    for kind in (1, 0):
        wanted[kind] += min(len(groups[kind]) - wanted[kind], positions - sum(wanted))
    chosen: list[Contract] = []
    for group, count in zip(groups, wanted, strict=True):
        if not group:
            continue
        # the largest keys log(u) / w are a draw without repetition with weights w
        keys = np.log(rng.random(len(group))) / _weights(group, market)
        best = np.argsort(-keys, kind="stable")[:count]
        chosen += [group[i] for i in sorted(best.tolist())]
    return chosen


def _weights(group: Sequence[Contract], market: Market) -> F64:
    plan = compile_plan(group, market)
    weights = np.ones(len(group))
    rows = plan.options
    if rows.size:
        expiry = plan.group[rows]
        spread = np.maximum(plan.vol[rows] * np.sqrt(years_of(plan.seconds[expiry])), 1e-4)
        strike = np.maximum(plan.strike[rows], 1e-9)
        distance = np.log(strike / plan.forward[expiry]) / spread
        weights[rows] = np.exp(-0.5 * np.minimum(np.abs(distance), 6.0) ** 2) + 1e-6
    for i, contract in enumerate(group):
        mark = market.marks.get(contract.name)
        if mark is not None and mark.open_interest is not None and isinstance(contract, Option):
            weights[i] *= 1.0 + np.log1p(mark.open_interest)
    return weights


def _quantities(rng: np.random.Generator, plan: Plan) -> F64:
    """Signed quantities in lots, never zero."""
    size = len(plan)
    usd = _TYPICAL_USD * np.exp(0.8 * rng.standard_normal(size))
    sign = np.where(rng.random(size) < 0.5, -1.0, 1.0)
    inverse = np.array([getattr(c, "settlement", None) is Settlement.INVERSE for c in plan.contracts], dtype=bool)
    in_usd = inverse & ~plan.option
    contracts = usd / np.where(in_usd, plan.multiplier, plan.multiplier * plan.spot)
    per_coin = np.where(plan.option, 10.0, np.where(in_usd, 1.0, 1_000.0))  # lots of one contract
    lots = np.maximum(1.0, np.round(contracts * per_coin))
    result: F64 = sign * lots / per_coin
    return result


def _option_value(plan: Plan, quantity: F64) -> float:
    """Net value of the options, USD."""
    if not len(plan):
        return 0.0
    return float((quantity * unit_values(plan, Scenarios.build([1.0]), "usd")[:, 0]).sum())


def _collateral(
    rng: np.random.Generator,
    plan: Plan,
    quantity: F64,
    entry: F64,
    market: Market,
    underlyings: Sequence[str],
    cash: str,
) -> dict[str, float]:
    unit = market.price_of(cash)
    assert unit is not None
    comfort, in_coin = 1.0 + 0.8 * rng.random(), 0.05 + 0.1 * rng.random()
    usd = 20_000.0
    if len(plan):
        moves = grid([0.84, 0.92, 1.0, 1.08, 1.16], [0.4, -0.22])
        worst = float((quantity[:, None] * plan_pnl(plan, moves, "usd")).sum(axis=0).min())
        in_usd = (plan.style == 1) & ~plan.option
        notional = float((np.abs(quantity) * plan.multiplier * np.where(in_usd, 1.0, plan.spot)).sum())
        value = _option_value(plan, quantity)
        gain = np.where(plan.style == 1, 1.0 / entry - 1.0 / plan.price, plan.price - entry)
        value += float((quantity * plan.multiplier * gain * plan.settle)[~plan.option].sum())
        # the premium that was sold lies in the account
        usd = max(comfort * (max(0.0, -worst) + 0.01 * notional) - value, 0.01 * notional)
    coin = underlyings[0]
    coins = round(in_coin * usd / market.indices[coin].price, 3)
    usd -= coins * market.indices[coin].price
    # cash in steps of about 100 USD: a hundred of a stable coin, a thousandth of a bitcoin
    step = 10.0 ** round(float(np.log10(100.0 / unit.price)))
    whole = round(float(np.ceil(usd / unit.price / step) * step), 9)
    if cash == coin:
        return {coin: round(whole + coins, 9)}
    return {cash: whole, coin: coins}
