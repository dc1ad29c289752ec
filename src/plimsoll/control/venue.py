"""A venue that runs step by step over the laboratory's cascade while its margin rate is set from outside.

One step: the rate that was posted is in force; prices move, whoever is called pays or does not, whoever is below the
line is closed by the cascade, with its order book, fund and deleveraging; then accounts trade of their own will at the
new price and post margin at the posted rate. Money and lots are whole numbers and constant in sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from plimsoll.control.agents import Answering, Crowd
from plimsoll.control.courses import YEAR_HOURS, Course
from plimsoll.control.coverage import Coverage
from plimsoll.control.projection import Posted, Projection
from plimsoll.control.terms import TERMS, ControlTerms, Term
from plimsoll.laboratory import flow
from plimsoll.laboratory.calm import default_liquidity, scaled
from plimsoll.laboratory.cascade import Steps
from plimsoll.laboratory.fleet import FleetArrays, usual_lot
from plimsoll.laboratory.instruments import Instrument
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import Asked, Past
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.laboratory.world import World
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

ASSET, PRICE, UNIT = "BTC", 50_000.0, 10**6
STATES = (
    "vol",
    "vol_regime",
    "depth",
    "utilisation",
    "crowding",
    "rate",
    "over_coverage",
    "pending",
    "breaches",
    "shortfalls",
    "calls",
    "trend",
)
"""What a policy sees, in this order (`Venue.state`)."""
MEMORY = 0.9
"""Of a step, in the memory of breaches, shortfalls and calls: half of it is gone after about a day."""


class PostedRate:
    """The cascade's rate policy: one rate, set before each step."""

    def __init__(self, maintenance: float) -> None:
        self.maintenance, self.rate = maintenance, 1.0

    def asked(self, past: Past) -> Asked:
        """The rate in force, without tiers."""
        return Asked(np.full((1, 1), np.inf), np.array([[self.rate * self.maintenance]]), np.array([[self.rate]]))


@dataclass(frozen=True, eq=False)
class Stepped:
    """What one step gave: `costs` USD by term (as in `TERMS`), already at the operator's prices, and plain amounts."""

    costs: F64
    margin: float
    open_interest: float
    traded: float
    lost: float
    called: float
    forced: float
    uncovered: float
    breach: bool


class Venue:
    """One episode: `post(action)`, then `step()`, `terms.steps` times.

    `scale` is the open interest at the reference rate, USD, in which rewards are counted: reward of a step is minus
    its costs over `scale`, in basis points a year of steps (so that an episode's mean is a cost a year).
    """

    def __init__(self, terms: ControlTerms, course: Course, seed: int, *, check: bool = False) -> None:
        if course.depth.size != terms.steps + 1:
            raise ValueError(f"the course has {course.depth.size - 1} steps, the terms {terms.steps}")
        self.terms, self.course = terms, course
        random = np.random.default_rng([seed, 2])
        self.crowd = Crowd(terms.agents, terms.step_hours, random)
        warm = PRICE * course.price[: course.warm + 1] / course.price[course.warm]
        self.coverage = Coverage(terms.bounds, terms.step_hours, warm, terms.steps)
        self.projection = Projection(terms.bounds, terms.step_hours, terms.steps + 1)
        self.scale = float(self.crowd.traits.size.sum())
        self.posted = self.projection.post(0.0, self.coverage.rate)
        self.rates = PostedRate(terms.maintenance)
        self.people = Answering(call=1.2, target=1.5, hours=terms.step_hours)
        self.steps = self._open(self.posted.in_force, check)
        self.memory = np.zeros(3)
        self.called = 0

    def _open(self, rate: float, check: bool) -> Steps:
        """The fleet at the first price, inside a cascade that has not moved."""
        terms, course, crowd = self.terms, self.course, self.crowd
        instrument = Instrument(ASSET, ASSET, usual_lot(PRICE) / 10.0)
        each = round(PRICE * instrument.lot * UNIT)
        notional = crowd.first(rate)
        lots = np.rint(notional * UNIT / each).astype(np.int64)
        own = np.ceil(np.abs(lots) * each * rate * (1.0 + crowd.traits.cushion)).astype(np.int64)
        a = terms.agents.accounts
        fleet = FleetArrays(
            (instrument,),
            {ASSET: PRICE},
            ("USD",),
            (6,),
            np.arange(a + 1, dtype=np.int64),
            np.zeros(a, dtype=np.int64),
            lots,
            (own - lots * each).reshape(-1, 1),
            lots * each,
            np.arange(a, dtype=np.int64),
        )
        rows = terms.steps + 1
        path = StressPath(
            course.name,
            terms.step_hours * 3600.0,
            (ASSET,),
            (course.price[course.warm :] / course.price[course.warm])[:, None],
            np.ones((rows, 1)),
            course.depth[:, None],
            np.zeros(rows, dtype=np.int64),
            np.ones(rows),
            (),
            np.zeros((rows, 0)),
        )
        calm = default_liquidity()
        # one venue's price does not stay apart from all others for the hours of a step
        makers = calm.makers.model_copy(update={"lasting": 0.0})
        book = Liquidity(underlyings={ASSET: scaled(calm.underlyings[ASSET], terms.depth)}, makers=makers)
        house = CascadeVenue(insurance_fund=terms.fund * self.scale)
        steps = Steps(World(fleet, path, book, house), self.rates, 0, True, 1, check, None, self.people)
        flow.check_plain(steps)
        return steps

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.steps.done >= self.terms.steps

    def post(self, action: float) -> Posted:
        """The rate of the next step: the policy's action through the projection."""
        self.posted = self.projection.post(action, self.coverage.rate)
        return self.posted

    def step(self) -> Stepped:
        """The next step under the posted rate."""
        steps, terms, rate = self.steps, self.terms, self.posted.in_force
        before = self.projection.posted[-2].in_force
        self.rates.rate = rate
        steps.advance()
        k, out = steps.done, steps.out
        price, last = float(out.price[k, 0]), float(out.price[k - 1, 0])
        self.coverage.add(price)
        traded, lost = self._trade(rate)
        interest, margin = self._standing(rate)
        forced = float(out.forced[k].sum())
        uncovered = float(out.fund_paid[k] + out.adl[k] + out.socialised[k] + out.bad_debt[k] - out.bad_debt[k - 1])
        called = (self.people.asked - self.called) / UNIT
        self.called = self.people.asked
        venue, p = steps.world.venue, terms.prices
        usd: dict[Term, float] = {
            "capital": p.funding * margin * terms.step_hours / YEAR_HOURS,
            "calls": p.call * called,
            "volume": p.volume * (venue.taker_fee + terms.agents.half_spread) * lost,
            "bad_debt": p.bad_debt * uncovered,
            "impact": p.impact * interest * abs(log(price / float(out.outside[k, 0]))),
            "forced": p.forced * forced,
            "changes": p.change * interest * abs(log(rate / before)),
        }
        move = abs(price / last - 1.0)
        seen = np.array([float(move > rate * terms.maintenance), uncovered / self.scale, called / self.scale])
        self.memory = MEMORY * self.memory + (1.0 - MEMORY) * seen
        costs = np.array([usd[name] for name in TERMS])
        return Stepped(costs, margin, interest, traded, lost, called, forced, uncovered, move > rate)

    @property
    def yearly(self) -> float:
        """Basis points of `scale` a year that a USD in each step is."""
        return 1e4 * YEAR_HOURS / self.terms.step_hours / self.scale

    def reward(self, stepped: Stepped) -> float:
        """Minus the costs of a step, basis points of `scale` a year."""
        return -float(stepped.costs.sum()) / self.scale * 1e4 * YEAR_HOURS / self.terms.step_hours

    def _trade(self, rate: float) -> tuple[float, float]:
        """Voluntary trades at the new price; USD traded and lost."""
        steps, r = self.steps, self.terms.agents
        k, out = steps.done, steps.out
        price = float(out.price[k, 0])
        thin = 1.0 / max(float(out.posted[k, 0]) * float(self.course.depth[k]), 1e-3)
        want = self.crowd.wishes(steps.state.lots, rate, self._trend(), thin)
        each = round(price * steps.world.catalogue.lot[0] * UNIT)
        target = np.rint(want.notional * UNIT / each).astype(np.int64)
        change = np.zeros(r.accounts, dtype=np.int64)
        change[want.rows] = target - steps.state.lots[want.rows]
        usd = flow.trade(steps, change, r.half_spread * thin)
        posts = np.ceil(np.abs(target) * each * rate * (1.0 + self.crowd.traits.cushion[want.rows])).astype(np.int64)
        units = np.zeros(r.accounts, dtype=np.int64)
        units[want.rows] = posts - flow.equity(steps)[want.rows]
        # what an account owes is written off by the cascade and not paid by its owner
        flow.pay(steps, units)
        return float(usd.sum()), want.lost

    def _trend(self) -> float:
        """The return of `trend_hours` over its usual size."""
        c = self.coverage
        many = max(1, round(self.terms.agents.trend_hours / self.terms.step_hours))
        return float(c.logs[c.count - 1] - c.logs[c.count - 1 - many]) / (c.slow * sqrt(many))

    def _standing(self, rate: float) -> tuple[float, float]:
        """Open interest of the accounts and their initial margin, USD."""
        world, state, k = self.steps.world, self.steps.state, self.steps.done
        size = float(self.steps.out.price[k, 0]) * float(world.catalogue.lot[0])
        interest = float(np.abs(state.lots).sum()) * size
        return interest, interest * rate

    def state(self) -> F64:
        """What a policy is told, `[len(STATES)]`, from the past alone; numbers of the order of one.

        ```
        vol            log(EWMA volatility a year / 0.6)
        vol_regime     log(EWMA volatility / root mean square of the window)
        depth          posted part of the calm depth, 1 when calm
        utilisation    sum of initial margins / equity of all accounts
        crowding       |long less short| / (long plus short), of what is held
        rate           log(rate in force / reference)
        over_coverage  log(rate in force / what the bounds need)
        pending        log(asked / in force): what waits for its notice
        breaches       10 times the memory of "the last move was beyond the maintenance rate"
        shortfalls     1000 times that of what others paid, over the reference open interest
        calls          100 times that of what was called for, over the same
        trend          tanh(return of `trend_hours` over its usual size)
        ```

        A memory is `MEMORY` times itself and the rest the step's number.
        """
        c, k, out = self.coverage, self.steps.done, self.steps.out
        p, state = self.posted, self.steps.state
        needed = min(self.terms.bounds.governor.cap, max(self.terms.bounds.floor, c.rate))
        gross = max(1, int(np.abs(state.lots).sum()))
        own = float(np.maximum(flow.equity(self.steps), 0).sum()) / UNIT
        _, margin = self._standing(p.in_force)
        year = (YEAR_HOURS / self.terms.step_hours) ** 0.5
        return np.array(
            [
                log(c.sigma * year / 0.6),
                log(c.sigma / c.slow),
                float(out.posted[k, 0]) * float(self.course.depth[k]),
                margin / max(own, 1.0),
                abs(int(state.lots.sum())) / gross,
                log(p.in_force / self.terms.agents.reference),
                log(p.in_force / needed),
                log(p.asked / p.in_force),
                10.0 * self.memory[0],
                1e3 * self.memory[1],
                1e2 * self.memory[2],
                float(np.tanh(self._trend())),
            ]
        )
