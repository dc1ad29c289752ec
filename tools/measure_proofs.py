"""By how much a proof asks for more than the rules, for every model that has a form for proofs.

    python tools/measure_proofs.py [--books B] [--models NAME ...] [--output FILE]

B random books of two to eight contracts of the generated market of seed 7: on BTC, else ETH, of the most kinds that the
model takes, linear or inverse. Each has a twentieth to five coins of a contract on either side; the draw has seed 17.
Where rules have tiers, the public reach is the next power of two above the largest position. What a
proof asks is the expression behind its rows at the book, with the numbers in between as an honest prover chooses them;
what the rules charge is the initial margin of the exact engine, without collateral. `above` is the first less the
second, relative to the second. A book with no charge counts only where the proof asks for something all the same. The
page is Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plimsoll.contracts import Future, Option, Perpetual
from plimsoll.documents import DocumentError
from plimsoll.feeds import generated_market
from plimsoll.margin import Account, MarginModel, Position, margin_model, model_class, shipped_packs
from plimsoll.market import Market
from plimsoll.proofs import NotProvableError, Requirement, requirement_of
from plimsoll.proofs.compile import Affine
from plimsoll.proofs.written import position_rows

Traded = Option | Future | Perpetual

KINDS: tuple[tuple[str, tuple[type[Traded], ...]], ...] = (
    ("options and futures", (Option, Future, Perpetual)),
    ("options", (Option,)),
    ("futures", (Future, Perpetual)),
    ("perpetuals", (Perpetual,)),
)

EQUAL = 1e-6
"""USD, and relative to the charge, within which a proof asks for exactly what the rules do."""

DECIMALS = 2


@dataclass(frozen=True)
class Gap:
    """What was found of one model: standing of its requirement, and for each book asked and charged, USD or coins."""

    pack: str
    standing: str
    contracts: str
    asked: list[float]
    charged: list[float]

    def row(self) -> str:
        """A line of the page."""
        asked, charged = np.array(self.asked), np.array(self.charged)
        near = np.abs(asked - charged) <= EQUAL * np.maximum(1.0, np.abs(charged))
        paid = charged > EQUAL
        above = np.where(near[paid], 0.0, asked[paid] / charged[paid] - 1.0)
        below = int((asked < charged - EQUAL * np.maximum(1.0, np.abs(charged))).sum())
        for_nothing = int((~paid & ~near).sum())
        middle, most, largest = (np.quantile(above, q) if above.size else float("nan") for q in (0.5, 0.95, 1.0))
        parts = [
            self.pack,
            self.standing,
            self.contracts,
            str(asked.size),
            f"{near.mean():.0%}",
            *map(_percent, (middle, most, largest)),
        ]
        return "| " + " | ".join([*parts, str(for_nothing), str(below)]) + " |"


def _percent(number: float) -> str:
    return f"{100 * number:.2f} %"


def sets_of() -> Iterator[tuple[str, Market, list[Traded]]]:
    """Contracts on one underlying that one account may hold together, of the most kinds first, with their name."""
    markets = [generated_market(7, settlement="linear"), generated_market(7, settlement="inverse")]
    for currency in ("USDT", "USD"):
        paid = [
            c.model_copy(update={"currency": currency}) for c in markets[0].instruments if isinstance(c, KINDS[0][1])
        ]
        markets.append(markets[0].model_copy(update={"instruments": tuple(paid)}))
    for words, kinds in KINDS:
        for underlying in ("BTC", "ETH"):
            for market in markets:
                found = [c for c in market.instruments if c.underlying == underlying and isinstance(c, kinds)]
                yield f"{words} in {found[0].currency}", market, found


def measure(model: MarginModel, books: int) -> Gap | str:
    """The gap of a model over the first set of contracts that it takes, or why there is none."""
    reason = ""
    for words, market, contracts in sets_of():
        try:
            asked, charged, standing = _books(model, market, contracts, books)
        except (DocumentError, NotProvableError) as error:
            reason = str(error).split("\n")[0]
            continue
        return Gap(model.rules.label, standing, words, asked, charged)
    return reason


def _books(
    model: MarginModel, market: Market, contracts: Sequence[Traded], books: int
) -> tuple[list[float], list[float], str]:
    rng = np.random.default_rng(17)
    asked, charged, standing = [], [], "exact"
    for _ in range(books):
        count = min(len(contracts), int(rng.integers(2, 9)))
        held = [contracts[i] for i in rng.choice(len(contracts), count, replace=False)]
        coins = np.exp(rng.uniform(np.log(0.05), np.log(5.0), count)) * rng.choice((-1.0, 1.0), count)
        quantities = [_units(contract, size, market) for contract, size in zip(held, coins.tolist(), strict=True)]
        names = [contract.name for contract in held]
        reach = 1 << max(abs(q) for q in quantities).bit_length()
        of = requirement_of(model, names, market, max(1, reach // 10**DECIMALS + 1))
        standing = of.standing if of.standing != "exact" else standing
        positions = tuple(
            Position(instrument=n, quantity=q / 10**DECIMALS) for n, q in zip(names, quantities, strict=True) if q
        )
        account = Account(positions=positions, mode=model.MODES[0])
        own = model.assess(account, market, "refuse")
        charged.append(float(sum(c.initial for c in own.components)))
        asked.append(_asked(of, quantities))
    return asked, charged, standing


def _units(contract: Traded, coins: float, market: Market) -> int:
    """Hundredths of a contract that come to so many coins."""
    coin = float(contract.multiplier)
    if contract.settlement.value == "inverse" and not isinstance(contract, Option):
        coin /= market.indices[contract.underlying].price
    return round(coins / coin * 10.0**DECIMALS)


def _asked(of: Requirement, quantities: Sequence[int]) -> float:
    """The requirement of a book as its rows have it."""
    writer, _, sold = position_rows(of, 10**DECIMALS, 60, 110)
    least = writer.require(Affine({}), of.node, "requirement")
    x = [*quantities, *(max(0, -quantities[i]) for i in sold)]
    x += [0] * (len(writer.names) - len(x))
    return float(least(x)) / 10.0 ** (of.array_decimals + DECIMALS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=200)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(arguments)
    lines = [
        "| rules | requirement | books of | books | equal | above: median | 95 % | largest | for nothing | below |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    reasons = []
    latest = {pack.name: pack for pack in sorted(shipped_packs(), key=lambda pack: pack.effective)}
    for name in options.models or [n for n, pack in latest.items() if model_class(pack.model).FORMS.proof != "refused"]:
        model = margin_model(latest[name])
        found = measure(model, options.books)
        if isinstance(found, str):
            reasons.append(f"- {model.rules.label}: {found}")
        else:
            lines.append(found.row())
            print(lines[-1], file=sys.stderr, flush=True)
    page = "\n".join([*lines, "", *reasons]) + "\n"
    if options.output is None:
        sys.stdout.write(page)
    else:
        options.output.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
