"""The cascade: nothing is lost or made, it is the same whatever the order, threads and kernels, and it feeds itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cascade_fleets import ASSETS, fall, liquidity, random_fleet, rates, socialised_last
from kernel_kinds import KINDS, use_kernels
from plimsoll.documents import DocumentError
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.liquidity import Makers
from plimsoll.laboratory.result import AMOUNTS, COUNTS, CascadeRun
from plimsoll.laboratory.setup import CASCADE_LAYERS, CascadeVenue, Keepers

SLOW = Keepers(latency=90.0, spread=0.8, capacity=20.0, congestion=0.5)


def run(seed: int = 1, accounts: int = 120, **changes: Any) -> CascadeRun:
    """A random fleet through a fall; every step is checked."""
    rng = np.random.default_rng(seed)
    fleet = random_fleet(
        rng, accounts, inverse=changes.pop("inverse", False), collateral=changes.pop("collateral", False)
    )
    path = changes.pop("path", fall(pegs=len(fleet.currencies) > 1))
    depth = changes.pop("liquidity", liquidity())
    seeds = {k: changes.pop(k) for k in ("feedback", "threads") if k in changes} | {"seed": changes.pop("draws", 0)}
    order = changes.pop("order_of", None)
    venue = CascadeVenue(**{"insurance_fund": 20_000.0, **changes})
    return cascade(fleet if order is None else fleet.ordered(order), path, depth, venue, rates(), check=True, **seeds)


def same(one: CascadeRun, other: CascadeRun) -> None:
    for name in (*AMOUNTS, *COUNTS, "price", "mark", "forced", "posted"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@given(
    st.integers(0, 10_000),
    st.floats(-0.4, 0.4),
    st.sampled_from(("whole", "part")),
    st.sampled_from(("profit-leverage", "pro-rata", "least-risk")),
    st.permutations(CASCADE_LAYERS).flatmap(lambda p: st.integers(0, 4).map(lambda n: socialised_last(p[:n]))),
    st.floats(0.0, 100_000.0),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_money_and_lots_are_conserved_to_the_unit(
    seed: int,
    move: float,
    close: str,
    ranking: str,
    order: tuple[str, ...],
    fund: float,
    lag: int,
    inverse: bool,
    collateral: bool,
) -> None:
    """Whatever the venue does, `check` looks after every step; here the parties are counted once more from outside."""
    found = run(
        seed,
        40,
        path=fall(move, 6, lag=lag, pegs=1),
        liquidity=liquidity(2e5),
        close=close,
        ranking=ranking,
        order=order,
        insurance_fund=fund,
        keepers=SLOW if seed % 2 else Keepers(),
        inverse=inverse,
        collateral=collateral,
    )
    before, after = found.before, found.state
    for c in range(after.cash.shape[1]):
        parties = sum(int(p[c]) for p in after.parties.values()) - sum(int(p[c]) for p in before.parties.values())
        assert sum(after.cash[:, c].tolist()) - sum(before.cash[:, c].tolist()) == -parties
    for n in range(after.maker_lots.size):
        mine = after.lots[after.indices == n].sum() - before.lots[before.indices == n].sum()
        assert mine == -(after.maker_lots[n] + after.rest_lots[n] - before.rest_lots[n])
    assert found.conserved
    # nobody is pushed through zero to the other side, and purses do not go below zero
    assert (after.lots * before.lots >= 0).all()
    assert (np.abs(after.lots) <= np.abs(before.lots)).all()
    assert min(found.fund.min(), found.capital.min()) >= 0.0


@pytest.mark.parametrize("close", ["whole", "part"])
def test_the_order_of_accounts_and_the_threads_change_nothing(close: str) -> None:
    rest = {"close": close, "keepers": SLOW, "inverse": True, "collateral": True, "draws": 5}
    order = np.random.default_rng(2).permutation(120)
    plain, other = run(3, **rest), run(3, order_of=order, threads=3, **rest)
    assert plain.closed.sum() > 20
    assert plain.deleveraged.sum() > 0
    same(plain, other)
    assert np.array_equal(plain.state.cash[order], other.state.cash)


def test_compiled_and_numpy_kernels_give_the_same_integers() -> None:
    found = []
    for kind in KINDS:
        with use_kernels(kind):
            found.append(run(4, inverse=True, collateral=True, close="part", keepers=SLOW))
    for other in found[1:]:
        same(found[0], other)
        assert np.array_equal(found[0].state.cash, other.state.cash)


def test_the_seed_draws_the_delays_and_nothing_else() -> None:
    one, again, other = (run(6, keepers=SLOW, draws=s) for s in (1, 1, 2))
    same(one, again)
    assert not np.array_equal(one.closed, other.closed)
    same(*(run(6, draws=s) for s in (1, 2)))  # without latency nothing is drawn


@pytest.mark.parametrize("move", [-0.25, 0.25])
def test_forced_orders_feed_the_move_that_forced_them(move: float) -> None:
    """Sales in a fall, purchases in a rise: the price goes further than from outside alone, and more are closed."""
    plain, fed = (run(7, 300, path=fall(move), feedback=f) for f in (False, True))
    assert np.array_equal(plain.price, plain.outside)
    sign = np.sign(move)
    assert (sign * (fed.price[-1] - plain.price[-1]) > 0).all()
    assert (fed.times_closed > 0).sum() > (plain.times_closed > 0).sum()
    hurt = 0 if move < 0 else 1
    # what is sold first in a fall are the bought books; some hedged books buy as well
    assert fed.forced[:, :, hurt].sum() > 2 * fed.forced[:, :, 1 - hurt].sum()


def test_more_depth_less_impact_and_none_without_forced_orders() -> None:
    ends = [run(8, 200, liquidity=liquidity(d)).price[-1, 0] for d in (2e5, 1e6, 1e8)]
    assert ends == sorted(ends)
    calm = run(8, path=fall(-0.001, 3))
    assert np.array_equal(calm.price, calm.outside)
    assert calm.closed.sum() == 0
    assert (calm.fund == 20_000.0).all()


def test_a_fund_that_is_short_is_emptied_and_then_winners_pay() -> None:
    thin = {"liquidity": liquidity(5e4), "path": fall(-0.4)}
    poor, rich = run(9, 200, insurance_fund=1_000.0, **thin), run(9, 200, insurance_fund=1e9, **thin)
    assert poor.emptied
    assert poor.deleveraged.sum() > 0
    assert not rich.emptied
    assert rich.deleveraged.sum() == 0
    assert rich.fund_paid.sum() > 0
    alone = run(9, 200, insurance_fund=1_000.0, order=("insurance_fund",), **thin)
    assert alone.bad_debt[-1] > 0
    owed = -alone.state.cash[:, 0][(alone.state.cash[:, 0] < 0)].sum() / 1e6
    assert owed >= alone.bad_debt[-1]  # some still hold positions


def test_makers_go_after_a_move_and_after_losses_and_come_back() -> None:
    bold, shy = (run(10, liquidity=liquidity(makers=Makers(shy=s))) for s in (0.0, 60.0))
    assert (bold.posted == 1.0).all()
    assert shy.posted.min() < 0.3
    assert shy.price[-1].sum() < bold.price[-1].sum()
    burnt = run(10, liquidity=liquidity(makers=Makers(shy=0.0)), maker_allowance=1.0)
    assert burnt.makers.min() < -1.0
    assert burnt.posted.min() == 0.1
    path = fall(-0.1, 40)
    held = np.concatenate([path.price[:5], np.repeat(path.price[4:5], 36, axis=0)])
    back = run(10, path=replace(path, price=held), liquidity=liquidity(makers=Makers(minutes=5.0)))
    assert back.posted[4].max() < 0.9
    assert back.posted[-1].min() > 0.9


def test_keepers_that_congest_close_later_and_lose_more() -> None:
    fast = run(11, 200)
    late = run(11, 200, keepers=Keepers(latency=60.0, capacity=5.0, congestion=1.0), path=fall(gas=100.0))
    assert late.closed.cumsum()[6] < fast.closed.cumsum()[6]
    assert late.under.max() > 20
    # a fee that does not pay the gas: nobody acts
    none = run(11, 200, fee_to="keepers", keepers=Keepers(gas_cost=1e9))
    assert none.closed.sum() == 0
    assert none.under[-1] > 0


def test_marks_that_are_late_close_late() -> None:
    prompt, late = (run(12, 200, path=fall(lag=n)) for n in (0, 3))
    assert np.array_equal(late.mark[3:], late.price[:-3])
    assert late.closed[:4].sum() < prompt.closed[:4].sum()


def test_bad_inputs_are_named() -> None:
    rng = np.random.default_rng(1)
    fleet, path, depth, venue = random_fleet(rng, 4), fall(), liquidity(), CascadeVenue()
    short = liquidity().model_copy(update={"underlyings": {"BTC": depth.underlyings["BTC"]}})
    with pytest.raises(DocumentError, match=r"liquidity.underlyings: got \['BTC'\]; allowed: ETH too"):
        cascade(fleet, path, short, venue, rates())
    two = replace(path, underlyings=("BTC", "ETH", "DOGE"))
    with pytest.raises(DocumentError, match=r"path.underlyings: .* allowed: SOL too"):
        cascade(fleet, two, depth, venue, rates())
    bare = rates()
    bare.schedule = bare.schedule.model_copy(update={"assets": {"X": bare.schedule.assets["BTC"]}})
    with pytest.raises(DocumentError, match=r"rates.assets: .* allowed: rates for BTC, ETH, SOL, which is held"):
        cascade(fleet, path, depth, venue, bare)
    with pytest.raises(DocumentError, match=r"path.currencies: got 'none'; allowed: USDC too"):
        cascade(random_fleet(rng, 4, collateral=True), path, depth, venue, rates())
    with pytest.raises(DocumentError, match=r"fleet.currencies\[0\]: got 'USD with 6 decimals'; allowed: USD with 2"):
        cascade(fleet, path, depth, CascadeVenue(decimals=2), rates())
    with pytest.raises(DocumentError, match=r"haircuts.USDT: got 'USDT'; allowed: a currency of the fleet \(USD\)"):
        cascade(fleet, path, depth, CascadeVenue(haircuts={"USDT": 0.1}), rates())
    with pytest.raises(DocumentError, match=r"depth: got 'a number outside the range'; allowed: finite, from zero"):
        replace(path, depth=path.depth - 2.0)
    with pytest.raises(DocumentError, match=r"keepers.gas_cost: got 1.0; allowed: zero, unless fee_to is 'keepers'"):
        CascadeVenue.from_dict({"schema": CascadeVenue.SCHEMA, "schema_version": 1, "keepers": {"gas_cost": 1.0}})
    early = {"schema": CascadeVenue.SCHEMA, "schema_version": 1, "order": ["socialised", "insurance_fund"]}
    with pytest.raises(
        DocumentError, match=r"order: got \['socialised', 'insurance_fund'\]; allowed: 'socialised' last"
    ):
        CascadeVenue.from_dict(early)
    with pytest.raises(DocumentError, match="indices: got 'an instrument twice or out of order'"):
        replace(fleet, indices=np.zeros_like(fleet.indices))
    heavy = replace(fleet, lots=np.where(fleet.indices == 0, 10**11, fleet.lots))
    with pytest.raises(DocumentError, match=r"fleet.lots: got 'positions of .* in all'; allowed: at most 1.15e\+12"):
        cascade(heavy, path, depth, venue, rates())
    assert path.underlyings == ASSETS
