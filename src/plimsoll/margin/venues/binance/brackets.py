"""Leverage brackets as Binance or ccxt give them: read strictly, every `cum` recomputed, made into rule packs.

Source of the recursion: venues-cex sections 3.1 and 3.3.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from plimsoll.documents import DocumentError, Problem, parse_json, read_bytes, refuse, shorten
from plimsoll.margin.rules import Rules

Kind = Literal["binance-usdm", "binance-coinm"]

TITLES: dict[Kind, str] = {
    "binance-usdm": "Binance USD-margined futures",
    "binance-coinm": "Binance coin-margined futures",
}

MATCH = Decimal("1e-9")
"""How far a `cum` may be from the one that follows, relative to the start of its bracket: what a double may lose."""

_CAPS = ("notionalCap", "qtyCap")
_FLOORS = ("notionalFloor", "qtyFloor", "qtylFloor")  # the venue's own spelling for coin-margined contracts


@dataclass(frozen=True)
class Bracket:
    """One bracket: positions above `floor` up to `cap` (settlement currency), its rate, highest leverage and `cum`."""

    number: int
    floor: Decimal
    cap: Decimal
    rate: Decimal
    leverage: Decimal
    cum: Decimal


@dataclass(frozen=True)
class Mismatch:
    """A published `cum` that does not follow from the brackets below it."""

    symbol: str
    bracket: int
    published: Decimal
    follows: Decimal

    @property
    def error(self) -> Decimal:
        """How far it is off, in the settlement currency."""
        return abs(self.published - self.follows)


@dataclass(frozen=True)
class Brackets:
    """The brackets of many symbols, by kind of futures."""

    tables: dict[Kind, dict[str, tuple[Bracket, ...]]]

    def __iter__(self) -> Iterator[tuple[Kind, str, tuple[Bracket, ...]]]:
        for kind, table in self.tables.items():
            for symbol, rows in table.items():
                yield kind, symbol, rows

    @property
    def symbols(self) -> int:
        """Number of symbols."""
        return sum(len(table) for table in self.tables.values())

    @property
    def count(self) -> int:
        """Number of brackets."""
        return sum(len(rows) for _, _, rows in self)

    def checked(self) -> tuple[Decimal, list[Mismatch]]:
        """The largest error of any `cum` in its settlement currency, and the brackets whose `cum` does not follow.

        `cum_n = cum_(n-1) + floor_n (rate_n - rate_(n-1))`, `cum_1 = 0`, exact in decimals.
        """
        worst, wrong = Decimal(0), []
        for _, symbol, rows in self:
            follows, before = Decimal(0), rows[0].rate
            for row in rows:
                follows += row.floor * (row.rate - before)
                before = row.rate
                found = Mismatch(symbol, row.number, row.cum, follows)
                worst = max(worst, found.error)
                if found.error > MATCH * max(row.floor, Decimal(1)):
                    wrong.append(found)
        return worst, wrong

    def packs(self, effective: date, captured: date, reference: str, default_leverage: float) -> list[Rules]:
        """A rule pack for each kind of futures. `cum` is left to follow from the rates."""
        return [
            Rules.from_dict(
                {
                    "schema": Rules.SCHEMA,
                    "schema_version": Rules.VERSION,
                    "name": kind,
                    "model": kind,
                    "title": TITLES[kind],
                    "effective": effective.isoformat(),
                    "currency": "USDT" if kind == "binance-usdm" else "BTC",
                    "decimals": 8,
                    "sources": [
                        {
                            "title": f"Leverage brackets of {len(table)} symbols",
                            "reference": reference,
                            "captured": captured.isoformat(),
                            "note": "Every cum was recomputed from floors and rates. The least initial margin rate "
                            "of a bracket is one over its highest leverage. The default leverage is assumed.",
                        }
                    ],
                    "evidence": {"*": "assumed", "symbols": "read"},
                    "parameters": {
                        "default_leverage": default_leverage,
                        "symbols": {symbol: _table(rows) for symbol, rows in sorted(table.items())},
                    },
                }
            )
            for kind, table in self.tables.items()
            if table
        ]


def _table(rows: tuple[Bracket, ...]) -> dict[str, Any]:
    tiers = [{"upto": float(r.cap), "maintenance": float(r.rate), "initial": float(1 / r.leverage)} for r in rows]
    return {"counting": "marginal", "tiers": tiers}


def read_brackets(path: str) -> Brackets:
    """The brackets of a file, gzipped or not; raises `DocumentError` naming symbol and bracket of each fault.

    Taken: ccxt's map of symbols to tiers with `info.cum`, and what the venue's own query answers, a list of
    `{"symbol", "brackets": [...]}`, for futures of either kind. Numbers may be text.
    """
    data = read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise refuse("$", f"gzip that cannot be read ({error})", "a whole gzip file", path) from None
    return parse_brackets(parse_json(data, path), Path(path).name)


def parse_brackets(content: Any, source: str = "") -> Brackets:
    """The same from parsed JSON."""
    problems: list[Problem] = []
    tables: dict[Kind, dict[str, tuple[Bracket, ...]]] = {"binance-usdm": {}, "binance-coinm": {}}
    for symbol, kind, rows in _symbols(content, source):
        before = len(problems)
        found = [_bracket(f"{symbol}.brackets[{i}]", i, row, problems) for i, row in enumerate(rows)]
        brackets = tuple(b for b in found if b is not None)
        if len(problems) == before:
            problems += _chain(symbol, brackets)
        if symbol in tables[kind]:
            problems.append(Problem(symbol, "the symbol twice", "each symbol once"))
        tables[kind][symbol] = brackets
    if problems:
        raise DocumentError(problems, source)
    return Brackets(tables)


def _symbols(content: Any, source: str) -> Iterator[tuple[str, Kind, list[Any]]]:
    """Symbol, kind and rows of everything in the file."""
    if isinstance(content, dict) and isinstance(content.get("symbol"), str) and "brackets" in content:
        content = [content]  # the venue's answer for one symbol
    allowed = "a map of symbols to tiers (ccxt), or a list of {symbol, brackets} (the venue)"
    if not isinstance(content, (dict, list)) or not content:
        raise refuse("$", content, allowed, source)
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, item in items:
        if isinstance(content, dict):
            symbol, kind = _unified(str(key))
            rows = item
        else:
            if not isinstance(item, dict) or not isinstance(item.get("symbol"), str) or not item["symbol"]:
                raise refuse(f"[{key}].symbol", item.get("symbol") if isinstance(item, dict) else item, allowed, source)
            symbol, rows = item["symbol"], item.get("brackets")
            first = rows[0] if isinstance(rows, list) and rows else None
            coins = isinstance(first, dict) and "qtyCap" in first
            kind = "binance-coinm" if coins else "binance-usdm"
        if not isinstance(rows, list) or not rows:
            raise refuse(f"{symbol}.brackets", rows, "a list of at least one bracket", source)
        yield symbol, kind, rows


def _unified(name: str) -> tuple[str, Kind]:
    """The venue's symbol for a name like `BTC/USDT:USDT`, `BTC/USD:BTC` or `BTC/USDT:USDT-241227`."""
    pair, _, settle = name.partition(":")
    base, _, quote = pair.partition("/")
    settle, _, expiry = settle.partition("-")
    symbol = f"{base}{quote}" + (f"_{expiry}" if expiry else "")
    return symbol, "binance-coinm" if quote and settle == base else "binance-usdm"


def _bracket(path: str, index: int, row: Any, problems: list[Problem]) -> Bracket | None:
    """One row of either shape; what is wrong with it is added to `problems`."""
    if not isinstance(row, dict):
        problems.append(Problem(path, shorten(row), "an object with the fields of a bracket"))
        return None
    unified = "maintenanceMarginRate" in row
    info = row.get("info") if unified else row
    if not isinstance(info, dict):
        problems.append(Problem(f"{path}.info", shorten(info), "the venue's own bracket, with its cum"))
        return None
    inside = f"{path}.info" if unified else path
    places = {
        "floor": (row, path, ("minNotional",)) if unified else (row, path, _FLOORS),
        "cap": (row, path, ("maxNotional",)) if unified else (row, path, _CAPS),
        "rate": (row, path, ("maintenanceMarginRate",) if unified else ("maintMarginRatio",)),
        "leverage": (row, path, ("maxLeverage",) if unified else ("initialLeverage",)),
        "cum": (info, inside, ("cum",)),
    }
    limits = {"floor": (0, None), "cap": (0, None), "rate": (0, 1), "leverage": (1, 1000), "cum": (0, None)}
    values: dict[str, Decimal] = {}
    for field, (holder, where, names) in places.items():
        name = next((n for n in names if n in holder), names[0])
        value = _number(holder.get(name))
        low, high = limits[field]
        if value is None or value < low or (high is not None and value > high):
            allowed = f"a number from {low}" + ("" if high is None else f" to {high}") + ", as a number or as text"
            got = shorten(holder[name]) if name in holder else "nothing"
            problems.append(Problem(f"{where}.{name}", got, allowed))
        else:
            values[field] = value
    return Bracket(index + 1, **values) if len(values) == len(places) else None


def _number(value: Any) -> Decimal | None:
    """A finite number, or text that holds one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(value if isinstance(value, str) else repr(value))
    except (InvalidOperation, ValueError):
        return None
    # what a pack can hold: sizes beyond it are no sizes
    return number if number.is_finite() and abs(number) < Decimal("1e300") else None


def _chain(symbol: str, rows: tuple[Bracket, ...]) -> list[Problem]:
    """Brackets that do not start where the one before them ends, or end where they start."""
    problems, end = [], Decimal(0)
    for i, row in enumerate(rows):
        if row.floor != end:
            allowed = f"{end}, where the bracket before it ends" if i else "0"
            problems.append(Problem(f"{symbol}.brackets[{i}].floor", str(row.floor), allowed))
        if row.cap <= row.floor:
            problems.append(Problem(f"{symbol}.brackets[{i}].cap", str(row.cap), f"a size above {row.floor}"))
        end = row.cap
    return problems
