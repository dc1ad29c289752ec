"""A cascade by the public function of the laboratory."""

from __future__ import annotations

from typing import Any

import numpy as np


def run(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Last prices, forced volume and fund of one cascade; a unit is an account in a step.

    Timed: the whole cascade with its results, check of money and lots included. Not timed: reading the arrays.
    """
    from plimsoll.laboratory.cascade import cascade
    from plimsoll.laboratory.fleet import FleetArrays
    from plimsoll.laboratory.instruments import Instrument
    from plimsoll.laboratory.liquidity import Calm, Liquidity, Makers
    from plimsoll.laboratory.policy import Asked
    from plimsoll.laboratory.setup import CascadeVenue
    from plimsoll.scenarios.stress_path import StressPath

    names = tuple(f"C{k}" for k in range(inputs["first"].size))
    lots, steps = inputs["lots"], inputs["price"].shape[0] - 1
    fleet = FleetArrays(
        tuple(Instrument(n, n, float(x)) for n, x in zip(names, inputs["lot"], strict=True)),
        dict(zip(names, inputs["first"].tolist(), strict=True)),
        ("USD",),
        (6,),
        inputs["indptr"],
        inputs["indices"],
        lots,
        inputs["cash"].reshape(-1, 1),
        np.zeros(lots.size, dtype=np.int64),
        np.arange(inputs["cash"].size, dtype=np.int64),
    )
    ones = np.ones_like(inputs["price"])
    path = StressPath(
        "race", 60.0, names, inputs["price"], ones, ones, np.zeros(steps + 1, dtype=np.int64), np.ones(steps + 1),
        (), np.zeros((steps + 1, 0)),
    )  # fmt: skip
    moves, refill = tuple(inputs["moves"].tolist()), float(inputs["refill"])
    market = Liquidity(
        underlyings={
            n: Calm(moves=moves, depth=tuple(d), refill=refill)
            for n, d in zip(names, inputs["depth"].tolist(), strict=True)
        },
        makers=Makers(shy=0.0, lasting=float(inputs["lasting"])),
    )
    venue = CascadeVenue(insurance_fund=float(inputs["fund"]), order=("insurance_fund",), rounds=1_000)
    tiers = tuple(np.repeat(inputs[k][None, :], len(names), axis=0) for k in ("ends", "rates"))

    class Tiers:
        """One table for all."""

        def asked(self, past: Any) -> Asked:
            """The same at every step."""
            return Asked(tiers[0], tiers[1], tiers[1])

    def call() -> dict[str, Any]:
        found = cascade(fleet, path, market, venue, Tiers(), threads=options.get("threads", 1))
        return {
            "price": found.price[-1],
            "forced": found.forced.sum(axis=0).ravel(),
            "fund": found.fund[-1:],
        }

    return {"run": call, "units": fleet.accounts * steps}
