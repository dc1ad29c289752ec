"""The documents that the fuzzers damage: every optional field present, so that each can be hit."""

from __future__ import annotations

from typing import Any

from builders import CALL, NOW, PERP, PMRM2, account_doc, case_doc, market_doc, option, rules_doc

Doc = dict[str, Any]


def fuzz_account() -> Doc:
    """Long and short, entry price, funding, an expired option, an order."""
    content = account_doc({CALL: 1.0, PERP: -0.5, "OLD": -1.0}, as_of=NOW, venue="here", name="fuzz")
    content["positions"][1] |= {"entry_price": 65_000.0, "unsettled_funding": 3.0}
    content["orders"] = [{"instrument": CALL, "quantity": 1.0, "price": 3.0}]
    content["collateral"] = {"USDC": 50_000.0, "BTC": 0.5}
    return content


def fuzz_market() -> Doc:
    """Marks, a smile, a rate, depth and a settled expiry."""
    content = market_doc(depth={PERP: {"bids": [[69_990.0, 1.0]], "asks": [[70_010.0, 2.0]]}})
    svi = {"a": 0.01, "b": 0.1, "rho": 0.0, "m": 0.0, "sigma": 0.3, "forward": 70_000.0, "tau": 0.08}
    content["expiries"][0] |= {"rate": {"value": 0.03}, "svi": svi}
    content["expiries"].append({"underlying": "BTC", "expiry": NOW, "settlement": 69_000.0})
    content["instruments"].append(option(60_000, True, expiry=NOW, name="OLD"))
    del content["marks"][CALL]
    return content


def fuzz_documents() -> dict[str, Doc]:
    """By name: account, market, two packs, a case."""
    return {
        "account": fuzz_account(),
        "market": fuzz_market(),
        "rules": rules_doc(),
        "rules of pmrm2": rules_doc(PMRM2),
        "case": case_doc(),
    }
