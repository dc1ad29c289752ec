"""Is the risk that an optimiser was not asked about larger afterwards? Draws, stress scenarios and the laboratory.

An answer that lowers margin and raises what happens beyond it is refused. Each of these may not be larger after the
trades than before, beyond chance, at equal draws: the part of held-out draws in which an account is short of
maintenance; expected shortfall in them; the worst loss in the shipped stress scenarios; and in a venue's fleet through
crashes and rallies, what is sold by force, what is lost beyond margins, and how much wider prices move.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import DocumentError, refuse
from plimsoll.laboratory.book_stress import stress_book
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.paths import shock_path
from plimsoll.laboratory.shocked import levels_of, stables
from plimsoll.laboratory.study import Draw
from plimsoll.market import Market
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.paired import Paired, paired
from plimsoll.optimise.recheck.draws import HeldOut, held_out, still
from plimsoll.optimise.recheck.placing import Stage, placed
from plimsoll.optimise.recheck.wallets import Owned, WalletHolding, accounts_of, following, wallet_stress
from plimsoll.scenarios.stress import StressScenario, instants, shipped_scenarios

LEVEL = 0.05
"""One-sided p below which something counts as larger."""

LITTLE = 1e-4
"""A rise by less than this part of what was there before, or of the maintenance margin of the desk, is rounding."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Crashes:
    """What happens to the venue: each of `shocks` over `minutes` in steps of `step_seconds`, with `noise` a year on the
    way, `draws` of each."""

    shocks: tuple[float, ...] = (-0.6, -0.3, 0.3, 0.6)
    minutes: float = 60.0
    step_seconds: float = 120.0
    noise: float = 0.6
    draws: int = 4


@dataclass(frozen=True)
class Finding:
    """One measure before and after; `larger` where it is refused for. `unit` is USD, part or times."""

    name: str
    unit: str
    before: float
    after: float
    p: float
    larger: bool

    def told(self, value: float) -> str:
        """A number of it in its unit."""
        if self.unit == "USD":
            return f"{value:,.0f} USD"
        return f"{value:.2%}" if self.unit == "part" else f"{value:.4f}"


@dataclass(frozen=True, eq=False)
class Recheck:
    """All findings; `left_out` says why a part could not be asked. `passed` where none is larger."""

    findings: tuple[Finding, ...]
    draws: HeldOut
    stress: tuple[str, str]
    left_out: tuple[str, ...]
    seed: int

    @property
    def passed(self) -> bool:
        """Whether nothing that was measured is larger afterwards."""
        return not any(f.larger for f in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is larger, with its numbers."""
        return tuple(
            f"{f.name}: {f.told(f.before)} before, {f.told(f.after)} after (p {f.p:.2g})"
            for f in self.findings
            if f.larger
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "passed": self.passed,
            "findings": [vars(f) for f in self.findings],
            "worst_stress": {"before": self.stress[0], "after": self.stress[1]},
            "draws": {
                "count": self.draws.draws,
                "computed_by_the_engine": self.draws.exact,
                "horizon_days": self.draws.horizon_days,
                "level": self.draws.level,
                "shortfall": self.draws.shortfall.to_dict(),
                "breach": self.draws.breach.to_dict(),
            },
            "left_out": list(self.left_out),
            "seed": self.seed,
        }


def recheck(
    market: Market,
    before: Sequence[Owned],
    after: Sequence[Owned],
    *,
    moves_with: Mapping[str, str] | None = None,
    seed: int = 0,
    size: int = 4096,
    horizon_days: float = 2.0,
    stage: Stage | None = None,
    crashes: Crashes | None = None,
    progress: Tell | None = None,
) -> Recheck:
    """The desk `before` and `after`, under equal draws. Equal seeds give equal bits.

    `size` draws of a t copula with jumps over `horizon_days`; the laboratory is asked where there is a `stage`, such as
    `plimsoll.feeds.sample_stage.sample_stage(market)`. A wallet has no line and stands on no venue: what it gains and
    loses counts with the rest. `moves_with[asset]` is the coin whose price an asset without an index follows. Raises
    `DocumentError` where the desks have other names, or an account cannot be valued.
    """
    tell = progress or (lambda _text, _done, _total: None)
    if [h.name for h in before] != [h.name for h in after] or not before:
        raise refuse(
            "after", ", ".join(h.name for h in after), "the accounts of before: " + ", ".join(h.name for h in before)
        )
    pegged = moves_with or {}
    moving = [[following(h, market, pegged) for h in side] for side in (before, after)]
    coins = _coins(market, *moving)
    floor = sum(_maintenance(h, market) for h in accounts_of(before))
    tell("held-out draws", 0, 3)
    drawn = held_out(market, before, after, coins, moving, size=size, horizon_days=horizon_days, seed=seed, tell=tell)
    found = [
        _finding("short of maintenance, held-out draws", "part", drawn.breach, 0.0),
        _finding(f"expected shortfall {drawn.level:g}, held-out draws", "USD", drawn.shortfall, floor),
    ]
    tell("stress scenarios", 1, 3)
    one, two = (_stressed(market, holdings) for holdings in moving)
    names = ("", "")
    if one and two:
        worst = [min(x, key=lambda n: x[n]) for x in (one, two)]
        names = (worst[0], worst[1])
        losses = [max(0.0, -one[names[0]]), max(0.0, -two[names[1]])]
        rise = losses[1] - losses[0] > LITTLE * max(losses[0], floor)
        found.append(Finding("worst loss, stress scenarios", "USD", losses[0], losses[1], 0.0 if rise else 1.0, rise))
    tell("the laboratory", 2, 3)
    left_out: tuple[str, ...] = ()
    if stage is None:
        left_out = ("the laboratory was not asked: no venue was given",)
    else:
        try:
            venue = (accounts_of(before), accounts_of(after))
            found += _laboratory(market, *venue, stage, crashes or Crashes(), seed, floor, tell)
        except DocumentError as error:
            left_out = (f"the laboratory was not asked: {str(error).splitlines()[0]}",)
    return Recheck(tuple(found), drawn, names, left_out, seed)


def _finding(name: str, unit: str, test: Paired, scale: float) -> Finding:
    rise = test.mean > LITTLE * max(abs(test.before), scale) and test.worse(LEVEL)
    return Finding(name, unit, test.before, test.after, test.larger, rise)


def _coins(market: Market, before: Sequence[Owned], after: Sequence[Owned]) -> tuple[str, ...]:
    named = {market.contracts[p.instrument].underlying for h in (*before, *after) for p in h.account.positions}
    held = {a for h in (*before, *after) for a in (*h.account.collateral, *h.account.borrowed)}
    settled = {market.contracts[p.instrument].currency for h in (*before, *after) for p in h.account.positions}
    found = tuple(sorted(n for n in named | held | settled if n in market.indices))
    if not found:
        raise refuse("positions", "nothing that moves", "an account with a price that moves")
    return found


def _maintenance(holding: Holding, market: Market) -> float:
    need = holding.model.requirement(holding.account, market)
    price = market.price_of(need.currency)
    return need.maintenance * (1.0 if price is None else price.price)


def _stressed(market: Market, holdings: Sequence[Owned]) -> dict[str, float]:
    """Profit and loss by scenario, the sum over accounts, each at its own worst instant: what one gains meanwhile pays
    nothing that another loses."""
    total: dict[str, float] = {}
    scenarios = shipped_scenarios().scenarios
    for h in holdings:
        if still(h.account, market):
            for name, pnl in _pegs(market, h, scenarios).items():
                total[name] = total.get(name, 0.0) + pnl
            continue
        if isinstance(h, WalletHolding):
            for name, pnl in wallet_stress(market, h, scenarios).items():
                total[name] = total.get(name, 0.0) + pnl
            continue
        found = stress_book(h.model, h.account, market, scenarios, exact=0)
        for row in found.rows:
            total[row.name] = total.get(row.name, 0.0) + row.pnl
    return total


def _pegs(market: Market, holding: Owned, scenarios: Sequence[StressScenario]) -> dict[str, float]:
    """Of an account that holds stable coins and nothing else: what their pegs cost at worst."""
    coins = stables(holding.account, market)
    table = instants(scenarios, tuple(sorted(market.indices)), coins, levels_of(market, tuple(sorted(market.indices))))
    pnl = np.zeros(len(table))
    for k, coin in enumerate(table.currencies):
        price = market.price_of(coin)
        if price is not None:
            held = holding.account.collateral.get(coin, 0.0) - holding.account.borrowed.get(coin, 0.0)
            pnl += held * price.price * (table.peg[:, k] - 1.0)
    return {s.name: float(pnl[table.scenario == k].min()) for k, s in enumerate(scenarios)}


def _laboratory(
    market: Market,
    before: Sequence[Holding],
    after: Sequence[Holding],
    stage: Stage,
    crashes: Crashes,
    seed: int,
    floor: float,
    tell: Tell,
) -> list[Finding]:
    runs: list[list[Draw]] = []
    for word, holdings in (("before", before), ("after", after)):
        scene = placed(stage.fleet, stage.schedule, stage.rates, market, holdings)
        mine = []
        for k, shock in enumerate(crashes.shocks):
            tell(f"{shock:+.0%} on a venue {word}", k, len(crashes.shocks))
            for n in range(crashes.draws):
                path = shock_path(
                    shock,
                    scene.fleet.underlyings,
                    minutes=crashes.minutes,
                    step_seconds=crashes.step_seconds,
                    after=20.0,
                    noise=crashes.noise,
                    seed=seed + n,
                )
                run = cascade(scene.fleet, path, stage.liquidity, stage.venue, scene.rates, seed=seed + n)
                mine.append(Draw.of(seed + n, run))
        runs.append(mine)
    found = []
    for name, unit, value, scale in (
        ("sold by force on the venue", "USD", _forced, floor),
        ("lost beyond margins on the venue", "USD", _lost, floor),
        ("price move on the venue over outside", "times", _wider, 1.0),
    ):
        pair = [np.array([value(d) for d in mine]) for mine in runs]
        found.append(_finding(name, unit, paired(*pair), scale))
    return found


def _forced(draw: Draw) -> float:
    return draw.forced


def _lost(draw: Draw) -> float:
    return draw.bad_debt + draw.fund_paid + draw.adl + draw.socialised


def _wider(draw: Draw) -> float:
    return draw.deepest
