"""Closing perpetuals on a book and by two venues' rules, in plain Python: loops, floats, nothing shared."""

from __future__ import annotations

import math

Levels = list[tuple[float, float]]


def side_cost(levels: Levels, mid: float, stress: float, law: tuple[float, float, float], size: float) -> float:
    """USD beside the middle for `size` coins from an untouched side; `law` is Y, daily volatility, USD volume a day."""
    y, sigma, volume = law
    coins_a_day = volume / mid
    spent, done, last = 0.0, 0.0, 0.0
    for price, posted in levels:
        last = max(last, abs(price - mid))
        here = min(posted * (1.0 - stress), size - done)
        if here <= 0.0:
            break
        spent += here * last
        done += here
    # beyond the book a coin costs the last level, or 1.5 Y sigma mid sqrt(q / V) where that is more
    turn = coins_a_day * (last / (1.5 * y * sigma * mid)) ** 2
    flat = min(size, max(done, turn)) - done
    spent += flat * last
    done += flat
    steps = 400
    width = (size - done) / steps
    for k in range(steps):
        points = (done + k * width, done + (k + 0.5) * width, done + (k + 1) * width)
        ends = [1.5 * y * sigma * mid * math.sqrt(q / coins_a_day) for q in points]
        spent += width * (ends[0] + 4.0 * ends[1] + ends[2]) / 6.0
    return spent


def closed_whole(
    positions: dict[str, tuple[float, float, float]],
    books: dict[str, tuple[list[tuple[float, float]], list[tuple[float, float]]]],
    cash: float,
    stress: float,
    laws: dict[str, tuple[float, float, float]],
    fee: float,
) -> float:
    """What is left after every position (quantity, entry, mark) is closed on its book (bids, asks), for a fee."""
    left = cash
    for name, (quantity, entry, mark) in positions.items():
        levels = books[name][0] if quantity > 0 else books[name][1]
        beside = side_cost(levels, mark, stress, laws[name], abs(quantity))
        price = mark - math.copysign(beside / abs(quantity), quantity)
        left += quantity * (price - entry)
        # nothing that is not there is charged; every position stands at its entry price, so the rest is cash
        left -= min(fee * abs(quantity) * price, max(0.0, left))
    return left


def hyperliquid(
    quantity: float, mark: float, equity: float, rate: float, discount: float
) -> list[tuple[float, float, float]]:
    """Orders (second, size, equity after) of one position whose book has everything `discount` USD beside the mark.

    A fifth first of more than 100,000, all of it within thirty seconds of a part; each second; the vault below two
    thirds of maintenance, which is an order of size zero.
    """
    found, second, part_at = [], 1.0, None
    while quantity > 1e-12:
        maintenance = rate * quantity * mark
        if equity >= maintenance:
            break
        if equity < 2.0 / 3.0 * maintenance:
            found.append((second, 0.0, 0.0))
            break
        cooling = part_at is not None and second - part_at < 30.0
        size = 0.2 * quantity if quantity * mark > 100_000.0 and not cooling else quantity
        if size < quantity:
            part_at = second
        equity -= size * discount
        quantity -= size
        found.append((second, size, equity))
        second += 1.0
    return found


def kept_after(size: float, horizon: float, slices: int, kappa: float) -> list[float]:
    """The schedule of Almgren and Chriss from its difference equation, `x_(k-1) + x_(k+1) = 2 cosh(kappa tau) x_k`.

    Solved as a tridiagonal system by elimination, with what is held at both ends given.
    """
    tau = horizon / slices
    middle = 2.0 * math.cosh(kappa * tau)
    inner = slices - 1
    if inner == 0:
        return [size, 0.0]
    # middle x_k - x_(k-1) - x_(k+1) = 0
    diagonal, right = [middle] * inner, [0.0] * inner
    right[0] = size
    for k in range(1, inner):
        factor = 1.0 / diagonal[k - 1]
        diagonal[k] -= factor
        right[k] += factor * right[k - 1]
    found = [0.0] * inner
    found[-1] = right[-1] / diagonal[-1]
    for k in range(inner - 2, -1, -1):
        found[k] = (right[k] + found[k + 1]) / diagonal[k]
    return [size, *found, 0.0]


def least_premium(
    costs: list[float], gas: list[float], values: list[float], base: float, refund: float, order: int
) -> float:
    """The premium at which `order` of the liquidations are done, by bisection on how many are."""

    def done(premium: float) -> int:
        return sum(base + refund * g + premium * v >= c for c, g, v in zip(costs, gas, values, strict=True))

    low, high = 0.0, 1.0
    while done(high) < order:
        high *= 2.0
    if done(low) >= order:
        return 0.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if done(middle) >= order else (middle, high)
    return high


def lost_together(equity: list[float], coins: list[float], each: float) -> float:
    """What accounts owe after each has paid `each` USD for every coin it sold."""
    return sum(max(0.0, each * q - e) for e, q in zip(equity, coins, strict=True))
