"""The cascade: marks, who is under, forced orders into the books, new prices, again until nobody new is under.

Every step: the outside price moves, depth refills and makers come back or go; the policy says what margin is asked;
then rounds of *mark, queue, close, price* until no order is ready that trades. Losses go through the venue's purses,
auto-deleveraging and its winners. Money and lots are whole numbers and constant in sum.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory import losses, orders
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.holders import Holders, Seen
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import Asked, CascadeRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.laboratory.state import State
from plimsoll.laboratory.world import Standing, World
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def cascade(
    fleet: FleetArrays,
    path: StressPath,
    liquidity: Liquidity,
    venue: CascadeVenue,
    rates: CascadeRates,
    *,
    seed: int = 0,
    feedback: bool = True,
    threads: int | None = None,
    check: bool = False,
    told: Callable[[str, int, int], None] | None = None,
    holders: Holders | None = None,
) -> CascadeRun:
    """Run one cascade. `feedback=False`: the same orders trade, and the outside price is not moved by them.

    The same arguments give the same numbers, whatever `threads` and the order of the accounts; `seed` draws delays by
    the numbers of the accounts. `check` compares money and lots with their start after every step and raises
    `ArithmeticError` where they differ; it is always done at the end. `told(text, done, total)` hears of each step.
    `holders` pay in at every step before accounts are looked at; their money comes from outside and is counted there.
    Raises `DocumentError` where fleet, path, liquidity, venue and rates do not know the same assets.
    """
    world = World(fleet, path, liquidity, venue)
    return Steps(world, rates, seed, feedback, threads, check, told, holders).run()


class Steps:
    """A cascade that somebody else walks: `advance` is one step, and between steps accounts may trade and pay (`flow`).

    The arguments are those of `cascade`, which is `run` of this. `done` is the last step that has been walked.
    """

    def __init__(
        self,
        world: World,
        rates: CascadeRates,
        seed: int,
        feedback: bool,
        threads: int | None,
        check: bool,
        told: Callable[[str, int, int], None] | None,
        holders: Holders | None,
    ) -> None:
        self.world, self.rates, self.feedback = world, rates, feedback
        self.threads, self.check, self.told, self.holders = threads, check, told, holders
        start = world.catalogue.worth(world.outside[0], world.vol[0], 0.0)
        self.state = State.of(world.fleet, world.venue, start.price, world.settle)
        before = State.of(world.fleet, world.venue, start.price, world.settle)
        self.books = world.fresh_books()
        self.queue = orders.Queue(world, seed)
        self.money = self.state.money()
        self.out = CascadeRun.blank(world, self.state, before)
        self.held = np.bincount(world.owner, weights=self.state.lots != 0, minlength=world.fleet.accounts) > 0
        self.out.price[0] = self.out.mark[0] = world.outside[0]
        self.done = 0
        self._end(0)

    def run(self) -> CascadeRun:
        """All steps that are left, and the check that money and lots are what they were."""
        total = self.world.path.steps
        while self.done < total:
            if self.told is not None:
                self.told(f"step {self.done + 1}", self.done, total)
            self.advance()
        self.conserved()
        return self.out

    def advance(self) -> None:
        """The next step. Raises `ValueError` after the last one of the path."""
        if self.done >= self.world.path.steps:
            raise ValueError(f"step {self.done + 1}: the path has {self.world.path.steps}")
        self._step(self.done + 1)
        self.done += 1

    def conserved(self) -> None:
        """Raises `ArithmeticError` where money or lots are not what they were at the start."""
        self._conserved(self.done)

    def traded(self) -> None:
        """After accounts traded of their own will: who holds something is looked at again."""
        lots = self.state.lots != 0
        self.held = np.bincount(self.world.owner, weights=lots, minlength=self.world.fleet.accounts) > 0
        self.queue.due[~self.held] = -1

    def _step(self, step: int) -> None:
        world, out = self.world, self.out
        for book in self.books:
            book.recover(world.minutes)
        out.price[step] = self._prices(step)
        for k in range(len(self.books)):
            self._withdraw(step, k, world.minutes)
        self.queue.open_step(step)
        self.paid = losses.Paid()
        self.failed: list[I64] = []
        late = int(world.path.lag[step])
        asked: Asked | None = None
        again = True
        while again:
            mark = out.price[step] if late == 0 else out.price[max(0, step - late)]
            out.mark[step] = mark
            if asked is None:
                asked = out.last = self._asked(step)
                if self.holders is not None:
                    self._pay(self.holders, step, asked, mark)
            again = self._round(step, asked, mark)
            if out.rounds[step] >= world.venue.rounds and again:
                out.unsettled += 1
                break
        self._socialise(step)
        self._end(step)

    def _round(self, step: int, asked: Asked, mark: F64) -> bool:
        """One look at all accounts and what follows from it; whether anything traded."""
        world, state, out = self.world, self.state, self.out
        now = world.catalogue.worth(mark, world.vol[step], world.days(step))
        standing = world.stand(state, asked, step, mark, now, self.threads)
        out.under[step] = self.queue.look(standing, self.held, step, asked)
        rows = self.queue.ready(step)
        if not rows.size:
            return False
        parts = orders.parts_to_close(world, state, rows, standing, asked, now)
        acts = orders.worth_while(world, state, rows, parts, now, step)
        rows, parts = rows[acts], parts[acts]
        if not rows.size:
            return False
        out.rounds[step] += 1
        if self.holders is not None:
            size: F64 = np.abs(state.lots * now.size[world.fleet.indices]) / world.unit
            usd: F64 = np.bincount(world.owner, weights=size, minlength=world.fleet.accounts)[rows].astype(np.float64)
            self.holders.closing(self._seen(step, asked, standing), rows, usd)
        rate = world.rates(step, mark)
        bankrupt = standing.equity[rows] < 0
        adl = np.zeros(0, dtype=np.int64)
        if bankrupt.any() and "adl" in world.venue.order:
            purses = sum(int(state.parties[x][0]) for x in losses.before_adl(world))
            if -int(standing.equity[rows[bankrupt]].sum()) > purses:
                adl = rows[bankrupt]
                rows, parts = rows[~bankrupt], parts[~bankrupt]
        moved = 0
        if adl.size:
            before = int(np.abs(state.lots).sum())
            losses.deleverage(world, state, adl, standing.equity, now, asked, rate, self.paid)
            moved += before - int(np.abs(state.lots).sum())
            # those who were closed against them may hold nothing either
            self.held = np.bincount(world.owner, weights=state.lots != 0, minlength=world.fleet.accounts) > 0
            self._count(adl, step)
        if rows.size:
            found = orders.trade(world, state, self.books, rows, parts, out.price[step], step)
            out.forced[step] += found.usd
            moved += found.lots
            self._count(rows, step)
            gone = rows[losses.flat(world, state, rows)]
            losses.change_collateral(world, state, gone, world.rates(step, out.price[step]))
            losses.pots_pay(state, gone, self.paid, (*losses.before_adl(world), *losses.after_adl(world)))
            self.failed.append(gone)
            out.price[step] = self._prices(step)
            for k in range(len(self.books)):
                self._withdraw(step, k, None)
        if adl.size:
            self.failed.append(adl[losses.flat(world, state, adl)])
        return moved > 0

    def _pay(self, holders: Holders, step: int, asked: Asked, mark: F64) -> None:
        """What holders bring in at the marks."""
        world, state = self.world, self.state
        now = world.catalogue.worth(mark, world.vol[step], world.days(step))
        standing = world.stand(state, asked, step, mark, now, self.threads)
        units = holders.pays(self._seen(step, asked, standing))
        if units.shape != standing.equity.shape or units.dtype != np.int64 or (units < 0).any():
            raise refuse("holders", f"{units.dtype} of shape {units.shape}", "int64 from zero up, one for each account")
        state.cash[:, 0] += units
        state.parties["owners"][0] -= units.sum()

    def _seen(self, step: int, asked: Asked, standing: Standing) -> Seen:
        world = self.world
        more = np.asarray(asked.addon, dtype=np.float64) * world.unit
        base = np.ceil((standing.line - more) / max(asked.scalar, 1e-300)).astype(np.int64)
        seconds = step * world.path.step_seconds
        return Seen(step, seconds, standing.equity, standing.line, base, self.held, world.fleet.ids)

    def _count(self, rows: I64, step: int) -> None:
        """Those that were sent: they count, and whoever holds nothing any more waits for nothing."""
        self.out.times_closed[rows] += 1
        self.out.closed[step] += rows.size
        self.queue.sent += rows.size
        self.queue.due[rows] = -1
        self.held[rows] = ~losses.flat(self.world, self.state, rows)

    def _prices(self, step: int) -> F64:
        outside: F64 = self.world.outside[step]
        if not self.feedback:
            return outside.copy()
        return np.array([o * b.factor for o, b in zip(outside.tolist(), self.books, strict=True)])

    def _withdraw(self, step: int, k: int, minutes: float | None) -> None:
        world, out, book = self.world, self.out, self.books[k]
        back = max(1, round(book.makers.minutes / world.minutes))
        move = log(float(out.price[step, k]) / float(out.price[max(0, step - back), k]))
        book.withdraw(move, minutes, self._burnt(step))

    def _burnt(self, step: int) -> bool:
        """Whether makers have lost more on what they took than they allow."""
        allowed = self.world.venue.maker_allowance
        return allowed is not None and self._maker_gain(step) < -allowed

    def _maker_gain(self, step: int) -> float:
        world, state, price = self.world, self.state, self.out.price[step]
        if not state.maker_lots.any() and not state.parties["makers"].any():
            return 0.0
        now = world.catalogue.worth(price, world.vol[step], world.days(step))
        rate = world.rates(step, price)
        cash = float((state.parties["makers"] * rate).sum())
        return (cash + float((state.maker_lots * now.usd).sum())) / float(world.unit)

    def _asked(self, step: int) -> Asked:
        world, fleet = self.world, self.world.fleet
        asked = self.rates.asked(world.past(self.out.mark, self.state.lots, step))
        many = len(world.underlyings)
        shapes = {asked.ends.shape, asked.maintenance.shape, asked.initial.shape}
        if len(shapes) != 1 or asked.ends.ndim != 2 or asked.ends.shape[0] != many:
            raise refuse("rates", f"tables of shapes {sorted(shapes)}", f"[{many}, K] for all three")
        addon = np.asarray(asked.addon)
        if addon.ndim > 1 or (addon.ndim and addon.size != fleet.accounts) or not np.isfinite(addon).all():
            raise refuse("rates.addon", f"shape {addon.shape}", f"a finite number, or one for all {fleet.accounts}")
        if asked.columns is not None and world.venue.ranking == "least-risk":
            raise refuse("ranking", "least-risk", "profit-leverage or pro-rata where scenario columns set the margin")
        if not (np.isfinite(asked.scalar) and asked.scalar >= (1.0 if asked.grace > 0.0 else 0.0)):
            raise refuse("rates.scalar", asked.scalar, "a finite number, with a grace at least one")
        return asked

    def _socialise(self, step: int) -> None:
        world, out = self.world, self.out
        failed = np.unique(np.concatenate(self.failed)) if self.failed else np.zeros(0, dtype=np.int64)
        failed = failed[np.argsort(world.fleet.ids[failed])]
        if failed.size and "socialised" in world.venue.order and (self.state.cash[failed, 0] < 0).any():
            price = out.price[step]
            now = world.catalogue.worth(price, world.vol[step], world.days(step))
            none = np.zeros((len(self.books), 1))
            nothing = Asked(np.full((len(self.books), 1), np.inf), none, none)
            standing = world.stand(self.state, nothing, step, price, now, self.threads)
            rate = world.rates(step, price)
            losses.socialise(world, self.state, failed, standing.equity, now, rate, self.paid)
        unpaid = float(np.maximum(-self.state.cash[failed, 0], 0).sum()) / world.unit
        out.bad_debt[step] = out.bad_debt[step - 1] + unpaid
        out.deleveraged[step] = self.paid.deleveraged / world.unit
        out.adl[step], out.socialised[step] = self.paid.adl / world.unit, self.paid.socialised / world.unit
        out.fund_paid[step], out.short[step] = self.paid.insurance_fund / world.unit, self.paid.short / world.unit

    def _end(self, step: int) -> None:
        world, state, out = self.world, self.state, self.out
        out.fund[step] = state.parties["insurance_fund"][0] / world.unit
        out.capital[step] = state.parties["venue_capital"][0] / world.unit
        out.posted[step] = [b.posted for b in self.books]
        out.makers[step] = self._maker_gain(step)
        if self.check:
            self._conserved(step)

    def _conserved(self, step: int) -> None:
        money, net = self.state.money(), self.state.net()
        self.out.conserved = bool((money == self.money).all() and not net.any())
        if not self.out.conserved:
            raise ArithmeticError(f"step {step}: money went from {self.money} to {money}, lots add to {net}")
