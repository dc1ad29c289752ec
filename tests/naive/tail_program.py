"""The least expected shortfall of one or two variables in a box: every corner of the objective is tried.

The objective is linear between the lines on which two scenarios lose the same, so that its least value is where two
of them, or sides of the box, meet. Plain loops; nothing of the package.
"""

from __future__ import annotations

from collections.abc import Sequence


def shortfall(losses: Sequence[float], level: float | None) -> float:
    """The mean of the worst `1 - level` of equally likely losses; None: the worst."""
    falling = sorted(losses, reverse=True)
    if level is None:
        return falling[0]
    left, total = (1.0 - level) * len(falling), 0.0
    share = left
    for loss in falling:
        taken = min(1.0, left)
        total += taken * loss
        left -= taken
        if left <= 0.0:
            break
    return total / share


def objective(pnl: Sequence[Sequence[float]], base: Sequence[float], cost: Sequence[float], x: Sequence[float],
              level: float | None) -> float:  # fmt: skip
    """Cost and shortfall at a point."""
    losses = []
    for s in range(len(base)):
        gain = base[s]
        for j in range(len(x)):
            gain += x[j] * pnl[j][s]
        losses.append(-gain)
    return sum(c * y for c, y in zip(cost, x, strict=True)) + shortfall(losses, level)


def least(pnl: Sequence[Sequence[float]], base: Sequence[float], cost: Sequence[float], level: float | None) -> float:
    """The least over the box from -1 to 1."""
    pairs = [(i, j) for i in range(len(base)) for j in range(i)]
    lines = [([row[i] - row[j] for row in pnl], base[j] - base[i]) for i, j in pairs]
    sides = [(k, side) for k in range(len(pnl)) for side in (-1.0, 1.0)]
    lines += [([1.0 if m == k else 0.0 for m in range(len(pnl))], side) for k, side in sides]
    best = float("inf")
    for point in corners(lines, len(pnl)):
        if all(-1.0 - 1e-12 <= y <= 1.0 + 1e-12 for y in point):
            best = min(best, objective(pnl, base, cost, point, level))
    return best


def corners(lines: Sequence[tuple[list[float], float]], size: int) -> list[list[float]]:
    """Where lines meet; in one dimension the lines are points."""
    found = []
    if size == 1:
        for slope, right in lines:
            if abs(slope[0]) > 1e-12:
                found.append([right / slope[0]])
        return found
    for a in range(len(lines)):
        for b in range(a):
            (p, r), (q, s) = lines[a], lines[b]
            area = p[0] * q[1] - p[1] * q[0]
            if abs(area) > 1e-9:
                found.append([(r * q[1] - p[1] * s) / area, (p[0] * s - r * q[0]) / area])
    return found
