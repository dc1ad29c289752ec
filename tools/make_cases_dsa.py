"""Write the worked fixtures of the Greeks margin as `plimsoll.case` documents.

    python tools/make_cases_dsa.py [--check]

The minimum delta charge is the printed one of the project's specification (capabilities 4.3, row 7), in the book that
the scenario model is held to with the same number. The other case is one perpetual, for which every number can be
multiplied out by hand. Nothing here calls the margin model.
With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

import sys
from typing import Any

from case_files import keep
from make_cases import LOW_DELTA_STRIKE, SPOT, Expected, Legs, document

SPEC = "project specification, capabilities"
ROW7 = f"{SPEC} K5 and 4.3, row 7: net -0.5, gross 2.5, S = 70,000"

CASES: list[tuple[str, str, str, Legs, Expected]] = [
    (
        "7-minimum-delta",
        "One long perpetual against five short calls of delta 0.3: net -0.5, gross 2.5",
        ROW7,
        [("perp", 0.0, 1.0), ("call", LOW_DELTA_STRIKE, -5.0)],
        {"workings.BTC.min_delta": "1400", "workings.BTC.delta": "1750"},
    ),
    (
        "perpetual",
        "One long perpetual: 16 % of the index, no error, no difference to the scenario model",
        f"{SPEC} K5: the box, 5 % and 2 % of the index, multiplied out by hand",
        [("perp", 0.0, 1.0)],
        {
            "initial": "11200",
            "maintenance": "5600",
            "workings.BTC.coefficient.delta": SPOT,
            "workings.BTC.coefficient.gamma": 0.0,
            "workings.BTC.expansion": "11200.00",
            "workings.BTC.full": "11200.00",
            "workings.BTC.full_used": 0.0,
            "workings.BTC.bound": "0.000",
            "workings.BTC.delta": "3500.00",
            "workings.BTC.min_delta": "1400.00",
            "workings.BTC.prbm_scan": "11200.00",
            "workings.BTC.difference_to_prbm": "0.000",
            "binding.0.kind": "box",
            "binding.0.label": "-16% iv +40%",
        },
    ),
]


def case(name: str, title: str, source: str, legs: Legs, expected: Expected) -> dict[str, Any]:
    """One case document under the Greeks margin."""
    content = document(name, title, source, legs, expected)
    return content | {"id": f"dsa-{name}", "rules": "dsa@2025-01-01"}


def main(arguments: list[str] | None = None) -> int:
    return keep([case(*row) for row in CASES], "make_cases_dsa.py", arguments, own=("dsa-",))


if __name__ == "__main__":
    sys.exit(main())
