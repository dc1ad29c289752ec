"""The cascade against its plain-Python twin, to the unit."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cascade_fleets import fall, liquidity, random_fleet, rates, schedule, socialised_last
from naive.cascade import Cascade
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.liquidity import Makers
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CASCADE_LAYERS, CascadeVenue, Keepers


def compared(
    seed: int, accounts: int, move: float, close: str, ranking: str, order: tuple[str, ...], fund: float, depth: float
) -> CascadeRun:
    """One random fleet through both, every step and everybody's cash and lots compared."""
    rng = np.random.default_rng(seed)
    fleet = random_fleet(rng, accounts, inverse=bool(seed % 2), collateral=bool(seed % 3))
    keepers = Keepers(
        latency=float(rng.choice([0.0, 80.0])),
        spread=0.7,
        capacity=float(rng.choice([0.7, 3.0])) if rng.random() < 0.5 else None,
        congestion=0.5,
        gas_cost=3.0 if seed % 4 < 2 else 0.0,
    )
    venue = CascadeVenue(
        insurance_fund=fund,
        venue_capital=fund / 2.0,
        close=close,
        ranking=ranking,
        order=order,
        keepers=keepers,
        fee_to="keepers" if seed % 4 < 2 else "insurance_fund",
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
    return found


@given(
    st.integers(0, 10**6),
    st.integers(1, 14),
    st.floats(-0.45, 0.45),
    st.sampled_from(("whole", "part")),
    st.sampled_from(("profit-leverage", "pro-rata", "least-risk")),
    st.permutations(CASCADE_LAYERS).flatmap(lambda p: st.integers(0, 4).map(lambda n: socialised_last(p[:n]))),
    st.sampled_from((0.0, 300.0, 20_000.0)),
    st.sampled_from((3e4, 3e5, 1e7)),
)
def test_every_step_is_what_plain_python_says(
    seed: int, accounts: int, move: float, close: str, ranking: str, order: tuple[str, ...], fund: float, depth: float
) -> None:
    compared(seed, accounts, move, close, ranking, order, fund, depth)


def test_the_cases_reach_everything_that_can_happen() -> None:
    """A seeded sweep in which every layer pays, orders wait, books run out and accounts are closed again."""
    rng = np.random.default_rng(8)
    runs = []
    for seed in range(60):
        layers = socialised_last([str(x) for x in rng.permutation(CASCADE_LAYERS)[: int(rng.integers(0, 5))]])
        close, ranking = str(rng.choice(["whole", "part"])), ("profit-leverage", "pro-rata", "least-risk")[seed % 3]
        fund, depth = float(rng.choice([0.0, 300.0, 20_000.0])), float(rng.choice([3e4, 3e5, 1e7]))
        move = float(rng.uniform(-0.45, 0.45)) * (0.25 if seed % 2 else 1.0)
        runs.append(compared(seed, 14, move, close, ranking, layers, fund, depth))
    for name in ("fund_paid", "short", "adl", "socialised", "deleveraged", "bad_debt"):
        assert sum(bool(getattr(run, name).sum() > 0.0) for run in runs) >= 5, name
    assert sum((run.capital[-1] < run.capital[0]) for run in runs) >= 5
    assert sum((run.times_closed > 1).any() for run in runs) >= 5
    assert sum((run.rounds > 1).any() for run in runs) >= 5
    assert sum((run.under[-1] > 0) for run in runs) >= 5
    assert sum(run.state.parties["fees"][0] > 0 for run in runs) >= 5
    assert sum(run.state.parties["keepers"][0] > 0 for run in runs) >= 2
    assert sum((run.state.parties["desk"] != 0).any() for run in runs) >= 5
