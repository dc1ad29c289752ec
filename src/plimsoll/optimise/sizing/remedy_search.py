"""What can be done about the probability of a margin call, ranked by what it costs for each unit of risk it removes.

Every remedy is an account that was looked at: on the same paths as the account as it is, by the exact requirement, and
by its worst loss beyond every grid. One that raises that loss is refused, however much it saves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from plimsoll.documents import DocumentError, refuse
from plimsoll.liquidation.passage.estimate import mean_error
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.account import Mode
from plimsoll.margin.modes import in_mode
from plimsoll.optimise.desk import Holding, make_desk
from plimsoll.optimise.hedging import Wish, hedge
from plimsoll.optimise.minimising import ConflictError
from plimsoll.optimise.sizing.buffer import carried, checked, least_close, least_collateral, priced, resolved
from plimsoll.optimise.sizing.chance import Course, Tell, Watch
from plimsoll.optimise.sizing.placing_remedy import either, moved_to
from plimsoll.optimise.sizing.remedy import Remedies, Remedy, RemedyTerms
from plimsoll.optimise.sizing.trading import Trader, held, outside_loss
from plimsoll.optimise.solver import MissingSolverError

Try = Callable[[], "Remedy | None"]


def remedies(watch: Watch, account: Account, terms: RemedyTerms, *, progress: Tell | None = None) -> Remedies:
    """Collateral, a cut of all positions in proportion or of one, a hedge, other modes and rule sets, other accounts.

    A cut is the least one that keeps the probability asked for, or a whole close where none does. Raises
    `DocumentError` for a probability that the paths cannot show to be kept, and what the model raises for the account
    as it is.
    """
    checked(terms.called)
    carried(terms.carry)
    if not 0.0 < terms.worth < float("inf"):
        raise refuse("worth", terms.worth, "dollars above zero for a dollar of margin freed")
    if terms.cuts < 0:
        raise refuse("cuts", terms.cuts, "a number of positions of at least zero")
    resolved(watch, terms.called)
    priced(watch, terms.asset)
    maker = _Maker(watch, account, terms, progress)
    tries = maker.tries()
    made, failed = list[Remedy](), list[str]()
    for k, (name, attempt) in enumerate(tries):
        if progress is not None:
            progress(name, k, len(tries))
        try:
            found = attempt()
        except (DocumentError, MissingSolverError, ConflictError) as error:
            failed.append(f"{name}: {error}")
        else:
            made += [] if found is None else [found]
    allowed = [r for r in made if not r.refused]
    far = float("inf")
    ranked = sorted(allowed, key=lambda r: (r.per_point if r.per_point is not None else far, not r.keeps, r.cost))
    return Remedies(
        maker.course.chance(),
        maker.initial,
        maker.outside,
        terms.called,
        float(watch.paths.days[-1]),
        tuple(ranked),
        tuple(r for r in made if r.refused),
        tuple(failed),
        maker.course.notes,
    )


class _Maker:
    """Tries remedies against the account as it is."""

    def __init__(self, watch: Watch, account: Account, terms: RemedyTerms, progress: Tell | None) -> None:
        self.watch, self.account, self.terms, self.progress = watch, account, terms, progress
        self.trader = Trader(watch.market, terms.trading)
        self.course = watch.course(account)
        self.initial, self.excess = self._margin(watch.model, account)
        self.outside = outside_loss(account, watch.market)

    def tries(self) -> list[tuple[str, Try]]:
        """Everything there is to try, by name."""
        return [
            ("collateral", self.collateral),
            ("a cut in proportion", self.cut_all),
            *self.single_cuts(),
            ("a hedge", self.hedged),
            *self.moves(),
            *((f"moving positions to {h.name}", partial(self._placed, h)) for h in self.terms.beside),
        ]

    def collateral(self) -> Remedy | None:
        """The least collateral that keeps the probability, `None` where nothing is missing."""
        found = least_collateral(self.watch, self.account, self.terms.called, self.terms.asset, self.terms.carry)
        if found.amount <= 0.0:
            return None
        words = f"add {found.amount:,.6g} {self.terms.asset}"
        return self._remedy("add", words, found.cost, found.account, {})

    def cut_all(self) -> Remedy | None:
        """The least cut of every position."""
        return self._cut("cut all", held(self.account))

    def single_cuts(self) -> list[tuple[str, Try]]:
        """One attempt for each of the positions with the largest shares of the margin."""
        shares = {
            s.subject: abs(s.initial) for s in self.watch.model.requirement(self.account, self.watch.market).shares
        }
        book = held(self.account)
        order = sorted(book, key=lambda n: -shares.get(n, 0.0))[: self.terms.cuts] if len(book) > 1 else []
        return [(f"a cut of {n}", partial(self._cut, "cut", {n: book[n]})) for n in order]

    def hedged(self) -> Remedy | None:
        """The hedge for which the worth of margin and the cost are least."""
        desk = make_desk(
            self.watch.market,
            [Holding("book", self.account, self.watch.model)],
            terms=self.terms.trading,
            horizon_days=float(self.watch.paths.days[-1]),
        )
        answer = hedge(desk, Wish(worth=self.terms.worth))
        trades = {n: float(q) for n, q in zip(answer.names[0], answer.trades[0].tolist(), strict=True) if q}
        if not trades:
            return None
        after, cost = self.trader.after(self.account, trades)
        return self._remedy("hedge", f"hedge with {len(trades)} instruments", cost, after, trades)

    def moves(self) -> list[tuple[str, Try]]:
        """Other modes of the same rules, and other rule sets."""
        own = self.watch.model
        found: list[tuple[str, Try]] = [
            (f"mode {m}", partial(self._in_mode, m)) for m in own.MODES if m != self.account.mode
        ]
        return found + [(f"rules {o.rules.label}", partial(self._under, o)) for o in self.terms.others]

    def _in_mode(self, mode: Mode) -> Remedy:
        return self._moved(self.watch.model, in_mode(self.watch.model, self.account, self.watch.market, mode))

    def _under(self, model: MarginModel) -> Remedy:
        return self._moved(model, self._held_under(model))

    def _held_under(self, model: MarginModel) -> Account:
        mode = self.account.mode if self.account.mode in model.MODES else model.MODES[0]
        return self.account if mode == self.account.mode else in_mode(model, self.account, self.watch.market, mode)

    def _moved(self, model: MarginModel, account: Account) -> Remedy:
        """Within a venue a change of rules costs nothing; elsewhere all is closed here and opened there."""
        cost = 0.0
        if _venue(model) != _venue(self.watch.model):
            cost = 2.0 * self.trader.cost({n: -q for n, q in held(account).items()})
        words = f"hold it under {model.rules.label}, mode {account.mode}"
        return self._remedy("move", words, cost, account, {}, model)

    def _placed(self, other: Holding) -> Remedy | None:
        """What `place` moves to another account and back, both looked at."""
        found = moved_to(self.watch, self.account, other, self.trader, self.terms.worth)
        if found is None:
            return None
        after = replace(other, account=found.other)
        sides, rates = [], (1.0, 1.0)
        for own, beside in ((self.account, other), (found.account, after)):
            mine, its = self._margin(self.watch.model, own), self._margin(beside.model, beside.account)
            rates = (self._rate(self.watch.model, own), self._rate(beside.model, beside.account))
            outside = outside_loss(own, self.watch.market) + outside_loss(beside.account, self.watch.market)
            sides.append((mine[0] + its[0], (mine[1], its[1]), outside))
        before, then = (either(self.watch, own, h, rates) for own, h in ((self.account, other), (found.account, after)))
        chance = then.chance()
        removed, error = _removed(before, then)
        (initial, excess, outside), (least, left, worst) = sides
        refused = ""
        if worst > outside * (1.0 + 1e-9) + 1e-6:
            refused = f"loss beyond the grids grows by {worst - outside:,.0f} USD"
        for name, had, has in zip(("this account", other.name), excess, left, strict=True):
            if has < min(0.0, had) - 1e-6 and not refused:
                refused = f"initial margin of {name} is missed by {-has:,.0f} USD"
        count = len(found.trades)
        return Remedy(
            "place",
            f"move {count} instrument{'' if count == 1 else 's'} to {other.name}",
            found.cost,
            chance,
            removed,
            error,
            least,
            initial - least,
            worst,
            chance.at_most <= self.terms.called,
            found.trades,
            found.account,
            f"{self.watch.model.rules.label}, {other.model.rules.label}",
            refused,
            found.other,
        )

    def _cut(self, kind: str, positions: dict[str, float]) -> Remedy | None:
        name = "every position" if len(positions) > 1 or kind == "cut all" else next(iter(positions))
        before = self.course.chance()
        if before.at_most <= self.terms.called:
            return None
        found = least_close(
            self.watch, self.account, self.terms.called, self.trader, positions, name, before=before
        )  # fmt: skip
        part = 1.0 if found is None else found.amount
        trades = {n: -part * q for n, q in positions.items()}
        after, cost = self.trader.after(self.account, trades)
        return self._remedy(kind, f"close {100.0 * part:.3g} % of {name}", cost, after, trades)

    def _remedy(
        self,
        kind: str,
        words: str,
        cost: float,
        account: Account,
        trades: Mapping[str, float],
        model: MarginModel | None = None,
    ) -> Remedy:
        # what is announced is announced for these rules: elsewhere it does not hold
        own = model is None or model is self.watch.model
        watch = self.watch if own else replace(self.watch, model=model or self.watch.model, change=None)
        course = watch.course(account)
        chance = course.chance()
        removed, error = _removed(self.course, course)
        initial, excess = self._margin(watch.model, account)
        outside = outside_loss(account, watch.market)
        refused = ""
        if outside > self.outside * (1.0 + 1e-9) + 1e-6:
            refused = f"loss beyond the grids grows by {outside - self.outside:,.0f} USD"
        elif excess < min(0.0, self.excess) - 1e-6:
            refused = f"initial margin is missed by {-excess:,.0f} USD"
        return Remedy(
            kind,
            words,
            cost,
            chance,
            removed,
            error,
            initial,
            self.initial - initial,
            outside,
            chance.at_most <= self.terms.called,
            trades,
            account,
            watch.model.rules.label,
            refused,
        )

    def _margin(self, model: MarginModel, account: Account) -> tuple[float, float]:
        """Exact initial margin and excess over it, US dollars; of the rules that hold at the end of the paths."""
        if model is self.watch.model:
            model = self.watch.model_at(float(self.watch.paths.days[-1]))
        found = model.requirement(account, self.watch.market)
        price = self.watch.market.price_of(found.currency)
        assert price is not None  # else there was no equity
        return found.initial * price.price, found.excess_initial * price.price

    def _rate(self, model: MarginModel, account: Account) -> float:
        """US dollars of the currency of its margin."""
        price = self.watch.market.price_of(model.requirement(account, self.watch.market).currency)
        assert price is not None
        return price.price


def _removed(before: Course, after: Course) -> tuple[float, float]:
    """By how much the probability fell, and the error of the difference of both on the same paths."""
    values = before.paths.weight * ((before.missing > 0.0).astype(float) - (after.missing > 0.0).astype(float))
    return float(values.mean()), mean_error(np.asarray(values), before.paths.clusters)


def _venue(model: MarginModel) -> str:
    """The folder that a model's class is in."""
    return type(model).__module__.rsplit(".", 1)[0]
