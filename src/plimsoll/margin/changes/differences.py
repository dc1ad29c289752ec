"""What changes from one rule pack to another, in words a trader reads, with its direction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plimsoll.documents import DocumentError
from plimsoll.margin.account import Account
from plimsoll.margin.catalogue import margin_model, model_class
from plimsoll.margin.changes.levels import Levels, levels
from plimsoll.margin.changes.tables import changed, is_table, summary
from plimsoll.margin.changes.wording import SUBJECTS, entry, shown, subject, words_for
from plimsoll.margin.compare import takeable
from plimsoll.margin.rules import Rules, flatten
from plimsoll.market import Market

Direction = Literal["stricter", "looser", "depends", "none"]

MISSING: Any = object()
"""Stands for a parameter that a pack does not have."""

TINY = 1e-9
"""Relative changes of a margin below this are none."""

MOST_LEAVES = 6

_Results = list[tuple[str, Levels] | None]


@dataclass(frozen=True)
class Trial:
    """A book on which changes are tried, called `name` in sentences."""

    name: str
    account: Account
    market: Market


@dataclass(frozen=True)
class Tried:
    """Relative change of the margins of a trial book: 0.03 is 3 % more."""

    name: str
    initial: float
    maintenance: float


@dataclass(frozen=True)
class Difference:
    """One change in words. `basis` says how the direction is known: `tried` on books, `rule`, or `unknown`."""

    paths: tuple[str, ...]
    subject: str
    text: str
    direction: Direction
    basis: Literal["tried", "rule", "unknown"]
    tried: tuple[Tried, ...]

    @property
    def verdict(self) -> str:
        """The direction and how it is known, for the end of a sentence."""
        if self.basis == "tried":
            moved = [t for t in self.tried if t.initial or t.maintenance]
            books = "; ".join(f"{_percents(t)} on {t.name}" for t in moved)
            return f"{self.direction}: {books}"
        return f"{self.direction} by the rule" if self.basis == "rule" else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        tried = [{"book": t.name, "initial": t.initial, "maintenance": t.maintenance} for t in self.tried]
        return {
            "subject": self.subject,
            "text": self.text,
            "direction": self.direction,
            "basis": self.basis,
            "tried": tried,
            "parameters": list(self.paths),
        }


def told(change: float) -> str:
    """Two digits of a relative change.

    >>> told(0.0321), told(-0.00041), told(0.0), told(1.5)
    ('+3.2 %', '-0.041 %', 'unchanged', '+150 %')
    """
    if change == 0.0:
        return "unchanged"
    size = 100.0 * change
    return f"{size:+.0f} %" if abs(size) >= 9.95 else f"{size:+.2g} %"


def _percents(tried: Tried) -> str:
    initial, maintenance = told(tried.initial), told(tried.maintenance)
    return f"margins {initial}" if initial == maintenance else f"initial {initial}, maintenance {maintenance}"


@dataclass(frozen=True)
class Differences:
    """All of them: in words, leaf by leaf (`None` where a pack has no such leaf), and taken together on each book."""

    before: Rules
    after: Rules
    found: tuple[Difference, ...]
    leaves: tuple[tuple[str, Any, Any], ...]
    together: tuple[Tried, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "before": self.before.label,
            "after": self.after.label,
            "differences": [d.to_dict() for d in self.found],
            "together": [{"book": t.name, "initial": t.initial, "maintenance": t.maintenance} for t in self.together],
            "notes": list(self.notes),
            "changes": [{"parameter": p, "before": x, "after": y} for p, x, y in self.leaves],
        }


def differences(before: Rules, after: Rules, trials: Sequence[Trial] = ()) -> Differences:
    """What changes from `before` to `after`.

    Each change is put into `before` alone and the margins of the `trials` computed again: higher is stricter, lower
    looser, both ways `depends`. Where no trial feels it the rule itself decides, if more of the number always means
    more margin. Trials that the rules cannot hold are left out.
    """
    a, b = flatten(before.parameters), flatten(after.parameters)
    leaves = tuple((p, a.get(p), b.get(p)) for p in dict.fromkeys([*a, *b]) if a.get(p, ...) != b.get(p, ...))
    base = _tried_levels(before, trials)
    together = _compared(base, _tried_levels(after, trials))
    if before.model != after.model:
        note = f"two models, {before.model} and {after.model}: their numbers have no common meaning"
        return Differences(before, after, (), leaves, together, (note, *_head_notes(before, after, leaves)))
    edits = _linked(_edits(before.parameters, after.parameters, ""))
    found = tuple(_worded(e, before, after, trials, base) for e in edits)
    return Differences(before, after, found, leaves, together, _head_notes(before, after, leaves))


def _head_notes(before: Rules, after: Rules, leaves: Sequence[object]) -> tuple[str, ...]:
    notes = []
    if not leaves:
        notes.append("the same numbers in both")
    if before.sources != after.sources:
        notes.append("other sources: see `plimsoll rules show`")
    weaker = {p for p in {*before.evidence, *after.evidence} if before.evidence.get(p) != after.evidence.get(p)}
    if weaker:
        names = ", ".join(sorted(weaker)[:4]) + (f" and {len(weaker) - 4} more" if len(weaker) > 4 else "")
        notes.append(f"evidence is another for {names}")
    for which, pack, other in (("earlier", before, after), ("later", after, before)):
        notes += [f"the {which} pack says: {note}" for note in pack.notes if note not in other.notes]
    if before.currency != after.currency:
        notes.append(f"currency: {before.currency} → {after.currency}")
    if before.decimals != after.decimals:
        notes.append(f"decimals: {before.decimals} → {after.decimals}")
    return tuple(notes)


@dataclass(frozen=True)
class _Edit:
    """Places to set or remove together, and the one that the sentence is about."""

    path: str
    before: Any
    after: Any
    also: tuple[tuple[str, Any], ...] = ()


def _edits(before: Any, after: Any, path: str) -> list[_Edit]:
    if before == after:
        return []
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [_Edit(path, before, after)]
    found = []
    for key in dict.fromkeys([*before, *after]):
        found += _edits(before.get(key, MISSING), after.get(key, MISSING), f"{path}.{key}" if path else key)
    return found


def _linked(edits: list[_Edit]) -> list[_Edit]:
    """A new underlying together with the new scenario table that it names: neither stands without the other."""
    tables = {e.path: e for e in edits if e.path.startswith("scenario_tables.") and MISSING in (e.before, e.after)}
    used: set[str] = set()
    found = []
    for e in edits:
        row = e.after if e.before is MISSING else e.before if e.after is MISSING else None
        name = f"scenario_tables.{row['scenarios']}" if isinstance(row, dict) and "scenarios" in row else ""
        if e.path.startswith("underlyings.") and name in tables:
            used.add(name)
            e = _Edit(e.path, e.before, e.after, ((name, tables[name].after),))
        found.append(e)
    return [e for e in found if e.path not in used]


def _worded(edit: _Edit, before: Rules, after: Rules, trials: Sequence[Trial], base: _Results) -> Difference:
    text = _text(edit, before, after)
    tried = _compared(base, _tried_levels(_applied(before, edit), trials))
    direction, basis = _direction(edit, tried)
    paths = (edit.path, *(p for p, _ in edit.also))
    return Difference(paths, subject(edit.path), text, direction, basis, tried)


def _direction(edit: _Edit, tried: Sequence[Tried]) -> tuple[Direction, Literal["tried", "rule", "unknown"]]:
    moves = [m for t in tried for m in (t.initial, t.maintenance) if m != 0.0]
    if moves:
        up, down = any(m > 0 for m in moves), any(m < 0 for m in moves)
        return ("depends" if up and down else "stricter" if up else "looser"), "tried"
    known = entry(edit.path)
    both = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (edit.before, edit.after))
    if known is not None and known[2] and both:
        return ("stricter" if (edit.after > edit.before) == (known[2] > 0) else "looser"), "rule"
    return "none", "unknown"


def _text(edit: _Edit, before: Rules, after: Rules) -> str:
    who, path = subject(edit.path), edit.path
    schema = model_class(before.model).PARAMETERS
    old, new = edit.before, edit.after
    gone, fresh = new in (MISSING, None), old in (MISSING, None)
    head = f"{who}: " if who else ""
    if is_table(new if fresh else old) and path.rsplit(".", 1)[-1] not in ("underlyings",):
        name = _table_name(path, before, after)
        if fresh or gone:
            return f"{name}: {'new' if fresh else 'gone'}, {summary(new if fresh else old)}"
        return f"{name}: {changed(old, new)}"
    if isinstance(new if fresh else old, dict):
        return _node_text(edit, before, after)
    known = entry(path)
    words, unit = words_for(path, schema), "n" if known is None else known[1]
    if isinstance(old, list) and isinstance(new, list):
        plus = [v for v in new if v not in old]
        minus = [v for v in old if v not in new]
        parts = ([f"new: {shown(plus, unit)}"] if plus else []) + ([f"gone: {shown(minus, unit)}"] if minus else [])
        return _capital(f"{head}{words}, " + ("; ".join(parts) or "in another order"))
    if fresh or gone:
        told = f"{'new, ' if fresh else 'gone, was '}{shown(new if fresh else old, unit)}"
        return _capital(f"{head}{words}: {told}")
    return _capital(f"{head}{words}: {shown(old, unit)} → {shown(new, unit)}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table_name(path: str, before: Rules, after: Rules) -> str:
    name = path.rsplit(".", 1)[-1]
    users = []
    for pack in (before, after):
        table = pack.parameters.get("underlyings")
        if isinstance(table, dict):
            users += [u for u, row in table.items() if isinstance(row, dict) and row.get("scenarios") == name]
    return f"Scenarios of {', '.join(dict.fromkeys(users))}" if users else "Scenarios"


def _node_text(edit: _Edit, before: Rules, after: Rules) -> str:
    """A whole part that is new or gone: an underlying, terms of a market, rates of a kind of future."""
    fresh = edit.before in (MISSING, None)
    node = edit.after if fresh else edit.before
    pack = after if fresh else before
    who = _capital(subject(f"{edit.path}.it") or "parameters")
    word = "taken from now on" if fresh else "no longer taken"
    if edit.path.startswith("underlyings."):
        table = pack.parameters["scenario_tables"].get(node.get("scenarios"), [])
        assets = ", ".join(node.get("collaterals", {})) or "cash only"
        return f"{who}: {word}, {summary(table)}; collateral {assets}"
    leaves = [(p, v) for p, v in flatten(node, edit.path).items() if v is not None]
    listed = _listed(leaves, edit.path)
    steps = edit.path.split(".")
    default = pack.parameters.get("defaults", {}).get(steps[-1]) if steps[0] == "markets" and len(steps) == 3 else None
    if isinstance(default, dict):
        usual = ", ".join(shown(default.get(p.rsplit(".", 1)[-1]), (entry(p) or ("", "n", 0))[1]) for p, _ in leaves)
        return f"{who}: {'its own terms' if fresh else 'the defaults again, not'} {listed} (defaults: {usual})"
    return _capital(f"{who}: {word}, {listed}" if who else f"{words_for(edit.path)}: {word}, {listed}")


def _listed(leaves: Sequence[tuple[str, Any]], path: str) -> str:
    """Leaves in words, each group under the name of its part."""
    parts: list[str] = []
    last = path
    for leaf, value in leaves[:MOST_LEAVES]:
        parent = leaf.rpartition(".")[0]
        group = f"{SUBJECTS.get(parent.rsplit('.', 1)[-1], parent.rsplit('.', 1)[-1])} " if parent != last else ""
        last = parent
        parts.append(f"{group}{words_for(leaf)} {shown(value, (entry(leaf) or ('', 'n', 0))[1])}")
    rest = len(leaves) - len(parts)
    return ", ".join(parts) + (f" and {rest} more" if rest > 0 else "")


# --- trials -----------------------------------------------------------------------------------------------------


def _applied(rules: Rules, edit: _Edit) -> Rules | None:
    """`rules` with this change only; `None` where the change does not stand alone."""
    parameters = json.loads(json.dumps(rules.parameters))
    for path, value in ((edit.path, edit.after), *edit.also):
        here = parameters
        *steps, last = path.split(".")
        for step in steps:
            here = here[step]
        if value is MISSING:
            del here[last]
        else:
            here[last] = value
    changed_rules = rules.model_copy(update={"parameters": parameters})
    try:
        margin_model(changed_rules)
    except DocumentError:
        return None
    return changed_rules


def _tried_levels(rules: Rules | None, trials: Sequence[Trial]) -> _Results:
    if rules is None:
        return [None] * len(trials)
    model = margin_model(rules)
    found: _Results = []
    for trial in trials:
        try:
            account, market, _ = takeable(model, trial.account, trial.market)
            found.append((trial.name, levels(model, account, market)))
        except DocumentError:
            found.append(None)
    return found


def _compared(before: _Results, after: _Results) -> tuple[Tried, ...]:
    """Relative changes on the books that both rule sets hold, in one currency and with something to charge."""
    found = []
    for old, new in zip(before, after, strict=True):
        if old is None or new is None or old[1].currency != new[1].currency:
            continue
        if old[1].initial > 0 and old[1].maintenance > 0:
            initial = _snapped(new[1].initial / old[1].initial - 1.0)
            found.append(Tried(old[0], initial, _snapped(new[1].maintenance / old[1].maintenance - 1.0)))
    return tuple(found)


def _snapped(change: float) -> float:
    return 0.0 if abs(change) < TINY else change
