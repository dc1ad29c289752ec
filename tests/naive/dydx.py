"""Naive dYdX v4: margins, changes and liquidations by fractions and plain loops over dictionaries.

Second opinion for `plimsoll.margin.venues.dydx`; imports nothing of the package. A market is a dictionary with `price`
(a fraction of USDC for a coin), `quantum` (coins of a base quantum), `interest` (base quantums) and the tier's `imf`,
`part` (both fractions), `lower` and `upper` (USDC); a position has `size` (base quantums), `cap` (a fraction, zero for
none) and `quote` (quote quantums kept with it).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

Doc = dict[str, Any]
MILLIONTH = Fraction(1, 10**6)


def up(value: Fraction) -> int:
    """The least whole number not below."""
    whole = value.numerator // value.denominator
    return whole if whole == value else whole + 1


def toward_zero(value: Fraction) -> int:
    size = abs(value.numerator) // value.denominator
    return size if value >= 0 else -size


def worth(market: Doc, size: int) -> int:
    """Quote quantums of a size."""
    return toward_zero(size * market["quantum"] * market["price"] / MILLIONTH)


def fraction(market: Doc) -> Fraction:
    """Initial margin fraction at the market's open interest, on the grid of a millionth."""
    if not market["upper"]:
        return Fraction(market["imf"])
    open_usdc = worth(market, market["interest"]) * MILLIONTH
    along = (
        (open_usdc - market["lower"]) / (market["upper"] - market["lower"])
        if (market["upper"] > market["lower"])
        else Fraction(int(open_usdc >= market["upper"]))
    )
    if open_usdc <= market["lower"]:
        along = Fraction(0)
    along = min(Fraction(1), along)
    exact = market["imf"] + (1 - market["imf"]) * along
    return Fraction(toward_zero(exact / MILLIONTH)) * MILLIONTH


def margins(market: Doc, size: int, cap: Fraction = Fraction(0)) -> tuple[int, int]:
    """Initial and maintenance margin in quote quantums."""
    value = abs(worth(market, size))
    initial = up(value * max(fraction(market), cap))
    return initial, up(up(value * market["imf"]) * market["part"])


def standing(cash: int, positions: dict[Any, Doc], markets: dict[Any, Doc]) -> tuple[int, int, int]:
    """Net collateral, initial and maintenance margin of a settled subaccount."""
    collateral, initial, maintenance = cash, 0, 0
    for name, p in positions.items():
        mine = margins(markets[name], p["size"], p.get("cap", Fraction(0)))
        collateral += worth(markets[name], p["size"]) + p.get("quote", 0)
        initial, maintenance = initial + mine[0], maintenance + mine[1]
    return collateral, initial, maintenance


def bankruptcy(cash: int, positions: dict[Any, Doc], markets: dict[Any, Doc], name: Any, delta: int) -> int:
    """The least whole amount for `delta` that leaves the rest its share of the collateral, by maintenance."""
    collateral, _, maintenance = standing(cash, positions, markets)
    market, size = markets[name], positions[name]["size"]
    freed = margins(market, size)[1] - margins(market, size + delta)[1]
    gone = worth(market, size) - worth(market, size + delta)
    return up(gone - Fraction(collateral * freed, maintenance))


def fillable(
    cash: int, positions: dict[Any, Doc], markets: dict[Any, Doc], name: Any, adjust: Fraction, spread: Fraction
) -> Fraction:
    """Quote quantums for one base quantum."""
    collateral, _, maintenance = standing(cash, positions, markets)
    market, size = markets[name], positions[name]["size"]
    rating = adjust * (maintenance - collateral) / maintenance
    rating = Fraction(0) if rating < 0 else Fraction(1) if rating > 1 else rating
    off = rating * spread * margins(market, size)[1]
    return Fraction(worth(market, size) - off) / size


def may_change(before: tuple[int, int, int], after: tuple[int, int, int]) -> bool:
    """Whether a subaccount may go from one standing to the other."""
    if after[0] >= after[1]:
        return True
    if after[2] > before[2]:
        return False
    if before[2] == 0 or after[2] == 0:
        return before[2] == after[2] and after[0] > before[0]
    return Fraction(after[0], after[2]) >= Fraction(before[0], before[2])


def market_of(parameters: Doc, coin: str, price: float, interest: float) -> Doc:
    """A market of a pack: price in USDC, open interest in coins."""
    row = parameters["markets"][coin]
    tier = parameters["tiers"][row["tier"]]
    quantum = Fraction(10) ** row["atomic_resolution"]
    return {
        "price": Fraction(str(price)),
        "quantum": quantum,
        "interest": up(Fraction(str(interest)) / quantum),
        "imf": tier["initial_margin_ppm"] * MILLIONTH,
        "part": tier["maintenance_fraction_ppm"] * MILLIONTH,
        "lower": tier["open_interest_lower_cap"] * MILLIONTH,
        "upper": tier["open_interest_upper_cap"] * MILLIONTH,
    }


def floor_usdc(value: Fraction) -> int:
    """Quote quantums of what belongs to the account."""
    return -up(-value / MILLIONTH)


def pools(parameters: Doc, rows: list[Doc], balance: float) -> list[Doc]:
    """The cross subaccount, then each of one position: net collateral, initial and maintenance margin in quote
    quantums.

    A row has `coin`, `price`, `interest`, `size` (coins), `entry` or `unrealised`, `funding`, `leverage` (or None) and
    `margin` (or None).
    """
    shared: Doc = {"money": Fraction(str(balance)), "rows": []}
    found = [shared]
    for row in rows:
        pool = shared
        if row["margin"] is not None:
            money = Fraction(str(row["margin"]))
            shared["money"] -= money
            pool = {"money": money, "rows": []}
            found.append(pool)
        pool["rows"].append(row)
    return [_pool(parameters, pool) for pool in found]


def _pool(parameters: Doc, pool: Doc) -> Doc:
    collateral = floor_usdc(pool["money"])
    funding = sum((Fraction(str(r["funding"])) for r in pool["rows"]), Fraction(0))
    collateral += floor_usdc(funding)
    initial = maintenance = 0
    for row in pool["rows"]:
        market = market_of(parameters, row["coin"], row["price"], row["interest"])
        size = round(Fraction(str(row["size"])) / market["quantum"])
        cap = Fraction(0)
        if row["leverage"] is not None:
            cap = up(1 / Fraction(str(row["leverage"])) / MILLIONTH) * MILLIONTH
        if row["entry"] is not None:
            collateral += worth(market, size) - up(size * market["quantum"] * Fraction(str(row["entry"])) / MILLIONTH)
        else:
            collateral += floor_usdc(Fraction(str(row["unrealised"])))
        mine = margins(market, size, cap)
        initial, maintenance = initial + mine[0], maintenance + mine[1]
    return {"collateral": collateral, "initial": initial, "maintenance": maintenance}
