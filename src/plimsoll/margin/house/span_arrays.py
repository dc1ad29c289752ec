"""SPAN from risk arrays that a clearing house computed: its file of one day as a rule pack.

Rule codes `SPAN-nn` are listed in docs/rules; the file's layouts are on that page, too.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import (
    DocumentError,
    Failure,
    Fraction,
    Name,
    NonNegative,
    Number,
    Part,
    Positive,
    Problem,
    Reason,
    fault,
)
from plimsoll.margin.account import Account, Position
from plimsoll.margin.book import OnFailure
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.house.span import TITLES
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.span import SCENARIOS, TERMS, Charge, Commodity, Credit, Offsets, Spread, charges_of
from plimsoll.margin.path import States, Track
from plimsoll.margin.requirement import Binding, ScenarioLoss
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
Money = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]

_WHY = (
    "the arrays belong to the contracts of one file, not to those of a market: a form over the contracts of a market "
    "has nothing to look up"
)


class ArrayContract(Part):
    """One contract: `array[16]` the loss of one long contract in the file's currency (positive for a loss, extreme
    moves already weighted), its composite `delta`, its `price` and the money that one point of it is (`factor`)."""

    commodity: Name
    month: Name
    kind: Literal["physical", "future", "option"]
    array: Annotated[tuple[Money, ...], Field(min_length=SCENARIOS, max_length=SCENARIOS)]
    delta: Number
    price: Number = 0.0
    factor: Positive = 1.0


class ArraySpread(Part):
    """A calendar spread between two tiers: deltas of each that one spread takes, and its charge."""

    legs: tuple[Name, Name]
    ratio: tuple[Positive, Positive] = (1.0, 1.0)
    rate: NonNegative


class ArrayTier(Part):
    """Contract months that spreads treat alike, and the spot charges for one delta of them."""

    months: Annotated[tuple[Name, ...], Field(min_length=1)]
    outright: NonNegative = 0.0
    consumed: NonNegative = 0.0


class ArrayCommodity(Part):
    """A combined commodity: tiers by name, spreads in the order of priority, the least charge for one option sold."""

    tiers: dict[Name, ArrayTier]
    spreads: tuple[ArraySpread, ...] = ()
    short_option: NonNegative = 0.0

    @model_validator(mode="after")
    def _once(self) -> Self:
        seen: dict[str, str] = {}
        for name, tier in self.tiers.items():
            for month in tier.months:
                if month in seen:
                    raise fault(f"tiers.{name}.months", month, f"a month in one tier; it is in {seen[month]!r} too")
                seen[month] = name
        for n, spread in enumerate(self.spreads):
            for leg in spread.legs:
                if leg not in self.tiers:
                    raise fault(f"spreads[{n}].legs", leg, "tiers of the commodity: " + ", ".join(self.tiers))
        return self

    def place(self, month: str) -> int:
        """Number of the tier of a month."""
        return next(n for n, tier in enumerate(self.tiers.values()) if month in tier.months)

    def offsets(self) -> Offsets:
        """As the arithmetic takes them."""
        number = {name: n for n, name in enumerate(self.tiers)}
        return Offsets(
            tuple(Spread(number[s.legs[0]], number[s.legs[1]], s.rate, s.ratio) for s in self.spreads),
            np.array([t.outright for t in self.tiers.values()], dtype=np.float64),
            np.array([t.consumed for t in self.tiers.values()], dtype=np.float64),
        )


class ArrayLeg(Part):
    """A leg of a spread across commodities: deltas that one spread takes and its side, `A` against `B`."""

    commodity: Name
    ratio: Positive
    side: Literal["A", "B"]


class ArrayCredit(Part):
    """A spread across commodities and the part of its legs' price risk that is given back."""

    legs: Annotated[tuple[ArrayLeg, ...], Field(min_length=2)]
    rate: Fraction


class SpanArraysParameters(Part):
    """A file of risk arrays. `contracts` by the names that positions use; `credits` in the order of priority."""

    initial_ratio: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)] = 1.0
    commodities: dict[Name, ArrayCommodity]
    contracts: Annotated[dict[Name, ArrayContract], Field(min_length=1)]
    credits: tuple[ArrayCredit, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, contract in self.contracts.items():
            own = self.commodities.get(contract.commodity)
            if own is None:
                allowed = "commodities of the file: " + ", ".join(self.commodities)
                raise fault(f"contracts.{name}.commodity", contract.commodity, allowed)
            if not any(contract.month in tier.months for tier in own.tiers.values()):
                raise fault(f"contracts.{name}.month", contract.month, f"a month of a tier of {contract.commodity}")
        for n, credit in enumerate(self.credits):
            legs = [leg.commodity for leg in credit.legs]
            if len(set(legs)) < len(legs):
                raise fault(f"credits[{n}].legs", ", ".join(legs), "each commodity once")
            for leg in legs:
                if leg not in self.commodities:
                    raise fault(f"credits[{n}].legs", leg, "commodities of the file: " + ", ".join(self.commodities))
        return self


class SpanArrays(MarginModel):
    """The SPAN requirement of positions in the contracts of a file of risk arrays, in the file's currency.

    The formula is that of `Span`; nothing is priced. Positions are looked up in the file by name: the market need not
    list them, and only its time is used. Net equity is the balance in that currency, the net value of options at the
    file's prices, and profit of futures where the position has an entry price or reports it. A file holds for its day
    and its prices: nothing is known along a path.
    """

    MODEL = "span-arrays"
    PARAMETERS = SpanArraysParameters
    FORMS = Declared("refused", "none", _WHY, "refused", _WHY)
    MANY = "account by account through the exact engine: arrays are looked up by name, not in a market"
    parameters: SpanArraysParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: contracts of the file, and money in its currency."""
        p, problems = self.parameters, []
        for i, position in enumerate(account.positions):
            if position.instrument not in p.contracts and (position.quantity or position.unrealised_pnl):
                got = f"{position.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})"
                allowed = f"one of the {len(p.contracts)} contracts of the file, such as {next(iter(p.contracts))!r}"
                problems.append(Problem(f"account.positions[{i}].instrument", got, allowed))
        for asset, amount in account.collateral.items():
            if amount and asset != self.rules.currency:
                got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
                problems.append(Problem(f"account.collateral.{asset}", got, f"a balance in {self.rules.currency}"))
        return problems

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        charges, rows, held = self.charges(account)
        components = []
        for term in TERMS:
            shares = np.zeros(len(held))
            for charge, mine in zip(charges, rows, strict=True):
                shares[mine] += charge.shares[term]
            evidence = weakest(self.rules, ["contracts", "commodities", "credits"])
            names = [x.instrument for x in held]
            initial = shares * self.parameters.initial_ratio
            components.append(component(term, TITLES[term], evidence, names, initial, shares))
        options = self._option_value(account)
        return Assessment(
            net_equity=account.collateral.get(self.rules.currency, 0.0) + options + self._profit(account),
            components=tuple(components),
            binding=tuple(_binding(c) for c in charges),
            scenarios=_losses(charges),
            workings=_workings(charges) | {"net_option_value": options},
            failures=_orders(account),
        )

    def charges(self, account: Account) -> tuple[tuple[Charge, ...], list[list[int]], list[Position]]:
        """The charge of each commodity that is held, the rows it is about, and the positions that are held."""
        p = self.parameters
        held = [x for x in account.positions if x.quantity != 0.0]
        terms = [p.contracts[x.instrument] for x in held]
        names = sorted({t.commodity for t in terms})
        commodities, rows = [], []
        for name in names:
            mine = [i for i, t in enumerate(terms) if t.commodity == name]
            own = p.commodities[name]
            q = np.array([held[i].quantity for i in mine])
            months = sorted({terms[i].month for i in mine})
            sold = np.array([own.short_option * (terms[i].kind == "option") for i in mine])
            commodities.append(
                Commodity(
                    name,
                    q[:, None] * np.array([terms[i].array for i in mine]),
                    q * np.array([terms[i].delta for i in mine]),
                    np.array([months.index(terms[i].month) for i in mine], dtype=np.int64),
                    np.array([own.place(terms[i].month) for i in mine], dtype=np.int64),
                    np.maximum(-q, 0.0) * sold,
                    own.offsets(),
                )
            )
            rows.append(mine)
        rules = tuple(
            Credit(tuple((names.index(g.commodity), g.ratio, 1 if g.side == "A" else -1) for g in rule.legs), rule.rate)
            for rule in p.credits
            if all(g.commodity in names for g in rule.legs)
        )
        return charges_of(commodities, rules), rows, held

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """Refused with `DocumentError`: the arrays hold at the prices of their file."""
        allowed = "rules that can revalue: these arrays hold at the prices of their file alone"
        raise DocumentError(Problem("rules.model", self.MODEL, allowed))

    def _option_value(self, account: Account) -> float:
        found = 0.0
        for x in account.positions:
            terms = self.parameters.contracts.get(x.instrument)
            if terms is not None and terms.kind == "option":
                found += x.quantity * terms.price * terms.factor
        return found

    def _profit(self, account: Account) -> float:
        found = 0.0
        for x in account.positions:
            terms = self.parameters.contracts.get(x.instrument)
            if terms is None:
                continue
            found += x.unsettled_funding
            if x.unrealised_pnl is not None:
                found += x.unrealised_pnl
            elif x.entry_price is not None and terms.kind != "option":
                found += x.quantity * terms.factor * (terms.price - x.entry_price)
        return found


def _orders(account: Account) -> tuple[Failure, ...]:
    if not account.orders:
        return ()
    message = "this rule set charges nothing for resting orders; the margin is that of the positions"
    subject = f"{len(account.orders)} open orders"
    return (Failure(reason=Reason.ORDERS_NOT_CHARGED, subject=subject, message=message, effect="notice"),)


def _label(number: int) -> str:
    return f"scenario {number + 1}"


def _binding(charge: Charge) -> Binding:
    label = "no loss" if charge.worst < 0 else _label(charge.worst)
    label = "short-option minimum" if charge.kind == "short_option" else label
    return Binding(underlying=charge.commodity.name, kind=charge.kind, label=label, pnl=-charge.total)


def _losses(charges: tuple[Charge, ...]) -> tuple[ScenarioLoss, ...]:
    return tuple(
        ScenarioLoss(label=f"{c.commodity.name} {_label(n)}", pnl=-float(loss))
        for c in charges
        for n, loss in enumerate(c.losses)
    )


def _workings(charges: tuple[Charge, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for c in charges:
        name = c.commodity.name
        found |= {f"{name}.{t}": c.amount[t] for t in TERMS[:3]}
        found |= {f"{name}.credit": -c.amount["credit"], f"{name}.short_option_minimum": c.floor}
        found |= {f"{name}.composite_delta": c.delta, f"{name}.price_risk": c.risk}
    return found
