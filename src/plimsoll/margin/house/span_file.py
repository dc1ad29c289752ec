"""Files of risk arrays: our own JSON form, and the classic XML of a clearing house (`spanFile`, format 4.00).

The XML is read by hand from the events of the standard parser: a file with a document type, and with it any entity of
its own, is refused before it is expanded. Every error names the line of the element.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from plimsoll.documents import DocumentError, Problem, parse_json, read_bytes, refuse, shorten
from plimsoll.margin.parts.span import SCENARIOS
from plimsoll.margin.rules import Rules

SCHEMA = "plimsoll.span-arrays"
DEPTH = 40
"""Deepest nesting that is read: the classic layout has ten levels."""


@dataclass(slots=True)
class Node:
    """An element with its line, its text and what stands in it."""

    tag: str
    line: int
    text: str = ""
    inside: list[Node] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator[Node]:
        """The elements of these names directly inside."""
        return (n for n in self.inside if n.tag in tags)

    def first(self, tag: str) -> Node | None:
        """The first of this name directly inside."""
        return next(self.all(tag), None)


@dataclass(slots=True)
class _Reader:
    """Reads leaves of elements; what is wrong is collected with its line."""

    problems: list[Problem] = field(default_factory=list)

    def wrong(self, node: Node, what: str, got: object, allowed: str) -> None:
        self.problems.append(Problem(f"line {node.line}: {node.tag}{what}", shorten(got), allowed))

    def text(self, node: Node, tag: str, default: str | None = None) -> str:
        leaf = node.first(tag)
        if leaf is not None and leaf.text.strip():
            return leaf.text.strip()
        if default is None:
            self.wrong(node, f".{tag}", "nothing", "text")
        return default or ""

    def number(self, node: Node, tag: str, default: float | None = None, low: float = -math.inf) -> float:
        leaf = node.first(tag)
        if leaf is None:
            if default is None:
                self.wrong(node, f".{tag}", "nothing", "a number")
            return 0.0 if default is None else default
        return self.value(leaf, low)

    def value(self, leaf: Node, low: float = -math.inf) -> float:
        try:
            found = float(leaf.text.strip())
        except ValueError:
            found = math.nan
        if not (math.isfinite(found) and low <= found <= 1e15):
            self.wrong(
                leaf, "", leaf.text.strip() or "nothing", "a number" + (f" of at least {low:g}" if low > -1e300 else "")
            )
            return max(low, 0.0)
        return found


def read_span(path: str | Path, reference: str = "") -> Rules:
    """The rule pack `span-arrays` of a file, JSON or XML by its first character. Raises `DocumentError`."""
    data = read_bytes(path)
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    source = Path(path).name
    if start == b"<":
        return parse_spn(data, source, reference)
    if start == b"{":
        return parse_span_json(parse_json(data, source), source, reference)
    raise refuse("$", "a file that starts with neither < nor {", "a spanFile in XML or a document in JSON", source)


def parse_span_json(content: Any, source: str = "", reference: str = "") -> Rules:
    """The pack of our own form: `schema`, `schema_version`, `date`, `currency`, `decimals`, `initial_ratio`,
    `commodities`, `contracts`, `credits`, the last four as in `SpanArraysParameters`."""
    head = {"schema", "schema_version", "date", "currency", "decimals"}
    body = {"initial_ratio", "commodities", "contracts", "credits"}
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        got = content.get("schema") if isinstance(content, dict) else content
        raise refuse("schema", shorten(got), repr(SCHEMA), source)
    if content.get("schema_version") != 1:
        raise refuse("schema_version", content.get("schema_version"), "1", source)
    problems = [Problem(k, "an unknown field", ", ".join(sorted(head | body))) for k in content if k not in head | body]
    problems += [
        Problem(k, "nothing", "a value") for k in ("date", "currency", "commodities", "contracts") if k not in content
    ]
    if problems:
        raise DocumentError(problems, source)
    parameters = {k: v for k, v in content.items() if k in body}
    day = content["date"]
    return _pack(str(day), str(content["currency"]), content.get("decimals", 2), parameters, source, reference)


def parse_spn(data: bytes, source: str = "", reference: str = "") -> Rules:
    """The pack of a `spanFile`. Raises `DocumentError` with every problem and its line."""
    root = parse_xml(data, source)
    reader = _Reader()
    if root.tag != "spanFile":
        raise refuse(f"line {root.line}", f"<{root.tag}>", "<spanFile>", source)
    point = root.first("pointInTime")
    clearing = None if point is None else point.first("clearingOrg")
    if point is None or clearing is None:
        raise refuse(f"line {root.line}: spanFile", "no pointInTime with a clearingOrg", "one", source)
    day = reader.text(point if point.first("date") else root, "date")
    definitions = list(clearing.all("ccDef"))
    if not definitions:
        raise refuse(f"line {clearing.line}: clearingOrg", "no ccDef", "at least one combined commodity", source)
    links, currency = _links(reader, definitions)
    contracts = _contracts(reader, clearing, links)
    commodities = {name: _commodity(reader, d, contracts, name) for d in definitions if (name := reader.text(d, "cc"))}
    held = {c["commodity"] for c in contracts.values()}
    commodities = {name: c for name, c in commodities.items() if name in held}
    offsets = _credits(reader, clearing, held)
    if not contracts and not reader.problems:
        raise refuse(f"line {clearing.line}: clearingOrg", "no contract with a risk array", "at least one", source)
    if reader.problems:
        raise DocumentError(reader.problems, source)
    parameters = {"initial_ratio": 1.0, "commodities": commodities, "contracts": contracts, "credits": offsets}
    return _pack(day, currency, _decimals(root, currency), parameters, source, reference)


def parse_xml(data: bytes, source: str = "") -> Node:
    """The tree of an XML text without a document type. Raises `DocumentError` with the line of what is wrong."""
    parser = expat.ParserCreate()
    top = Node("", 0)
    stack = [top]

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if len(stack) > DEPTH:
            raise refuse(f"line {parser.CurrentLineNumber}", f"elements more than {DEPTH} deep", "a spanFile", source)
        node = Node(tag, parser.CurrentLineNumber)
        stack[-1].inside.append(node)
        stack.append(node)

    def end(_tag: str) -> None:
        stack.pop()

    def words(text: str) -> None:
        stack[-1].text += text

    def doctype(*_: Any) -> None:
        where = f"line {parser.CurrentLineNumber}"
        raise refuse(where, "a document type (DOCTYPE)", "XML without one: nothing in it is expanded", source)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = words, doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise refuse(f"line {error.lineno}", expat.ErrorString(error.code), "well-formed XML", source) from None
    except (ValueError, LookupError) as error:
        raise refuse(
            "$", f"text that cannot be decoded ({error})", "XML in an encoding that it names", source
        ) from None
    return top.inside[0]


def _links(reader: _Reader, definitions: list[Node]) -> tuple[dict[str, str], str]:
    """The combined commodity of each portfolio (`pfId`, or `pfCode`), and the one currency of all of them."""
    links: dict[str, str] = {}
    currencies: dict[str, Node] = {}
    for d in definitions:
        name = reader.text(d, "cc")
        currencies.setdefault(reader.text(d, "currency", "USD"), d)
        links.setdefault(f"code {name}", name)
        for link in d.all("pfLink"):
            where = reader.text(link, "pfId", "")
            if where:
                links[f"id {where}"] = name
            else:
                links[f"code {reader.text(link, 'pfCode')}"] = name
    if len(currencies) > 1:
        other = list(currencies)[1]
        reader.wrong(
            currencies[other], ".currency", other, f"one currency in a file; the first is {next(iter(currencies))}"
        )
    return links, next(iter(currencies))


_PORTFOLIOS = ("phyPf", "futPf", "oopPf", "oofPf", "ooePf")


def _contracts(reader: _Reader, clearing: Node, links: dict[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    homes = [*clearing.all("exchange"), clearing]
    for portfolio in (p for home in homes for p in home.all(*_PORTFOLIOS)):
        code = reader.text(portfolio, "pfCode")
        name = links.get(f"id {reader.text(portfolio, 'pfId', '')}") or links.get(f"code {code}")
        if name is None:
            continue
        for row, month, label, (factor, scale) in _rows(reader, portfolio, code):
            array = _array(reader, row)
            if array is None:
                continue
            if label in found:
                reader.wrong(row, "", label, "each contract once")
            found[label] = {
                "commodity": name,
                "month": month,
                "kind": {"phyPf": "physical", "futPf": "future"}.get(portfolio.tag, "option"),
                "array": array[0],
                "delta": array[1] * scale,
                "price": reader.number(row, "p", 0.0),
                "factor": factor or 1.0,
            }
    return found


Factors = tuple[float, float]
"""Money of one point (`cvf`) and scale of the delta (`sc`)."""


def _factors(reader: _Reader, node: Node, above: Factors) -> Factors:
    """The factors that hold in an element: its own, else those above it. Looked up once for each, in long lists too."""
    return reader.number(node, "cvf", above[0], 0.0), reader.number(node, "sc", above[1], 0.0)


def _rows(reader: _Reader, portfolio: Node, code: str) -> Iterator[tuple[Node, str, str, Factors]]:
    """Element, contract month, name and the factors that hold for it, of every contract of a portfolio."""
    whole = _factors(reader, portfolio, (1.0, 1.0))
    for row in portfolio.all("phy"):
        yield row, "physical", f"{code}-PHY", _factors(reader, row, whole)
    for row in portfolio.all("fut"):
        month = reader.text(row, "pe")
        yield row, month, f"{code}-{month}", _factors(reader, row, whole)
    for series in portfolio.all("series"):
        month, own = reader.text(series, "pe"), _factors(reader, series, whole)
        for row in series.all("opt"):
            side = reader.text(row, "o")
            if side not in ("C", "P"):
                reader.wrong(row, ".o", side, "C or P")
            label = f"{code}-{month}-{_plain(reader.number(row, 'k'))}-{side}"
            yield row, month, label, _factors(reader, row, own)


def _plain(strike: float) -> str:
    """A strike as it is written: no exponent, no zeros at the end, at most eight places."""
    return f"{strike:.8f}".rstrip("0").rstrip(".")


def _array(reader: _Reader, row: Node) -> tuple[list[float], float] | None:
    """The sixteen losses and the delta of the first rate of a contract; `None` for one without arrays."""
    arrays = list(row.all("ra"))
    if not arrays:
        return None
    ra = next((a for a in arrays if reader.text(a, "r", "1") == "1"), arrays[0])
    values = [reader.value(a) for a in ra.all("a")]
    if len(values) != SCENARIOS:
        reader.wrong(ra, "", f"{len(values)} elements a", f"{SCENARIOS}, one for each scenario")
        return None
    delta = reader.number(ra, "d", 0.0) if ra.first("d") is not None else reader.number(row, "d")
    return values, delta


def _commodity(reader: _Reader, d: Node, contracts: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    months = sorted({c["month"] for c in contracts.values() if c["commodity"] == name})
    spreads, by_month = _spreads(reader, d)
    tiers = _tiers(reader, d, months, by_month)
    rates = {r.line: r for r in d.all("spotRate") if reader.text(r, "r", "1") == "1"}
    for rate in rates.values():
        month = reader.text(rate, "pe")
        mine = [t for t in tiers.values() if month in t["months"]]
        if mine and len(mine[0]["months"]) > 1:
            reader.wrong(rate, ".pe", month, "a month that has a tier of its own")
        for tier in mine:
            tier["consumed"], tier["outright"] = reader.number(rate, "sprd", low=0), reader.number(rate, "outr", low=0)
    kept = [s for s in spreads if all(leg in tiers for leg in s["legs"])]
    return {"tiers": tiers, "spreads": kept, "short_option": _minimum(reader, d)}


def _spreads(reader: _Reader, d: Node) -> tuple[list[dict[str, Any]], bool]:
    """Spreads in the order of their numbers, and whether their legs are months (`pLeg`) rather than tiers (`tLeg`)."""
    found, kinds = [], set()
    for spread in d.all("dSpread"):
        legs = list(spread.all("tLeg", "pLeg"))
        kinds |= {leg.tag for leg in legs}
        if len(legs) != 2 or len({leg.tag for leg in legs}) != 1:
            reader.wrong(spread, "", f"{len(legs)} legs", "two, both tLeg or both pLeg")
            continue
        if {reader.text(leg, "rs") for leg in legs} != {"A", "B"}:
            reader.wrong(spread, ".rs", "sides " + " ".join(reader.text(g, "rs") for g in legs), "A and B")
        if (method := reader.text(spread, "chargeMeth", "F")) != "F":
            reader.wrong(spread, ".chargeMeth", method, "F, a flat charge")
        place = "tn" if legs[0].tag == "tLeg" else "pe"
        row = {
            "legs": [reader.text(leg, place) for leg in legs],
            "ratio": [reader.number(leg, "i", 1.0, low=1e-9) for leg in legs],
            "rate": _rate(reader, spread),
        }
        found.append((reader.number(spread, "spread"), row))
    if len(kinds) > 1:
        reader.wrong(d, ".dSpread", "legs by month and legs by tier", "one of the two in a combined commodity")
    return [row for _, row in sorted(found, key=lambda x: x[0])], "pLeg" in kinds


def _rate(reader: _Reader, node: Node) -> float:
    rates = list(node.all("rate"))
    chosen = next((r for r in rates if reader.text(r, "r", "1") == "1"), rates[0] if rates else None)
    if chosen is None:
        reader.wrong(node, ".rate", "nothing", "a rate")
        return 0.0
    return reader.number(chosen, "val", low=0.0)


def _tiers(reader: _Reader, d: Node, months: list[str], by_month: bool) -> dict[str, dict[str, Any]]:
    """Tiers by name; each month is one where spreads name months, all of them one where there are none."""
    listed = d.first("intraTiers")
    rows = [] if listed is None else list(listed.all("tier"))
    if by_month or not rows:
        return {m: {"months": [m]} for m in months} if by_month else {"1": {"months": months}} if months else {}
    found: dict[str, dict[str, Any]] = {}
    left = [m for m in months if m != "physical"]
    for row in rows:
        first, last = reader.text(row, "sPe"), reader.text(row, "ePe")
        mine = [m for m in left if first <= m[: len(first)] and m[: len(last)] <= last]
        left = [m for m in left if m not in mine]
        if mine:
            found[reader.text(row, "tn")] = {"months": mine}
    if left:
        reader.wrong(listed or d, "", "no tier for " + ", ".join(left[:3]), "a tier for each month that has contracts")
    if "physical" in months:
        found["physical"] = {"months": ["physical"]}
    return found


def _minimum(reader: _Reader, d: Node) -> float:
    listed = d.first("somTiers")
    rows = [] if listed is None else list(listed.all("tier"))
    rates = {_rate(reader, row) for row in rows}
    if len(rates) > 1:
        reader.wrong(listed or d, "", f"{len(rates)} short-option minimums", "one for a combined commodity")
    if rates and any(rates) and (method := reader.text(d, "somMeth", "GROSS")) != "GROSS":
        reader.wrong(d, ".somMeth", method, "GROSS, each option sold")
    return max(rates, default=0.0)


def _credits(reader: _Reader, clearing: Node, held: set[str]) -> list[dict[str, Any]]:
    """Credits across commodities in the order of their numbers; those with a leg that has no contract never form."""
    listed = clearing.first("interSpreads")
    found = []
    for spread in [] if listed is None else listed.all("dSpread"):
        legs = list(spread.all("tLeg"))
        if len(legs) < 2 or len(legs) != len([n for n in spread.inside if n.tag.endswith("Leg")]):
            reader.wrong(spread, "", f"{len(legs)} legs tLeg", "two or more, and no other legs")
            continue
        for leg in legs:
            if (tier := reader.text(leg, "tn", "0")) not in ("0", "1"):
                reader.wrong(leg, ".tn", tier, "0 or 1: the whole commodity")
        rate = _rate(reader, spread)
        if rate > 1.0:
            reader.wrong(spread, ".rate", rate, "a part of the price risk, from 0 to 1")
        row: dict[str, Any] = {
            "legs": [
                {
                    "commodity": reader.text(g, "cc"),
                    "ratio": reader.number(g, "i", 1.0, low=1e-9),
                    "side": reader.text(g, "rs"),
                }
                for g in legs
            ],
            "rate": rate,
        }
        if all(leg["commodity"] in held for leg in row["legs"]):
            found.append((reader.number(spread, "spread"), row))
    return [row for _, row in sorted(found, key=lambda x: x[0])]


def _decimals(root: Node, currency: str) -> int:
    """Places after the point of the currency, two where the file does not say."""
    reader, listed = _Reader(), root.first("definitions")
    for row in [] if listed is None else listed.all("currencyDef"):
        if reader.text(row, "currency", "") == currency and row.first("decimalPos") is not None:
            return int(reader.number(row, "decimalPos", 2.0, low=0.0))
    return 2


def _pack(day: str, currency: str, decimals: Any, parameters: dict[str, Any], source: str, reference: str) -> Rules:
    plain = day if "-" in day else f"{day[:4]}-{day[4:6]}-{day[6:]}"
    content = {
        "schema": Rules.SCHEMA,
        "schema_version": 1,
        "name": "span-arrays",
        "model": "span-arrays",
        "title": f"Risk arrays of {source or 'a file'}",
        "effective": plain,
        "until": plain,
        "currency": currency,
        "decimals": decimals,
        "sources": [{"title": "A file of risk arrays", "reference": reference or source, "captured": plain}],
        "evidence": {"*": "read", "initial_ratio": "assumed"},
        "parameters": parameters,
    }
    return Rules.from_dict(content, source)
