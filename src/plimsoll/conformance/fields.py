"""Which fields the inputs of a case may have: one that nobody reads would let a case pass for the wrong reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plimsoll.documents import DocumentError, Problem

Fields = dict[str, Any]
"""Names and what may lie below them: `None` for a plain value, a dictionary for an object, a list of one for a list."""

_PRICE: Fields = {"price": None, "confidence": None}
_PERP: Fields = {**_PRICE, "position": None, "unrealised_pnl": None, "unsettled_funding": None}
_OPTION: Fields = dict.fromkeys(("seconds_to_expiry", "type", "strike", "amount", "vol"))
_SVI: Fields = dict.fromkeys(("a", "b", "rho", "m", "sigma", "forward", "tau"))
_EXPIRY: Fields = {
    **dict.fromkeys(("seconds_to_expiry", "forward_confidence", "rate", "rate_confidence", "vol_confidence")),
    "svi": _SVI,
}
_SPLIT: Fields = {**_EXPIRY, "forward_variable": None, "forward_fixed": None}

_BOOK: Fields = {
    "spot": _PRICE,
    "stable": _PRICE,
    "perp": _PERP,
    "cash": None,
    "expiries": [_SPLIT],
    "options": [_OPTION],
}
_COLLATERAL: Fields = {
    **_PRICE,
    **dict.fromkeys(("name", "amount", "risk_cancelling", "mm_haircut", "im_haircut_extra")),
}
_PMRM1: Fields = {**_BOOK, "base_amount": None}
_MARKET: Fields = {
    **dict.fromkeys(("market", "spot", "spot_confidence", "base_amount")),
    "perp": _PERP,
    "expiries": [{**_EXPIRY, "forward": None}],
    "options": [_OPTION],
}
_BID: Fields = {
    **dict.fromkeys(("time", "requested_fraction_of_current", "expected")),
    "portfolio_before": _PMRM1,
}

INPUTS: dict[str, Fields] = {
    "derive-pricing-vectors/1": {
        **dict.fromkeys(("seconds_to_expiry", "vol", "forward", "strike", "discount")),
        "svi": _SVI,
    },
    "derive-pmrm2-vectors/1": {**_BOOK, "collaterals": [_COLLATERAL]},
    "derive-pmrm1-vectors/1": _PMRM1,
    "derive-srm-vectors/1": {"stable_price": None, "cash": None, "markets": [_MARKET]},
    "derive-liquidation-vectors/1": {"start_time": None, "portfolio_at_start": _PMRM1, "steps": [_BID]},
}
"""The inputs of each schema of vectors, as its runner reads them."""


def check_inputs(known: Fields, inputs: Any, path: str, source: str) -> None:
    """Raise `DocumentError` naming every field of `inputs` that `known` does not have."""
    problems = list(_unknown(inputs, known, path))
    if problems:
        raise DocumentError(problems, source)


def _unknown(content: Any, known: Any, path: str) -> Iterator[Problem]:
    if isinstance(known, list) and isinstance(content, list):
        for i, item in enumerate(content):
            yield from _unknown(item, known[0], f"{path}[{i}]")
    elif isinstance(known, dict) and isinstance(content, dict):
        for name, value in content.items():
            if name in known:
                yield from _unknown(value, known[name], f"{path}.{name}")
            else:
                yield Problem(f"{path}.{name}", "an unknown field", "one of " + ", ".join(known))
