"""What moves a requirement: spot, volatility, a day, each number of the rules, and where the next kink lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plimsoll.documents import DocumentError, PlimsollError, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.catalogue import margin_model
from plimsoll.margin.changes.levels import Change, Levels, levels
from plimsoll.margin.changes.shifts import Shifts
from plimsoll.margin.model import MarginModel
from plimsoll.margin.requirement import Binding
from plimsoll.margin.rules import Rules, flatten, with_parameter
from plimsoll.market import Market

SPOT_STEP, VOL_STEP, DAY_STEP, PARAMETER_STEP = 0.01, 0.01, 1.0, 0.01
SPAN, SCAN_STEP, TOLERANCE = 0.2, 0.0025, 1e-5

Progress = Callable[[str, int, int], None]
"""Told what is computed next, how many steps are done, and of how many."""


@dataclass(frozen=True)
class Step:
    """The change by one step of the market; `change` is `None` where `refusal` says why there is no number."""

    name: str
    title: str
    change: Change | None
    refusal: str = ""
    expired: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParameterStep:
    """The change by +1 % of one number of the rules; `below`: measured by -1 % and turned round, as +1 % is refused."""

    path: str
    value: float
    change: Change
    evidence: str
    below: bool = False


@dataclass(frozen=True)
class Kink:
    """A spot move at which what binds changes: `before` binds up to it and `after` beyond, margin there `initial`."""

    move: float
    before: tuple[Binding, ...]
    after: tuple[Binding, ...]
    initial: float


@dataclass(frozen=True)
class Sensitivity:
    """How `here` changes. `up` and `down` are the next kinks within `span`, `None` where there is none.

    `parameters` are ranked by the size of their effect on the initial margin, then on maintenance and equity;
    `tried` counts the numbers of the rules that were moved, `unmoved` those that cannot be (zero, or whole).
    """

    account: str
    rules: str
    here: Levels
    steps: tuple[Step, ...]
    parameters: tuple[ParameterStep, ...]
    tried: int
    unmoved: int
    span: float
    down: Kink | None
    up: Kink | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "currency": self.here.currency,
            "here": self.here.to_dict(),
            "steps": [
                {
                    "name": s.name,
                    "change": None if s.change is None else s.change.to_dict(),
                    "refusal": s.refusal or None,
                    "expired": list(s.expired),
                }
                for s in self.steps
            ],
            "parameters": [
                {
                    "parameter": p.path,
                    "value": p.value,
                    "evidence": p.evidence,
                    "from_below": p.below,
                    "change": p.change.to_dict(),
                }
                for p in self.parameters
            ],
            "parameters_tried": self.tried,
            "parameters_unmoved": self.unmoved,
            "span": self.span,
            "kinks": {"down": _kink_dict(self.down), "up": _kink_dict(self.up)},
        }


def _kink_dict(kink: Kink | None) -> dict[str, Any] | None:
    if kink is None:
        return None
    before, after = ([b.model_dump(mode="json") for b in side] for side in (kink.before, kink.after))
    return {"move": kink.move, "initial": kink.initial, "before": before, "after": after}


def sensitivity(
    model: MarginModel,
    account: Account,
    market: Market,
    *,
    parameters: bool = True,
    span: float = SPAN,
    progress: Progress | None = None,
) -> Sensitivity:
    """The requirement computed again one step away in each direction (see `Shifts` for what a step keeps).

    Steps: spot +-1 %, every volatility +-1 point, one day; with `parameters` also each number of the rules +1 % of
    itself. The kinks are looked for outwards from the present spot to `span`, in steps of a quarter of a percent and
    then by bisection to 1e-5, so what binds only within such a step can be missed. Raises what the model raises on
    the unmoved account; a step that is refused carries its reason.
    """
    if not 0 < span < 1:
        raise refuse("span", span, "a number between 0 and 1")
    here = levels(model, account, market)
    shifts = Shifts(account, market)
    leaves = _numbers(model.rules) if parameters else []
    per_side = max(1, round(span / SCAN_STEP))
    total = 5 + 2 * per_side + len(leaves)
    done = 0

    def tell(text: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(text, done, total)

    steps = _market_steps(model, shifts, here, tell)
    scan = _Scan(model, shifts, here, span, per_side, lambda: tell("next kink"))
    down, up = scan.nearest(-1), scan.nearest(1)
    found, unmoved = _parameter_steps(model, account, market, here, leaves, tell)
    return Sensitivity(
        account=account.name,
        rules=model.rules.label,
        here=here,
        steps=steps,
        parameters=found,
        tried=len(leaves) - unmoved,
        unmoved=unmoved,
        span=span,
        down=down,
        up=up,
    )


def _market_steps(model: MarginModel, shifts: Shifts, here: Levels, tell: Callable[[str], None]) -> tuple[Step, ...]:
    def step(name: str, title: str, moved: Callable[[], tuple[Account, Market, tuple[str, ...]]]) -> Step:
        tell(title)
        try:
            account, market, expired = moved()
            return Step(name, title, levels(model, account, market).minus(here), expired=expired)
        except DocumentError as error:
            return Step(name, title, None, refusal=str(error))

    def day() -> tuple[Account, Market, tuple[str, ...]]:
        passed = shifts.passed(DAY_STEP)
        return passed.account, passed.market, passed.expired

    return (
        step("spot_up", "spot +1 %", lambda: (*shifts.spot(SPOT_STEP), ())),
        step("spot_down", "spot -1 %", lambda: (*shifts.spot(-SPOT_STEP), ())),
        step("vol_up", "volatility +1 point", lambda: (*shifts.vol(VOL_STEP), ())),
        step("vol_down", "volatility -1 point", lambda: (*shifts.vol(-VOL_STEP), ())),
        step("day", "one day passes", day),
    )


def _numbers(rules: Rules) -> list[tuple[str, float]]:
    """Paths of the numbers among the parameters, with their values."""
    flat = flatten(rules.parameters)
    return [(p, float(v)) for p, v in flat.items() if isinstance(v, (int, float)) and not isinstance(v, bool)]


def _parameter_steps(
    model: MarginModel,
    account: Account,
    market: Market,
    here: Levels,
    leaves: Sequence[tuple[str, float]],
    tell: Callable[[str], None],
) -> tuple[tuple[ParameterStep, ...], int]:
    found, unmoved = [], 0
    for path, value in leaves:
        tell(path)
        step = None if value == 0.0 else _parameter_step(model.rules, path, value, account, market, here)
        if step is None:
            unmoved += 1
        else:
            found.append(step)
    ranked = sorted(
        found, key=lambda p: (-abs(p.change.initial), -abs(p.change.maintenance), -abs(p.change.net_equity))
    )
    return tuple(ranked), unmoved


def _parameter_step(
    rules: Rules, path: str, value: float, account: Account, market: Market, here: Levels
) -> ParameterStep | None:
    """`None` where the schema takes neither the number 1 % up nor 1 % down, as for whole numbers."""
    for sign in (1.0, -1.0):
        try:
            model = margin_model(with_parameter(rules, path, value * (1.0 + sign * PARAMETER_STEP)))
            change = levels(model, account, market).minus(here)
        except PlimsollError:
            continue
        if sign < 0:
            change = _turned(change)
        return ParameterStep(path, value, change, rules.evidence_for(path), below=sign < 0)
    return None


def _turned(change: Change) -> Change:
    health = None if change.health is None else 0.0 - change.health
    return replace(
        change,
        initial=0.0 - change.initial,
        maintenance=0.0 - change.maintenance,
        net_equity=0.0 - change.net_equity,
        health=health,
    )


@dataclass(frozen=True, eq=False)
class _Scan:
    """Outwards from the present spot to the first place where something else binds."""

    model: MarginModel
    shifts: Shifts
    here: Levels
    span: float
    per_side: int
    tell: Callable[[], None]

    def _at(self, move: float) -> Levels | None:
        try:
            return levels(self.model, *self.shifts.spot(move))
        except DocumentError:
            return None

    def nearest(self, sign: int) -> Kink | None:
        inside, start = 0.0, signature(self.here.binding)
        for k in range(1, self.per_side + 1):
            self.tell()
            move = sign * self.span * k / self.per_side
            found = self._at(move)
            if found is None:
                return None
            if signature(found.binding) != start:
                return self._bisected(inside, move, found, start)
            inside = move
        return None

    def _bisected(self, inside: float, outside: float, beyond: Levels, start: object) -> Kink:
        while abs(outside - inside) > TOLERANCE:
            middle = (inside + outside) / 2
            found = self._at(middle)
            if found is None or signature(found.binding) == start:
                inside = middle
            else:
                outside, beyond = middle, found
        return Kink((inside + outside) / 2, self.here.binding, beyond.binding, beyond.initial)


def signature(binding: Sequence[Binding]) -> tuple[tuple[str, str, str], ...]:
    """What bound, without how much."""
    return tuple((b.underlying, b.kind, b.label) for b in binding)
