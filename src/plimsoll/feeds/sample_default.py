"""A reproducible random venue on the day after: leveraged members, some of them below zero, and its funds."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.waterfall import Holding, Member, VenueState
from plimsoll.liquidation.waterfall.documents import Ranking

COINS = {"BTC-PERP": 88_000_00, "ETH-PERP": 3_000_00, "SOL-PERP": 180_00}
"""Price of a lot before the move, in cents."""

SCENARIOS = 25
MOST = 100_000
"""Members that a sample may have."""


def sample_default(
    members: int = 40, move: float = -0.18, seed: int = 7, ranking: Ranking = "profit-leverage"
) -> VenueState:
    """A venue whose prices have just moved by `move` (a part; BTC, the others 1.2 and 1.5 times as far).

    Every member holds up to three perpetuals, entered at the price before the move with leverage from 1 to 12 on its
    margin; a last one takes the other side of all, with ample margin. Positions are whole lots, money is cents of USD.
    The funds together cover about half of what the move leaves owed. The scenarios move all three together in 25 steps
    from -30 % to +30 % of the new prices. Same arguments, same document.

    Raises `DocumentError` for fewer than two members or more than `MOST`, a negative seed, or a move that leaves no
    price.
    """
    if not 2 <= members <= MOST:
        raise refuse("members", members, f"a number from two to {MOST:,}")
    if seed < 0:
        raise refuse("seed", seed, "a whole number, 0 or more")
    if not -0.6 < move < 1.0:
        raise refuse("move", move, "a part between -0.6 and 1")
    random = np.random.default_rng(seed)
    names = list(COINS)
    moves = dict(zip(names, (move, 1.2 * move, 1.5 * move), strict=True))
    prices = {n: max(1, round(COINS[n] * (1.0 + moves[n]))) for n in names}
    held: list[dict[str, int]] = []
    found = []
    for k in range(members - 1):
        chosen = random.permutation(names)[: int(random.integers(1, 4))]
        margin = round(float(np.exp(random.normal(15.5, 1.2))))
        sizes = {}
        for n in sorted(map(str, chosen)):
            value = margin * float(random.uniform(1.0, 12.0)) / len(chosen)
            sizes[n] = int(random.choice((-1, 1), p=(0.35, 0.65))) * max(1, round(value / COINS[n]))
        held.append(sizes)
        found.append(_member(f"member-{k + 1:03d}", sizes, margin, prices))
    rest = {n: -sum(s.get(n, 0) for s in held) for n in names}
    rest = {n: lots for n, lots in rest.items() if lots}
    wide = sum(abs(lots) * COINS[n] for n, lots in rest.items())
    found.append(_member("market-maker", rest, wide, prices))
    owed = sum(m.deficit for m in found)
    steps = np.linspace(-0.3, 0.3, SCENARIOS)
    return VenueState.from_dict(
        {
            "schema": VenueState.SCHEMA,
            "schema_version": VenueState.VERSION,
            "currency": "USD",
            "decimals": 2,
            "members": tuple(found),
            "venue_capital": owed // 10,
            "insurance_fund": owed * 35 // 100,
            "ranking": ranking,
            "prices": prices,
            "scenarios": {n: tuple(round(prices[n] * float(x)) for x in steps) for n in names},
        }
    )


def _member(name: str, sizes: dict[str, int], margin: int, prices: dict[str, int]) -> Member:
    positions = {n: Holding(lots=lots, profit=lots * (prices[n] - COINS[n])) for n, lots in sizes.items()}
    equity = margin + sum(h.profit for h in positions.values())
    return Member(name=name, equity=equity, fund_share=margin // 50, positions=positions)
