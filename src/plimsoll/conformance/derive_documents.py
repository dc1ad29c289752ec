"""From the portfolios of Derive's vectors to our account, market and rules documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from plimsoll.margin import Account, Rules
from plimsoll.market import Market

Doc = dict[str, Any]

COIN, CASH = "COIN", "USDC"
_TIME = datetime(2025, 1, 1, tzinfo=UTC)


def truncated(value: float) -> int:
    """`value` rounded to 1e-9 first, then toward zero: a result may sit exactly on a whole dollar."""
    return int(round(value, 9))


def _at(seconds: float) -> str:
    return (_TIME + timedelta(seconds=max(0.0, seconds))).isoformat()


def rules_document(model: str, parameters: Doc) -> Rules:
    """A case's own parameters as a rule set of `model`."""
    head = {"schema": Rules.SCHEMA, "schema_version": Rules.VERSION, "name": "case", "model": model}
    return Rules.from_dict({**head, "effective": "2025-01-01", "currency": CASH, "parameters": parameters}, "case")


def _traded(part: Doc) -> bool:
    """Whether the case holds a perpetual, or money of one that is still to settle."""
    perp = part.get("perp") or {}
    return any(perp.get(f) for f in ("position", "unrealised_pnl", "unsettled_funding"))


def account_document(parts: dict[str, Doc], collateral: dict[str, float]) -> Account:
    """The account that holds the `options` and the `perp` of each underlying."""
    positions: list[Doc] = []
    for coin, part in parts.items():
        positions += [
            {"instrument": f"{coin}-OPTION-{i}", "quantity": row["amount"]}
            for i, row in enumerate(part.get("options") or [])
        ]
        if _traded(part):
            perp = part["perp"]
            money = {f: perp.get(f, 0.0) for f in ("unrealised_pnl", "unsettled_funding")}
            positions.append({"instrument": f"{coin}-PERP", "quantity": perp.get("position", 0.0), **money})
    head = {"schema": Account.SCHEMA, "schema_version": Account.VERSION, "name": "case"}
    return Account.from_dict({**head, "positions": positions, "collateral": collateral}, "case")


def expiry_rows(coin: str, part: Doc, forwards: list[Doc]) -> list[Doc]:
    """The case's expiries with one of `forwards` each: at expiry too; a forward of zero can only be a settlement."""
    rows: dict[float, Doc] = {}
    for row, forward in zip(part.get("expiries") or [], forwards, strict=True):
        seconds = row["seconds_to_expiry"]
        rows[seconds] = {
            "underlying": coin,
            "expiry": _at(seconds),
            "forward": forward,
            "rate": {"value": row.get("rate", 0.0), "confidence": row.get("rate_confidence", 1.0)},
            "svi": row.get("svi"),
            "vol_confidence": row.get("vol_confidence", 1.0),
            "settlement": 0.0 if seconds <= 0 and forward["variable"] + forward["fixed"] == 0.0 else None,
        }
    return list(rows.values())


def perpetual_mark(coin: str, part: Doc) -> dict[str, Doc]:
    """The price of the perpetual, if the case trades it."""
    if not _traded(part):
        return {}
    return {f"{coin}-PERP": {"price": part["perp"]["price"], "confidence": part["perp"].get("confidence", 1.0)}}


def market_document(
    parts: dict[str, Doc],
    *,
    indices: dict[str, Doc],
    stable: Doc,
    expiries: list[Doc],
    marks: dict[str, Doc],
) -> Market:
    """The snapshot of a case at a fixed instant."""
    instruments: list[Doc] = []
    priced = dict(marks)
    for coin, part in parts.items():
        settle = {"settlement": "linear", "currency": CASH, "underlying": coin}
        for i, row in enumerate(part.get("options") or []):
            name, side = f"{coin}-OPTION-{i}", row["type"]
            if side not in ("call", "put"):
                raise ValueError(f"options[{i}].type is {side!r}, neither 'call' nor 'put'")
            terms = {"expiry": _at(row["seconds_to_expiry"]), "strike": row["strike"], "call": side == "call"}
            instruments.append({"kind": "option", "name": name, **terms, **settle})
            if row.get("vol") is not None:
                priced[name] = {"vol": row["vol"]}
        if _traded(part):
            instruments.append({"kind": "perpetual", "name": f"{coin}-PERP", **settle})
    content = {
        "schema": Market.SCHEMA,
        "schema_version": Market.VERSION,
        "time": _TIME.isoformat(),
        "indices": indices,
        "assets": {CASH: stable},
        "expiries": expiries,
        "instruments": instruments,
        "marks": priced,
    }
    return Market.from_dict(content, "case")
