"""Accounts per second of `MarginModel.many`, by model: how many, against PRBM, and why where it is under a tenth.

    python tools/measure_models.py [--accounts A] [--repeats R] [--seconds S] [--models NAME ...] [--output FILE]

One thread (`OPENBLAS_NUM_THREADS=1`), CPU seconds of this process, the best of R. A model that would take longer than S
seconds for A accounts is measured on as many as fit, and its row says how many. The accounts hold Poisson(20)
positions each, three in four of them options, in every BTC option and perpetual of the generated market of seed 7 that
the model takes: linear in USDC, inverse, or linear in USDT or USD; a vault holds one sold option. Models that take no
option hold futures and perpetuals of BTC and ETH in the settlement currency in which they take most. Rules whose
accounts are more than positions (money set apart for each, loans, contracts of a file) are given documents, see
`DOCUMENTS`, one after the other. The draw has seed 11. The page is Markdown.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from plimsoll.contracts import Contract
from plimsoll.feeds import generated_market
from plimsoll.margin import MODELS, Account, MarginModel, Position, margin_model, model_class, shipped_packs
from plimsoll.margin.many import Positions
from plimsoll.market import AssetPrice, Market

BASE = "prbm"
INVERSE = ("deribit-sm", "deribit-pm", "okx-futures")
VAULTS = ("opyn-naked", "opyn-spread")
"""Models whose account is a vault of one sold option."""

TRIAL = 100
"""Accounts by which it is told how many a model can take in the time."""

SHARE = 0.1
"""Of the rate of PRBM: below it a model gives its reason."""


@dataclass(frozen=True)
class Rate:
    """What one model of a venue was measured at; the venue of a model of the house is `house`."""

    venue: str
    model: str
    pack: str
    accounts: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Accounts in a second of CPU time."""
        return self.accounts / self.seconds


def population(model: str, accounts: int, seed: int = 11) -> tuple[Positions, Market]:
    """Accounts that the rules of `model` take, and their market."""
    market, contracts = universe(model)
    option = np.array([c.kind == "option" for c in contracts])
    shares = (0.75, 0.25) if option.any() and not option.all() else (1.0, 1.0)
    weight = np.where(option, shares[0] / max(option.sum(), 1), shares[1] / max((~option).sum(), 1))
    rng = np.random.default_rng(seed)
    count = np.ones(accounts, np.int64) if model in VAULTS else rng.poisson(20, accounts)
    indptr = np.concatenate([[0], np.cumsum(count)])
    indices = rng.choice(len(contracts), size=int(indptr[-1]), p=weight)
    quantity = rng.normal(0.0, 2.0, indices.size).round(2)
    quantity = -np.maximum(np.abs(quantity), 0.01) if model in VAULTS else quantity
    return Positions(tuple(c.name for c in contracts), indptr, indices, quantity), market


def universe(name: str) -> tuple[Market, list[Contract]]:
    """A market and its contracts that one account may hold together under the newest rules of a model."""
    model = newest(name)
    chosen = _most(model, ("BTC",), ("option", "perpetual"))
    if all(c.kind != "option" for c in chosen[1]):
        ether = _most(model, ("ETH",), ("option", "perpetual"))
        options = any(c.kind == "option" for c in ether[1])
        chosen = ether if options else _most(model, ("BTC", "ETH"), ("future", "perpetual"))
    return chosen


def _most(model: MarginModel, coins: tuple[str, ...], kinds: tuple[str, ...]) -> tuple[Market, list[Contract]]:
    """The market of which the model takes most in one settlement currency; the first that it takes whole, if any."""
    styles: list[tuple[Literal["linear", "inverse"], str]] = [
        ("linear", "USDC"),
        ("inverse", ""),
        ("linear", "USDT"),
        ("linear", "USD"),
    ]
    if model.MODEL in INVERSE:
        styles.insert(0, styles.pop(1))
    found: list[tuple[Market, list[Contract]]] = []
    for style, currency in styles:
        market = generated_market(7, underlyings=coins, settlement=style)
        if currency in ("USDT", "USD"):
            paid = [c.model_copy(update={"currency": currency}) for c in market.instruments]
            market = market.model_copy(update={"instruments": tuple(paid)})
        listed = [c for c in market.instruments if c.kind in kinds]
        taken = [c for c in listed if _takes(model, c, market)]
        by_currency: dict[str, list[Contract]] = {}
        for contract in taken:
            by_currency.setdefault(contract.currency, []).append(contract)
        found.append((market, max(by_currency.values(), key=len, default=[])))
        if len(found[-1][1]) == len(listed):
            return found[-1]
    return max(found, key=lambda one: len(one[1]))


def _takes(model: MarginModel, contract: Contract, market: Market) -> bool:
    quantity = -1.0 if model.MODEL in VAULTS else 1.0
    held = Account(mode=model.MODES[0], positions=(Position(instrument=contract.name, quantity=quantity),))
    return not model.all_problems(held, market)


def newest(name: str) -> MarginModel:
    """The model under the newest pack that is shipped for it."""
    packs = sorted((p for p in shipped_packs() if p.model == name), key=lambda p: (p.effective, p.name == name))
    return margin_model(packs[-1])


def _isolated(accounts: int, rng: np.random.Generator) -> tuple[list[Account], Market]:
    """Perpetuals of BTC and ETH, each with money set apart for some leverage from 2 to 50."""
    market = generated_market(7, underlyings=("BTC", "ETH"), settlement="linear")
    listed = [c for c in market.instruments if c.kind == "perpetual"]
    found = []
    for _ in range(accounts):
        rows = []
        for contract in listed:
            size = round(float(rng.normal(0.0, 2.0)), 2) or 0.01
            value = abs(size) * market.indices[contract.underlying].price
            margin = round(value / float(rng.uniform(2.0, 50.0)), 2)
            rows.append(Position(instrument=contract.name, quantity=size, isolated_margin=margin))
        found.append(Account(mode="isolated", positions=tuple(rows), collateral={"USDC": 1e6}))
    return found, market


def _pooled(accounts: int, rng: np.random.Generator) -> tuple[list[Account], Market]:
    """Coins against a loan of a stable coin."""
    market, found = generated_market(7, underlyings=("BTC", "ETH")), []
    for _ in range(accounts):
        coins = {c: round(float(rng.exponential(2.0)), 3) for c in ("BTC", "ETH")}
        owed = {"USDC": round(float(rng.exponential(5e4)), 2)}
        found.append(Account(mode="cross", collateral=coins, borrowed=owed))
    return found, market


def _lent(accounts: int, rng: np.random.Generator) -> tuple[list[Account], Market]:
    """A coin bought with what was borrowed."""
    market = generated_market(7)
    market = market.model_copy(update={"assets": {**market.assets, "LTC": AssetPrice(price=100.0)}})
    found = []
    for _ in range(accounts):
        coins, leverage = round(float(rng.exponential(50.0)) + 0.01, 3), float(rng.uniform(1.5, 5.0))
        owed = {"USDT": round(coins * 100.0 * (1.0 - 1.0 / leverage), 2)}
        found.append(Account(mode="isolated", collateral={"LTC": coins}, borrowed=owed))
    return found, market


def _filed(accounts: int, rng: np.random.Generator) -> tuple[list[Account], Market]:
    """Poisson(3) of the contracts of the file, each once."""
    names, found = list(newest("span-arrays").rules.parameters["contracts"]), []
    for _ in range(accounts):
        held = rng.permutation(names)[: min(int(rng.poisson(3)), len(names))].tolist()
        rows = [Position(instrument=n, quantity=float(rng.integers(1, 20)) * rng.choice([-1.0, 1.0])) for n in held]
        found.append(Account(mode="portfolio", positions=tuple(rows)))
    return found, generated_market(7)


Draw = Callable[[int, np.random.Generator], tuple[list[Account], Market]]
DOCUMENTS: dict[str, Draw] = {"gmx-v2": _isolated, "lending": _pooled, "okx-margin": _lent, "span-arrays": _filed}
"""Rules whose accounts are more than positions in a market, and their accounts."""


def run_of(name: str, accounts: int) -> Callable[[], object]:
    """Margins all accounts once. None of them is refused."""
    model = newest(name)
    if name in DOCUMENTS:
        held, market = DOCUMENTS[name](accounts, np.random.default_rng(11))
        return lambda: [model.assess(account, market, "refuse") for account in held]
    positions, market = population(name, accounts)
    return lambda: model.many(positions, market).check()


def venue_of(name: str) -> str:
    """The folder of a model: that of its venue, or `house`."""
    return model_class(name).__module__.rpartition(".")[0].rpartition(".")[2]


def fitting(trial: float, accounts: int, seconds: float) -> int:
    """How many of `accounts` take at most `seconds`, where `TRIAL` took `trial`; at least `TRIAL`.

    >>> fitting(1.0, 10_000, 20.0), fitting(0.1, 10_000, 20.0), fitting(60.0, 10_000, 20.0), fitting(60.0, 50, 20.0)
    (2000, 10000, 100, 50)
    """
    return min(accounts, max(TRIAL, int(TRIAL * seconds / max(trial, 1e-9))))


def measure(name: str, accounts: int, repeats: int, seconds: float = float("inf")) -> Rate:
    """The best of `repeats` runs over the same accounts, each of some `seconds` at most; none is refused."""
    if seconds < float("inf"):
        accounts = fitting(_once(run_of(name, min(TRIAL, accounts))), accounts, seconds)
    run = run_of(name, accounts)
    best = min(_once(run) for _ in range(repeats))
    return Rate(venue_of(name), name, newest(name).rules.label, accounts, best)


def _once(run: Callable[[], object]) -> float:
    """CPU seconds of a run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def table(rates: Sequence[Rate]) -> str:
    """The table as Markdown."""
    base = next(r.per_second for r in rates if r.model == BASE)
    lines = [
        "| venue | model | pack | accounts | accounts/s, one core | of PRBM | what an account costs |",
        "| --- | --- | --- | ---: | ---: | ---: | --- |",
    ]
    for r in sorted(rates, key=lambda r: (r.model != BASE, r.venue != "house")):
        share, why = r.per_second / base, model_class(r.model).MANY
        size = f"{r.accounts:,} | {r.per_second:,.0f} | {share:.2g}"
        lines.append(f"| {r.venue} | {r.model} | `{r.pack}` | {size} | {why} |")
    return "\n".join(lines) + "\n"


def page(rates: Sequence[Rate], accounts: int, repeats: int, seconds: float) -> str:
    """The table with what it was measured on, as a page."""
    machine = f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}"
    fewer = [r.model for r in rates if r.accounts < accounts]
    size = f"{accounts:,} accounts under each of {len(rates)} models of {len({r.venue for r in rates})} houses"
    if fewer:
        size += f", and as many as take {seconds:g} s under " + ", ".join(fewer)
    return f"""# Accounts per second

`MarginModel.many` on one core, by model: CPU seconds of one thread, the tables of the universe included. The last
column says what an account costs; a model under {SHARE:.0%} of the rate of PRBM has its reason there.

{table(rates)}
{size}. An account has
Poisson(20) positions in the BTC options and perpetual of the generated market of seed 7, or in its BTC and ETH futures
where the rules take no option; a vault holds one sold option. Accounts of {", ".join(DOCUMENTS)} are more
than positions (money set apart, loans, contracts of a file): they are documents, assessed one after the other.
Draw of seed 11, best of {repeats}; {machine}.
The ratios are worth more than the rates.

Written by
`python tools/measure_models.py --accounts {accounts} --repeats {repeats} --seconds {seconds:g} --output FILE`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print, or write, the table."""
    parser = argparse.ArgumentParser(description="Accounts per second by model.")
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=120.0, help="most of a run of one model, CPU seconds")
    parser.add_argument("--models", nargs="+", choices=sorted(MODELS), default=list(MODELS))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    for name in ("accounts", "repeats", "seconds"):
        if not getattr(options, name) > 0:
            parser.error(f"--{name}: {getattr(options, name)}, allowed: above zero")
    names = [BASE, *(m for m in options.models if m != BASE)]
    rates = []
    for name in names:
        rates.append(measure(name, options.accounts, options.repeats, options.seconds))
        print(f"{name}: {rates[-1].per_second:,.0f} accounts/s of {rates[-1].accounts:,}", file=sys.stderr, flush=True)
    text = page(rates, options.accounts, options.repeats, options.seconds)
    if options.output is None:
        print(text, end="")
    else:
        options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
