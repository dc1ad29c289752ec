"""Deribit's standard and portfolio margin against their twins."""

from __future__ import annotations

from typing import Any

from naive.adapters_deribit import deribit_rows
from naive.deribit import (
    DAYS,
    DELTAS,
    FARS,
    FLOORS,
    ROWS,
    contingency_margin,
    cross_margin,
    portfolio_equity,
    portfolio_margin,
    standard_equity,
    standard_margin,
)
from plimsoll.margin import MarginModel, Requirement
from sweeps.books import Book
from sweeps.compared import Compared


def settlement_of(book: Book) -> str:
    """The one currency of a segregated book."""
    return "USDC" if book.form == "linear" else book.coins[0]


def against_sm(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Both meanings of the underlying's price, both readings of maintenance, and the balance against them."""
    found = model.requirement(book.account, book.market)
    parameters, market = model.rules.parameters, book.market_doc
    rows = deribit_rows(book.account_doc, market)
    indices = {coin: market["indices"][coin]["price"] for coin in rows}
    if book.form == "cross":
        prices = {a: row["price"] for a, row in (market["assets"] | market["indices"]).items()}
        twin = cross_margin(parameters, indices, rows, book.account.collateral, prices)
        equity = twin["equity"]
    else:
        (coin,) = rows
        twin = standard_margin(parameters, indices[coin], rows[coin], coin)
        equity = standard_equity(rows[coin], book.account.collateral.get(settlement_of(book), 0.0))
    seen.near("initial", found.initial, max(twin["initial"].values()))
    seen.near("maintenance", found.maintenance, max(twin["maintenance"].values()))
    seen.near("equity", found.net_equity, equity)
    for kind, default in (("underlying", found.initial), ("maintenance", found.maintenance)):
        side = twin["initial" if kind == "underlying" else "maintenance"]
        for name, amount in side.items():
            seen.near(f"{kind}.{name}", found.workings.get(f"reading.{kind}.{name}", default), amount)
    return found


def against_pm(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """The dearest of all combinations of readings, the cheapest, and every scenario of the one that is charged."""
    found = model.requirement(book.account, book.market)
    parameters, market, w = model.rules.parameters, book.market_doc, found.workings
    rows = deribit_rows(book.account_doc, market)
    twins = {c: portfolio_margin(parameters, market["indices"][c]["price"], mine, c) for c, mine in rows.items()}

    def total(name: str, reading: tuple[str, ...]) -> float:
        return sum(twin[reading][name] for twin in twins.values())

    readings = list(next(iter(twins.values())))
    totals = [sum(total(name, r) for name in ("worst", "roll", "delta")) for r in readings]
    charged = w["worst_case"] + w["roll_shock"] + w["delta_shock"]
    seen.near("dearest", charged, max(totals))
    seen.near("cheapest", w.get("reading.least", charged), min(totals))
    reading = reading_of(w)
    for name, mine in (("worst", "worst_case"), ("roll", "roll_shock"), ("delta", "delta_shock")):
        seen.near(name, w[mine], total(name, reading))
    for coin, twin in twins.items():
        several = len(twins) > 1
        vector = [s.pnl for s in found.scenarios if not several or s.label.startswith(f"{coin} ")]
        seen.all_near(f"{coin}.vector", vector, twin[reading]["vector"])
        summed = [v for k, v in w.items() if k.startswith(f"pre_aggregated.{coin}.")]
        seen.all_near(f"{coin}.summed", summed, twin[reading]["summed"])
    matrix = round(total("worst", reading), 9) + total("roll", reading) + total("delta", reading)
    seen.near("initial", found.initial, round(matrix, 9))
    seen.near("maintenance", found.maintenance, parameters["mm_factor"] * matrix)
    held = [row for mine in rows.values() for row in mine]
    balance = book.account.collateral.get(settlement_of(book), 0.0)
    seen.near("equity", found.net_equity, portfolio_equity(held, balance))
    return found


def against_pmc(model: MarginModel, book: Book, seen: Compared) -> Requirement:
    """Before 2024: both contingencies, what every reading would charge, and every cell of the one that is charged."""
    found = model.requirement(book.account, book.market)
    parameters, market, w = model.rules.parameters, book.market_doc, found.workings
    rows = deribit_rows(book.account_doc, market)
    twins = {c: contingency_margin(parameters, market["indices"][c]["price"], mine, c) for c, mine in rows.items()}
    worst = {days: sum(max(0.0, -min(t["cells"][days])) for t in twins.values()) for days in DAYS}
    futures, options, together = (sum(t[part] for t in twins.values()) for part in ("futures", "options", "together"))
    total = max(worst.values()) + futures + options
    seen.near("worst", w["worst_cell"], max(worst.values()))
    seen.near("futures", w["futures_contingency"], futures)
    seen.near("options", w["options_contingency"], options)
    seen.near("maintenance", found.maintenance, total)
    seen.near("initial", found.initial, parameters["initial_factor"] * total)
    seen.near("expiries together", w.get("reading.expiries_together", total), total - options + together)
    for days, amount in worst.items():
        seen.near(days, w.get(f"reading.{days}", w["maintenance"]), amount + futures + options)
    charged = max(DAYS, key=lambda days: w.get(f"reading.{days}", 0.0))
    for coin, twin in twins.items():
        cells = [s.pnl for s in found.scenarios if len(twins) == 1 or s.label.startswith(f"{coin} ")]
        seen.all_near(f"{coin}.cell", cells, twin["cells"][charged])
    joint = [sum(cells) for cells in zip(*(t["cells"][charged] for t in twins.values()), strict=True)]
    moved_together = max(0.0, -min(joint)) + futures + options
    seen.near("underlyings together", w.get("reading.underlyings_together", w["maintenance"]), moved_together)
    held = [row for mine in rows.values() for row in mine]
    balance = book.account.collateral.get(settlement_of(book), 0.0)
    seen.near("equity", found.net_equity, portfolio_equity(held, balance))
    return found


def reading_of(workings: dict[str, Any]) -> tuple[str, ...]:
    """The answers that are charged: of each question the dearer one, the first where they cost the same."""
    return tuple(
        max((a for a in axis if f"reading.{a}" in workings), key=lambda a: workings[f"reading.{a}"], default=axis[0])
        for axis in (FLOORS, DAYS, FARS, DELTAS, ROWS)
    )
