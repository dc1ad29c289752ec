"""Jobs of the dashboard's own pages, run by the service's worker: the density map, a cascade, a ledger verified."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plimsoll.margin import Account, Rules, margin_model
from plimsoll.market import Market
from plimsoll.serve.dashboard.clean_svg import clean_svg

Tell = Callable[[str, int, int], None]

MOVES = tuple(k / 50.0 for k in range(1, 26))
"""Edges of the map, two per cent to a half."""


def density(
    market: Market, accounts: dict[str, Account], rules: dict[str, Any], options: dict[str, Any], tell: Tell
) -> dict[str, Any]:
    """The monitors' map of one underlying: what comes below its line in each bucket of the price, account by account.

    The engine is made anew from the documents, away from the books: it margins everybody at every edge.
    """
    from plimsoll.live import Engine
    from plimsoll.live.monitors import density as mapped
    from plimsoll.live.monitors.block import Block

    engine = Engine(margin_model(Rules.from_dict(rules, "rules")), market, list(accounts.values()))
    underlying = options["underlying"]
    found = mapped.density(engine, Block.of(engine), MOVES, tell).to_dict()["underlyings"].get(underlying)
    price = market.indices[underlying].price
    return {"underlying": underlying, "price": price, "accounts": len(accounts), "found": found}


def cascade(options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A sample fleet through a crash that its own liquidations deepen, as `plimsoll cascade run --sample`."""
    from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
    from plimsoll.laboratory.calm import default_liquidity
    from plimsoll.laboratory.paths import shock_path
    from plimsoll.laboratory.policy import StaticRates
    from plimsoll.laboratory.setup import CascadeVenue
    from plimsoll.laboratory.study import study
    from plimsoll.report.cascade_figure import density_figure, fund_figure, liquidation_figure, price_figure

    house, schedule, seed = CascadeVenue(), sample_schedule(), int(options["seed"])
    tell("the fleet", 0, 1)
    fleet = sample_fleet_arrays(schedule, house, int(options["accounts"]), seed)

    def path(seed: int) -> Any:
        return shock_path(float(options["shock"]), fleet.underlyings, minutes=float(options["minutes"]), seed=seed)

    found = study(fleet, path, default_liquidity(), house, StaticRates(schedule), seed=seed, told=tell)
    drawn = (
        ("prices", price_figure, "Prices with and without the feedback of forced orders"),
        ("liquidations", liquidation_figure, "Forced orders by minute"),
        ("fund", fund_figure, "The insurance fund and who paid when it was short"),
        ("density", density_figure, "Where accounts are liquidated, before and after"),
    )
    return found.to_dict() | {"svg": {n: clean_svg(draw(found), f"cascade-{n}", words) for n, draw, words in drawn}}


def verify(options: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A ledger verified: chain and columns by hash, certificates again in integers, arrays from their inputs."""
    from plimsoll.ledger import Ledger
    from plimsoll.ledger.margins import check_margins
    from plimsoll.ledger.verify import verify as verified

    with Ledger.existing(options["place"]) as ledger:
        tell("the chain", 0, 2)
        chain = verified(ledger)
        tell("the margins", 1, 2)
        margins = check_margins(ledger, True, tell)
    faults = [*chain.faults, *margins.faults]
    return {
        "records": chain.records,
        "documents": chain.documents,
        "first": chain.first,
        "head": chain.head,
        "margins": margins.records,
        "integers": margins.integers,
        "arrays": margins.arrays,
        "furthest": margins.furthest,
        "faults": [str(f) for f in faults[:50]],
        "count": len(faults),
    }
