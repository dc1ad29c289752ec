"""What goes over the wire beside the documents: questions, answers and pages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from plimsoll.documents import Asset, Flag, Instant, JsonObject, Name, NonNegative, Number, Part, Positive
from plimsoll.serve.wire_proofs import ProveMarginIn, ProveSolvencyIn, VerifyMarginIn, VerifySolvencyIn
from plimsoll.serve.wire_words import AccountObject, MarketObject, Rules, Text, Units, Whole

Status = Literal["healthy", "reduce only", "called", "refused"]


class Fault(Part):
    """One thing that is wrong: the path of the field, what was got, what is allowed."""

    path: str
    got: str
    allowed: str


class ProblemDetails(Part):
    """A refusal (RFC 9457, `application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    problems: tuple[Fault, ...] = ()


class Health(Part):
    """Whether the service answers; nothing of any tenant."""

    status: Literal["ok", "failed"]
    version: str


class Amounts(Part):
    """Margins in the rules' currency, unrounded."""

    initial: float | None
    maintenance: float | None
    equity: float | None
    excess: float | None


class Standing(Part):
    """An account as it stands: amounts in the smallest unit of `currency`; `health` is equity over maintenance."""

    account: str
    status: Status
    initial: Units | None
    maintenance: Units | None
    equity: Units | None
    health: float | None
    reason: str = ""


class AccountPage(Part):
    """Accounts; `event` is the number of events that the books have seen, `next` the cursor of the next page."""

    event: Whole
    currency: str
    decimals: int
    accounts: tuple[Standing, ...]
    next: str | None


class PositionRow(Part):
    """A position: contracts, the price at which one is marked, as it is quoted, unrealised profit of futures."""

    instrument: str
    quantity: float
    mark: float | None
    unrealised: float


class PositionPage(Part):
    """Positions and balances of an account."""

    event: Whole
    account: str
    collateral: dict[str, float]
    positions: tuple[PositionRow, ...]
    next: str | None


class FillEvent(Part):
    """`account` bought `quantity` contracts (sold, if negative) at `price`, as the instrument is quoted."""

    kind: Literal["fill"]
    source: Name
    number: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    time: Instant
    account: Text
    instrument: Text
    quantity: Number
    price: Number
    fee: Number = 0.0


class TransferEvent(Part):
    """`amount` of `asset` came in (went out, if negative)."""

    kind: Literal["transfer"]
    source: Name
    number: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    time: Instant
    account: Text
    asset: Asset
    amount: Number


PriceMap = Annotated[dict[Text, Number], Field(max_length=10_000)]


class PricesEvent(Part):
    """What a source says of one instant: indices and forwards (USD), volatilities (decimals), marks (USD)."""

    kind: Literal["prices"]
    source: Name
    number: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    time: Instant
    indices: PriceMap = {}
    forwards: PriceMap = {}
    vols: PriceMap = {}
    marks: PriceMap = {}
    assets: PriceMap = {}


class ClockEvent(Part):
    """The valuation goes to `time`."""

    kind: Literal["clock"]
    source: Name
    number: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    time: Instant


class SettlementEvent(Part):
    """An expiry settles at `price` (USD)."""

    kind: Literal["settlement"]
    source: Name
    number: Annotated[int, Field(strict=True, ge=1, le=2**62)]
    time: Instant
    underlying: Text
    expiry: Instant
    price: Number


AnyEvent = Annotated[
    FillEvent | TransferEvent | PricesEvent | ClockEvent | SettlementEvent, Field(discriminator="kind")
]


class EventsIn(Part):
    """Events in the order in which they are applied."""

    events: Annotated[tuple[AnyEvent, ...], Field(min_length=1, max_length=1_000)]


class Change(Part):
    """An account went from one status to another; amounts in the smallest unit of `currency`."""

    account: str
    before: Status
    after: Status
    initial: Units | None
    maintenance: Units | None
    equity: Units | None
    currency: str
    reason: str = ""


class Apart(Part):
    """A message, or a part of one, that the gate set apart, with its reason."""

    fault: str
    source: str
    number: int
    key: str
    got: str
    allowed: str


class EventOutcome(Part):
    """What an event came to."""

    number: Whole
    applied: Whole
    touched: Whole
    margined: Whole
    skipped: Whole
    decisions: tuple[Change, ...]
    set_apart: tuple[Apart, ...]
    problems: tuple[Fault, ...]


class EventsOut(Part):
    """Outcomes, one for each event, once all of them are durable."""

    outcomes: tuple[EventOutcome, ...]
    durable: Flag


class LegIn(Part):
    """`quantity` contracts (negative sells) at `price` as it is quoted; at the mark, if left out."""

    instrument: Text
    quantity: Number
    price: NonNegative | None = None


class OrderIn(Part):
    """Legs that are filled together or not at all; each instrument once."""

    account: Text
    legs: Annotated[tuple[LegIn, ...], Field(min_length=1, max_length=50)]


class WhatIf(Part):
    """A verdict on an order, seen at `event`. Nothing is filled."""

    event: Whole
    allowed: Flag
    reasons: tuple[str, ...]
    before: Amounts
    after: Amounts
    binding: str


class CandidatesIn(Part):
    """Orders of one leg each, as columns of one length; one account and one instrument stand for all."""

    account: Text | Annotated[tuple[Text, ...], Field(max_length=100_000)]
    instrument: Text | Annotated[tuple[Text, ...], Field(max_length=100_000)]
    quantity: Annotated[tuple[Number, ...], Field(min_length=1, max_length=100_000)]
    price: Annotated[tuple[NonNegative | None, ...], Field(max_length=100_000)] | None = None


class CandidatesOut(Part):
    """Verdicts in the order of the candidates; each row of `before` and `after` is initial, maintenance and equity.

    `first` and `last` are the numbers of the events between which they were judged; `broken` are numbers into
    `reasons`.
    """

    first: Whole
    last: Whole
    allowed: tuple[Flag, ...]
    before: tuple[tuple[float | None, ...], ...]
    after: tuple[tuple[float | None, ...], ...]
    reasons: tuple[str, ...]
    broken: tuple[tuple[Whole, ...], ...]
    binding: tuple[str, ...]


class Analysis(Part):
    """A result computed from an account and the market as they stood at `event`."""

    event: Whole
    account: str
    as_of: Instant
    result: JsonObject


class RequirementIn(Part):
    """An account and a market under a shipped rule set."""

    account: AccountObject
    market: MarketObject
    rules: Rules
    on_failure: Literal["refuse", "conservative"] = "refuse"


class RuleRow(Part):
    """A dated rule pack."""

    rules: str
    title: str
    model: str
    currency: str
    effective: str
    until: str | None
    hash: str


class RulePage(Part):
    """Rule packs."""

    rules: tuple[RuleRow, ...]
    next: str | None


class InstrumentRow(Part):
    """A contract that the market lists."""

    instrument: str
    kind: str
    underlying: str
    mark: float | None


class InstrumentPage(Part):
    """Contracts that the market lists."""

    event: Whole
    instruments: tuple[InstrumentRow, ...]
    next: str | None


JobKind = Literal[
    "hedge", "place", "capital", "stress", "density", "cascade", "verify",
    "prove-margin", "prove-solvency", "verify-margin", "verify-solvency",
]  # fmt: skip
JobState = Literal["waiting", "running", "done", "failed", "cancelled", "timed out"]


class HedgeIn(Part):
    """The trades that lower margin most for what they cost; `worth` of a unit of margin in units of cost."""

    kind: Literal["hedge"]
    account: Text
    worth: NonNegative = 0.01
    candidates: Annotated[tuple[Text, ...], Field(max_length=2_000)] = ()
    delta_band: NonNegative | None = 0.0
    vega_band: NonNegative | None = None
    budget: NonNegative | None = None
    most: Annotated[int, Field(strict=True, ge=1, le=200)] | None = None
    seconds: Annotated[float, Field(gt=0.0, le=3_600.0)] | None = None


class PlaceIn(Part):
    """The same positions where they need least margin: accounts, each with the rule sets that it could be under."""

    kind: Literal["place"]
    accounts: Annotated[
        dict[Text, Annotated[tuple[Rules, ...], Field(min_length=1, max_length=8)]], Field(min_length=1, max_length=20)
    ]
    worth: NonNegative = 0.01
    seconds: Annotated[float, Field(gt=0.0, le=3_600.0)] | None = None


class CapitalIn(Part):
    """What has to lie in an account beside its margin until a transfer of `hours` can reach it."""

    kind: Literal["capital"]
    accounts: Annotated[tuple[Text, ...], Field(min_length=1, max_length=20)]
    breach: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01
    hours: Annotated[float, Field(gt=0.0, le=720.0)] = 4.0
    paths: Annotated[int, Field(strict=True, ge=100, le=20_000)] = 2_000
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31)] = 1


class StressIn(Part):
    """Profit, equity and requirement of an account after each scenario, worst first."""

    kind: Literal["stress"]
    account: Text
    generate: Annotated[int, Field(strict=True, ge=1, le=20_000)] | None = None
    seed: Annotated[int, Field(strict=True, ge=0, le=2**31)] = 7
    exact: Annotated[int, Field(strict=True, ge=0, le=200)] = 10


AnyJob = Annotated[
    HedgeIn | PlaceIn | CapitalIn | StressIn | ProveMarginIn | ProveSolvencyIn | VerifyMarginIn | VerifySolvencyIn,
    Field(discriminator="kind"),
]


class JobIn(Part):
    """What is to be computed by a process of its own."""

    job: AnyJob


class Progress(Part):
    """`done` of `total` steps are behind; a total of zero is not known."""

    text: str
    done: Whole
    total: Whole


class JobOut(Part):
    """A job; `result` once it is done, `problem` where it failed. A cancelled one has ended: its process is gone."""

    id: str
    kind: JobKind
    state: JobState
    event: Whole
    created: Instant
    ended: Instant | None
    progress: Progress
    result: JsonObject | None
    problem: ProblemDetails | None


class JobPage(Part):
    """Jobs, newest first, without their results."""

    jobs: tuple[JobOut, ...]
    next: str | None


class RecordRow(Part):
    """A record of the ledger."""

    seq: Whole
    kind: str
    stream: str
    position: Whole
    time: str
    hash: str
    previous: str
    content: JsonObject
    attached: dict[str, str]


class RecordPage(Part):
    """Records of the ledger in their order, and its head."""

    head: str
    last: Whole
    records: tuple[RecordRow, ...]
    next: str | None


class Recorded(Part):
    """A margin that was computed, certified where its rules allow, and recorded durably."""

    seq: Whole
    hash: str
    account: str
    charged: JsonObject
    certified: Flag
    uncertified: str | None


class VerifyIn(Part):
    """`anew`: compute every array and charge from its inputs too; `head`: a published hash the chain must come to."""

    anew: Flag = True
    head: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class LedgerFault(Part):
    """One thing that is not as it was written."""

    table: str
    record: str
    field: str
    got: str
    expected: str


class Verification(Part):
    """What reading everything once more came to."""

    good: Flag
    records: Whole
    documents: Whole
    head: str
    margins: Whole
    certificates: Whole
    arrays: Whole
    identical: Whole
    faults: tuple[LedgerFault, ...]


class Whoami(Part):
    """The token that asks."""

    token: str
    name: str
    tenant: str
    scope: Literal["read", "trade-check", "operate", "admin"]
    expires: Instant
    rate: Positive


class TokenIn(Part):
    """A token of the same tenant."""

    name: Name
    scope: Literal["read", "trade-check", "operate", "admin"]
    days: Annotated[float, Field(gt=0.0, le=3_650.0)] = 90.0
    rate: Annotated[float, Field(gt=0.0, le=100_000.0)] = 100.0


class TokenRow(Part):
    """A token without its secret."""

    id: str
    name: str
    scope: str
    created: Instant
    expires: Instant
    revoked: Instant | None
    rate: float


class TokenOut(Part):
    """A new token. `secret` is shown this once."""

    token: TokenRow
    secret: str


class TokenPage(Part):
    """The tokens of the tenant."""

    tokens: tuple[TokenRow, ...]
    next: str | None


class Called(Part):
    """Who is below a line, the worst first."""

    account: str
    status: Status
    health: float | None


class FleetFrame(Part):
    """Accounts by status, and those that are worst."""

    event: Whole
    statuses: dict[str, Whole]
    worst: tuple[Called, ...]
