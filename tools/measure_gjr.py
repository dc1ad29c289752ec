"""Write `docs/validation/gjr.json`: which likelihoods of GJR-GARCH were tried on the published figures, and how near.

    python tools/measure_gjr.py [--data FOLDER] [--output FILE]

FOLDER holds the published backtests (default: `../shared/data/backtests`). Every specification is fitted anew to each
of 1,185 windows of 250 days, which takes some minutes; `tools/make_backtests_page.py` puts the file on its page.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import t as student

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
WINDOW, PERCENT, FREEDOM = 250, 100.0, 5.0
TRIED = (
    ("skewt", "none"),
    ("skewt", "constant"),
    ("t", "none"),
    ("t", "constant"),
    ("t5", "none"),
    ("normal", "none"),
)
WORDS = {
    "normal": "normal",
    "t": "Student t, degrees fitted",
    "skewt": "skewed t",
    "t5": "Student t, five degrees held",
}


def specification(law: str, mean: str, window: F64) -> Any:
    """The model of one window, in percent."""
    from arch.univariate import GARCH, ConstantMean, Normal, SkewStudent, StudentsT, ZeroMean

    class Five(StudentsT):
        """Five degrees and no others."""

        def constraints(self) -> tuple[F64, F64]:
            return np.array([[1.0], [-1.0]]), np.array([FREEDOM - 1e-7, -FREEDOM - 1e-7])

        def bounds(self, resids: F64) -> list[tuple[float, float]]:
            return [(FREEDOM - 1e-7, FREEDOM + 1e-7)]

        def starting_values(self, std_resid: F64) -> F64:
            return np.array([FREEDOM])

    laws: dict[str, Any] = {"normal": Normal, "t": StudentsT, "skewt": SkewStudent, "t5": Five}
    means: dict[str, Any] = {"none": ZeroMean, "constant": ConstantMean}
    return means[mean](window * PERCENT, volatility=GARCH(1, 1, 1), distribution=laws[law](), rescale=False)


def volatilities(returns: F64, first: int, law: str, mean: str) -> tuple[F64, F64]:
    """Mean and deviation of each day's return from `first` on, by the window before it."""
    found = np.empty((returns.size - first, 2))
    for k in range(found.shape[0]):
        window = returns[first + k - WINDOW : first + k]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence, which the publisher did not refuse either
            fitted = specification(law, mean, window).fit(disp="off", show_warning=False)
            ahead = fitted.forecast(horizon=1, reindex=False)
        variance = float(np.asarray(ahead.variance)[-1, 0])
        found[k] = float(np.asarray(ahead.mean)[-1, 0]) / PERCENT, np.sqrt(variance) / PERCENT
    return found[:, 0], found[:, 1]


def row(law: str, mean: str, returns: F64, deviation: F64, levels: Sequence[float]) -> dict[str, Any]:
    """Exceptions at every level and the mean VaR at the first of one specification."""
    quantiles = [deviation * student.ppf(a, FREEDOM) for a in levels]
    exceptions = [int((returns < q).sum()) for q in quantiles]
    return {"law": WORDS[law], "mean": mean, "exceptions": exceptions, "width": float(-quantiles[0].mean())}


def study(data: Path) -> dict[str, Any]:
    """The document: published exceptions and mean VaR, and those of each specification with the quantiles of a t that
    is not scaled to unit variance, as the published ratios have them."""
    returns = pl.read_csv(data / "btc_daily_log_returns.csv.gz")["log_return"].to_numpy()
    table = pl.read_csv(data / "var_backtest_published_btc.csv.gz").filter(pl.col("model") == "GJR-GARCH").sort("alpha")
    levels, count = table["alpha"].to_list(), int(table["n_test"][0])
    first = returns.size - count
    tried = []
    for law, mean in TRIED:
        _, deviation = volatilities(returns, first, law, mean)
        tried.append(row(law, mean, returns[first:], deviation, levels))
        print(tried[-1], flush=True)
    return {
        "levels": levels,
        "published": {"exceptions": table["viol_raw"].to_list(), "width": float(table["raw_width"][0])},
        "tried": tried,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the document."""
    parser = argparse.ArgumentParser(description="Likelihoods of GJR-GARCH against the published figures.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "backtests")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "gjr.json")
    given = parser.parse_args(arguments)
    given.output.write_text(json.dumps(study(given.data), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
