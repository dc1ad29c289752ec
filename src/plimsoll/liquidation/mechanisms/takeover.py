"""Take-over with a bonus: whoever takes positions, or repays a loan, gets them below their value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from plimsoll.liquidation.mechanisms.books import Books
from plimsoll.liquidation.mechanisms.contract import CloseOut, Scene
from plimsoll.liquidation.mechanisms.desk import Desk
from plimsoll.liquidation.mechanisms.keepers import Action, acts
from plimsoll.liquidation.mechanisms.state import Row, scale_of, unit_at

KEEPER = "keeper"
ASSUMED = "bonus, close factor and the keeper's costs are the terms' own"
YEAR = 365.0 * 86_400.0


@dataclass(frozen=True)
class TakeoverWithBonus:
    """A keeper takes positions at the mark less `terms.bonus` of their value, or less what equity is left for each
    dollar of the pool's positions if that is less: a bonus is not paid out of nothing.

    At most `terms.close_factor` of each position at once, the whole where equity is below `terms.whole_below` times
    maintenance. A keeper acts where the bonus covers gas, what selling on the book costs, the capital carried and its
    profit (`keepers.acts`); of a position for which it does not, it takes the largest part for which it does. Rounds
    follow every `terms.round` until the pool is above `terms.target`; nobody acting, the clock runs, and what is left
    in the end is left. With `unwind` the keeper sells on the book at once.
    """

    unwind: bool = True

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return "take-over with a bonus"

    def run(self, scene: Scene, books: Books | None = None) -> CloseOut:
        """See `Mechanism.run`."""
        terms = scene.terms
        desk = Desk.open(scene, books)
        view = desk.view()
        if view.equity >= view.maintenance:
            return desk.finish(self.name, "assumed", "", True, "above its line")
        desk.wait(terms.latency)
        acted = False
        for _ in range(terms.rounds):
            view = desk.view()
            line = terms.target if acted else 1.0
            if view.maintenance <= 0.0 or view.equity >= line * view.maintenance:
                return desk.finish(self.name, "assumed", ASSUMED, view.equity >= 0.0, "above its line")
            whole = view.equity < terms.whole_below * view.maintenance
            part = 1.0 if whole else terms.close_factor
            rows = [r for r in desk.state.rows.values() if r.lots]
            took = [self._take(desk, row, max(1, int(abs(row.lots) * part))) for row in rows]
            acted = acted or any(took)
            if not any(took) and scene.path.flat:
                return desk.finish(self.name, "assumed", ASSUMED, False, "no keeper acts")
            desk.wait(terms.round)
        return desk.finish(self.name, "assumed", ASSUMED, False, f"after {terms.rounds} rounds")

    def _take(self, desk: Desk, row: Row, lots: int) -> bool:
        """Whether a keeper took some of a position."""
        mark = desk.mark(row.instrument)
        side = 1.0 if row.lots > 0 else -1.0
        bonus = min(desk.scene.terms.bonus, max(0.0, desk.value()) / self._gross(desk))
        price = mark * (1.0 - side * bonus)

        def profit(n: int) -> float:
            value, action = self._action(desk, row, n, mark)
            return bonus * value - action.cost

        n = _largest(profit, lots)
        if n == 0:
            return False
        value, action = self._action(desk, row, n, mark)
        assert acts(bonus * value, action)
        desk.trade(row.subject, -side * n * row.lot, taker=KEEPER, price=price)
        if self.unwind:
            desk.unwind(KEEPER, ((0.0, 1.0),))
        return True

    @staticmethod
    def _gross(desk: Desk) -> float:
        """USD value of all positions without sign."""
        gross = 0.0
        for row in desk.state.rows.values():
            if row.lots:
                contract = desk.scene.market.contracts[row.instrument]
                unit = abs(unit_at(contract, desk.mark(row.instrument)))
                gross += abs(row.lots) * row.lot * unit * desk.price(row.currency)
        return gross

    @staticmethod
    def _action(desk: Desk, row: Row, lots: int, mark: float) -> tuple[float, Action]:
        """USD value of some lots, and what taking them costs a keeper."""
        terms = desk.scene.terms
        contract = desk.scene.market.contracts[row.instrument]
        usd = desk.price(row.currency)
        value = abs(lots * row.lot * unit_at(contract, mark)) * usd
        sells = row.lots > 0
        quote = desk.quote(row, lots, buy=not sells)
        away = abs(unit_at(contract, quote.price) - unit_at(contract, mark)) * quote.lots * row.lot * usd
        # what nobody takes on the book stays with the keeper: it counts as if it were worth nothing
        stays = value * (lots - quote.lots) / lots
        return value, Action(terms.gas, away + stays, value * terms.capital * terms.carry / YEAR, terms.profit * value)


def _largest(gain: Callable[[int], float], lots: int) -> int:
    """The largest number of lots with a profit of at least zero; the profit is concave in them, zero of nothing."""
    if gain(lots) >= 0.0:
        return lots
    # the top of a concave function by its differences, then the last point to its right that is not below zero
    low, high = 1, lots
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if gain(middle + 1) > gain(middle) else (low, middle)
    if gain(low) < 0.0:
        return 0
    top, high = low, lots
    while high - top > 1:
        middle = (top + high) // 2
        top, high = (middle, high) if gain(middle) >= 0.0 else (top, middle)
    return top


@dataclass(frozen=True)
class LoanTakeover:
    """A loan repaid in part by a keeper, who takes collateral worth `1 + terms.bonus` times what it repaid.

    The largest loan first, against the largest collateral; at most `terms.close_factor` of it in a round, the whole
    where health is below `terms.whole_below`. Repaying lowers the debt by one and the collateral that counts by
    `(1 + bonus) * threshold`: where that is above one the loan is worse afterwards, and rounds go on until the
    collateral is gone. Loans are balances below zero or in `borrowed`.
    """

    @property
    def name(self) -> str:
        """See `Mechanism.name`."""
        return "loan repaid for collateral"

    def run(self, scene: Scene) -> CloseOut:
        """See `Mechanism.run`."""
        terms = scene.terms
        account = scene.account
        merged = dict(account.collateral)
        for asset, loan in account.borrowed.items():
            if account.collateral.get(asset, 0.0) > 0.0:
                continue
            merged[asset] = merged.get(asset, 0.0) - loan
        kept = {a: x for a, x in account.borrowed.items() if account.collateral.get(a, 0.0) > 0.0}
        plain = account.model_copy(update={"collateral": merged, "borrowed": kept})
        desk = Desk.open(replace(scene, account=plain))
        view = desk.view()
        if view.equity >= view.maintenance:
            return desk.finish(self.name, "assumed", "", True, "above its line")
        desk.wait(terms.latency)
        for _ in range(terms.rounds):
            view = desk.view()
            if view.equity >= view.maintenance:
                return desk.finish(self.name, "assumed", ASSUMED, True, "above its line")
            whole = view.equity < terms.whole_below * view.maintenance
            if not self._repay(desk, 1.0 if whole else terms.close_factor):
                return desk.finish(self.name, "assumed", ASSUMED, False, "no keeper acts")
            desk.wait(terms.round)
        return desk.finish(self.name, "assumed", ASSUMED, False, f"after {terms.rounds} rounds")

    @staticmethod
    def _repay(desk: Desk, part: float) -> bool:
        """One loan repaid as far as it goes; whether anybody did."""
        terms = desk.scene.terms
        worth = {c: n / scale_of(desk.decimals, c) * desk.price(c) for c, n in desk.state.money.items()}
        debt = min(worth, key=lambda c: (worth[c], c))
        asset = max(worth, key=lambda c: (worth[c], c))
        if worth[debt] >= 0.0 or worth[asset] <= 0.0:
            return False
        repaid = min(-worth[debt] * part, worth[asset] / (1.0 + terms.bonus))
        action = Action(
            terms.gas, terms.spread * repaid, repaid * terms.capital * terms.carry / YEAR, terms.profit * repaid
        )
        if not acts(terms.bonus * repaid, action):
            return False
        owed, had = desk.state.money[debt], desk.state.money[asset]
        coins = min(-owed, round(repaid / desk.price(debt) * scale_of(desk.decimals, debt)))
        # collateral is rounded down: the keeper bears what is less than a unit
        taken = min(had, int(repaid * (1.0 + terms.bonus) / desk.price(asset) * scale_of(desk.decimals, asset)))
        if coins == 0 or taken == 0:
            return False
        desk.pay(KEEPER, -coins, debt, "loan repaid", kind="taken")
        desk.pay(KEEPER, taken, asset, "collateral for it", kind="taken")
        desk.closed += coins / scale_of(desk.decimals, debt) * desk.price(debt)
        desk.last = desk.seconds
        return True
