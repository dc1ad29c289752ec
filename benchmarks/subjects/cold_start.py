"""What every command of a user pays before anything is computed."""

from __future__ import annotations

import numpy as np

from benchmarks.harness.bench import Bench
from benchmarks.harness.process import Contender

TITLE = "Cold start"
ABOUT = (
    "A fresh interpreter that imports and computes one first price, CPU seconds of that process; caches of compiled "
    "functions are there, since the first run is not counted. This project is measured as it is installed for "
    "development, with the finder that such an installation adds to every import."
)
SIZES: dict[str, dict[str, int]] = {"full": {}, "quick": {}}

NUMPY, OURS = "import numpy", "plimsoll, first price"
PRICE = "lognormal_values([0], [100.0], [0.2], [True], [[100.0, 110.0]], [[1.0, 1.0]], None, [1.0])"
STARTS = {
    "python alone": ("project", "pass"),
    NUMPY: ("project", "import numpy"),
    OURS: ("project", f"from plimsoll.kernels import lognormal_values\n{PRICE}"),
    "plimsoll --version": (
        "project",
        "import sys\nfrom plimsoll.cli import main\nsys.argv = ['plimsoll', '--version']\nmain()",
    ),
    "numpy+ndtr, first value": ("scipy", "from scipy.special import ndtr\nndtr(0.5)"),
    "QuantLib, first price": ("quantlib", "import QuantLib as q\nq.blackFormula(q.Option.Call, 100.0, 100.0, 0.2)"),
    "FinancePy, first price": (
        "financepy",
        "from financepy.models.black_scholes_analytic import european_value\n"
        "european_value(100.0, 1.0, 100.0, 0.0, 0.0, 0.2, 1)",
    ),
    "py_vollib_vectorized, first price": (
        "py_vollib_vectorized",
        "from py_vollib_vectorized import vectorized_black\n"
        "vectorized_black('c', 100.0, 100.0, 1.0, 0.0, 0.2, return_as='numpy')",
    ),
}
VERSIONS = {
    "scipy": ("numpy", "scipy"),
    "quantlib": ("QuantLib",),
    "financepy": ("financepy", "numba", "numpy"),
    "py_vollib_vectorized": ("py_vollib_vectorized", "numba", "numpy"),
    "project": ("numpy",),
}


def run(bench: Bench) -> None:
    """Race the starts."""
    contenders = [
        Contender(
            name,
            environment,
            "benchmarks/harness/call_start.py:start",
            "start",
            VERSIONS[environment],
            {"code": code},
            "children",
        )
        for name, (environment, code) in STARTS.items()
    ]
    race = bench.race(contenders, {"none": np.zeros(1)})
    bench.ratio("over import numpy", "first price in a fresh process over `import numpy`", race, OURS, NUMPY)
    for name in STARTS:
        if name not in (OURS, NUMPY):
            bench.ratio(f"{name} over plimsoll", f"{name} over plimsoll's first price", race, name, OURS)
