"""The optimiser's problems on the books of `recorded_books`: one function each, from a kind and a seed to a row.

`hedge`: trades that free margin, a dollar of it worth 0.02. `capital`: the same with capital in the place of margin, so
that maintenance margin is broken before a transfer arrives with a probability of 1 %: transfers take 4 hours, 500 paths
of filtered history choose and 500 others judge. `place`: the book lies over two accounts of Deribit, either of which
may be under portfolio or standard margin, and is exchanged between them. `collateral`: two accounts, Deribit's with BTC
and the house model's with USDC, each with 1.3 times its margin, and a wallet with BTC of half of what lies at the house
and 100,000 USDC; kept 30 days at the assumed terms, a tenth of margin beside it. `joint`: the same, with trades in what
is held and Deribit's modes. `buffer`: the least collateral of the book for which a margin call has a probability of at
most 3 % within 3 days, 1,000 paths, and the initial margin is there, against the 20 BTC that lie there.

Moves are daily closes of BTC known by the time of the chain, those of 4 hours cut from them by the root of time
(assumed); implied volatility moves by the assumed law.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import plimsoll as pl
from plimsoll.documents import PlimsollError
from plimsoll.optimise import Answer, Holding, Venue, Wish, make_desk
from plimsoll.optimise import hedge as find_hedge
from plimsoll.optimise import place as find_placement
from plimsoll.optimise.collateral import CollateralAnswer, Wallet, cheapest, make_treasury
from plimsoll.optimise.joint import joint as find_joint
from plimsoll.optimise.joint.answer import JointAnswer
from plimsoll.optimise.placement import Placement
from plimsoll.optimise.sizing import Watch, least_collateral
from plimsoll.optimise.variation import Outlook, same_time
from plimsoll.optimise.variation.change import change_after
from plimsoll.optimise.variation.drawing import transfer_paths
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import filtered_joint_paths
from recorded_books import COINS, RULES, TERMS, WORTH, book, daily, split

STANDARD, HOUSE = "deribit-sm@2026-01-30", "prbm@2026-01-30"
BREACH, HOURS, PATHS = 0.01, 4.0, 500
CALLED, DAYS, CALL_PATHS = 0.03, 3, 1_000
CARRY = 0.08
"""What a dollar of collateral costs a year in `buffer`; assumed."""
BUFFER, SLACK = 0.1, 1.3
USDC = 100_000.0
"""Dollars in the wallet beside its coins."""
DECAY = 0.97
MEANING = {
    "no saving": "nothing within the limits is cheaper than the start",
    "repaired": "the start broke a limit, and keeping it costs",
    "short": "the start breaks a limit, and no order of steps repairs it",
}
"""Statuses without a saving, in words."""


@dataclass(frozen=True)
class Row:
    """A problem on a book. `before`, `after` and `cost` in US dollars of what the page says of the problem, `None`
    where it was refused; `saving` is what the objective is lower by. `gap` relative to the bound, `None` without one.
    `why` says why there is no saving, `detail` what was done, `held` whether fresh paths agree (`None` where nobody
    asked them), `seconds` CPU time of the whole answer.
    """

    problem: str
    kind: str
    seed: int
    status: str
    before: float | None
    after: float | None
    cost: float
    saving: float
    gap: float | None
    why: str
    detail: str
    held: bool | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def hedge(kind: str, seed: int, market: pl.Market) -> Row:
    """Trades that lower margin."""
    begun = time.process_time()
    answer = find_hedge(_desk(kind, seed, market), Wish(worth=WORTH))
    found = _Found(answer, answer.capital, answer.cost, detail=_counted(len(answer.ticket.steps), "trade"))
    return found.row("hedge", kind, seed, begun)


def capital(kind: str, seed: int, market: pl.Market) -> Row:
    """Trades that lower capital; before and after at the same probability."""
    factors = daily(market)
    chosen, fresh = (Outlook(transfer_paths(factors, HOURS, PATHS, 1 + k)[0], same_time(HOURS)) for k in range(2))
    begun = time.process_time()
    desk = _desk(kind, seed, market, chosen)
    answer = find_hedge(desk, Wish(worth=WORTH, breach=BREACH))
    change = change_after(desk, answer.trades, fresh, BREACH)
    told = f"buffer {change.before.buffer:,.0f}, then {change.after.buffer:,.0f}"
    found = _Found(answer, (change.before.capital, change.after.capital), answer.cost, detail=told, held=change.holds)
    return found.row("capital", kind, seed, begun)


def place(kind: str, seed: int, market: pl.Market) -> Row:
    """The book over two accounts and their modes."""
    modes = pl.margin_model(RULES), pl.margin_model(STANDARD)
    accounts = split(kind, seed, market, ({"BTC": COINS / 2.0},) * 2)
    begun = time.process_time()
    answer = find_placement(market, [Venue(a.name, a, modes) for a in accounts], worth=WORTH, terms=TERMS)
    inner = answer.answer
    # the best combination may be solved to its bound while another that was tried has none
    status = "no saving" if answer.saving <= 0.0 else "local" if answer.gap is None else inner.status
    told = f"{_modes(answer.rules)}, {_counted(len(inner.ticket.steps), 'trade')}"
    if inner.gap is not None:
        told += f", gap {inner.gap:.0e} under these"
    others = [t.answer.after for t in answer.tried if t.answer is not None and t.answer is not inner]
    reasons = (f"other rule sets come to {min(others):,.0f}, not {answer.after:,.0f}",) if others else ()
    found = _Found(answer, answer.capital, inner.cost, status=status, reasons=reasons, detail=told)
    return found.row("place", kind, seed, begun)


def collateral(kind: str, seed: int, market: pl.Market) -> Row:
    """The cheapest collateral of two accounts and a wallet."""
    accounts, wallet = treasury(kind, seed, market)
    begun = time.process_time()
    models = pl.margin_model(RULES), pl.margin_model(HOUSE)
    holdings = [Holding(a.name, a, m) for a, m in zip(accounts, models, strict=True)]
    answer = cheapest(make_treasury(market, holdings, [wallet], buffer=BUFFER))
    told = _counted(len(answer.order.moves), "move")
    found = _Found(answer, (answer.before, answer.after), answer.once, detail=told)
    return found.row("collateral", kind, seed, begun)


def joint(kind: str, seed: int, market: pl.Market) -> Row:
    """Trades, modes and collateral together."""
    accounts, wallet = treasury(kind, seed, market)
    begun = time.process_time()
    models = (pl.margin_model(RULES), pl.margin_model(STANDARD)), (pl.margin_model(HOUSE),)
    venues = [Venue(a.name, a, m) for a, m in zip(accounts, models, strict=True)]
    answer = find_joint(market, venues, [wallet], trading=TERMS, buffer=BUFFER)
    told = f"{_modes(answer.rules)}, {_counted(len(answer.order.steps), 'step')}"
    found = _Found(answer, (answer.before, answer.after), answer.trading + answer.moving, detail=told)
    return found.row("joint", kind, seed, begun)


def buffer(kind: str, seed: int, market: pl.Market) -> Row:
    """The least collateral that keeps a call unlikely; what lies there is before."""
    factors = daily(market)
    paths = filtered_joint_paths(
        factors.names, factors.returns, volatility(factors.returns, DECAY),
        size=CALL_PATHS, decay=DECAY, seed=1, steps=DAYS, iv=IvLaw(),
    )  # fmt: skip
    begun = time.process_time()
    watch = Watch(market, pl.margin_model(RULES), paths)
    found = least_collateral(watch, book(kind, seed, market), CALLED, "BTC", CARRY)
    seconds, price = time.process_time() - begun, market.indices["BTC"].price
    # nothing can be taken out below initial margin, nor more than lies there
    asked = found.amount + max(0.0, -found.excess)
    now, saving = COINS * price, -max(asked, -COINS) * price
    told = f"called {found.before.value:.1%}, then {found.after.value:.1%}"
    if asked <= -COINS:
        told += "; none is needed, the positions carry their margin"
    elif asked > found.amount:
        told += ", but initial margin binds"
    status, why = "less is enough", ""
    if saving <= 0.0:
        status, why = "more is needed", f"a call within {DAYS} days has {found.before.value:.1%} as it lies"
    return Row("buffer", kind, seed, status, now, now - saving, found.cost, saving, None, why, told, None, seconds)


PROBLEMS: dict[str, Callable[[str, int, pl.Market], Row]] = {
    "hedge": hedge,
    "capital": capital,
    "place": place,
    "collateral": collateral,
    "joint": joint,
    "buffer": buffer,
}


def treasury(kind: str, seed: int, market: pl.Market) -> tuple[tuple[pl.Account, pl.Account], Wallet]:
    """The accounts of `collateral` and `joint` and their wallet: posted is what `SLACK` times the margin needs beside
    the worth of the positions, to the next tenth of a coin or thousand dollars.
    """
    accounts = split(kind, seed, market, ({}, {}))
    needs = []
    for account, rules in zip(accounts, (RULES, HOUSE), strict=True):
        found = pl.margin_model(rules).requirement(account, market)
        needs.append(SLACK * found.initial - found.net_equity)
    coins = max(0.1, math.ceil(10.0 * needs[0]) / 10.0)
    dollars = max(1_000.0, math.ceil(needs[1] / 1_000.0) * 1_000.0)
    beside = math.ceil(5.0 * dollars / market.indices["BTC"].price) / 10.0
    return split(kind, seed, market, ({"BTC": coins}, {"USDC": dollars})), Wallet(
        balances={"BTC": beside, "USDC": USDC}
    )


def _desk(kind: str, seed: int, market: pl.Market, outlook: Outlook | None = None) -> Any:
    held = [Holding("book", book(kind, seed, market), pl.margin_model(RULES))]
    return make_desk(market, held, terms=TERMS, horizon_days=7.0, outlook=outlook)


def solve(problem: str, kind: str, seed: int, market: pl.Market) -> Row:
    """A row, where a problem is refused too: with the reason."""
    begun = time.process_time()
    try:
        return PROBLEMS[problem](kind, seed, market)
    except PlimsollError as error:
        why, seconds = " ".join(str(error).split()), time.process_time() - begun
        return Row(problem, kind, seed, "refused", None, None, 0.0, 0.0, None, why, "", None, seconds)


@dataclass(frozen=True, eq=False)
class _Found:
    """An answer of whatever problem, and what a row takes of it."""

    answer: Answer | Placement | CollateralAnswer | JointAnswer
    amounts: tuple[float, float]
    cost: float
    status: str = ""
    reasons: tuple[str, ...] = ()
    detail: str = ""
    held: bool | None = None

    def row(self, problem: str, kind: str, seed: int, begun: float) -> Row:
        """With the time until now."""
        seconds, why, own = time.process_time() - begun, "", self.answer
        status = self.status or getattr(own, "status", "")
        if own.saving <= 0.0:
            why = "; ".join((MEANING.get(status, status), *self.reasons, *_binding(own)))
        return Row(
            problem, kind, seed, status, *self.amounts, self.cost, own.saving, own.gap, why, self.detail, self.held,
            seconds,
        )  # fmt: skip


def _binding(found: Answer | Placement | CollateralAnswer | JointAnswer) -> tuple[str, ...]:
    """Limits of which one unit more would change the objective, four of them; where there is none, the notes."""
    answer = found.answer if isinstance(found, Placement) else found
    names = [k.name for k in answer.limits if k.price]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ("binding: " + ", ".join(names[:4]) + more,) if names else answer.notes


def _modes(rules: tuple[str, ...]) -> str:
    return " and ".join(r.split("@")[0].removeprefix("deribit-") for r in rules)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
