"""An expression of a form in integers: what a certificate and a proof are made from."""

from __future__ import annotations

from typing import Any

import numpy as np

from plimsoll.documents import DocumentError, Problem, exact_ratio, rounded_up
from plimsoll.margin.forms import Expression, Least, Max, Relieved, Scaled, Sum, Tail, Worst
from plimsoll.margin.house.dsa_forms import Curved


class NoTwinError(DocumentError):
    """An expression that has no twin in integers."""


def quantised(expression: Expression, decimals: int) -> dict[str, Any]:
    """An expression as a node of a statement, its arrays rounded up to `10**-decimals`.

    Every expression grows with each number in it but the coefficients of a quadratic, whose rounding is made good: what
    it comes to is never below the one in floats. Raises `NoTwinError` for an expression of another kind and
    `DocumentError` for a number that is not finite.
    """
    if isinstance(expression, Worst):
        return {
            "kind": "worst",
            "items": [int(i) for i in expression.items],
            "long": [[rounded_up(x, decimals) for x in row] for row in expression.long.tolist()],
            "short": [[rounded_up(x, decimals) for x in row] for row in expression.short.tolist()],
            "constant": [rounded_up(x, decimals) for x in expression.constant.tolist()],
        }
    if isinstance(expression, Tail):
        losses = quantised(expression.losses, decimals)
        return {"kind": "tail", "losses": losses, "count": ratio_of(expression.count)}
    if isinstance(expression, Relieved):
        price = [None if np.isinf(p) else rounded_up(p, decimals) for p in expression.price.tolist()]
        return {"kind": "relieved", "charge": quantised(expression.charge, decimals), "price": price}
    if isinstance(expression, Curved):
        box = expression.box
        return {
            "kind": "curved",
            "items": [int(i) for i in expression.items],
            "coefficients": [[rounded_up(x, decimals) for x in row] for row in expression.coefficients.T.tolist()],
            "move": ratio_of(box.move),
            "down": ratio_of(box.vol_down),
            "up": ratio_of(box.vol_up),
        }
    if isinstance(expression, Scaled):
        term = quantised(expression.term, decimals)
        return {"kind": "scaled", "factor": ratio_of(expression.factor), "term": term}
    for kind, name in ((Sum, "sum"), (Max, "max"), (Least, "least")):
        if isinstance(expression, kind):
            return {"kind": name, "terms": [quantised(term, decimals) for term in expression.terms]}
    raise NoTwinError(Problem("expression", type(expression).__name__, "an expression that has an integer twin"))


def ratio_of(value: float) -> dict[str, int]:
    """A float, which is a ratio, as the document of one."""
    numerator, denominator = exact_ratio(value)
    return {"numerator": numerator, "denominator": denominator}
