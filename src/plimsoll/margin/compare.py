"""The same account under several rule sets, side by side."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from plimsoll.documents import DocumentError, Failure, Problem, format_instant
from plimsoll.margin.account import MODES, Account, Mode
from plimsoll.margin.catalogue import margin_model
from plimsoll.margin.model import MarginModel
from plimsoll.margin.modes import in_mode, pooled
from plimsoll.margin.requirement import Requirement
from plimsoll.margin.rules import Rules, in_force, shipped_packs
from plimsoll.market import AssetPrice, Market

STANDALONE_LIMIT = 1_000
"""Most positions for which each is also margined alone: the work grows with their number times the model's."""


@dataclass(frozen=True)
class Row:
    """One rule set's answer in one margin mode; without one `requirement` is `None` and `refusal` says why.

    `several` tells that the rules have other modes too, and `same` are those of them in which every amount is the same:
    they have no row of their own. `translated`: the contracts were replaced by others of the same
    exposure first. `standalone` are the initial margins by component when every position, and the collateral, is
    margined alone: their sum less the requirement's is what netting saves. Empty when it was not computed. `dollars` is
    the USD price of `currency`, for rows to be set side by side.
    """

    pack: Rules
    requirement: Requirement | None
    refusal: str = ""
    mode: Mode = "portfolio"
    several: bool = False
    same: tuple[Mode, ...] = ()
    translated: bool = False
    standalone: dict[str, float] | None = None
    notes: tuple[str, ...] = ()
    dollars: float = 1.0

    @property
    def rules(self) -> str:
        """The label of the rule set, `name@effective`."""
        return self.pack.label

    @property
    def label(self) -> str:
        """What tells the row from the others: the rule set, and the mode or modes where the rules have several."""
        return f"{self.rules} {', '.join((self.mode, *self.same))}" if self.several else self.rules

    @property
    def cost(self) -> float | None:
        """Initial margin in USD; `None` without one."""
        return None if self.requirement is None else self.requirement.initial * self.dollars

    @property
    def currency(self) -> str:
        """The currency in which every amount of the row stands."""
        return self.pack.currency if self.requirement is None else self.requirement.currency

    @property
    def health(self) -> float | None:
        """Net equity over maintenance margin, of the weakest pool where the account has several."""
        if self.requirement is None:
            return None
        pools = [p.health for p in self.requirement.pools if p.health is not None]
        return min(pools) if pools else self.requirement.health

    @property
    def above(self) -> bool:
        """Whether there is a requirement that leaves the account, and each of its pools, on or above its line."""
        r = self.requirement
        return r is not None and r.excess_maintenance >= 0 and all(p.equity >= p.maintenance for p in r.pools)

    @property
    def standalone_initial(self) -> float | None:
        """Sum of the initial margins of the positions and the collateral, each alone."""
        return None if self.standalone is None else sum(self.standalone.values())

    @property
    def netting(self) -> float | None:
        """The part of the standalone initial margin that netting saves (0.3 = 30 %); `None` without one."""
        total = self.standalone_initial
        if self.requirement is None or total is None or total <= 0:
            return None
        return 1.0 - self.requirement.initial / total

    @property
    def evidence(self) -> dict[str, float]:
        """Initial margin by how well its rule is known, best first, without what is zero."""
        found = {"reproduced": 0.0, "read": 0.0, "assumed": 0.0}
        for component in () if self.requirement is None else self.requirement.components:
            found[component.evidence] += component.initial
        return {k: v for k, v in found.items() if v != 0.0}

    @property
    def binding(self) -> str:
        """What set the requirement, underlying by underlying, in words; the largest three of many."""
        if self.requirement is None:
            return ""
        found = self.requirement.binding
        kept = sorted(sorted(range(len(found)), key=lambda i: (found[i].pnl, i))[:3])
        words = [f"{found[i].underlying} {found[i].label}" for i in kept]
        return "; ".join(words + ([f"{len(found) - 3} more"] if len(found) > 3 else []))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The named failures of the requirement."""
        return () if self.requirement is None else self.requirement.failures

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        r = self.requirement
        return {
            "rules": self.rules,
            "mode": self.mode,
            "same_modes": list(self.same),
            "title": self.pack.title,
            "model": self.pack.model,
            "currency": self.currency,
            "initial": None if r is None else r.initial,
            "initial_usd": self.cost,
            "maintenance": None if r is None else r.maintenance,
            "net_equity": None if r is None else r.net_equity,
            "health": self.health,
            "excess_initial": None if r is None else r.excess_initial,
            "excess_maintenance": None if r is None else r.excess_maintenance,
            "standalone_initial": self.standalone_initial,
            "netting": self.netting,
            "binding": [] if r is None else [b.model_dump(mode="json") for b in r.binding],
            "evidence": self.evidence,
            "translated": self.translated,
            "inputs": None if r is None else r.inputs.model_dump(mode="json"),
            "failures": [f.model_dump(mode="json") for f in self.failures],
            "notes": list(self.notes),
            "refusal": self.refusal or None,
        }


@dataclass(frozen=True)
class Comparison:
    """Rows in the order of the rule sets; `account` and `market` are content hashes of what was asked."""

    name: str
    time: datetime
    account: str
    market: str
    rows: tuple[Row, ...]

    @property
    def computed(self) -> tuple[Row, ...]:
        """The rows that have a requirement."""
        return tuple(r for r in self.rows if r.requirement is not None)

    @property
    def cheapest(self) -> Row | None:
        """The row with the least initial margin in USD, the first of equals; `None` where fewer than two have one.

        Only an account that stays above its line can be held at a price: rows in which it, or a pool of it, is below
        its maintenance margin are left out.
        """
        able = [r for r in self.computed if r.above]
        return min(able, key=lambda r: r.cost or 0.0) if len(able) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        cheapest = self.cheapest
        return {
            "account": self.name,
            "time": format_instant(self.time),
            "inputs": {"account": self.account, "market": self.market},
            "cheapest": None if cheapest is None else cheapest.label,
            "rows": [row.to_dict() for row in self.rows],
        }


def rules_in_force(market: Market) -> tuple[Rules, ...]:
    """For every name among the shipped packs, the one in force on the day of the snapshot; by name."""
    packs = shipped_packs()
    found = (in_force([p for p in packs if p.name == n], market.time.date()) for n in sorted({p.name for p in packs}))
    return tuple(p for p in found if p is not None)


def compare(
    account: Account,
    market: Market,
    rules: Sequence[Rules] | None = None,
    *,
    modes: Sequence[Mode] | None = None,
    standalone: bool = True,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """The requirement of `account` under each of `rules`, by default every shipped name in force at the snapshot.

    There is a row for each margin mode that the rules have (of `modes`, if given); see `in_mode`. Modes with the same
    amounts share a row, which names them. A model that cannot
    hold the contracts as they are gets the same exposure in contracts that it takes, and the row says so; if that does
    not help either, the row holds the reason. A position that cannot be valued likewise makes a row with a reason,
    never an exception. `progress` is told the label of each rule set before it runs.
    """
    rows = []
    for pack in rules_in_force(market) if rules is None else rules:
        if progress is not None:
            progress(pack.label)
        model = margin_model(pack)
        asked = [mode for mode in model.MODES if mode in (modes or MODES)]
        rows += _folded([_row(model, account, market, mode, standalone) for mode in asked])
    return Comparison(account.name, market.time, account.hash(), market.hash(), tuple(rows))


def _folded(rows: list[Row]) -> list[Row]:
    """Rows of one rule set, those with the same amounts in one; rows without a number stay."""
    kept: list[Row] = []
    for row in rows:
        twin = next((i for i, other in enumerate(kept) if _same_amounts(other, row)), None)
        if twin is None:
            kept.append(row)
        else:
            kept[twin] = replace(kept[twin], same=(*kept[twin].same, row.mode))
    return kept


def _same_amounts(one: Row, other: Row) -> bool:
    """Whether margins, equity, health and notes are the same, in dollars; what was set apart in pools never is."""
    a, b = one.requirement, other.requirement
    if a is None or b is None or a.pools or b.pools or one.notes != other.notes:
        return False
    amounts = [
        (getattr(a, n) * one.dollars, getattr(b, n) * other.dollars) for n in ("initial", "maintenance", "net_equity")
    ]
    return all(math.isclose(x, y, rel_tol=1e-12, abs_tol=1e-12) for x, y in amounts)


def takeable(
    model: MarginModel, account: Account, market: Market, mode: Mode | None = None
) -> tuple[Account, Market, str | None]:
    """The account in `mode` in contracts that `model` takes, their market, and why they had to be translated.

    The reason is `None` where the contracts stay as they are. Without a `mode` it is the account's own where the rules
    have it, else the first of theirs. Coin-settled contracts become linear ones, linear ones those of another stable
    coin with the balance in it (see `same_exposure`). Raises `DocumentError` with the reason when no translation helps.
    """
    wanted = mode or (account.mode if account.mode in model.MODES else model.MODES[0])
    own = account.mode == wanted and "isolated" in model.TAKES
    # what an isolated position needs is asked of the cross mode, where the rules have one
    asked = "cross" if wanted == "isolated" and "cross" in model.MODES else wanted
    held = account if own and asked == wanted else pooled(account, asked)
    held, snapshot, reason = _translated(model, held, market)
    if asked != wanted:
        if own and reason is None:
            held = held.model_copy(update={"positions": account.positions})
        held = in_mode(model, held, snapshot, wanted)
    return held, snapshot, reason


def _translated(model: MarginModel, account: Account, market: Market) -> tuple[Account, Market, str | None]:
    reason = model.applies_to(account, market)
    if reason is None:
        return account, market, None
    from plimsoll.margin.translate import same_exposure

    still = reason
    for currency in model.LINEAR:
        if market.price_of(currency) is None:
            # a stable coin that nobody quotes here is a dollar, for comparison only
            known = market.assets | {currency: AssetPrice(price=1.0)}
            market = market.model_copy(update={"assets": known})
        twin_account, twin_market = same_exposure(account, market, currency=currency, restate=currency != "USDC")
        told = model.applies_to(twin_account, twin_market)
        if told is None:
            return twin_account, twin_market, reason
        still = told
    got, _, allowed = still.rpartition("; allowed: ")
    raise DocumentError(Problem("account", got or still, allowed or "an account these rules can hold"))


def translation_note(reason: str) -> str:
    """The sentence that goes with a translated account; `reason` is what `takeable` returned."""
    what = re.sub(r" \([a-z_]+\)", "", reason.partition("; allowed: ")[0])
    return f"margin of the same exposure in linear contracts; these rules do not take {what}"


def _row(model: MarginModel, account: Account, market: Market, mode: Mode, standalone: bool) -> Row:
    several = len(model.MODES) > 1
    try:
        held, snapshot, reason = takeable(model, account, market, mode)
        requirement = model.requirement(held, snapshot)
        alone = None
        if standalone and len(held.positions) <= STANDALONE_LIMIT:
            alone = standalone_components(model, held, snapshot)
    except DocumentError as error:
        return Row(model.rules, None, refusal=str(error), mode=mode, several=several)
    price = snapshot.price_of(requirement.currency)
    notes = list(requirement.notes)
    if reason is not None:
        notes.insert(0, translation_note(reason))
    if standalone and alone is None:
        notes.append(f"netting not shown: more than {STANDALONE_LIMIT} positions")
    return Row(
        pack=model.rules,
        requirement=requirement,
        mode=mode,
        several=several,
        translated=reason is not None,
        standalone=alone,
        notes=tuple(notes),
        dollars=1.0 if price is None else price.price,
    )


def standalone_components(model: MarginModel, account: Account, market: Market) -> dict[str, float]:
    """Initial margin by component, summed over each position without collateral and the collateral by itself."""
    totals: dict[str, float] = {}
    empty: dict[str, float] = {}
    # what the venue reports is of the whole account, and no position's alone
    account = account.model_copy(update={"orders": (), "reported": empty, "borrowed": empty})
    bare = account.model_copy(update={"collateral": empty})
    parts = [bare.model_copy(update={"positions": (p,)}) for p in account.positions]
    if account.collateral:
        parts.append(account.model_copy(update={"positions": ()}))
    for part in parts:
        for component in model.assess(part, market, "refuse").components:
            totals[component.name] = totals.get(component.name, 0.0) + component.initial
    return totals
