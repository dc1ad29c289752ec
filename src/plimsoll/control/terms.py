"""The terms of a controlled venue: who trades there, what its operator counts, and what no rate may break.

Behaviour and prices of the operator are assumed, never calibrated: nobody has recorded how open interest answers a
margin rate. So the elasticity is varied in every report (`plimsoll controller evaluate --sensitivity`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import Document, Fraction, NonNegative, Part, Positive, fault
from plimsoll.rates.governor import GovernorRule

Term = Literal["capital", "calls", "volume", "bad_debt", "impact", "forced", "changes"]
TERMS: tuple[Term, ...] = ("capital", "calls", "volume", "bad_debt", "impact", "forced", "changes")
STABILITY: tuple[Term, ...] = ("impact", "forced", "changes")
"""Terms that together are market stability: the move of the price by forced orders, what was closed by force, and the
change of the rate itself."""

Level = Annotated[float, Field(strict=True, gt=0.5, lt=1)]
Bars = Annotated[int, Field(strict=True, ge=20, le=100_000)]
Many = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]


class Agents(Part):
    """Accounts of one linear contract. Each has a size of its own, `size` USD in the median, lognormal with `spread`.

    ```
    wish       size * exp(noise z) * (rate / reference)^-e * (half spread / calm half spread)^-touch
    e          elasticity * (0.5 + u), u uniform and fixed for an account
    long       with probability 0.5 + lean + follow * tanh(return of `trend_hours` / its usual size), else short
    posts      initial margin * (1 + an exponential of mean `cushion`) whenever it trades
    trades     `per_day` times a day; keeps its side with probability `keeps`
    half spread   `half_spread` / posted part of the calm depth
    ```
    """

    accounts: Many = 1000
    size: Positive = 30_000.0
    spread: NonNegative = 1.2
    noise: NonNegative = 0.5
    elasticity: NonNegative = 0.6
    touch: NonNegative = 0.2
    reference: Positive = 0.08
    lean: NonNegative = 0.1
    follow: NonNegative = 0.3
    trend_hours: Positive = 72.0
    keeps: Fraction = 0.8
    per_day: Positive = 0.6
    cushion: Positive = 1.0
    half_spread: Positive = 0.0001

    @model_validator(mode="after")
    def _probabilities(self) -> Self:
        if not 0.5 + self.lean + self.follow <= 1.0:
            raise fault("follow", self.follow, f"at most {0.5 - self.lean:g}: a probability ends at one")
        return self


class Prices(Part):
    """What the operator counts each term at; the reward is minus their sum, in basis points of a year's open interest
    when no rate was changed.

    ```
    capital   funding * sum of initial margins * time             USD at `funding` a year
    calls     call * USD called for
    volume    taker fee and half spread of what was not traded for the rate's sake
    bad_debt  bad_debt * USD that somebody else had to pay
    impact    impact * open interest * |log(price / outside price)|
    forced    forced * USD closed by force
    changes   change * open interest * |log(rate / rate before)|
    ```
    """

    funding: NonNegative = 0.08
    call: NonNegative = 0.002
    volume: NonNegative = 1.0
    bad_debt: NonNegative = 3.0
    impact: NonNegative = 0.02
    forced: NonNegative = 0.003
    change: NonNegative = 0.0002


class Bounds(Part):
    """What holds for every rate, whatever a policy says.

    ```
    asked      exp(step * action) times the last asked rate, action from -1 to 1
    coverage   filtered history's loss at `level` over `hours`, from the venue's marks
    in force   at least min(cap, max(floor, coverage)) at every step, at most cap
    falls      by `governor`: its speed limit, its notice, its grid
    ```

    `step` is for one step of the venue. The governor's own buffer, stress weight and emergency are off: what a rate is
    above its coverage is the policy's business. `window` bars of history, `least` before there is a rate, `decay` of
    the EWMA volatility, `scaled` the most by which a move is scaled.
    """

    step: Positive = 0.05
    floor: Fraction = 0.02
    level: Level = 0.99
    hours: Positive = 8.0
    window: Bars = 500
    least: Bars = 250
    decay: Fraction = 0.97
    scaled: Annotated[float, Field(strict=True, ge=1, le=100)] = 3.0
    governor: GovernorRule = GovernorRule(
        floor=True,
        buffer=0.0,
        stress_weight=0.0,
        up_per_day=None,
        down_per_day=0.1,
        notice_hours=24.0,
        least_change=0.02,
        step=0.001,
        cap=0.5,
        emergency=None,
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        g = self.governor
        if g.buffer or g.stress_weight or g.emergency is not None or g.up_per_day is not None or not g.floor:
            raise fault("governor", g.to_dict(), "floor on; buffer, stress_weight, up_per_day and emergency off")
        if g.down_per_day is None:
            raise fault("governor.down_per_day", None, "a limit: a learned rate falls through it only")
        if not self.floor < g.cap:
            raise fault("floor", self.floor, f"below the cap ({g.cap:g})")
        if self.least > self.window:
            raise fault("least", self.least, f"at most the {self.window} bars of window")
        return self


class ControlTerms(Document):
    """A controlled venue: its agents, prices of the operator's terms, bounds of the rates, and the venue itself.

    `step_hours` between looks, `steps` in an episode. `maintenance` is the part of the initial rate below which an
    account is closed. `fund` is the insurance fund at the start as a part of the open interest; `depth` what a
    step's forced orders find, as a part of BTC's recorded calm depth: a venue of this size has perhaps a tenth of it,
    and in the hours of a step a book refills many times. All of it is assumed.
    """

    SCHEMA: ClassVar[str] = "plimsoll.control-terms"

    agents: Agents = Agents()
    prices: Prices = Prices()
    bounds: Bounds = Bounds()
    step_hours: Positive = 4.0
    steps: Annotated[int, Field(strict=True, ge=2, le=100_000)] = 120
    maintenance: Annotated[float, Field(strict=True, gt=0, le=1)] = 0.5
    fund: Fraction = 0.01
    depth: Positive = 1.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.bounds.hours < self.step_hours:
            raise fault("bounds.hours", self.bounds.hours, f"at least one step of {self.step_hours:g} hours")
        return self
