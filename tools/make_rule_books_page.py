"""Write `docs/validation/rule-books.md`: what every rule book charges for the same five books.

    python tools/make_rule_books_page.py [--output FILE] [--check] [--no-picture]

The rule books are the newest pack of each name that is shipped, whichever they are; a venue that is added is on the
page the next time it is made. The books are in the contracts of the demonstration's market; rules that do not take
these hold the same exposure in contracts that they take, as `plimsoll compare` does. With --check nothing is written
and a page that differs fails. The picture, `docs/images/rule-books.png`, is not compared.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from page_files import keep
from plimsoll.feeds import demo_market
from plimsoll.margin import Account, Position, Rules, model_class, shipped_packs
from plimsoll.margin.compare import Row, compare
from plimsoll.market import Market

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "rule-books.md"
PICTURE = ROOT / "docs" / "images" / "rule-books.png"

WORDS = (
    *("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
    *("Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen", "Twenty"),
)
WEEK, NEAR, MONTH, FAR = "3APR26", "10APR26", "24APR26", "26JUN26"
CASH = 100_000.0


@dataclass(frozen=True)
class Book:
    """A standard book: its name, what it is, and its legs: instrument and coins, of a perpetual too."""

    name: str
    words: str
    legs: tuple[tuple[str, float], ...]


def option(expiry: str, strike: int, side: str) -> str:
    """Name of an option of the demonstration's chain."""
    return f"BTC-{expiry}-{strike}-{side}"


BOOKS = (
    Book("Long", "long one coin of the perpetual", (("BTC-PERPETUAL", 1.0),)),
    Book(
        "Straddle",
        "a call and a put at 70,000 of one week, sold",
        ((option(WEEK, 70000, "C"), -1.0), (option(WEEK, 70000, "P"), -1.0)),
    ),
    Book(
        "Calendar",
        "the call at 70,000 of two weeks sold, that of three months bought",
        ((option(NEAR, 70000, "C"), -1.0), (option(FAR, 70000, "C"), 1.0)),
    ),
    Book(
        "Covered call",
        "long one coin of the perpetual, the call at 76,000 of four weeks sold",
        (("BTC-PERPETUAL", 1.0), (option(MONTH, 76000, "C"), -1.0)),
    ),
    Book(
        "Hedged mix",
        "two strangles of four weeks sold (62,000 and 78,000) inside bought wings (56,000 and 84,000), half a put at "
        "70,000 of three months bought, and 0.3 coins of the perpetual",
        (
            (option(MONTH, 78000, "C"), -2.0),
            (option(MONTH, 62000, "P"), -2.0),
            (option(MONTH, 84000, "C"), 2.0),
            (option(MONTH, 56000, "P"), 2.0),
            (option(FAR, 70000, "P"), 0.5),
            ("BTC-PERPETUAL", 0.3),
        ),
    ),
)


@dataclass(frozen=True)
class Charge:
    """What one rule book charges for one book, in USD, or why it does not take it."""

    pack: Rules
    initial: float = 0.0
    maintenance: float = 0.0
    translated: bool = False
    refusal: str = ""


def newest() -> list[Rules]:
    """The newest pack of each name, the house's last, else by venue."""
    found = {p.name: p for p in shipped_packs()}
    return sorted(found.values(), key=lambda p: (venue_of(p) == "house", venue_of(p), p.name))


def venue_of(pack: Rules) -> str:
    """The folder that computes the pack: `house` or the venue."""
    module = model_class(pack.model).__module__.split(".")
    return "house" if "house" in module else module[module.index("venues") + 1]


def account_of(book: Book, market: Market) -> Account:
    """The book as an account with dollars enough."""
    rows = []
    for name, coins in book.legs:
        contract = market.contracts[name]
        size = coins
        if contract.kind == "perpetual":
            price = market.marks[name].price
            assert price is not None
            size = coins * price / contract.multiplier
        rows.append(Position(instrument=name, quantity=size))
    return Account(name=book.name, positions=tuple(rows), collateral={"USDC": CASH})


def notional(book: Book, market: Market) -> float:
    """Coins of every leg, whatever its side, at the index, in USD."""
    return sum(abs(coins) for _, coins in book.legs) * market.indices["BTC"].price


def charges(book: Book, market: Market, packs: list[Rules]) -> list[Charge]:
    """What each pack charges, in the first of its modes."""
    account, found = account_of(book, market), []
    for pack in packs:
        mode = model_class(pack.model).MODES[0]
        (row,) = compare(account, market, [pack], modes=[mode], standalone=False).rows
        found.append(_charge(row))
    return found


def _charge(row: Row) -> Charge:
    if row.requirement is None:
        return Charge(row.pack, refusal=reason(row.refusal))
    r = row.requirement
    return Charge(row.pack, r.initial * row.dollars, r.maintenance * row.dollars, row.translated)


def reason(refusal: str) -> str:
    """The first problem of a refusal in words, without paths and codes."""
    first = refusal.splitlines()[0]
    first = re.sub(r"^[\w.\[\]]+: got ", "", first)
    first = re.sub(r" \([a-z_]+\)", "", first)
    got, _, allowed = first.partition("; allowed: ")
    allowed = allowed if len(allowed) <= 110 else allowed[:107].rsplit(" ", 1)[0] + " …"
    return (f"{got}; takes {allowed}" if allowed else got).replace("|", "/")


def page_of(market: Market, packs: list[Rules]) -> tuple[str, dict[str, list[Charge]]]:
    """The page in Markdown, and the charges of each book for the picture."""
    table = {b.name: charges(b, market, packs) for b in BOOKS}
    houses = len({venue_of(p) for p in packs})
    count = WORDS[houses] if houses < len(WORDS) else str(houses)
    none = [i for i in range(len(packs)) if all(table[b.name][i].refusal for b in BOOKS)]
    lines = [
        f"# {count} rule books on one page",
        "",
        *_preface(market, len(packs) - len(none), houses),
        "",
        "| book | | notional, USD |",
        "| --- | --- | ---: |",
        *(f"| **{b.name}** | {b.words} | {notional(b, market):,.0f} |" for b in BOOKS),
        "",
        "![Initial and maintenance margin of five books under every rule set](../images/rule-books.png)",
        "",
        "## Initial margin, per cent of the notional",
        "",
        "| house | rule set | " + " | ".join(b.name for b in BOOKS) + " |",
        "| --- | --- |" + " ---: |" * len(BOOKS),
    ]
    for i, pack in enumerate(packs):
        if i not in none:
            cells = [percent(table[b.name][i], notional(b, market)) for b in BOOKS]
            lines.append(f"| {venue_of(pack)} | `{pack.label}` | " + " | ".join(cells) + " |")
    for book in BOOKS:
        lines += ["", *_section(book, [c for i, c in enumerate(table[book.name]) if i not in none], market)]
    if none:
        lines += ["", "## Rule sets that take none of the five", ""]
        lines += [f"- `{packs[i].label}`, asked for the first: {table[BOOKS[0].name][i].refusal}" for i in none]
    return "\n".join(lines) + "\n", table


def _preface(market: Market, count: int, houses: int) -> list[str]:
    """What the page is."""
    price = market.indices["BTC"].price
    return [
        f"What {count} rule sets of {houses} houses charge for the same five books, on the market of the",
        f"demonstration ({market.time:%-d %B %Y}, a generated chain, BTC at {price:,.2f} USD).",
        "`python tools/make_rule_books_page.py` writes it from the newest pack of each name.",
        "",
        "A rule set that does not take these contracts holds the same exposure in contracts that it takes",
        "(↔, as `plimsoll compare` does: linear ones, another stable coin); one that cannot says why. The",
        f"mode is the first that the rules have. Each account holds {CASH:,.0f} USDC; what a house keeps of that",
        "is in its margin. Per cent are of the notional: the coins of every leg, whatever its side, at the",
        "index. Rules of perpetuals alone ask for the leverage that the venue takes where none was chosen.",
    ]


def percent(charge: Charge, of: float) -> str:
    """Initial margin as a part of the notional, with the mark of a translated book."""
    return "—" if charge.refusal else f"{100.0 * charge.initial / of:.1f}{' ↔' if charge.translated else ''}"


def _section(book: Book, found: list[Charge], market: Market) -> list[str]:
    """One book: the rule sets from the cheapest, then who does not take it."""
    size = notional(book, market)
    lines = [
        f"## {book.name}",
        "",
        f"{book.words[0].upper()}{book.words[1:]}.",
        "",
        "| rule set | | initial, USD | of notional | maintenance, USD | of notional |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    taken = sorted((c for c in found if not c.refusal), key=lambda c: (round(c.initial), c.pack.label))
    lines += [
        f"| `{c.pack.label}` | {'↔' if c.translated else ''} | {c.initial:,.0f} | {100 * c.initial / size:.1f} % "
        f"| {c.maintenance:,.0f} | {100 * c.maintenance / size:.1f} % |"
        for c in taken
    ]
    lines += [""] + [f"- `{c.pack.label}` does not take it: {c.refusal}" for c in found if c.refusal]
    return lines


def picture(table: dict[str, list[Charge]], market: Market) -> Figure:
    """A panel for each book: initial (full) and maintenance margin (hollow) of every rule set, per cent of notional."""
    from plimsoll.report.canvas import new_figure, styled

    rows = [i for i, c in enumerate(table[BOOKS[0].name]) if not all(table[b.name][i].refusal for b in BOOKS)]
    with styled():
        figure = new_figure(13.0, 1.2 + 0.27 * len(rows))
        panels = figure.subplots(1, len(BOOKS), sharey=True)
        for axes, book in zip(panels.tolist(), BOOKS, strict=True):
            _panel(axes, book, [table[book.name][i] for i in rows], notional(book, market))
        panels[0].set_yticks(range(len(rows)), [table[BOOKS[0].name][i].pack.name for i in rows])
        panels[0].set_ylim(len(rows) - 0.5, -0.5)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
        figure.supxlabel("per cent of the notional of all legs; × not taken", fontsize=9.0)
        return figure


def _panel(axes: Axes, book: Book, found: list[Charge], size: float) -> None:
    from plimsoll.report.canvas import GAIN, LINES, LOSS, MUTED

    for y, c in enumerate(found):
        if c.refusal:
            axes.plot([0.0], [y], marker="x", color=MUTED, markersize=4, linestyle="none")
            continue
        low, high = 100.0 * c.maintenance / size, 100.0 * c.initial / size
        axes.plot([low, high], [y, y], color=LINES, linewidth=2.2, zorder=1)
        first = not axes.get_legend_handles_labels()[1]
        axes.plot([high], [y], "o", color=GAIN, markersize=5.5, label="initial" if first else None, zorder=3)
        axes.plot(
            [low],
            [y],
            "o",
            color=LOSS,
            markerfacecolor="white",
            markersize=5,
            label="maintenance" if first else None,
            zorder=4,
        )
    axes.set_title(book.name)
    axes.grid(axis="x")
    axes.set_xlim(left=-0.5)
    axes.tick_params(axis="y", length=0)


def main(arguments: list[str] | None = None) -> int:
    """Write the page and its picture, or compare the page with what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--no-picture", action="store_true")
    chosen = parser.parse_args(arguments)
    market = demo_market()
    page, table = page_of(market, newest())
    code = keep({chosen.output: page}, check=chosen.check)
    if not (chosen.check or chosen.no_picture):
        from plimsoll.report.canvas import save

        save(picture(table, market), str(PICTURE))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
