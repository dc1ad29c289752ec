"""Equal coverage in plain Python: scale a margin until few enough book-days are uncovered."""

from __future__ import annotations


def covered_by(losses: list[list[list[float]]], margins: list[list[float]], way: str, factor: float) -> int:
    """Exceptions: `losses[book][position][day]`, `margins[book]` one number for the book, or one a position."""
    count = 0
    for own, margin in zip(losses, margins, strict=True):
        for day in range(len(own[0])):
            each = [position[day] for position in own]
            if way == "isolated":
                count += any(loss > factor * m for loss, m in zip(each, margin, strict=True))
            else:
                count += sum(each) > factor * sum(margin)
    return count


def least_factor(losses: list[list[list[float]]], margins: list[list[float]], way: str, level: float) -> float:
    """By halving: the least factor with at most `level` of all book-days uncovered, to ten digits, below twenty."""
    days = sum(len(own[0]) for own in losses)
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = (low + high) / 2.0
        if covered_by(losses, margins, way, middle) <= level * days:
            high = middle
        else:
            low = middle
    return high
