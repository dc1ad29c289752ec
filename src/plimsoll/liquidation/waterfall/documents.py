"""What a default finds: the accounts of a venue, its funds, and the order in which they pay. Whole units and lots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Name, Part, fault

UNITS_LIMIT = 10**24
Units = Annotated[int, Field(strict=True, ge=-UNITS_LIMIT, le=UNITS_LIMIT)]
Lots = Annotated[int, Field(strict=True, ge=-(10**15), le=10**15)]
Layer = Literal["fund_share", "venue_capital", "insurance_fund", "mutual_fund", "adl", "socialised"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
Ranking = Literal["profit-leverage", "pro-rata", "least-risk"]
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)


class Holding(Part):
    """An open position of whole `lots`, signed, and what it has gained since its entry, in units."""

    lots: Lots
    profit: Units = 0


class Member(Part):
    """An account of the venue.

    `equity` is everything it has at the marks, in units, before `loss`, which is what closing it out has cost beyond
    the marks. Below zero after that, it is in default. `fund_share` is its part of the default fund. `positions` are
    still open.
    """

    name: Name
    equity: Units
    loss: Annotated[int, Field(strict=True, ge=0, le=UNITS_LIMIT)] = 0
    fund_share: Annotated[int, Field(strict=True, ge=0, le=UNITS_LIMIT)] = 0
    positions: dict[Name, Holding] = {}

    @property
    def deficit(self) -> int:
        """What it owes beyond all that it has outside the fund, in units."""
        return max(0, self.loss - self.equity)


class VenueState(Document):
    """A venue at the moment of a default, in units of `10**-decimals` of `currency`.

    `order` are the layers after the own margin, the first pays first. `fund_share` is the defaulter's own part of the
    fund and `mutual_fund` what the others have in it. `prices` are units for one lot of each instrument; `scenarios`,
    optional, are what one lot gains in each scenario, in units, and give the requirement of an account as its worst
    loss. What is owed in the end and nobody pays is bad debt.
    """

    SCHEMA: ClassVar[str] = "plimsoll.venue-state"

    currency: Asset
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    members: tuple[Member, ...]
    venue_capital: Annotated[int, Field(strict=True, ge=0, le=UNITS_LIMIT)] = 0
    insurance_fund: Annotated[int, Field(strict=True, ge=0, le=UNITS_LIMIT)] = 0
    order: tuple[Layer, ...] = ("fund_share", "venue_capital", "insurance_fund", "adl", "socialised")
    ranking: Ranking = "profit-leverage"
    prices: dict[Name, Annotated[int, Field(strict=True, gt=0, le=UNITS_LIMIT)]] = {}
    scenarios: dict[Name, tuple[Units, ...]] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.order)) != len(self.order):
            raise fault("order", list(self.order), "each layer at most once")
        seen: set[str] = set()
        net: dict[str, int] = {}
        for i, m in enumerate(self.members):
            if m.name in seen:
                raise fault(f"members[{i}].name", m.name, "a name that no other member has")
            seen.add(m.name)
            for instrument, held in m.positions.items():
                if instrument not in self.prices:
                    allowed = f"an instrument with a price: {', '.join(sorted(self.prices)) or 'none'}"
                    raise fault(f"members[{i}].positions.{instrument}", instrument, allowed)
                net[instrument] = net.get(instrument, 0) + held.lots
        for instrument, lots in net.items():
            if lots:
                got = f"{lots:+d} lots of {instrument} over all members"
                raise fault("members", got, "as many lots long as short: a venue holds nothing itself")
        self._check_scenarios(net)
        return self

    def _check_scenarios(self, net: Mapping[str, int]) -> None:
        lengths = {len(row) for row in self.scenarios.values()}
        if len(lengths) > 1:
            raise fault("scenarios", sorted(lengths), "the same number of scenarios for every instrument")
        missing = sorted(set(net) - set(self.scenarios))
        if self.scenarios and missing:
            raise fault("scenarios", f"nothing for {', '.join(missing)}", "a row for every instrument that is held")
        if self.ranking == "least-risk" and net and not self.scenarios:
            raise fault("ranking", self.ranking, "scenarios beside it, or one of profit-leverage, pro-rata")

    @property
    def columns(self) -> int:
        """How many scenarios there are."""
        return len(next(iter(self.scenarios.values()), ()))

    def requirement(self, lots: Mapping[str, int]) -> int:
        """Worst loss of `lots` over the scenarios in units, at least zero; zero where the venue has no scenarios."""
        gains = (sum(n * self.scenarios[i][s] for i, n in lots.items()) for s in range(self.columns))
        return max(0, -min(gains, default=0))


__all__ = ["LAYERS", "RANKINGS", "Holding", "Layer", "Lots", "Member", "Ranking", "Units", "VenueState"]
