"""Which changes a subaccount may make: collateralised afterwards, or under before and no riskier after.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from plimsoll.margin.venues.dydx.funding import settled
from plimsoll.margin.venues.dydx.margin import Change, Market, Risk, Subaccount, changed, market_of, risk_of

Result = Literal["Success", "NewlyUndercollateralized", "StillUndercollateralized", "ViolatesIsolatedSubaccount"]


def riskier(first: Risk, second: Risk) -> int:
    """1 where `first` is riskier than `second`, -1 where it is safer, 0 where nothing tells them apart.

    Net collateral over maintenance decides, multiplied crosswise so that nothing is divided; then the larger
    maintenance is riskier, then the smaller net collateral.

    >>> riskier(Risk(100, 0, 50), Risk(200, 0, 100)), riskier(Risk(0, 0, 150), Risk(100, 0, 100))
    (-1, 1)
    """
    for ours, theirs in (
        (second.nc * first.mmr, first.nc * second.mmr),
        (first.mmr, second.mmr),
        (second.nc, first.nc),
    ):
        if ours != theirs:
            return 1 if ours > theirs else -1
    return 0


def undercollateralised_transition(before: Risk, after: Risk) -> Result:
    """Whether a change that leaves a subaccount below its initial margin may be made.

    Maintenance must not grow and net collateral over maintenance must not fall. Without maintenance on either side the
    ratio says nothing: then both must be without, and net collateral must grow. A change that is not allowed is named
    by where the subaccount stood before.

    >>> undercollateralised_transition(Risk(-2, 0, 0), Risk(-1, 0, 0))
    'Success'
    """
    refused: Result = "NewlyUndercollateralized" if before.initial_collateralised else "StillUndercollateralized"
    if after.mmr > before.mmr:
        return refused
    if after.mmr == 0 or before.mmr == 0:
        return "Success" if before.mmr == after.mmr and after.nc > before.nc else refused
    return refused if riskier(after, before) > 0 else "Success"


def transition(before: Risk, after: Risk) -> Result:
    """Whether a subaccount may go from `before` to `after`: `NC >= IMR` afterwards, else as
    `undercollateralised_transition` says. Both with the open interest after the change.
    """
    return "Success" if after.initial_collateralised else undercollateralised_transition(before, after)


@dataclass(frozen=True)
class Side:
    """One subaccount of a match: what it gets in USDC and in base quantums of the market."""

    account: Subaccount
    usdc: int
    base_quantums: int


def long_delta(side: Side, market: int) -> int:
    """By how many base quantums the long position of one side grows (shrinks, if negative)."""
    held = side.account.positions.get(market)
    before = 0 if held is None else held.base_quantums
    return max(before + side.base_quantums, 0) - max(before, 0)


def after_match(markets: Mapping[int, Market], market: int, sides: Sequence[Side]) -> dict[int, Market]:
    """The markets with the open interest that a match leaves: it changes by the change in total longs."""
    here = market_of(markets, market)
    delta = sum(long_delta(side, market) for side in sides)
    return {**markets, market: replace(here, open_interest=max(0, here.open_interest + delta))}


def match_risks(markets: Mapping[int, Market], market: int, sides: Sequence[Side]) -> tuple[tuple[Risk, Risk], ...]:
    """For each side its risk before and after the match, both at the open interest **after** it.

    Initial margin is checked with what the match itself adds to the open interest.
    """
    later = after_match(markets, market, sides)
    found = []
    for side in sides:
        before = settled(side.account, later)
        after = changed(before, side.usdc, [Change(market, side.base_quantums)], later)
        found.append((risk_of(before, later), risk_of(after, later)))
    return tuple(found)


def match_results(markets: Mapping[int, Market], market: int, sides: Sequence[Side]) -> tuple[Result, ...]:
    """For each side of a match whether it may be made; it is made where all may."""
    return tuple(transition(before, after) for before, after in match_risks(markets, market, sides))


def isolated_subaccount(markets: Sequence[int], isolated: frozenset[int]) -> bool:
    """Whether one subaccount may hold positions in these `markets`: an isolated one only alone.

    >>> isolated_subaccount([0, 1], frozenset({7})), isolated_subaccount([0, 7], frozenset({7}))
    (True, False)
    """
    held = set(markets)
    return len(held) <= 1 or not held & isolated
