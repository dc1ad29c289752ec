"""Liquidation as a venue runs it: its own procedure decides, the book answers, the ledger keeps."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.liquidation.mechanisms.assumed import AssumedProcedure
from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.desk import Desk
from plimsoll.liquidation.mechanisms.schedule import trades
from plimsoll.liquidation.mechanisms.state import digits_of, scale_of, unit_at, units
from plimsoll.margin.procedure import Assumed, Decision, PoolView, Procedure


@dataclass(frozen=True)
class Staged:
    """Rounds of a `Procedure`: that of the model's rule pack, else the house's, which is `assumed`.

    In each round the venue sees the pool and decides; orders meet the book (or the venue's own pool) within their
    limits; fees and what the insurance fund gets or pays follow each fill; the clock runs until the next round. It ends
    when the venue does nothing more, when the pool is taken over, or after `terms.rounds` rounds. With `unwind`
    whoever took positions over sells them on the same book, evenly over `terms.horizon`.
    """

    procedure: Procedure | None = None
    unwind: bool = True

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return "as the venue does it"

    def run(self, scene: Scene, books: Books | None = None) -> CloseOut:
        """See `Mechanism.run`."""
        rules = (
            self.procedure
            or scene.model.procedure(Assumed(scene.terms.part, scene.terms.round))
            or AssumedProcedure(scene.terms)
        )
        desk = Desk.open(scene, books)
        if rules.decide(desk.view()).action == "nothing":
            return desk.finish(self.name, rules.evidence, rules.assumed, True, "above its line")
        desk.wait(scene.terms.latency)
        why, done = f"after {scene.terms.rounds} rounds", False
        for _ in range(scene.terms.rounds):
            view = desk.view()
            decision = rules.decide(view)
            if decision.action == "nothing":
                why, done = decision.why, True
                break
            for payee, dollars in decision.charges.items():
                desk.charge(payee, dollars, decision.why)
            if decision.action == "take over":
                _taken(desk, decision, scene, unwind=self.unwind)
                why, done = decision.why, True
                break
            _round(desk, rules, view, decision)
            if not any(r.lots for r in desk.state.rows.values()):
                why, done = "closed", True
                break
            desk.wait(decision.wait)
        return desk.finish(self.name, rules.evidence, rules.assumed, done, why)


def _taken(desk: Desk, decision: Decision, scene: Scene, *, unwind: bool) -> None:
    desk.take_over(decision.taker, decision.why)
    if unwind and decision.taker != "opposite holders" and decision.against == "book":
        terms = scene.terms
        parts = trades(1.0, terms.horizon, terms.slices, 0.0)
        desk.unwind(decision.taker, tuple((k * terms.horizon / terms.slices, float(x)) for k, x in enumerate(parts)))


def _round(desk: Desk, rules: Procedure, view: PoolView, decision: Decision) -> None:
    """The orders of one round, one after the other; each sees what the one before left."""
    stuck = set(desk.stuck)
    for subject, quantity in decision.orders.items():
        limit = decision.limits.get(subject)
        if decision.bankruptcy:
            limit = bankruptcy_limit(desk, subject, quantity)

        def fee(quantity: float, notional: float, subject: str = subject) -> float:
            return rules.fee(view, subject, quantity, notional)

        if decision.against == "mark":
            instrument = desk.row(subject, quantity).instrument
            price = desk.mark(instrument)
            fill = desk.trade(subject, quantity, taker="venue", fee=fee, fee_payee=rules.fee_payee, price=price)
        else:
            fill = desk.trade(subject, quantity, limit=limit, fee=fee, fee_payee=rules.fee_payee)
        if fill is None:
            stuck.add(subject)
            continue
        stuck.discard(subject)
        scale = scale_of(desk.decimals, fill.currency)
        delta = rules.fund_delta(view, subject, fill.quantity, fill.units / scale)
        if delta is not None:
            digits = digits_of(desk.decimals, fill.currency)
            desk.pay(
                rules.fee_payee, units(delta, digits), fill.currency, "liquidation fee" if delta > 0 else "insured"
            )
    desk.stuck, desk.tried = frozenset(stuck), desk.tried | set(decision.orders)
    if decision.partial:
        desk.since_partial = desk.seconds


def bankruptcy_limit(desk: Desk, subject: str, quantity: float) -> float:
    """Price at which an order of `quantity` contracts, filled whole, leaves the pool with nothing: USD for futures, the
    settlement currency for options. Nothing fills where nothing is left already.

    `worth + quantity (unit(mark) - unit(limit)) = 0`, with `unit` what a contract is worth at a price.
    """
    _, market = desk.now()
    row = desk.row(subject, quantity)
    contract = desk.scene.market.contracts[row.instrument]
    mark = desk.mark(row.instrument)
    price = market.price_of(row.currency)
    worth = desk.value() / (1.0 if price is None else price.price)
    unit = unit_at(contract, mark) + worth / quantity
    if quantity < 0.0 and unit_at(contract, 1e-9 * mark) >= unit:
        return 0.0
    multiplier = float(getattr(contract, "multiplier", 1.0))
    if getattr(contract, "settlement", None) == "inverse" and contract.kind in ("future", "perpetual"):
        return -multiplier / unit if unit < 0.0 else float("inf")
    if contract.kind in ("future", "perpetual"):
        return unit / multiplier
    return max(0.0, unit)
