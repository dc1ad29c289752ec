"""What a risk model is: a document of scenarios, a measure and the shape of the charge, by name or from a file."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from plimsoll.documents import (
    Count,
    Document,
    Flag,
    Fraction,
    Name,
    NonNegative,
    Number,
    Part,
    Positive,
    fault,
    refuse,
)
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.simulated import Jumps

Level = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0.5, lt=1.0)]
Decay = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0.0, lt=1.0)]
Measure = Literal["var", "es"]
Scale = Literal["factor", "joint"]
Windows = Literal["overlapping", "disjoint", "root"]
Variance = Literal["ewma", "garch", "gjr"]
Moves = Literal["log", "relative", "absolute"]


class HistoricalScenarios(Part):
    """Plain historical simulation; `age` below 1 weighs by age."""

    kind: Literal["historical"] = "historical"
    windows: Windows = "overlapping"
    moves: Moves = "log"
    age: Annotated[float, Field(strict=True, gt=0.0, le=1.0)] = 1.0


class FilteredScenarios(Part):
    """Filtered historical simulation.

    `variance`: exponential weights of `decay`, or GARCH or GJR fitted to the whole history (extra `history`; where a
    fit fails, exponential weights with a note). `paths` above zero draws so many paths of residuals, with exponential
    weights along them, instead of repeating the windows of the history.
    """

    kind: Literal["filtered"] = "filtered"
    variance: Variance = "ewma"
    decay: Decay = 0.97
    cap: tuple[Positive, Positive] = (0.25, 4.0)
    damping: Literal["none", "middle"] = "none"
    scaling: Scale = "factor"
    windows: Windows = "overlapping"
    moves: Moves = "log"
    age: Annotated[float, Field(strict=True, gt=0.0, le=1.0)] = 1.0
    paths: Count = 0
    seed: Count = 1


class SimulatedScenarios(Part):
    """Monte Carlo. `marginal_dof` and the correlation are fitted to the filtered history where not given.

    Ranks are held within `trim` and `1 - trim`: the exponential of a Student-t has no mean, and a short position no
    shortfall, without a bound on its move. `variance` as for filtered scenarios.
    """

    kind: Literal["simulated"] = "simulated"
    variance: Variance = "ewma"
    size: Annotated[int, Field(strict=True, ge=100, le=5_000_000)] = 20_000
    seed: Count = 1
    decay: Decay = 0.97
    copula: Literal["normal", "t", "skewed_t"] = "t"
    dof: Positive = 5.0
    skew: Number = 0.0
    marginal: Literal["normal", "t", "empirical"] = "t"
    marginal_dof: Positive | None = None
    jumps: Jumps | None = None
    draws: Literal["plain", "antithetic", "sobol"] = "sobol"
    trim: Annotated[float, Field(strict=True, gt=0.0, le=0.001)] = 1e-5


ScenarioSource = Annotated[HistoricalScenarios | FilteredScenarios | SimulatedScenarios, Field(discriminator="kind")]


class StressMove(Part):
    """A hypothetical day: log moves of prices by underlying (`*` for all others), of volatility by `iv`."""

    label: Name
    prices: dict[str, Number]
    iv: Number = 0.0


class SizeCharges(Part):
    """What closing costs: half a spread on each position's delta in USD, and a rate on the net delta beyond a limit.

    `half_spread` and `concentration` are fractions; `limit_usd` by underlying, `*` for the others, is the size that a
    market takes without moving (a part of the daily volume).
    """

    half_spread: NonNegative = 0.0005
    limit_usd: dict[str, Positive] = Field(default_factory=lambda: {"*": 5e7})
    concentration: NonNegative = 0.02

    def limit(self, underlying: str) -> float:
        """The limit of an underlying."""
        found = self.limit_usd.get(underlying, self.limit_usd.get("*"))
        if found is None:
            raise refuse(f"charge.size.limit_usd.{underlying}", None, "a limit for it, or one named '*'")
        return found


class PlainCharge(Part):
    """The measure itself. With `tail` a generalised Pareto law is fitted to that part of the losses."""

    kind: Literal["plain"] = "plain"
    measure: Measure = "var"
    tail: Annotated[float, Field(strict=True, gt=0.0, lt=0.5)] | None = None


class StressBlend(Part):
    """`max(weight * now + (1 - weight) * stress, floor)`.

    `stress` is the measure over the unscaled returns of the `stress_rows` rows of highest volatility; `floor`, if on,
    that over the whole unscaled history.
    """

    kind: Literal["stress_blend"] = "stress_blend"
    measure: Measure = "var"
    weight: Fraction = 0.75
    stress_rows: Annotated[int, Field(strict=True, ge=20)] = 250
    floor: Flag = True


class Span2Charge(Part):
    """The shape of SPAN 2: `x * historical + (1 - x) * stress + liquidity + concentration`.

    The stress leg is the larger of the measure over the stress rows, unscaled, and the worst of `moves`.
    """

    kind: Literal["span2"] = "span2"
    measure: Measure = "var"
    weight: Fraction = 0.75
    stress_rows: Annotated[int, Field(strict=True, ge=20)] = 250
    moves: tuple[StressMove, ...] = ()
    size: SizeCharges = SizeCharges()


class PrismaCharge(Part):
    """The shape of PRISMA: the mean VaR of `samples` interleaved sub-samples, with a correlation break, and a floor.

    The break is `break_factor` times the standard deviation of VaR over consecutive windows of `break_rows`
    scenarios, at most `break_cap` of the VaR; `compression` is a share of the VaR on top. The larger of that and
    `stress_weight` times the same over the stress rows is charged.
    """

    kind: Literal["prisma"] = "prisma"
    samples: Annotated[int, Field(strict=True, ge=1, le=20)] = 3
    break_rows: Annotated[int, Field(strict=True, ge=50)] = 250
    break_factor: NonNegative = 1.0
    break_cap: Fraction = 0.3
    compression: Fraction = 0.0
    stress_rows: Annotated[int, Field(strict=True, ge=20)] = 250
    stress_weight: Fraction = 0.9


class StansCharge(Part):
    """The shape of STANS: `ES + quarter * max(0, max(dependence, concentration) - ES)`, simulated scenarios only.

    Dependence: the larger ES with underlyings independent, and with all in step (each volatility with or against its
    price as in the history). Concentration: the largest ES with only two underlyings moving.
    """

    kind: Literal["stans"] = "stans"
    quarter: Fraction = 0.25


class BufferCharge(Part):
    """The shape of IRM 2: filtered VaR, a floor on volatility, a cap on diversification, a buffer that is used up.

    Volatility now is at least the `floor_quantile` of its own past. VaR is at least `1 - diversification_cap` times
    the sum of those of each underlying alone. Each factor's moves are made larger by `buffer`, which falls linearly to
    nothing as its volatility goes from `calm` to `stressed` times its median.
    """

    kind: Literal["buffer"] = "buffer"
    floor_quantile: Fraction = 0.25
    diversification_cap: Fraction = 0.8
    buffer: Fraction = 0.25
    calm: Positive = 1.0
    stressed: Positive = 2.5

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.stressed <= self.calm:
            raise fault("stressed", self.stressed, f"more than calm ({self.calm:g})")
        return self


Charge = Annotated[
    PlainCharge | StressBlend | Span2Charge | PrismaCharge | StansCharge | BufferCharge, Field(discriminator="kind")
]


class RiskModel(Document):
    """A complete risk model: level, horizon, where scenarios come from, what is charged.

    `look_back` limits the history to its last rows (0: all). With `theta` the horizon passes in every scenario.
    `iv` says how volatility moves where no history of it is given.
    """

    SCHEMA: ClassVar[str] = "plimsoll.risk-model"

    name: Name
    title: str = ""
    level: Level = 0.99
    horizon_days: Positive = 1.0
    look_back: Count = 0
    scenarios: ScenarioSource = HistoricalScenarios()
    charge: Charge = PlainCharge()
    iv: IvLaw = IvLaw()
    theta: Flag = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kind, charge = self.scenarios.kind, self.charge.kind
        if charge == "stans" and kind != "simulated":
            raise fault("scenarios.kind", kind, "'simulated' for a charge of the kind 'stans'")
        if charge == "buffer" and (kind != "filtered" or self.scenarios.paths):  # type: ignore[union-attr]
            raise fault("scenarios.kind", kind, "'filtered' without paths for a charge of the kind 'buffer'")
        if charge == "prisma" and kind == "simulated":
            raise fault("scenarios.kind", kind, "'historical' or 'filtered' for a charge of the kind 'prisma'")
        variance = getattr(self.scenarios, "variance", "ewma")
        if getattr(self.scenarios, "paths", 0) and variance != "ewma":
            raise fault("scenarios.variance", variance, "'ewma' for paths, whose volatility is carried by it")
        weighted = getattr(self.scenarios, "age", 1.0) != 1.0
        if weighted and charge == "prisma":
            raise fault("scenarios.age", getattr(self.scenarios, "age", 1.0), "1 where sub-samples are averaged")
        if weighted and getattr(self.charge, "tail", None) is not None:
            raise fault("scenarios.age", getattr(self.scenarios, "age", 1.0), "1 where a tail is fitted")
        return self


MODELS = ("hs", "whs", "fhs", "mc", "pot", "blend", "span2", "prisma", "stans", "irm2")
"""The models that come with the package, by name; each is a file of `plimsoll/risk/data`."""


def risk_model(name: str) -> RiskModel:
    """A model by its name, or from a JSON file (a name that ends in `.json`)."""
    if name.endswith(".json"):
        return RiskModel.load(name)
    if name not in MODELS:
        raise refuse("model", name, f"one of {', '.join(MODELS)}, or a file that ends in .json")
    text = files("plimsoll.risk").joinpath("data", f"{name}.json").read_bytes()
    return RiskModel.from_json(text, f"{name}.json")
