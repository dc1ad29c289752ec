"""FinancePy's `european_value`, a numba ufunc over whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from financepy.models.black_scholes_analytic import european_value
from financepy.utils.global_types import OptionTypes


def price(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The values of the first `rows` options in every scenario, [rows, S]; with rates of zero spot is the forward."""
    rows = slice(options["rows"])
    group = inputs["group"][rows]
    forward = inputs["forward"][group]
    vol = inputs["vol"][rows, None] * inputs["vol_scale"][group]
    time, strike = inputs["time"][rows, None], inputs["strike"][rows, None]
    call, put = OptionTypes.EUROPEAN_CALL.value, OptionTypes.EUROPEAN_PUT.value
    kind = np.where(inputs["call"][rows], call, put).astype(np.int64)[:, None]
    return {"run": lambda: european_value(forward, time, strike, 0.0, 0.0, vol, kind), "units": forward.size}
