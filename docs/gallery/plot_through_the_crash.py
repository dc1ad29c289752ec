"""
Through the crash
=================

In the last days of January 2026 Bitcoin lost an eighth of its price and Ether a fifth. Two option books, one on each
coin, are carried through those three days under every margin model that takes them. Who is called first, and where?
"""

# %%
# The path
# --------
# The twelve snapshots of the chain lie outside this project, in the folder named by ``PLIMSOLL_SHARED`` or in
# ``shared`` beside it. Where it is absent the page shows a made-up path instead, and says so: the generated market of
# ``plimsoll demo`` with every price moved together and volatilities unchanged. The real books hold only contracts that
# live through all snapshots, none that expires before 7 February.

import os
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
from scipy.optimize import brentq

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market, import_chain, list_snapshots, sample_book
from plimsoll.margin.compare import rules_in_force, takeable
from plimsoll.margin.path import shifted

FILE = "data/options/deribit_chain_intraday_20260129_20260131.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
chain = (Path(named) if named else here.parent / "shared") / FILE
LEAST_EXPIRY, POSITIONS, SEEDS = datetime(2026, 2, 7, tzinfo=UTC), 20, {"BTC": 7, "ETH": 3}
MADE_UP = (1.0, 1.0, 0.96, 0.96, 0.945, 0.935, 0.945, 0.955, 0.95, 0.94, 0.925, 0.88)

Stage = tuple[pl.Account, pl.Market]


def restricted(market: pl.Market, names: set[str]) -> pl.Market:
    content = market.to_dict()
    content["instruments"] = [row for row in content["instruments"] if row["name"] in names]
    content["marks"] = {name: mark for name, mark in content["marks"].items() if name in names}
    return pl.Market.from_dict(content)


def real_stages() -> dict[str, list[Stage]]:
    markets = [import_chain(chain, snapshot.time) for snapshot in list_snapshots(chain)]
    marked = [{n for n, m in k.marks.items() if m.vol is not None or m.price is not None} for k in markets]
    living = {c.name for c in markets[0].instruments if getattr(c, "expiry", LEAST_EXPIRY) >= LEAST_EXPIRY}
    markets = [restricted(market, living.intersection(*marked)) for market in markets]
    books = {coin: sample_book(markets[0], POSITIONS, seed, [coin]) for coin, seed in SEEDS.items()}
    return {coin: [(book, market) for market in markets] for coin, book in books.items()}


def made_up_stages() -> dict[str, list[Stage]]:
    return {"BTC": [shifted(demo_account(), demo_market(), multiplier) for multiplier in MADE_UP]}


real = chain.is_file()
stages = real_stages() if real else made_up_stages()
source = "Deribit, 29 to 31 January 2026" if real else "MADE-UP PATH of a generated market, no real prices"
print(source)
for coin, path in stages.items():
    prices = [market.indices[coin].price for _, market in path]
    print(f"{coin}: {prices[0]:,.0f} to {prices[-1]:,.0f} USD, {prices[-1] / prices[0] - 1:+.1%}")

# %%
# The same cushion for everyone
# -----------------------------
# Models ask for very different amounts, and one that asks for more has simply been paid earlier. So each account starts
# with coin, and only coin, for a health of 1.5 under the model that watches it: net equity one and a half times the
# maintenance margin. From then on nobody trades and nobody pays in. Models without coin-settled contracts (marked with
# a star) hold the same exposure in linear ones, translated anew at every snapshot.


def funded(stage: Stage, coin: str, coins: float) -> Stage:
    content = stage[0].to_dict() | {"collateral": {coin: coins}, "as_of": None}
    return pl.Account.from_dict(content), stage[1]


def answer(model: pl.MarginModel, stage: Stage) -> pl.Requirement:
    account, market, _ = takeable(model, *stage)
    return model.requirement(account, market)


def walk(pack: pl.Rules, path: list[Stage], coin: str) -> tuple[float, list[tuple[float, float]]]:
    """Net equity at the start, and initial margin and health at every snapshot; money in thousand USD."""
    model = pl.margin_model(pack)

    def missing(coins: float) -> float:
        found = answer(model, funded(path[0], coin, coins))
        return found.net_equity - 1.5 * found.maintenance

    coins = brentq(missing, 0.0, 1e4, xtol=1e-3)
    found = [answer(model, funded(stage, coin, coins)) for stage in path]
    dollars = [stage[1].price_of(r.currency).price for stage, r in zip(path, found, strict=True)]
    points = [(r.initial * d / 1e3, r.health) for r, d in zip(found, dollars, strict=True)]
    return found[0].net_equity * dollars[0] / 1e3, points


walks: dict[tuple[str, str], tuple[float, list[tuple[float, float]]]] = {}
WATCHED = ("prbm", "dsa", "deribit-sm", "deribit-pm", "derive-srm", "derive-pmrm1", "derive-pmrm2")
for coin, path in stages.items():
    for pack in rules_in_force(path[0][1]):
        if pack.name not in WATCHED:
            continue
        try:
            star = "*" if takeable(pl.margin_model(pack), *path[0])[2] else ""
            walks[coin, pack.name + star] = walk(pack, path, coin)
        except pl.DocumentError as refusal:
            print(f"{coin}, {pack.name}: not shown, {refusal}")

# %%
# The picture
# -----------
# Index, initial margin and health side by side for each coin. Below the line at one the account is liquidated.

figure, grid = plt.subplots(3, len(stages), figsize=(5.5 * len(stages), 9), sharex="col", squeeze=False)
figure.set_layout_engine("constrained")
for column, (coin, path) in zip(grid.T, stages.items(), strict=True):
    times = [market.time for _, market in path] if real else range(len(path))
    column[0].plot(times, [market.indices[coin].price for _, market in path], "k.-")
    column[0].set(title=f"{coin} index", ylabel="USD")
    for (owner, name), (_, points) in walks.items():
        if owner == coin:
            column[1].plot(times, [p[0] for p in points], ".-", label=name)
            column[2].plot(times, [p[1] for p in points], ".-", label=name)
    column[1].set(ylabel="initial margin, thousand USD", ylim=(0.0, None))
    column[2].axhline(1.0, color="tab:red", linewidth=2)
    column[2].set(ylabel="health", xlabel="UTC" if real else "step of the made-up path")
    column[2].tick_params(axis="x", rotation=30)
figure.legend(*grid[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
title = figure.suptitle(source)

# %%
# The number
# ----------
# The index at which each account was first seen below its line, against the net equity that it started with. A health
# of 1.5 says how many times the margin is covered, not how much money that is: where little margin is asked for, the
# same health is little money, and it is gone first.

first: dict[str, tuple[int, list[str]]] = {}
for (coin, name), (start, points) in walks.items():
    prices = [market.indices[coin].price for _, market in stages[coin]]
    below = next((i for i, (_, health) in enumerate(points) if health < 1), None)
    seen = "never below its line" if below is None else f"below at {prices[below]:,.0f} USD, snapshot {below + 1}"
    lowest = min(health for _, health in points)
    print(f"{coin} {name:<14} starts with {start:>5,.0f} thousand USD, {seen}; lowest health {lowest:.2f}")
    if below is not None and below <= first.setdefault(coin, (below, []))[0]:
        first[coin] = below, [*(first[coin][1] if below == first[coin][0] else []), name]
for coin, (when, names) in first.items():
    price = stages[coin][when][1].indices[coin].price
    print(f"{coin}: first called by {' and '.join(names)}, at {price:,.0f} USD")
