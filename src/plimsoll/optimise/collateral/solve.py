"""The collateral that keeps every account's margin for the least cost: solved, priced again exactly, put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from plimsoll.documents import PlimsollError, refuse
from plimsoll.optimise.answer import Kept, proved
from plimsoll.optimise.collateral.answer import AccountChange, Balance, CollateralAnswer, Worth
from plimsoll.optimise.collateral.limits import Held, broken, desk_limits, equities, equity_name, margin_name, rooms
from plimsoll.optimise.collateral.moves import Order, Wanted, moves_cost, order_moves, state_after, tidy
from plimsoll.optimise.collateral.program import Placed, place_collateral
from plimsoll.optimise.collateral.treasury import YEAR, Treasury
from plimsoll.optimise.layout import Layout, Model, added
from plimsoll.optimise.minimising import ConflictError, Tell, conflict
from plimsoll.optimise.solver import Effort, Solved, Solver
from plimsoll.risk.plan import F64


def cheapest(
    treasury: Treasury, *, worth: float = 0.0, effort: Effort | None = None, progress: Tell | None = None
) -> CollateralAnswer:
    """Transfers and swaps after which every account keeps its margin for the least cost.

    Minimised is what is forgone and paid while the state is kept, what the moves cost, less `worth` times the room of
    all accounts (`equity - (1 + buffer) initial - floor`): with `worth` well above the costs, the placement in which
    the collateral that there is counts for most.

    Raises `ConflictError` with a smallest set of limits that no collateral keeps, `DocumentError` for a `worth` that is
    no number of at least zero, `MissingSolverError` without the solver. The start is kept where nothing is cheaper, or
    where no order of the moves keeps the accounts above their lines.
    """
    if not 0.0 <= worth < float("inf"):
        raise refuse("worth", worth, "dollars of at least zero for a dollar of room")
    t, effort, solver = treasury, effort or Effort(), Solver()
    tell = progress or (lambda _text, _done, _total: None)
    model, placed = _compiled(t, worth)
    tell(f"solving {model.matrix.shape[0]:,} rows", 1, 3)
    solved = solver.solve(model, effort)
    if solved.status == "infeasible":
        raise ConflictError(*conflict(model, solver, effort), "balances")
    if solved.status in ("unbounded", "failed"):
        raise PlimsollError(f"the solver found the program {solved.status}: " + "; ".join(solved.route))
    start = state_after(t, ())
    kept_at_start = not broken(t, start)
    moves: tuple[Wanted, ...] = ()
    if solved.x is not None:
        x = solved.x if model.linear else _settled(model, solved.x, solver, effort)
        moves = wanted(t, placed, x)
    before = objective(t, start, (), worth)
    notes = _notes(t, solved, placed)
    tell("pricing and ordering the moves", 2, 3)
    state, order, status = start, Order((), True, 1), "no saving" if kept_at_start else "short"
    if moves:
        after = objective(t, state_after(t, moves), moves, worth)
        cheaper = after < before - 1e-9 * max(1.0, abs(before))
        if broken(t, state_after(t, moves)):
            notes += ("the exact rules find a limit broken by what was found: the start is kept",)
        elif cheaper or not kept_at_start:
            order = order_moves(t, moves)
            if order.complete:
                state, status = state_after(t, moves), "optimal" if kept_at_start else "repaired"
            else:
                notes += ("no order of the moves keeps every account above its line: the start is kept",)
                order = Order((), False, order.slices)
    if solved.status == "stopped" and status != "short":
        status = "stopped"
    made = moves if order.moves else ()
    bound = lower_bound(t, worth, solved, solver, effort)
    return _answer(t, placed, worth, solved, state, made, order, status, bound, before, notes)


def _compiled(t: Treasury, worth: float, slack: float = 0.0) -> tuple[Model, Placed]:
    """The program; `slack` times the error of the curves is forgiven each account."""
    layout = Layout()
    placed = place_collateral(layout, t)
    for p in t.accounts:
        error = slack * sum(c.error for c in p.curves.values())
        name = margin_name(t, p.name)
        placed.limits[name] = (layout.add(placed.room[p.name], -p.room - error, np.inf),)
        if p.equity is not None:
            error = slack * sum(c.error for c in p.equity.curves.values())
            row = layout.add(placed.equity[p.name], p.least_equity - error, np.inf)
            placed.limits[equity_name(p)] = (row,)
    goal = placed.cost
    if worth:
        rooms = added(list(placed.room.values()))
        total = sum(p.room for p in t.accounts)
        goal = added([goal, replace(rooms, constant=rooms.constant + total).times(-worth)])
    return layout.model(goal, placed.limits), placed


def lower_bound(t: Treasury, worth: float, solved: Solved, solver: Solver, effort: Effort) -> float | None:
    """What no placement is below; where curves are chords, with what they may hide forgiven to every account."""
    bound = solved.bound
    error = sum(c.error for p in t.accounts for c in p.curves.values())
    if error:
        bound = solver.solve(_compiled(t, worth, 1.0)[0], effort).bound - worth * error
    return float(bound) if np.isfinite(bound) else None


def _settled(model: Model, x: F64, solver: Solver, effort: Effort) -> F64:
    """The best point with the switches as they are: what a tolerance let pass a switch that is off is gone."""
    found = solver.solve(model.fixed(x), effort)
    return x if found.x is None else found.x


def wanted(t: Treasury, placed: Placed, x: F64) -> tuple[Wanted, ...]:
    """Swaps and transfers of a solution; what is rounding is left out, and what goes both ways is netted."""
    found = [
        Wanted(None, float(x[placed.swapped[w, k]]), w, k)
        for w in range(len(t.wallets))
        for k in range(len(t.terms.swaps))
        if x[placed.swapped[w, k]] > 1e-6
    ]
    amounts = {
        (r.source, r.target, r.asset): float(x[placed.sent[n]]) / t.price[r.asset] for n, r in enumerate(t.routes)
    }
    for r in t.routes:
        back = amounts.get((r.target, r.source, r.asset), 0.0)
        amount = amounts[r.source, r.target, r.asset]
        amount -= min(amount, back)
        lot = t.terms.of(r.asset).lot
        if lot is not None:
            amount = round(amount / lot) * lot
        if amount * t.price[r.asset] > 1e-5:
            found.append(Wanted(r, amount))
    return tuple(found)


def objective(t: Treasury, held: Held, moves: Sequence[Wanted], worth: float) -> float:
    """What is minimised, with exact margins; US dollars over the days that the state is kept."""
    total = t.carrying(held) + moves_cost(t, moves)
    if worth:
        total -= worth * sum(rooms(t, held))
    return total


def _notes(t: Treasury, solved: Solved, placed: Placed) -> tuple[str, ...]:
    notes = []
    if t.terms.evidence == "assumed":
        notes.append("what collateral earns, and what moving it costs, are assumed: --collateral-terms replaces them")
    error = sum(c.error for p in t.accounts for c in p.curves.values())
    if error > 0.0:
        notes.append(f"curved haircuts are taken by their chords, at most {error:,.2f} USD off; margins are exact")
    if not all(p.curves[a].concave for p in t.accounts for a in p.curves):
        notes.append("a haircut jumps or falls with the amount: each of its tiers is a switch")
    coins = sorted({r.asset for r in t.routes if r.fee and t.moves(r.asset)})
    if coins and (placed.made >= 0).any():
        notes.append("fees paid in " + ", ".join(coins) + " lower the delta of the desk by themselves")
    for p in t.accounts:
        notes += [
            f"{p.name} owes {x:,.6g} {a} beside what it holds: the loan stays as it is" for a, x in p.owed.items()
        ]
    if solved.status == "stopped":
        notes.append("stopped before the gap was closed: the best balances so far")
    return tuple(notes)


def _answer(
    t: Treasury,
    placed: Placed,
    worth: float,
    solved: Solved,
    state: Held,
    moves: Sequence[Wanted],
    order: Order,
    status: str,
    bound: float | None,
    before: float,
    notes: tuple[str, ...],
) -> CollateralAnswer:
    start, first = state_after(t, ()), len(t.wallets)
    after = objective(t, state, moves, worth)
    # a start that breaks a limit is no point that the bound speaks of
    bound = None if status == "short" else proved(bound, after)
    gap = None if bound is None else (after - bound) / max(1.0, abs(after), abs(bound))
    accounts = tuple(
        AccountChange(
            p.name,
            p.account(tidy(t, dict(state[first + k]))) if moves else p.holding.account,
            p.holding.model.requirement(p.holding.account, t.market),
            p.holding.model.requirement(p.account(tidy(t, dict(state[first + k]))), t.market),
            (rooms(t, start)[k], rooms(t, state)[k]),
            p.rate,
            {a: why for a, why in p.refused.items() if any(h.get(a, 0.0) for h in start)},
        )
        for k, p in enumerate(t.accounts)
    )
    return CollateralAnswer(
        status=status,
        days=t.terms.days,
        before=before,
        after=after,
        bound=bound,
        gap=gap,
        once=moves_cost(t, moves),
        accounts=accounts,
        balances=balances(t, start, state),
        order=order,
        limits=_limits(t, placed, solved, start, state),
        worth=_worth(t, placed, solved),
        route=solved.route,
        notes=notes,
    )


def balances(t: Treasury, start: Held, state: Held) -> tuple[Balance, ...]:
    """Every balance that there is before or after."""
    found = []
    for n, place in enumerate(t.nodes):
        for a in t.assets:
            now, after = start[n].get(a, 0.0), state[n].get(a, 0.0)
            if abs(now) * t.price[a] < 0.005 and abs(after) * t.price[a] < 0.005:
                continue
            curve = t.accounts[n - len(t.wallets)].curves.get(a) if n >= len(t.wallets) else None
            counts = None if curve is None else (curve(now) - curve(0.0), curve(after) - curve(0.0))
            beyond = None if curve is None else curve.beyond(after) / t.price[a]
            costs = [
                max(0.0, x) * t.price[a] * t.terms.of(a).carry + t.holding_cost(n, a, x) * YEAR / t.terms.days
                for x in (now, after)
            ]
            found.append(Balance(place, a, now, after, counts, costs[1], beyond, costs[0]))
        owing = t.accounts[n - len(t.wallets)].owed if n >= len(t.wallets) else {}
        for a, loan in owing.items():
            interest = t.owing_cost(n - len(t.wallets), a) * YEAR / t.terms.days
            found.append(Balance(place, a, -loan, -loan, None, interest, None, interest))
    return tuple(found)


def _limits(t: Treasury, placed: Placed, solved: Solved, start: Held, state: Held) -> tuple[Kept, ...]:
    first, found = len(t.wallets), []

    def price(name: str) -> float:
        rows = placed.limits.get(name, ())
        return float(sum(solved.dual[r] for r in rows)) + 0.0 if solved.dual.size else 0.0

    def of(unit: str) -> float:
        return t.price.get(unit, 1.0) if unit != "USD" else 1.0

    for p, now, then in zip(t.accounts, rooms(t, start), rooms(t, state), strict=True):
        name = margin_name(t, p.name)
        found.append(Kept(name, ">=", 0.0, now, then, price(name), "USD"))
    for (p, had), (_, has) in zip(equities(t, start), equities(t, state), strict=True):
        name = equity_name(p)
        found.append(Kept(name, ">=", p.least_equity, had, has, price(name), "USD"))
    for k in range(len(t.accounts)):
        pairs = zip(desk_limits(t, k, start[first + k]), desk_limits(t, k, state[first + k]), strict=True)
        for (name, now, bound), (_, then, _) in pairs:
            unit = "USD" if "USD at" in name or "of the collateral" in name else name.split()[3]
            found.append(Kept(name, "<=", bound, now, then, price(name) * of(unit), unit))
    return tuple(found)


def _worth(t: Treasury, placed: Placed, solved: Solved) -> tuple[Worth, ...]:
    """What one more of each asset in each wallet would lower the objective by."""
    if not solved.dual.size:
        return ()
    found = []
    for (n, a), row in placed.balance.items():
        idle = t.price[a] * t.terms.of(a).carry * t.years
        usd = float(solved.dual[row]) * t.price[a] - idle
        if n < len(t.wallets) and usd > 1e-9 * t.price[a]:
            found.append(Worth(t.nodes[n], a, usd))
    return tuple(sorted(found, key=lambda w: -w.usd / t.price[w.asset]))
