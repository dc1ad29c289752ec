"""The cascade against its plain-Python twin, to the unit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cascade_fleets import fall, liquidity, random_fleet, rates, schedule
from naive.cascade import Cascade
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.liquidity import Makers
from plimsoll.laboratory.setup import CASCADE_LAYERS, CascadeVenue, Keepers


@given(
    st.integers(0, 10**6),
    st.integers(1, 14),
    st.floats(-0.45, 0.45),
    st.sampled_from(("whole", "part")),
    st.sampled_from(("profit-leverage", "pro-rata", "least-risk")),
    st.permutations(CASCADE_LAYERS).flatmap(lambda p: st.integers(0, 4).map(lambda n: tuple(p[:n]))),
    st.sampled_from((0.0, 300.0, 20_000.0)),
    st.sampled_from((3e4, 3e5)),
)
@settings(max_examples=80)
def test_every_step_is_what_plain_python_says(
    seed: int, accounts: int, move: float, close: str, ranking: str, order: tuple[str, ...], fund: float, depth: float
) -> None:
    rng = np.random.default_rng(seed)
    fleet = random_fleet(rng, accounts, inverse=bool(seed % 2), collateral=bool(seed % 3))
    keepers = Keepers(
        latency=float(rng.choice([0.0, 80.0])),
        spread=0.7,
        capacity=float(rng.choice([0.7, 3.0])) if rng.random() < 0.5 else None,
        congestion=0.5,
        gas_cost=20.0 if seed % 5 == 0 else 0.0,
    )
    venue = CascadeVenue(
        insurance_fund=fund,
        venue_capital=fund / 2.0,
        close=close,
        ranking=ranking,
        order=order,
        keepers=keepers,
        fee_to="keepers" if seed % 5 == 0 else "insurance_fund",
        haircuts={"USDC": 0.05} if seed % 3 else {},
        maker_allowance=500.0 if seed % 7 == 0 else None,
    )
    path = fall(move, 5, lag=int(rng.integers(0, 2)), gas=float(rng.choice([1.0, 30.0])), pegs=1)
    market = liquidity(depth, makers=Makers(shy=float(rng.choice([0.0, 20.0]))))
    found = cascade(fleet, path, market, venue, rates(), seed=seed, check=True)
    plain = Cascade(fleet, path, market, venue, schedule(), seed=seed)
    unit = 10.0**venue.decimals
    for step, row in enumerate(plain.history, 1):
        assert found.price[step].tolist() == row["price"], step
        assert found.closed[step] == row["closed"], step
        assert found.rounds[step] == row["rounds"], step
        for name, ours in (
            ("fund", found.fund),
            ("bad_debt", found.bad_debt),
            ("deleveraged", found.deleveraged),
            ("adl", found.adl),
            ("socialised", found.socialised),
            ("paid", found.fund_paid),
            ("short", found.short),
        ):
            assert round(ours[step] * unit) == row[name], (step, name)
    for a, acc in enumerate(plain.accounts):
        assert found.state.cash[a].tolist() == acc.cash
        places = range(int(fleet.indptr[a]), int(fleet.indptr[a + 1]))
        assert [int(found.state.lots[j]) for j in places] == list(acc.lots.values())
    assert found.state.maker_lots.tolist() == plain.maker_lots
    assert found.state.rest_lots.tolist() == plain.rest
    for name, cash in (("makers", plain.maker_cash), ("desk", plain.desk), ("rest", plain.rest_cash)):
        assert found.state.parties[name].tolist() == cash
