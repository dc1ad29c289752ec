"""A requirement in integers over a public list of instruments: what rows are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter, ValidationError

from plimsoll.certify import GUARD, Node, Relieved
from plimsoll.certify import Max as MaxNode
from plimsoll.certify import Scaled as ScaledNode
from plimsoll.certify import Sum as SumNode
from plimsoll.documents import content_hash, refuse
from plimsoll.margin import MarginModel
from plimsoll.margin.forms import Form, Tail, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.quantised import quantised
from plimsoll.market import Market
from plimsoll.proofs.compile import Affine
from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.written import position_rows
from plimsoll.risk import compile_plan, pnl_array, unit_values
from plimsoll.scenarios import Scenarios

_NODE: TypeAdapter[Node] = TypeAdapter(Node)


@dataclass(frozen=True)
class Requirement:
    """A requirement in integers over a public list of instruments, and what contracts and collateral are worth.

    `node` as in a `plimsoll.statement`; `within`, if there is one, has to be at most zero. `worth[N]` is what one
    contract bought and one sold add to what the book is covered with, `prices` what one asset pledged adds and one
    owed takes, both in `10**-array_decimals` of `currency`, exact. `reach[N]` is the largest position, contracts.
    """

    instruments: tuple[str, ...]
    currency: str
    array_decimals: int
    node: Node
    standing: str
    why: str
    worth: tuple[Fraction, ...]
    prices: dict[str, tuple[Fraction, Fraction]]
    rules_label: str
    rules: str
    market: str
    within: Node | None = None
    reach: tuple[Fraction, ...] | None = None
    asked_reach: int | None = None

    @property
    def array(self) -> str:
        """The hash of everything that the rows are made of."""
        return content_hash(
            {
                "instruments": list(self.instruments),
                "currency": self.currency,
                "array_decimals": self.array_decimals,
                "requirement": _texts(self.node.model_dump(mode="json")),
                "within": None if self.within is None else _texts(self.within.model_dump(mode="json")),
                "worth": [str(w) for w in self.worth],
                "prices": {a: [str(p) for p in pair] for a, pair in sorted(self.prices.items())},
                "reach": None if self.reach is None else [str(r) for r in self.reach],
            }
        )


def _texts(value: Any) -> Any:
    """JSON with integers as text: other languages read large ones as floats."""
    if isinstance(value, dict):
        return {k: _texts(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_texts(v) for v in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def requirement_of(
    model: MarginModel, instruments: Sequence[str], market: Market, reach: int | None = None
) -> Requirement:
    """The provable requirement of a model over `instruments` in a market.

    `reach` is the largest position in contracts that may be held, which rules with tiers need.

    The exact form where it is convex without a condition, else the model's conservative bound for proofs. Raises
    `NotProvableError` with the model's reason where it has neither.
    """
    names = tuple(instruments)
    forms = model.forms(names, market, reach)
    reasons: list[str] = []
    candidates = [f for f in (forms.solver, forms.proof) if f.expression is not None and f.standing != "refused"]
    if len(candidates) == 2 and (forms.solver.standing != "exact" or forms.solver.within is not None):
        candidates = candidates[1:]
    for form in candidates:
        try:
            return _over(model, form, names, market, forms.currency, reach)
        except NotProvableError as error:
            reasons.append(str(error))
    raise NotProvableError(f"{model.MODEL}: {'; '.join(reasons) or forms.proof.why}")


def shortfall_requirement(
    instruments: Sequence[str],
    market: Market,
    scenarios: Scenarios,
    level: float,
    haircuts: Mapping[str, float],
    decimals: int = 6,
) -> Requirement:
    """The expected shortfall at `level` over equally likely scenarios, USD, over a public list of instruments.

    `haircuts` by asset of the collateral. Raises `DocumentError` for contracts that the market does not list and a
    level outside of 0 to 1.
    """
    names = tuple(instruments)
    if not 0.0 <= level < 1.0:
        raise refuse("level", level, "at least 0 and below 1")
    missing = [n for n in names if n not in market.contracts]
    if missing:
        raise refuse("instruments", missing[0], "instruments that market.instruments lists")
    contracts = [market.contracts[n] for n in names]
    gains = pnl_array(contracts, market, scenarios, "usd")
    tail = Tail(Worst.signed(range(len(names)), -gains.T), (1.0 - level) * gains.shape[1])
    worth = unit_values(compile_plan(contracts, market), Scenarios.build([1.0]), "usd")[:, 0].tolist()
    unit = Fraction(10 ** (decimals + GUARD))
    rules = {"measure": "expected shortfall", "level": level, "haircuts": dict(haircuts)}
    return Requirement(
        names,
        "USD",
        decimals + GUARD,
        _node(quantised(tail, decimals + GUARD)),
        "exact",
        "the mean of the largest losses is a program over rows",
        tuple(Fraction(v) * unit for v in worth),
        _counted(market, haircuts, unit),
        f"expected shortfall at {level:g}",
        content_hash(rules),
        market.hash(),
    )


def _counted(market: Market, haircuts: Mapping[str, float], unit: Fraction) -> dict[str, tuple[Fraction, Fraction]]:
    """What one asset pledged adds and one owed takes, for the assets that the market has a price of."""
    prices = {}
    for asset, haircut in haircuts.items():
        if market.price_of(asset) is not None:
            price = _price(market, asset) * unit
            prices[asset] = price * (1 - Fraction(haircut)), price * (1 + Fraction(haircut))
    return prices


def _over(
    model: MarginModel, form: Form, names: tuple[str, ...], market: Market, currency: str, reach: int | None
) -> Requirement:
    assert form.expression is not None
    decimals = model.rules.decimals + GUARD
    node = _node(quantised(form.expression, decimals))
    within = None
    if form.standing == "exact" and form.within is not None:
        within = _node(quantised(form.within, decimals))
    per = _price(market, currency)
    universe = Universe.as_listed(model, names, market)
    values = unit_values(universe.plan, Scenarios.build([1.0]), "usd")[:, 0].tolist()
    unit = Fraction(10**decimals) / per
    haircuts: dict[str, float] = dict(getattr(model.parameters, "haircuts", None) or {currency: 0.0})
    prices = _counted(market, haircuts, unit)
    if not prices:
        raise NotProvableError("the market has no price of any asset that the rules count as collateral")
    found = Requirement(
        names,
        currency,
        decimals,
        node,
        "bound" if form.standing == "bound" or _given_up(node) else "exact",
        form.why,
        tuple(Fraction(v) * unit for v in values),
        prices,
        model.rules.label,
        model.rules.hash(),
        market.hash(),
        within,
        None if form.reach is None else tuple(map(Fraction, form.reach.tolist())),
        reach,
    )
    # writes rows once: what is not convex is refused here, with its place
    for some in (found.node, found.within):
        if some is not None:
            position_rows(found, 1, 40, 80)[0].require(Affine({}), some, "requirement")
    return found


def _given_up(node: Node) -> bool:
    """Whether a relief is left out somewhere: the requirement is then above the rule for some books."""
    if isinstance(node, Relieved):
        return any(
            price is not None and any(price + row[i] < 0 for row in node.charge.short)
            for i, price in enumerate(node.price)
        )
    if isinstance(node, ScaledNode):
        return _given_up(node.term)
    return isinstance(node, (SumNode, MaxNode)) and any(map(_given_up, node.terms))


def _node(content: dict[str, Any]) -> Node:
    try:
        return _NODE.validate_python(content)
    except ValidationError as error:
        raise NotProvableError(f"the expression is not one of a statement: {error.errors()[0]['msg']}") from None


def _price(market: Market, asset: str) -> Fraction:
    price = market.price_of(asset)
    if price is None or price.price <= 0:
        raise refuse(f"market.assets.{asset}", "nothing", "a USD price above zero")
    return Fraction(price.price)
