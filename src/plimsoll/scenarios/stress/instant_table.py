"""Stress scenarios at their instants: rows of an instantaneous revaluation, and the columns they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.scenarios.columns import Scenarios
from plimsoll.scenarios.rules import VolRule
from plimsoll.scenarios.stress.scenario import StressScenario
from plimsoll.scenarios.stress.timeline import Timeline

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Columns:
    """Rows that share their term shape and tilt: `rows` in the table of instants, one `Scenarios` for each underlying.

    `tilt` turns the smile of each underlying before `columns` are applied, see `SkewShock`.
    """

    rows: I64
    columns: Mapping[str, Scenarios]
    tilt: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Instants:
    """`R` instants of scenarios, over `U` underlyings and `C` stable currencies.

    `scenario[R]` (its place in the list) and `hour[R]`; `price`, `vol`, `depth`, `tilt`, `funding` `[R, U]` as in
    `Timeline`; `peg[R, C]` USD; `delay[R]` seconds, `gas[R]`.
    """

    names: tuple[str, ...]
    underlyings: tuple[str, ...]
    currencies: tuple[str, ...]
    scenario: I64
    hour: F64
    price: F64
    vol: F64
    depth: F64
    tilt: F64
    funding: F64
    peg: F64
    delay: F64
    gas: F64
    rules: tuple[tuple[VolRule, ...], ...]

    def __len__(self) -> int:
        return int(self.hour.size)

    def label(self, row: int) -> str:
        """`ftx +36 h`, or the name alone where the scenario has one instant."""
        name = self.names[int(self.scenario[row])]
        alone = int((self.scenario == self.scenario[row]).sum()) == 1
        return name if alone else f"{name} +{self.hour[row]:.4g} h"

    def columns(self) -> Iterator[Columns]:
        """The rows as scenario columns, grouped by term shape and tilt; together they hold each row once."""
        keys: dict[tuple[tuple[VolRule, ...], tuple[float, ...]], list[int]] = {}
        for r in range(len(self)):
            key = (self.rules[int(self.scenario[r])], tuple(self.tilt[r].tolist()))
            keys.setdefault(key, []).append(r)
        for (rules, tilt), found in keys.items():
            rows = np.array(found, dtype=np.int64)
            blank = ("",) * rows.size
            made = {
                u: Scenarios.build(
                    self.price[rows, k], self.vol[rows, k] - 1.0, vol_rule=rules[k], labels=blank, kinds=blank
                )
                for k, u in enumerate(self.underlyings)
            }
            yield Columns(rows, made, dict(zip(self.underlyings, tilt, strict=True)))


def instants(
    scenarios: Sequence[StressScenario],
    underlyings: Sequence[str],
    currencies: Sequence[str] = (),
    levels: Mapping[str, float] | None = None,
) -> Instants:
    """Every hour at which a scenario begins or bends, as rows of one table.

    A position is revalued at each of them as if the market jumped there: no trade, call or liquidation in between.
    """
    parts: dict[str, list[F64]] = {
        name: [] for name in ("hour", "price", "vol", "depth", "tilt", "funding", "peg", "delay", "gas")
    }
    place, rules = [], []
    for k, scenario in enumerate(scenarios):
        line = Timeline(scenario, underlyings, currencies, levels)
        hours = np.array(scenario.hours)
        delay, gas = line.delay(hours)
        found = {
            "hour": hours, "price": line.price(hours), "vol": line.vol(hours), "depth": line.depth(hours),
            "tilt": line.tilt(hours), "funding": line.funding(hours), "peg": line.peg(hours), "delay": delay,
            "gas": gas,
        }  # fmt: skip
        for name, values in found.items():
            parts[name].append(values)
        place.append(np.full(hours.size, k, dtype=np.int64))
        rules.append(tuple(line.rule(u) for u in underlyings))
    return Instants(
        names=tuple(s.name for s in scenarios),
        underlyings=tuple(underlyings),
        currencies=tuple(currencies),
        scenario=np.concatenate(place),
        rules=tuple(rules),
        **{name: np.concatenate(values) for name, values in parts.items()},
    )
