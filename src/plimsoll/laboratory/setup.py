"""How a venue closes accounts and pays for what they owe: the setup of a cascade."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, Name, NonNegative, Part, Positive, fault
from plimsoll.liquidation.waterfall.documents import Ranking

CascadeLayer = Literal["insurance_fund", "venue_capital", "adl", "socialised"]
CASCADE_LAYERS: tuple[CascadeLayer, ...] = get_args(CascadeLayer)
CloseRule = Literal["whole", "part"]
FeeTo = Literal["insurance_fund", "keepers"]

AtLeastOne = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=100)]
Band = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]
Rounds = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Decimals = Annotated[int, Field(strict=True, ge=0, le=9)]


class Keepers(Part):
    """Who sends the forced orders: the venue's own engine, or keepers on a chain. Assumed, never calibrated.

    ```
    capacity   orders a minute on a calm chain, `null` without limit; divided by gas^thins
    latency    median * gas^slows * (1 + congestion * waiting / capacity of a step) * exp(spread Z)   seconds
    acts       fee of the close >= gas_cost * gas + profit * notional closed, where the fee goes to keepers
    ```

    `gas` is a multiple of its calm price, `waiting` how many orders wait already (no congestion without a limit), and
    `Z` is drawn by the number of the account and how often it was queued. A delay shorter than a step is none.
    """

    capacity: Positive | None = None
    thins: NonNegative = 0.5
    latency: NonNegative = 0.0
    spread: NonNegative = 0.0
    slows: NonNegative = 0.5
    congestion: NonNegative = 0.0
    gas_cost: NonNegative = 0.0
    profit: NonNegative = 0.0


class CascadeVenue(Document):
    """A venue in a cascade; money in USD, rates as parts of notional.

    Amounts are counted in whole units of `10**-decimals` of `currency`, which is worth one USD unless the path has a
    peg for it. `liquidation_fee` on what is closed goes to `fee_to`, at most what the account has left; `taker_fee`
    goes to the venue and stays apart from its capital. A close takes the `whole` account, or the smallest `part` of
    every position after which equity less the costs is `target` times maintenance. `order` says who pays what accounts
    owe in the end, the first first; whatever is left is bad debt. `band`: no forced order trades further than this part
    from the outside price; what would have to waits. `rounds` bounds the repetitions within a step. `maker_allowance`:
    USD that makers may lose on what they took before only the least of their depth stays (`null`: any).

    `lots` are sizes of a lot in coins; where an asset has none it is the power of ten worth at most 10 USD at the
    first price. `haircuts` are what is left out of collateral in each currency.
    """

    SCHEMA: ClassVar[str] = "plimsoll.cascade-venue"

    name: Name = "house"
    currency: Asset = "USD"
    decimals: Decimals = 6
    insurance_fund: NonNegative = 0.0
    venue_capital: NonNegative = 0.0
    liquidation_fee: Fraction = 0.005
    fee_to: FeeTo = "insurance_fund"
    taker_fee: Fraction = 0.0005
    close: CloseRule = "whole"
    target: AtLeastOne = 1.25
    order: tuple[CascadeLayer, ...] = CASCADE_LAYERS
    ranking: Ranking = "profit-leverage"
    keepers: Keepers = Keepers()
    band: Band = 0.5
    rounds: Rounds = 50
    maker_allowance: Positive | None = None
    lots: dict[Asset, Positive] = {}
    haircuts: dict[Asset, Fraction] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.order)) != len(self.order):
            raise fault("order", list(self.order), "each layer at most once")
        if "socialised" in self.order[:-1]:
            # winners pay once a step, when everybody else has: another order would be read as this one
            raise fault("order", list(self.order), "'socialised' last")
        if self.keepers.gas_cost and self.fee_to != "keepers":
            raise fault("keepers.gas_cost", self.keepers.gas_cost, "zero, unless fee_to is 'keepers'")
        return self
