"""Scenario tables in a sentence: how many, how far, at what weight, and what changed."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

MOST = 4


def is_table(value: Any) -> bool:
    """Whether a value is a list of scenarios of any model."""
    return isinstance(value, list) and bool(value) and all(_is_scenario(row) for row in value)


def _is_scenario(row: Any) -> bool:
    return isinstance(row, dict) and ("spot_shock" in row or {"move", "vol"} <= row.keys())


def _move(row: Row) -> float:
    move: float = row["move"] if "move" in row else row["spot_shock"] - 1.0
    return move


def _weight(row: Row) -> float:
    weight: float = row["weight"] if "weight" in row else row.get("dampening", 1.0)
    return weight


def _vol(row: Row) -> str:
    if "vol" in row:
        return f"{100 * row['vol']:+.6g} %"
    return {"none": "0"}.get(row["vol_shock"], str(row["vol_shock"]).replace("_", " "))


def _tilts(row: Row) -> bool:
    return str(row.get("vol_shock", "")).startswith("skew")


def percent(move: float) -> str:
    """`+16 %`; `0 %` for nothing."""
    text = f"{100 * move:+.6g} %"
    return "0 %" if float(text[:-2]) == 0.0 else text


def _far(table: list[Row]) -> list[Row]:
    return [r for r in table if _weight(r) != 1.0 and not _tilts(r)]


def grid(table: list[Row]) -> str:
    """The range of the moves that count in full: `±16 %`, or `-20 % to +30 %`."""
    moves = [_move(r) for r in table if _weight(r) == 1.0 and not _tilts(r)]
    if not moves:
        return "none"
    low, high = min(moves), max(moves)
    return f"±{100 * high:.6g} %" if abs(low + high) < 1e-9 else f"{percent(low)} to {percent(high)}"


def vols(table: list[Row]) -> str:
    """The volatility shocks that occur."""
    return ", ".join(dict.fromkeys(_vol(r) for r in table if not _tilts(r)))


def summary(table: list[Row]) -> str:
    """`33 scenarios, spot grid ±27 %, 7 far moves from -66 % to +400 % at weights 0.06 to 0.72`."""
    parts = [f"{len(table)} scenarios", f"spot grid {grid(table)}"]
    far = _far(table)
    if far:
        moves, weights = [_move(r) for r in far], [_weight(r) for r in far]
        reach = f"{percent(min(moves))} to {percent(max(moves))}"
        parts.append(f"{len(far)} far moves {reach} at weights {min(weights):.4g} to {max(weights):.4g}")
    tilted = sum(_tilts(r) for r in table)
    if tilted:
        parts.append(f"{tilted} tilts of the smile")
    return ", ".join(parts)


def changed(before: list[Row], after: list[Row]) -> str:
    """What is different: number of rows, range of the grid, volatility shocks, far rows one by one."""
    parts = []
    if len(before) != len(after):
        parts.append(f"{len(before)} → {len(after)} scenarios")
    for name, of in (("spot grid", grid), ("volatility shocks", vols)):
        if of(before) != of(after):
            parts.append(f"{name} {of(before)} → {of(after)}")
    parts += _far_changes(_far(before), _far(after))
    if not parts:
        old, new = ({(_move(r), _vol(r), _weight(r)) for r in t} for t in (before, after))
        if old == new:
            return "the same scenarios in another order (ties go to the first)"
        parts.append(f"{len(old - new)} rows inside the grid replaced by {len(new - old)}")
    return "; ".join(parts)


def _far_changes(before: list[Row], after: list[Row]) -> list[str]:
    old, new = ({(_move(r), _vol(r)): _weight(r) for r in t} for t in (before, after))
    words = [
        f"far move {percent(k[0])} counts {old[k]:.4g} → {new[k]:.4g}" for k in old if k in new and old[k] != new[k]
    ]
    words += [f"far move {percent(k[0])} at vol {k[1]} new, counts {new[k]:.4g}" for k in new if k not in old]
    words += [f"far move {percent(k[0])} at vol {k[1]} gone" for k in old if k not in new]
    rest = len(words) - MOST
    return words[:MOST] + ([f"{rest} more far rows changed"] if rest > 0 else [])
