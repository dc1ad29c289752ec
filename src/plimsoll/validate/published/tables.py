"""The columns of the published tables, computed from returns and forecasts by the publisher's conventions.

Where a convention is not the field's it is kept here, since the point is to meet the numbers, and named:

* the correction is a split-conformal shift: `qV` is the order statistic of rank `ceil((n_cal + 1)(1 - alpha))` of
  `quantile - return` over the calibration days, and is taken off every test day's quantile;
* `p_cc` is Christoffersen's *independence* test alone (chi-square with one degree), empty where a count of the
  transition table that it needs is zero;
* the light scales exceptions to 250 days and has Basel's limits of 4 and 9 at every level, not only at 1 %;
* `z2` is `1 + Σ return·hit / (T·alpha·mean ES)`: with returns and ES both negative it is 2 less Acerbi and Székely's
  statistic, and takes one ES for all days; a value above 1, not one below 0, says that the tail was too thin;
* `green` and `viol_250` scale to 250 days; Kupiec's p-value of no exception at all is 1 in the tail table.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import chi2, norm

from plimsoll.validate.coverage import independence_ratio, likelihood_ratio, transitions
from plimsoll.validate.published.forecasts import Tail
from plimsoll.validate.result import F64, Hits

PASS_Z2 = -1.96
"""Limit of the published `raw_pass` and `corr_pass`."""


def conformal_shift(quantile: F64, returns: F64, level: float) -> float:
    """`qV`: the order statistic of `quantile − return` that leaves `level` of new days below, on calibration days."""
    rank = min(math.ceil((returns.size + 1) * (1 - level)), returns.size)
    return float(np.sort(quantile - returns)[rank - 1])


def light(count: int, days: int) -> str:
    """Green, Yellow or Red of `count` scaled to 250 days."""
    scaled = count * 250.0 / days
    return "Green" if scaled <= 4 else "Yellow" if scaled <= 9 else "Red"


def kupiec_p(count: int, days: int, level: float) -> float:
    """P-value of Kupiec's ratio."""
    return float(chi2.sf(likelihood_ratio(count, days, level), 1))


def independence_p(hits: Hits) -> float | None:
    """P-value of the independence test, `None` where the publisher's formula has the logarithm of zero."""
    n00, n01, n10, n11 = (float(n) for n in transitions(hits))
    if not (n00 and n01 and n10 and n11):
        return None
    return float(chi2.sf(independence_ratio(hits), 1))


def quantile_score(returns: F64, quantile: F64, level: float) -> float:
    """Mean pinball loss."""
    return float(np.mean((level - (returns < quantile)) * (returns - quantile)))


def var_row(returns: F64, quantile: F64, level: float, calibration: int) -> dict[str, Any]:
    """Every column of the VaR table for one model at one level; the first `calibration` days set the shift."""
    shift = conformal_shift(quantile[:calibration], returns[:calibration], level)
    test, raw = returns[calibration:], quantile[calibration:]
    days = test.size
    row: dict[str, Any] = {"n_cal": calibration, "n_test": days, "qV": shift}
    for name, forecast in (("raw", raw), ("cp", raw - shift)):
        hits = np.asarray(test < forecast)
        count = int(hits.sum())
        row |= {
            f"pihat_{name}": count / days,
            f"viol_{name}": count,
            f"p_kup_{name}": kupiec_p(count, days, level),
            f"p_cc_{name}": independence_p(hits),
            f"TL_{name}": light(count, days),
            f"QS_{name}": quantile_score(test, forecast, level),
        }
    row["VaR_width"] = float(np.abs(raw - shift).mean())
    row["raw_width"] = float(np.abs(raw).mean())
    return row


def counted_row(published: dict[str, Any], level: float) -> dict[str, Any]:
    """What follows from a row's own counts of exceptions and days, for models whose forecasts are not at hand."""
    days = int(published["n_test"])
    row: dict[str, Any] = {}
    for name in ("raw", "cp"):
        if published.get(f"viol_{name}") is None:
            continue
        count = int(published[f"viol_{name}"])
        row |= {
            f"pihat_{name}": count / days,
            f"p_kup_{name}": kupiec_p(count, days, level),
            f"TL_{name}": light(count, days),
        }
    return row


def tail_rows(returns: F64, start: int, level: float, found: Tail) -> dict[str, dict[str, Any]]:
    """Every column of the table of tail models, by method."""
    test = returns[start:]
    rows: dict[str, dict[str, Any]] = {}
    for method, var in (("EVT-POT", found.pot), ("FHS", found.filtered)):
        count = int((test < -var).sum())
        chance = kupiec_p(count, test.size, level) if count else 1.0
        fails = found.untailed if method == "EVT-POT" else found.unfitted
        rows[method] = {
            "n_test": test.size,
            "pi_hat": count / test.size,
            "p_kupiec": chance,
            "kup_pass": chance >= 0.05,
            "QS": quantile_score(test, -var, level),
            "width": float(var.mean()),
            "green": count / test.size * 250 <= 4,
            "viol_250": count / test.size * 250,
            "garch_fails": found.unfitted,
            "gpd_fails": found.untailed if method == "EVT-POT" else 0,
            "fallback_pct": fails / test.size * 100,
        }
    return rows


def es_row(returns: F64, quantile: F64, mean: F64, std: F64, level: float, calibration: int) -> dict[str, Any]:
    """Every column of the ES table: ES is that of a normal distribution with the forecast's mean and deviation."""
    es = mean - std * float(norm.pdf(norm.ppf(level))) / level
    before, after = slice(None, calibration), slice(calibration, None)
    shift = conformal_shift(quantile[before], returns[before], level)
    hits = returns[before] < quantile[before]
    lift = conformal_shift(returns[before][hits], es[before][hits], level) if hits.any() else 0.0
    raw = z2(returns[after], quantile[after], es[after], level)
    corrected = z2(returns[after], quantile[after] - shift, es[after] - lift, level)
    return {
        "z2_raw": raw,
        "z2_corr": corrected,
        "raw_pass": raw >= PASS_Z2,
        "corr_pass": corrected >= PASS_Z2,
        "q_hat_E": lift,
        "n_test": returns[after].size,
    }


def z2(returns: F64, quantile: F64, es: F64, level: float) -> float:
    """The publisher's statistic (see above)."""
    hit = returns < quantile
    return float((returns * hit).sum() / (returns.size * level * es.mean()) + 1)
