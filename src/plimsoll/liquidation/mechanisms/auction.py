"""An auction of the account as it is: the price falls until somebody bids."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.documents import refuse
from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.desk import Desk, part_of
from plimsoll.liquidation.mechanisms.keepers import Action, acts
from plimsoll.liquidation.mechanisms.state import scale_of, unit_at

BIDDER = "bidder"
FUND = "insurance fund"
LOOKS = 2_000
YEAR = 365.0 * 86_400.0


@dataclass(frozen=True)
class PortfolioAuction:
    """The venue's own auction (`MarginModel.sale`), and one kind of bidder.

    A bidder takes the largest part that is offered as soon as what the part is worth at the marks, less its price,
    covers gas, what selling it on the book costs, the capital carried and its profit. It looks `looks` times while the
    price falls. What it gets and pays follows the venue's rule to the digit; the part of each position is rounded up to
    whole lots. It ends above the line, with the last bid, or when the price has fallen as far as it goes.
    """

    looks: int = LOOKS
    unwind: bool = True

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return "auction of the account"

    def run(self, scene: Scene, books: Books | None = None) -> CloseOut:
        """See `Mechanism.run`. Raises `DocumentError` for rules without an auction."""
        desk = Desk.open(scene, books)
        view = desk.view()
        if view.equity >= view.maintenance:
            return desk.finish(self.name, "read", "", True, "above its line")
        desk.wait(scene.terms.latency)
        sale = scene.model.sale(*desk.now())
        if sale is None:
            raise refuse("rules", scene.model.rules.label, "rules with an auction of whole accounts")
        began, assumed = desk.seconds, "when a bidder bids"
        desk.charge("venue", sale.start_fee * desk.price(sale.currency), "start of the auction")
        step = sale.seconds / self.looks
        for _ in range(self.looks + 1):
            passed = desk.seconds - began
            account, market = desk.now()
            offer = sale.offer(account, market, passed)
            if offer is None:
                return desk.finish(self.name, sale.evidence, assumed, True, "above its line")
            if offer.fraction > 0.0 and self._bids(desk, offer.fraction, offer.price * desk.price(sale.currency)):
                price = sale.bid(account, market, passed, offer.fraction)
                self._settle(desk, offer.fraction, price * desk.price(sale.currency))
                if not any(r.lots for r in desk.state.rows.values()):
                    return desk.finish(self.name, sale.evidence, assumed, True, "sold whole")
            desk.wait(step)
        return desk.finish(self.name, sale.evidence, assumed, False, "nobody bid")

    @staticmethod
    def _bids(desk: Desk, part: float, price: float) -> bool:
        terms = desk.scene.terms
        worth = desk.value() * part
        gross, slippage = 0.0, 0.0
        for row in desk.state.rows.values():
            lots = abs(part_of(row.lots, part))
            if not lots:
                continue
            contract, usd = desk.scene.market.contracts[row.instrument], desk.price(row.currency)
            mark = desk.mark(row.instrument)
            quote = desk.quote(row, lots, buy=row.lots < 0)
            value = abs(lots * row.lot * unit_at(contract, mark)) * usd
            away = abs(unit_at(contract, quote.price) - unit_at(contract, mark)) * quote.lots * row.lot * usd
            gross, slippage = gross + value, slippage + away + value * (lots - quote.lots) / lots
        capital = gross * terms.capital * terms.carry / YEAR
        return acts(worth - price, Action(terms.gas, slippage, capital, terms.profit * gross))

    def _settle(self, desk: Desk, part: float, price: float) -> None:
        """The part to the bidder for its price; where the price is below zero the insurance fund pays it."""
        desk.take_over(BIDDER, "part of the account", part, max(0.0, price))
        if price < 0.0:
            currency = desk.scene.model.rules.currency
            units = round(-price / desk.price(currency) * scale_of(desk.decimals, currency))
            desk.between(FUND, BIDDER, units, currency, "payout of an insolvent auction")
        if self.unwind:
            desk.unwind(BIDDER, ((0.0, 1.0),))
