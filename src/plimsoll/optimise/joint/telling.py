"""From solved combinations to an answer: the best of them, its bound, and where everything stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plimsoll.optimise import algebra as al
from plimsoll.optimise.answer import Kept, proved
from plimsoll.optimise.collateral.answer import Worth
from plimsoll.optimise.collateral.capital_rules import CapitalRules
from plimsoll.optimise.collateral.limits import desk_limits
from plimsoll.optimise.collateral.moves import state_after
from plimsoll.optimise.collateral.program import Placed
from plimsoll.optimise.collateral.solve import balances
from plimsoll.optimise.joint.answer import Combination, JointAccount, JointAnswer
from plimsoll.optimise.joint.order import Steps
from plimsoll.optimise.joint.plan import Plan, nothing
from plimsoll.optimise.joint.rows import Coupled, margin_limit
from plimsoll.optimise.problem import Problem
from plimsoll.optimise.solver import Solved


@dataclass(frozen=True)
class Ask:
    """What is asked for: see `joint`."""

    worth: float
    buffer: float
    floors: Mapping[str, float]
    rules: CapitalRules | None
    band: float
    keep: bool
    further: tuple[al.Limit, ...]


@dataclass(frozen=True, eq=False)
class Found:
    """One combination of rule sets, solved."""

    coupled: Coupled
    plan: Plan
    order: Steps
    problem: Problem
    placed: Placed
    solved: Solved
    bound: float | None
    exact: tuple[bool, ...]
    notes: tuple[str, ...]


def told(first: Coupled, found: Sequence[Found], tried: tuple[Combination, ...], ask: Ask) -> JointAnswer:
    """The answer over all combinations, `first` being the rules that hold now; the start where none is cheaper."""
    start = nothing(first, ask.worth)
    before, kept = start.objective(), not start.broken(ask.band)
    fine = [f for f in found if not f.plan.broken(ask.band)]
    best = min(fine, key=lambda f: f.plan.objective()) if fine else found[0]
    if kept and best.plan.objective() >= before - 1e-9 * max(1.0, abs(before)):
        none = Steps((), True, 1)
        best = next((replace(f, plan=start, order=none) for f in found if f.coupled is first), best)
    after = best.plan.objective()
    solved_all = len(found) + sum(t.after is None and "keep these limits" in t.why for t in tried) >= len(tried)
    bounds = [f.bound for f in found]
    bound = None
    if solved_all and fine and all(b is not None for b in bounds):
        bound = proved(min(b for b in bounds if b is not None), after)
    gap = None if bound is None else (after - bound) / max(1.0, abs(after), abs(bound))
    status = "optimal"
    if not fine:
        status = "short"
    elif not kept:
        status = "repaired"
    elif best.plan.empty and best.coupled is first:
        status = "no saving"
    elif best.solved.status == "stopped":
        status = "stopped"
    elif bound is None:
        status = "local"
    c, plan = best.coupled, best.plan
    t = c.treasury
    return JointAnswer(
        status=status,
        days=t.terms.days,
        before=before,
        after=after,
        bound=bound,
        gap=gap,
        trading=plan.trading,
        moving=after - plan.trading - t.carrying(plan.held()) - ask.worth * sum(plan.margins().values()),
        margins=(sum(start.margins().values()), sum(plan.margins().values())),
        rules=tuple(p.holding.model.rules.label for p in c.desk.places),
        accounts=_accounts(start, best),
        balances=balances(t, state_after(first.treasury, ()), plan.held()),
        order=best.order,
        limits=_limits(best, start, ask),
        worth=_worth(best),
        tried=tried,
        route=best.solved.route,
        notes=(*best.notes, *_notes(best)),
    )


def _accounts(start: Plan, best: Found) -> tuple[JointAccount, ...]:
    c, plan, rows = best.coupled, best.plan, []
    held = zip(start.coupled.desk.places, c.desk.places, plan.accounts(), plan.trades, best.exact, c.why, strict=True)
    for was, place, account, y, exact, told in held:
        market = c.desk.market
        why = told or ("" if exact else "the exact rules differ from the program at its answer: it was corrected")
        rows.append(
            JointAccount(
                place.name,
                account,
                was.holding.model.requirement(was.holding.account, market),
                place.holding.model.requirement(account, market),
                (start.rooms()[place.name], plan.rooms()[place.name]),
                (was.rate, place.rate),
                {place.names[i]: float(y[i]) for i in np.flatnonzero(y).tolist()},
                float(place.cost(y).sum()),
                exact,
                why,
            )
        )
    return tuple(rows)


def _limits(best: Found, start: Plan, ask: Ask) -> tuple[Kept, ...]:
    c, dual, local = best.coupled, best.solved.dual, not all(best.exact)
    limits, found = best.problem.model.limits, []

    def price(name: str) -> float:
        # prices of a corrected program are not those of the rules
        return 0.0 if local or not dual.size else float(sum(dual[r] for r in limits.get(name, ()))) + 0.0

    was, now = start.rooms(), best.plan.rooms()
    found += [Kept(margin_limit(n), ">=", 0.0, was[n], now[n], price(margin_limit(n)), "USD") for n in now]
    for (name, had, _), (_, has, bound) in zip(start.capital(), best.plan.capital(), strict=True):
        found.append(Kept(name, ">=", bound, had, has, price(name), "USD"))
    for k in range(len(c.desk.places)):
        pairs = (desk_limits(c.treasury, k, p.held()[c.first + k]) for p in (nothing(c, ask.worth), best.plan))
        for (name, before, bound), (_, after, _) in zip(*pairs, strict=True):
            found.append(Kept(name, "<=", bound, before, after, price(name), "USD"))
    for name in limits:
        if name.startswith("delta "):
            coin = name.split()[1]
            found.append(Kept(name, "==", 0.0, 0.0, best.plan.delta(coin), price(name), coin))
    for (name, had, cap), (_, has, _) in zip(nothing(c, ask.worth).outside(), best.plan.outside(), strict=True):
        found.append(Kept(name, "<=", cap, had, has, price(name), "USD"))
    return tuple(found)


def _worth(best: Found) -> tuple[Worth, ...]:
    """What one more of each asset in each wallet would lower the objective by."""
    t, dual, found = best.coupled.treasury, best.solved.dual, []
    if not dual.size or not all(best.exact):
        return ()
    for (n, a), row in best.placed.balance.items():
        usd = float(dual[row]) * t.price[a] - t.price[a] * t.terms.of(a).carry * t.years
        if n < len(t.wallets) and usd > 1e-9 * t.price[a]:
            found.append(Worth(t.nodes[n], a, usd))
    return tuple(sorted(found, key=lambda w: -w.usd / t.price[w.asset]))


def _notes(best: Found) -> tuple[str, ...]:
    c, notes = best.coupled, []
    if c.treasury.terms.evidence == "assumed":
        notes.append("what collateral earns, and what moving it costs, are assumed")
    sides = [s for p in c.desk.places for pair in p.sides for s in pair if s.most]
    assumed = sum(s.source == "assumed" for s in sides)
    if assumed:
        notes.append(f"half-spread and size of {assumed} of {len(sides)} sides that may be traded are assumed")
    notes += [
        f"{p.name}: the trades stay, and the bound holds, where {p.holding.model.FORMS.condition}"
        for p in c.desk.places
        if p.form.standing == "exact" and p.form.within is not None
    ]
    if best.solved.status == "stopped":
        notes.append("stopped before the gap was closed: the best so far")
    return tuple(notes)
