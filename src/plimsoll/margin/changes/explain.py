"""Why a requirement changed between two snapshots: an exact sum of effects, with what is left over shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plimsoll.documents import DocumentError, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.changes.between import PARTS, Between
from plimsoll.margin.changes.completed import Settle
from plimsoll.margin.changes.levels import NO_CHANGE, Change, Levels, levels
from plimsoll.margin.changes.told import changes_told, premium_note
from plimsoll.margin.model import MarginModel
from plimsoll.margin.requirement import Inputs
from plimsoll.margin.rules import Rules
from plimsoll.market import Market

Order = Literal["symmetric", "forward", "reverse"]

EFFECTS = (*PARTS[:5], "rules", *PARTS[5:])
"""The effects in the order in which they are shown; the forward order replaces them so, the rules last."""

FORWARD = (*PARTS, "rules")

TITLES = {
    "trades": "Trades",
    "spot": "Spot",
    "vol": "Volatility",
    "time": "Time",
    "collateral": "Collateral",
    "rules": "Rules",
    "other": "Other",
}


@dataclass(frozen=True)
class Effect:
    """What one part brought; `detail` says in words what happened to it."""

    name: str
    title: str
    change: Change
    detail: str


@dataclass(frozen=True)
class Documents:
    """What one end was computed from."""

    account: Account
    market: Market
    rules: Rules

    def inputs(self) -> Inputs:
        """The hashes, which take longer than the numbers."""
        return Inputs(account=self.account.hash(), market=self.market.hash(), rules=self.rules.hash())


@dataclass(frozen=True)
class Explanation:
    """`before + effects + residual = after`, measure by measure; amounts in `currency`.

    `residual` is what floating point leaves over. Where nothing was required on the way, health has no split: its
    changes are `None`. `order` is the one that was used, which differs from the one asked for where a state in
    between was refused; then a note says so.
    """

    account: str
    rules: str
    rules_after: str
    currency: str
    order: Order
    before: Levels
    after: Levels
    effects: tuple[Effect, ...]
    residual: Change
    notes: tuple[str, ...]
    ends: tuple[Documents, Documents]

    @property
    def total(self) -> Change:
        """The whole change."""
        return self.after.minus(self.before)

    def effect(self, name: str) -> Change:
        """The change brought by the part `name`. Raises `KeyError` for a name that is none of `EFFECTS`."""
        return {e.name: e.change for e in self.effects}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "rules_after": self.rules_after,
            "currency": self.currency,
            "order": self.order,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "change": self.total.to_dict(),
            "effects": [{"name": e.name, "change": e.change.to_dict(), "detail": e.detail} for e in self.effects],
            "residual": self.residual.to_dict(),
            "inputs": {
                "before": self.ends[0].inputs().model_dump(mode="json"),
                "after": self.ends[1].inputs().model_dump(mode="json"),
            },
            "notes": list(self.notes),
        }


def explain(
    model: MarginModel,
    account: Account,
    market: Market,
    account_after: Account,
    market_after: Market,
    *,
    model_after: MarginModel | None = None,
    order: Order = "symmetric",
    settle: Settle = "given",
    same_exposure: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Explanation:
    """Split the change of margin, equity and health into trades, spot, vol, time, collateral, rules and the rest.

    The parts (see `Between`) are replaced one after the other, and after each the whole requirement is computed
    again: the differences add up by themselves. `forward` goes trades, spot, vol, time, collateral, other, rules;
    `reverse` the other way round; `symmetric`, the default, is the mean of both, so that a part that acts together
    with another (a trade and the move that came with it) is not favoured for its place in the order. If a state on
    one of the two ways is refused, the other alone is taken and a note says so.

    `settle="index"` settles what expired without a delivery price at the later index. `same_exposure` holds
    coin-settled contracts as linear ones of the same exposure, in each state at its own prices.

    Raises `DocumentError` where either end, or every way between them, is refused, where time runs backwards, and
    where the two requirements stand in different currencies.
    """
    if order not in ("symmetric", "forward", "reverse"):
        raise refuse("order", order, "'symmetric', 'forward' or 'reverse'")
    models = (model, model if model_after is None else model_after)
    path = _Path(models, Between(account, market, account_after, market_after, settle), same_exposure, progress)
    before = _end(models[0], account, market, same_exposure, "before")
    after = _end(models[1], account_after, market_after, same_exposure, "after")
    after.minus(before)
    wanted = {"forward": (FORWARD,), "reverse": (FORWARD[::-1],)}.get(order, (FORWARD, FORWARD[::-1]))
    splits, refused = [], []
    for names in wanted:
        try:
            splits.append(path.split(names))
        except DocumentError as error:
            refused.append((names, error))
    if not splits:
        raise refused[0][1]
    used = order
    notes = list(path.between.notes)
    if refused:
        used = "forward" if refused[0][0] is not FORWARD else "reverse"
        notes.append(f"only the {used} order of replacement: on the other way {refused[0][1]}")
    mean = {name: _mean([split[name] for split in splits]) for name in FORWARD}
    words = changes_told(path.between, models[0].rules, models[1].rules)
    if mean["other"].is_zero():
        # what these rules do not look at is not worth a word
        words["other"] = ""
    premium = premium_note(path.between)
    notes += [premium] if premium else []
    effects = tuple(Effect(n, TITLES[n], mean[n], words[n]) for n in EFFECTS)
    return Explanation(
        account=account_after.name or account.name,
        rules=models[0].rules.label,
        rules_after=models[1].rules.label,
        currency=before.currency,
        order=used,
        before=before,
        after=after,
        effects=effects,
        residual=_residual(after.minus(before), [e.change for e in effects]),
        notes=tuple(notes),
        ends=(
            Documents(account, market, models[0].rules),
            Documents(account_after, market_after, models[1].rules),
        ),
    )


def _end(model: MarginModel, account: Account, market: Market, same_exposure: bool, which: str) -> Levels:
    try:
        return _levels(model, account, market, same_exposure)
    except DocumentError as error:
        raise error.within(f"the account {which}") from None


def _levels(model: MarginModel, account: Account, market: Market, same_exposure: bool) -> Levels:
    if same_exposure:
        from plimsoll.margin.translate import same_exposure as translate

        account, market = translate(account, market)
    return levels(model, account, market)


class _Path:
    """The states between, each computed once."""

    def __init__(
        self,
        models: tuple[MarginModel, MarginModel],
        between: Between,
        same_exposure: bool,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.models, self.between, self.same_exposure = models, between, same_exposure
        self.same_rules = (
            type(models[0]) is type(models[1])
            and models[0].rules.parameters == models[1].rules.parameters
            and models[0].rules.currency == models[1].rules.currency
        )
        self.tell = progress or (lambda _: None)
        self.known: dict[frozenset[str], Levels] = {}

    def split(self, names: Sequence[str]) -> dict[str, Change]:
        """The change brought by each of `names`, replaced in that order."""
        done: set[str] = set()
        state = self.between.at(done)
        here = self._at(frozenset(done), state)
        changes = {}
        for name in names:
            done.add(name)
            moved = self.between.at(done)
            still = self.same_rules if name == "rules" else moved == state
            there = here if still else self._at(frozenset(done), moved)
            changes[name] = NO_CHANGE if still else there.minus(here)
            state, here = moved, there
        return changes

    def _at(self, done: frozenset[str], state: tuple[Account, Market]) -> Levels:
        if done not in self.known:
            replaced = ", ".join(n for n in FORWARD if n in done) or "nothing"
            self.tell(f"with {replaced} replaced")
            try:
                self.known[done] = _levels(self.models["rules" in done], *state, self.same_exposure)
            except DocumentError as error:
                raise error.within(f"with {replaced} of the later snapshot") from None
        return self.known[done]


def _mean(changes: list[Change]) -> Change:
    size = len(changes)
    healths = [c.health for c in changes]
    known = [h for h in healths if h is not None]
    return Change(
        sum(c.initial for c in changes) / size,
        sum(c.maintenance for c in changes) / size,
        sum(c.net_equity for c in changes) / size,
        sum(known) / size if len(known) == size else None,
    )


def _residual(total: Change, parts: list[Change]) -> Change:
    known = [c.health for c in parts if c.health is not None]
    split = total.health is not None and len(known) == len(parts)
    return Change(
        total.initial - sum(c.initial for c in parts),
        total.maintenance - sum(c.maintenance for c in parts),
        total.net_equity - sum(c.net_equity for c in parts),
        total.health - sum(known) if split and total.health is not None else None,
    )
