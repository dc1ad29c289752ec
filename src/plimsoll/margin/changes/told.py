"""What happened to each part between two snapshots, in words."""

from __future__ import annotations

from datetime import timedelta

from plimsoll.contracts import is_option
from plimsoll.margin.changes.between import Between, Held
from plimsoll.margin.rules import Rules

MOST = 4
"""Things named one by one; the rest are counted."""


def changes_told(between: Between, rules: Rules, rules_after: Rules) -> dict[str, str]:
    """A line for each effect; empty where its input did not change."""
    return {
        "trades": _trades(between),
        "spot": _spot(between),
        "vol": _vol(between),
        "time": _time(between),
        "collateral": _collateral(between),
        "rules": _rules(rules, rules_after),
        "other": _other(between),
    }


def premium_note(between: Between) -> str:
    """Where to look for the premium of options that were traded; empty without any."""
    for key in between.names:
        contract = between.contracts.get(key[0])
        if key in between.ended or contract is None or not is_option(contract):
            continue
        old, new = (held.get(key) for held in between.held)
        if (0.0 if old is None else old.quantity) != (0.0 if new is None else new.quantity):
            return "options traded stand in trades with their value, what was paid for them in collateral"
    return ""


def subject(key: Held) -> str:
    """What a position is called: its instrument, with its leg where both sides are held apart."""
    return key[0] if key[1] == "net" else f"{key[0]} {key[1]}"


def _listed(words: list[str]) -> str:
    rest = len(words) - MOST
    return ", ".join(words[:MOST] + ([f"{rest} more"] if rest > 0 else []))


def _trades(between: Between) -> str:
    first, last = ({k: p.quantity for k, p in held.items()} for held in between.held)
    sizes = [(subject(k), last.get(k, 0.0) - first.get(k, 0.0)) for k in between.names if k not in between.ended]
    return _listed([f"{size:+g} {name}" for name, size in sizes if size != 0.0])


def _spot(between: Between) -> str:
    used = sorted({c.underlying for c in between.contracts.values()})
    first, last = (s.index for s in between.sides)
    moves = [(u, last[u].price / first[u].price - 1.0) for u in used if u in first and u in last]
    told = [f"{u} {move:+.2%}" for u, move in moves if move != 0.0]
    if not told and between.sides[0].forward != between.sides[1].forward:
        return "forwards against an unmoved index"
    return _listed(told)


def _vol(between: Between) -> str:
    """Mean move of the volatilities of the options held in both, by underlying."""
    first, last = (s.vol for s in between.sides)
    moves: dict[str, list[float]] = {}
    for name, contract in between.contracts.items():
        if is_option(contract) and name in first and name in last and (name, "net") not in between.ended:
            moves.setdefault(contract.underlying, []).append(last[name] - first[name])
    return _listed(
        [
            f"{u} {100 * sum(m) / len(m):+.2f} points on average ({100 * min(m):+.1f} to {100 * max(m):+.1f})"
            for u, m in sorted(moves.items())
            if any(m)
        ]
    )


def _time(between: Between) -> str:
    passed: timedelta = between.sides[1].time - between.sides[0].time
    days = passed.total_seconds() / 86_400.0
    if days == 0.0:
        return ""
    count, unit = (days, "day") if days >= 1.0 else (24.0 * days, "hour")
    length = f"{count:.3g} {unit}{'' if count == 1.0 else 's'}"
    gone = f"; expired: {_listed([subject(k) for k in between.ended])}" if between.ended else ""
    return length + gone


def _collateral(between: Between) -> str:
    first, last = (a.collateral for a in between.accounts)
    moves = [(a, last.get(a, 0.0) - first.get(a, 0.0)) for a in dict.fromkeys([*first, *last])]
    told = [f"{asset} {_balance(change)}" for asset, change in moves if change != 0.0]
    first, last = (a.borrowed for a in between.accounts)
    moves = [(a, last.get(a, 0.0) - first.get(a, 0.0)) for a in dict.fromkeys([*first, *last])]
    return _listed(told + [f"loan {asset} {_balance(change)}" for asset, change in moves if change != 0.0])


def _balance(change: float) -> str:
    """Cents for thousands, six digits below.

    >>> _balance(5000.0), _balance(-1234.567), _balance(0.12345678)
    ('+5,000', '-1,234.57', '+0.123457')
    """
    return f"{change:+,.2f}".rstrip("0").rstrip(".") if abs(change) >= 1e3 else f"{change:+.6g}"


def _rules(rules: Rules, rules_after: Rules) -> str:
    if rules.parameters == rules_after.parameters and rules.model == rules_after.model:
        same = rules.label == rules_after.label
        return "" if same else f"{rules.label} to {rules_after.label}, the same numbers"
    words = f"{rules.label} to {rules_after.label}"
    return words if rules.model == rules_after.model else f"{words}: another model"


def _other(between: Between) -> str:
    first, last = between.sides
    accounts = between.accounts
    found = []
    keys = first.row.keys() & last.row.keys()
    if any(first.row[k].rate != last.row[k].rate for k in keys):
        found.append("rates")
    tokens = {n for n in first.asset.keys() & last.asset.keys() if n not in first.index}
    prices = [n for n in sorted(tokens) if first.asset[n].price != last.asset[n].price]
    if prices:
        found.append("prices of " + _listed(prices))
    funding = [{n: p.unsettled_funding for n, p in held.items() if p.unsettled_funding} for held in between.held]
    if funding[0] != funding[1]:
        found.append("unsettled funding")
    marks = first.mark.keys() & last.mark.keys()
    trusts = [first.mark[n].confidence != last.mark[n].confidence for n in marks]
    trusts += [first.index[n].confidence != last.index[n].confidence for n in first.index.keys() & last.index.keys()]
    trusts += [first.row[k].vol_confidence != last.row[k].vol_confidence for k in keys]
    if any(trusts):
        found.append("confidences")
    if accounts[0].orders != accounts[1].orders:
        found.append("orders")
    if accounts[0].reported != accounts[1].reported:
        found.append("reported amounts")
    if accounts[0].mode != accounts[1].mode:
        found.append(f"mode {accounts[0].mode} to {accounts[1].mode}")
    if accounts[0].settings != accounts[1].settings:
        found.append("settings")
    both = [(old, between.held[1][k]) for k, old in between.held[0].items() if k in between.held[1]]
    for field, words in (("leverage", "chosen leverages"), ("isolated_margin", "money set apart")):
        if any(getattr(old, field) != getattr(new, field) for old, new in both):
            found.append(words)
    if first.market.depth != last.market.depth:
        found.append("order books")
    if first.gap != last.gap:
        found.append("marks of options against the model's value")
    return ", ".join(found)
