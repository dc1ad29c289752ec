"""Write `docs/validation/iv-proxy.md` and the proxy's numbers: implied volatility where nobody has a surface.

    python tools/make_iv_proxy_page.py [--data FOLDER] [--check]

FOLDER is the shared data (default: `../shared/data` beside the project). With --check nothing is written and a page
or a pack that differs fails.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from iv_proxy_rows import Row, rows
from page_files import keep
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.dynamics.iv_proxy import IvProxy, IvProxyPack
from plimsoll.feeds import read_bars, read_dvol
from plimsoll.market.history import History, instant_ns

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "src" / "plimsoll" / "dynamics" / "data" / "iv-proxy.json"
COINS = ("BTC", "ETH")
CUT = instant_ns("2026-03-01T00:00:00Z")
LAMBDAS = (0.90, 0.94, 0.97, 0.985)
GRID_DAYS = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
GRID_STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)
LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)


def sigma_at(prices: History, coin: str, lam: float, times: Sequence[int]) -> F64:
    """Annual EWMA volatility known at each of `times`."""
    stamps, returns = prices.select([coin]).log_returns()
    variance = ewma_variance(returns[:, 0], lam)
    rows_ = np.searchsorted(stamps, np.asarray(times), side="right")
    result: F64 = np.sqrt(365.0 * variance[rows_])
    return result


def level_rule(prices: History, dvol: History) -> tuple[float, float, float, float, F64]:
    """`lam, intercept, slope, residual deviation` and the residuals, the `lam` that explains the index best."""
    known = ~np.isnan(dvol.values[:, 0])
    times, y = dvol.times[known].tolist(), np.log(dvol.values[known, 0])
    found = []
    for lam in LAMBDAS:
        x = np.log(sigma_at(prices, "BTC", lam, times))
        design = np.column_stack([np.ones(len(x)), x])
        solution = np.linalg.lstsq(design, y, rcond=None)[0]
        residual = y - design @ solution
        found.append((float(residual.std(ddof=2)), lam, float(solution[0]), float(solution[1]), residual))
    spread, lam, intercept, slope, residual = min(found, key=lambda f: f[0])
    return lam, round(intercept, 6), round(slope, 6), spread, residual


def shapes(chosen: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Medians of the factors over the level, per coin, on the days that choose."""
    result = {}
    for coin in COINS:
        own = [r for r in chosen if r.coin == coin]
        numbers = {
            "skew": [r.factors.skew / r.factors.level for r in own],
            "curvature": [r.factors.curvature / r.factors.level for r in own],
            "slope": [r.factors.slope / r.factors.level for r in own],
            "index_ratio": [r.variance_level / r.factors.level for r in own],
        }
        result[coin] = {k: round(float(np.median(v)), 6) for k, v in numbers.items()}
    return result


def errors(proxy: IvProxy, own: Sequence[Row], level: F64) -> F64:
    """`[n, D, Z]` log of the market's volatility over the proxy's; tenors beyond the fitted ones are NaN."""
    table = np.full((len(own), len(GRID_DAYS), len(GRID_STEPS)), np.nan)
    for n, (row, one) in enumerate(zip(own, level.tolist(), strict=True)):
        for d, days in enumerate(GRID_DAYS):
            tau = days / 365.0
            atm = row.vols[days, 0.0]
            for s, z in enumerate(GRID_STEPS):
                # the market's smile at its own z: the same strike under the proxy
                k = z * atm * tau**0.5
                table[n, d, s] = np.log(row.vols[days, z] / float(proxy.vol(k, tau, one)))
    return table


def study(data: Path, found: list[Row]) -> tuple[IvProxyPack, dict[str, Any]]:
    """The pack, and what the page tells besides."""
    prices = read_bars(
        data / "prices" / "binance_spot_daily_7coins.parquet", names={"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
    ).history
    dvol = read_dvol(data / "vol" / "deribit_dvol_btc_daily_2022_2025.csv.gz").history
    lam, intercept, slope, spread, residual = level_rule(prices, dvol)
    chosen = [r for r in found if r.time_ns < CUT]
    held = [r for r in found if r.time_ns >= CUT]
    content: dict[str, Any] = {
        "schema": IvProxyPack.SCHEMA,
        "schema_version": 1,
        "chosen_on": "shape: Deribit chains 2025-12-30 to 2026-02-28; level from realised volatility: DVOL 2022-11-06 "
        "to 2025-11-12",
        "measured_on": "Deribit chains 2026-03-01 to 2026-04-30",
        "source": "python tools/make_iv_proxy_page.py",
        "lam": lam,
        "intercept": intercept,
        "slope": slope,
        "level_spread": round(spread, 6),
        "shapes": shapes(chosen),
        "days": list(GRID_DAYS),
        "steps": list(GRID_STEPS),
        "errors": [],
    }
    tables: dict[tuple[str, str], F64] = {}
    for coin in COINS:
        proxy = IvProxy(IvProxyPack.from_dict(content), coin)
        own = [r for r in held if r.coin == coin]
        index = np.array([r.variance_level for r in own])
        sigma = sigma_at(prices, coin, lam, [r.time_ns for r in own])
        realised = np.exp(intercept + slope * np.log(sigma))
        for source, level in (("dvol", index), ("realised", realised)):
            table = errors(proxy, own, proxy.level_from_index(level))
            tables[coin, source] = table
            content["errors"].append(
                {"coin": coin, "source": source, "rows": np.round(table.reshape(len(own), -1), 4).tolist()}
            )
    told = {"residual": residual, "tables": tables, "chosen": len(chosen), "held": len(held)}
    return IvProxyPack.from_dict(content), told


def page(pack: IvProxyPack, told: dict[str, Any]) -> str:
    """The page as Markdown."""
    quantiles = np.quantile(told["residual"], LEVELS)
    lines = [*HEAD, ""]
    worst = max(float(np.nanquantile(np.abs(t), 0.95)) for t in told["tables"].values())
    lines += [
        f"**On {told['held']} surfaces of March and April 2026, which chose nothing, the proxy is within "
        f"{100 * np.expm1(worst):.0f} % of the market's volatility at 95 % of all points, for the worst coin and "
        "source.**",
        "",
        "## The level from realised volatility",
        "",
        f"`ln(index) = {pack.intercept:.3f} + {pack.slope:.3f} ln(sigma)`, `sigma` the annual EWMA volatility at "
        f"{pack.lam:g} (chosen from {', '.join(f'{v:g}' for v in LAMBDAS)}), by least squares on",
        f"{len(told['residual']):,} days of DVOL. Log errors of the level on those days, deviation "
        f"{pack.level_spread:.3f}:",
        "",
        "| quantile | " + " | ".join(f"{q:g}" for q in LEVELS) + " |",
        "| --- |" + " ---: |" * len(LEVELS),
        "| ln(index / proxy) | " + " | ".join(f"{q:+.3f}" for q in quantiles) + " |",
        "",
        "## The shape, fixed",
        "",
        "| coin | skew / level | curvature / level | slope / level | index / level |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for coin, shape in pack.shapes.items():
        numbers = (shape.skew, shape.curvature, shape.slope, shape.index_ratio)
        lines.append(f"| {coin} | " + " | ".join(f"{n:+.3f}" for n in numbers) + " |")
    lines += ["", *ERRORS, ""]
    for (coin, source), table in told["tables"].items():
        lines += [f"### {coin}, level from {'the index' if source == 'dvol' else 'realised volatility'}", ""]
        lines.append("| days | " + " | ".join(f"z = {z:+g}" for z in GRID_STEPS) + " |")
        lines.append("| ---: |" + " ---: |" * len(GRID_STEPS))
        for d, days in enumerate(GRID_DAYS):
            cells = []
            for s in range(len(GRID_STEPS)):
                low, middle, high = (100.0 * np.expm1(np.quantile(table[:, d, s], q)) for q in (0.05, 0.5, 0.95))
                cells.append(f"{middle:+.0f} ({low:+.0f} to {high:+.0f})")
            lines.append(f"| {days:g} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join([*lines, *FOOT]) + "\n"


HEAD = (
    "# Implied volatility where there is no surface",
    "",
    "The shared chains span four months of 2026 and one day of 2020; the volatility index (DVOL) is daily from",
    "2022-11. On every other day an option has no quote here. `plimsoll.dynamics.iv_proxy` puts a declared proxy",
    "there, and every table that follows from it says `iv: proxy`: a level that moves, from the index where there is",
    "one and else from realised volatility, and a smile whose shape is fixed in units of the level.",
    "",
    "Written by `python tools/make_iv_proxy_page.py`. The shape was chosen on the chains to the end of February 2026,",
    "the level's rule on the days of DVOL; the errors are those of March and April 2026.",
)

ERRORS = (
    "## How wrong it is",
    "",
    "Market over proxy less one, per cent: median, and 5 % to 95 % in brackets, over the held-back surfaces. `z`",
    "counts standard deviations of the forward to expiry. Above zero the proxy is too low.",
)

FOOT = (
    "## What this does not say",
    "",
    "- No index and chain of one day are both here (DVOL ends 2025-11-12, the chains start 2025-12-30): in *level from",
    "  the index* the index is what the chain's own smile gives, its 30-day variance swap. An error of the published",
    "  index against that is not in the table.",
    "- Two months of one regime: the calm and the storm of other years are in the level's errors (three years of",
    "  DVOL), not in those of the shape. In a crash the skew steepens: the proxy is too low for low strikes then.",
    "- The days follow each other; there are fewer independent ones than rows.",
    "- `IvProxy.errors` gives whole days to draw from, so that a claim about options can carry the error with it.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check page and pack."""
    parser = argparse.ArgumentParser(description="Implied volatility where there is no surface.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "iv-proxy.md")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    pack, told = study(options.data, list(rows(options.data / "options")))
    packed = json.dumps(pack.to_dict(), separators=(",", ":")) + "\n"
    return keep({options.output: page(pack, told), PACK: packed}, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
