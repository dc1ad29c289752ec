"""New prices in a book that is kept up to date."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.race import Inputs
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._accounts import account_inputs
from benchmarks.subjects._contenders import ours, scipy

TITLE = "New prices in a book"
ABOUT = (
    "R of N instruments get new P&L rows, and the losses of every account that holds one of them follow, one core. "
    "The peer keeps the same A × S array and adds the change times the columns of those who hold one, which it found "
    "beforehand. Reached are the accounts with one of the instruments; the rate is of all accounts of the book."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"accounts": 10_000, "instruments": 1000, "scenarios": 300, "repriced": 100},
    "quick": {"accounts": 1_000, "instruments": 500, "scenarios": 300, "repriced": 50},
}
CURVE = (1, 10, 100, 1_000)
OURS, CSR = "plimsoll", "scipy CSR"


def run(bench: Bench) -> None:
    """Race on some instruments, then over their number."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("reprice", bench.seed)
    held = account_inputs(rng, sizes["accounts"], sizes["instruments"], sizes["scenarios"])

    def inputs(count: int) -> Inputs:
        which = np.sort(rng.choice(sizes["instruments"], count, replace=False)).astype(np.int64)
        after = held["pnl"][which] * rng.uniform(0.9, 1.1, (count, sizes["scenarios"]))
        return {**held, "repriced": which, "pnl_after": after}

    contenders = [ours(OURS, "accounts:reprice", "account"), scipy(CSR, "scipy_accounts:reprice", "account")]
    race = bench.race(contenders, inputs(sizes["repriced"]))
    bench.ratio(f"over {CSR}", f"rate of plimsoll over that of {CSR}", race, CSR, OURS)
    apart = None
    if not race.missing(OURS, CSR):
        apart = Spread.exact(_apart(held, inputs(sizes["repriced"])))
    words = "largest difference of the losses from those of a book opened with the new prices, over the largest loss"
    bench.note("apart", words, "", apart, race.missing(OURS, CSR))
    points = [n for n in (CURVE[1:2] if bench.quick else CURVE) if n <= sizes["instruments"]]
    bench.curve("instruments with new prices", contenders, ((n, inputs(n), {}) for n in points))


def _apart(held: Inputs, inputs: Inputs) -> float:
    from plimsoll.kernels import open_book

    indptr, indices, quantity = held["indptr"], held["indices"], held["quantity"]
    book = open_book(indptr, indices, quantity, held["pnl"])
    book.reprice(inputs["repriced"], inputs["pnl_after"])
    after = held["pnl"].copy()
    after[inputs["repriced"]] = inputs["pnl_after"]
    anew = open_book(indptr, indices, quantity, after)
    some = range(0, book.accounts, max(1, book.accounts // 200))
    mine, theirs = (np.array([one.losses(a) for a in some]) for one in (book, anew))
    return float(np.abs(mine - theirs).max() / np.abs(theirs).max())
