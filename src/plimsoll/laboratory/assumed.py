"""What a cascade owes to its assumptions: depth, withdrawal, recovery and delay of a storm, varied one at a time.

None of them is calibrated: nobody has recorded the books of a crash here. So no figure of a cascade is worth more than
what stays of it in this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.measures import Told, deepest
from plimsoll.laboratory.policy import CascadeRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress_path import StressPath

World = tuple[StressPath, Liquidity, CascadeVenue]

DEPTHS = (0.1, 0.5, 2.0)
STAYS = (0.02, 0.3)
SHYNESS = (0.0, 60.0)
MINUTES = (2.0, 60.0)
LASTING = (0.0, 0.8)
REFILLS = (0.05, 0.25)
DELAYS = (300.0, 1200.0)


@dataclass(frozen=True)
class Varied:
    """What one changed assumption gives, USD; `value` is what it was set to. `deepest` is the widest amplification
    over the underlyings, `shared` what winners paid, `short` what the insurance fund was asked for and did not have."""

    what: str
    value: float | None
    deepest: float
    forced: float
    fund_paid: float
    short: float
    shared: float
    bad_debt: float

    @classmethod
    def of(cls, what: str, value: float | None, run: CascadeRun) -> Varied:
        """The sums of a run."""
        return cls(
            what,
            value,
            deepest(run),
            run.forced_volume,
            float(run.fund_paid.sum()),
            float(run.short.sum()),
            float(run.adl.sum() + run.socialised.sum()),
            float(run.bad_debt[-1]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return vars(self).copy()


def sensitivity(
    fleet: FleetArrays,
    path: StressPath,
    liquidity: Liquidity,
    venue: CascadeVenue,
    rates: CascadeRates,
    *,
    seed: int = 0,
    told: Told | None = None,
) -> tuple[Varied, ...]:
    """The base case and then each assumption at other values, everything else as it is; same seed and accounts.

    ```
    depth     times the depth that the path leaves       stay      least part that makers post
    shy       how fast makers go with a move             minutes   window of that, and half of their return
    lasting   part of an impact that never goes          refill    part of what was taken that is back in a minute
    delay     seconds until a forced order is sent, in the median
    ```

    A refill is set for every underlying, and only where it is lower than what is given: a storm refills no book faster.
    """
    cases = [("as given", None, (path, liquidity, venue)), *_cases(path, liquidity, venue)]
    found = []
    for k, (what, value, (outside, market, house)) in enumerate(cases):
        if told is not None:
            told(f"{what} {'' if value is None else f'{value:g}'}".strip(), k, len(cases))
        found.append(Varied.of(what, value, cascade(fleet, outside, market, house, rates, seed=seed)))
    return tuple(found)


def _cases(path: StressPath, liquidity: Liquidity, venue: CascadeVenue) -> Iterator[tuple[str, float, World]]:
    for part in DEPTHS:
        yield "depth", part, (replace(path, depth=path.depth * part), liquidity, venue)
    for field, values in (("stay", STAYS), ("shy", SHYNESS), ("minutes", MINUTES), ("lasting", LASTING)):
        for value in values:
            makers = liquidity.makers.model_copy(update={field: value})
            yield field, value, (path, liquidity.model_copy(update={"makers": makers}), venue)
    for part in REFILLS:
        slow = {
            name: calm.model_copy(update={"refill": min(calm.refill, part)})
            for name, calm in liquidity.underlyings.items()
        }
        yield "refill", part, (path, liquidity.model_copy(update={"underlyings": slow}), venue)
    for seconds in DELAYS:
        keepers = venue.keepers.model_copy(update={"latency": seconds})
        yield "delay", seconds, (path, liquidity, venue.model_copy(update={"keepers": keepers}))
