"""Building blocks for components and their shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.margin.requirement import Component, Evidence, Method, Share
from plimsoll.margin.rules import Rules

F64 = npt.NDArray[np.float64]


def component(
    name: str,
    title: str,
    evidence: Evidence,
    subjects: Sequence[str],
    initial: F64,
    maintenance: F64,
    *,
    method: Method = "euler",
    left_over: tuple[float, float] = (0.0, 0.0),
) -> Component:
    """A component whose shares are `initial[i]`, `maintenance[i]` and whose amount is their sum.

    `left_over` is what a quadrature of the shares missed of each amount (amount less sum of shares): it is part of the
    amount, and its larger size is the share error.
    """
    return Component(
        name=name,
        title=title,
        initial=float(np.sum(initial)) + left_over[0],
        maintenance=float(np.sum(maintenance)) + left_over[1],
        evidence=evidence,
        method=method,
        share_error=max(abs(left_over[0]), abs(left_over[1])),
        shares=tuple(
            Share(subject=s, initial=float(i), maintenance=float(m))
            for s, i, m in zip(subjects, initial, maintenance, strict=True)
            if i != 0.0 or m != 0.0
        ),
    )


def by_evidence(components: Sequence[Component], which: Literal["initial", "maintenance"]) -> dict[str, float]:
    """Parts of what was added up to a margin by how well its rule is known, best first, relief counted by its size.

    They add up to one; empty where nothing was added up.
    """
    sizes = {"reproduced": 0.0, "read": 0.0, "assumed": 0.0}
    for c in components:
        sizes[c.evidence] += abs(c.initial if which == "initial" else c.maintenance)
    whole = sum(sizes.values())
    return {k: v / whole for k, v in sizes.items() if v > 0.0} if whole > 0.0 else {}


def in_words(parts: Mapping[str, float]) -> str:
    """Parts by evidence in per cent, without those below a half.

    >>> in_words({"reproduced": 0.49, "assumed": 0.51})
    '49% reproduced, 51% assumed'
    """
    return ", ".join(f"{v:.0%} {k}" for k, v in parts.items() if v >= 0.005)


def weakest(rules: Rules, paths: Sequence[str]) -> Evidence:
    """How well the least known of the parameters at `paths` is known."""
    ranks: list[Evidence] = ["reproduced", "read", "assumed"]
    return ranks[max(ranks.index(rules.evidence_for(path)) for path in paths)]  # type: ignore[arg-type]


def known_collateral(balances: Mapping[str, float], table: Mapping[str, object]) -> None:
    """Refuse a balance in an asset the rules do not know. Raises `DocumentError` with its path."""
    from plimsoll.documents import DocumentError, Problem, Reason

    problems = [
        Problem(
            f"account.collateral.{asset}",
            f"{balance!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})",
            "assets these rules know: " + ", ".join(sorted(table)),
        )
        for asset, balance in balances.items()
        if asset not in table and balance != 0.0
    ]
    if problems:
        raise DocumentError(problems)
