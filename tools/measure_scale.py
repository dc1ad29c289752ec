# ruff: noqa: E501 - a row of a table is one line
"""Ten million accounts on paper, from figures that were measured: docs/scale.md and its numbers.

    python tools/measure_scale.py [--check]

Seconds are those of the processor, not of the wall, so a busy machine does not spoil them; medians. `--check` makes the
page again from `tools/measured/scale.json`, which takes no run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import plimsoll as pl
from page_files import keep
from plimsoll.documents import canonical_bytes
from plimsoll.feeds.demo import demo_market
from plimsoll.kernels import account_worst
from plimsoll.ledger import GroupCommit, Ledger
from plimsoll.live import Engine, Event, Fill, Prices, to_json
from plimsoll.live.fleet import sample_accounts
from plimsoll.live.generated import generated_day
from plimsoll.live.record import Recorder
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import Scenarios

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "tools/measured/scale.json"
PAGE = ROOT / "docs/scale.md"
RULES = "prbm@2026-01-30"

ACCOUNTS, INSTRUMENTS, SCENARIOS, POSITIONS = 10_000_000, 5_000, 300, 20
FLEET = 400
FILLS, QUOTES, INDICES, COINS, CLOCK = 10_000, 5_000, 10, 10, 60
"""What a venue of that size is supposed to see: fills a second, single quotes a second, moves of each index a second,
coins, and seconds between two passes over everybody."""

AWAKE = 0.05
"""Part of the accounts in a coin that an index move wakes; the day of 100,000 events in docs/live.md had 12 % awake."""

SHARDS = 64

IDLE_FILL = 600.0
BUSY = (
    " The machine was shared with other work, which costs processor time too: on a quiet one a fill took 370 µs and a quote 980 µs"
    "\n([live engine](live.md#held-to))."
)


def cost(call: Callable[[], Any], times: int = 5) -> float:
    """Processor seconds of a call, the median."""
    found = []
    for _ in range(times):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return statistics.median(found)


def measure() -> dict[str, Any]:
    """All figures, in bytes and processor seconds."""
    market = demo_market()
    model = pl.margin_model(RULES)
    few, many = (sample_accounts(market, n, POSITIONS) for n in (1, FLEET))
    tracemalloc.start()
    base = tracemalloc.get_traced_memory()[0]
    small = Engine(model, market, few)
    one = tracemalloc.get_traced_memory()[0] - base
    base = tracemalloc.get_traced_memory()[0]
    engine = Engine(model, market, many)
    per_account = (tracemalloc.get_traced_memory()[0] - base - one) / (FLEET - 1)
    texts = [a.to_dict() for a in many[:100]]
    base = tracemalloc.get_traced_memory()[0]
    documents = [pl.Account.from_dict(text) for text in texts]
    per_document = (tracemalloc.get_traced_memory()[0] - base) / len(documents)
    tracemalloc.stop()
    contracts = len(small.prices.plan)
    took: dict[str, list[float]] = {"fill": [], "quote": [], "index": []}
    sizes: dict[str, list[int]] = {"fill": [], "quote": [], "index": []}
    keys: list[int] = []
    day = list(generated_day(market, engine.holdings.names, 700, 7))
    for event in day:
        kind = kind_of(event)
        began = time.process_time()
        engine.apply(event)
        if kind is not None:
            took[kind].append(time.process_time() - began)
            sizes[kind].append(len(canonical_bytes(to_json(event))))
            if kind == "index" and isinstance(event, Prices):
                keys.append(len(event.indices) + len(event.forwards) + len(event.marks))
    with tempfile.TemporaryDirectory() as folder, Ledger.open(f"{folder}/a.db") as ledger:
        written = Engine(model, market, few)
        with GroupCommit(ledger) as commits:
            recorder = Recorder(written, commits)
            for event in generated_day(market, written.holdings.names, 500, 7):
                recorder.write(event, written.apply(event))
        bodies = [len(e.body) for e in ledger.entries(kind="live")]
    # the arrays of the size that is asked for: rows of options in so many scenarios, accounts of so many positions
    options = [c for c in market.instruments if c.kind == "option"]
    plan = compile_plan(options, market)
    wide = Scenarios.build(np.linspace(0.7, 1.3, SCENARIOS).tolist())
    priced = cost(lambda: plan_pnl(plan, wide, "usd"))
    rng = np.random.default_rng(7)
    size = 5_000
    pnl = rng.normal(size=(INSTRUMENTS, SCENARIOS))
    item = rng.integers(0, INSTRUMENTS, size * POSITIONS)
    quantity = rng.normal(size=size * POSITIONS)
    indptr = np.arange(0, size * POSITIONS + 1, POSITIONS)
    worst = cost(lambda: account_worst(indptr, item, quantity, pnl, np.ones(SCENARIOS)))
    return {
        "contracts": contracts,
        "accounts": FLEET,
        "bytes_per_account": round(per_account),
        "bytes_per_document": round(per_document),
        "microseconds": {k: round(1e6 * statistics.median(v), 1) for k, v in took.items()},
        "full_pass_microseconds_per_account": round(1e6 * cost(engine.full_pass) / FLEET, 2),
        "message_bytes": {k: round(statistics.mean(v)) for k, v in sizes.items()},
        "keys_of_an_index_message": round(statistics.mean(keys)),
        "record_bytes": round(statistics.mean(bodies)),
        "price_nanoseconds": round(1e9 * priced / len(options) / SCENARIOS, 2),
        "margin_microseconds": round(1e6 * worst / size, 2),
        "machine": f"{platform.machine()}, {os.cpu_count()} shared cores",
    }


def kind_of(event: Event) -> str | None:
    """Which figure an event belongs to."""
    if isinstance(event, Fill):
        return "fill"
    if isinstance(event, Prices):
        return "index" if event.indices else "quote"
    return None


def page(m: dict[str, Any]) -> str:
    """The page, its products worked out from the measured figures."""
    account = m["bytes_per_account"] + m["bytes_per_document"]
    price = m["price_nanoseconds"] * 1e-9
    # all of the rules at the scenarios of PRBM, and on top the scan of as many as are asked for
    margin = (m["full_pass_microseconds_per_account"] + m["margin_microseconds"]) * 1e-6
    rows = INSTRUMENTS * SCENARIOS * 8
    every = INSTRUMENTS * SCENARIOS * price
    coin = every / COINS
    fill = (m["microseconds"]["fill"] + m["margin_microseconds"]) * 1e-6
    quote = SCENARIOS * price + m["microseconds"]["quote"] * 1e-6
    woken = ACCOUNTS / COINS * AWAKE * margin
    passes = ACCOUNTS * margin / CLOCK
    fills, quotes = FILLS * fill, QUOTES * quote
    ticks, wakes = INDICES * COINS * coin, INDICES * COINS * woken
    clocks = every / CLOCK
    accounts_work = fills + wakes + passes
    prices_work = quotes + ticks + clocks
    busy = "" if m["microseconds"]["fill"] < IDLE_FILL else BUSY
    index_bytes = m["message_bytes"]["index"] / m["keys_of_an_index_message"] * INSTRUMENTS / COINS * 0.1
    feed = QUOTES * m["message_bytes"]["quote"] + INDICES * COINS * index_bytes
    disk = FILLS * 2 * m["record_bytes"] + SHARDS * (QUOTES + INDICES * COINS) * m["record_bytes"]
    return f"""# Ten million accounts, on paper

{ACCOUNTS:,} accounts of {POSITIONS} positions, {INSTRUMENTS:,} instruments, {SCENARIOS} scenarios. Nothing of that size was run here: the figures of one
process are measured, the rest is multiplication, and every assumption stands beside its number. The design is that of the
[live engine](live.md#accounts-over-shards): a shard owns its accounts and works out every price itself.

## Measured

By `python tools/measure_scale.py`: {m["machine"]}; processor seconds, medians; PRBM on the embedded chain of {m["contracts"]} contracts,
{m["accounts"]} accounts, where nothing else is said.{busy}

| | |
| --- | --- |
| memory of an account in the engine | {m["bytes_per_account"] / 1024:,.1f} KiB |
| the document that it came from, which the engine keeps | {m["bytes_per_document"] / 1024:,.1f} KiB |
| a fill, booked and margined | {m["microseconds"]["fill"]:,.0f} µs |
| one quote: a row, its holders, the bound | {m["microseconds"]["quote"]:,.0f} µs |
| an index with all that follows it | {m["microseconds"]["index"]:,.0f} µs |
| an account in a full pass | {m["full_pass_microseconds_per_account"]:,.1f} µs |
| one option in one scenario ({SCENARIOS} of them) | {m["price_nanoseconds"]:,.1f} ns |
| worst of {SCENARIOS} scenarios of an account of {POSITIONS} positions, out of {INSTRUMENTS:,} rows | {m["margin_microseconds"]:,.1f} µs |
| a message: fill, quote, index of {m["keys_of_an_index_message"]} keys | {m["message_bytes"]["fill"]:,}, {m["message_bytes"]["quote"]:,}, {m["message_bytes"]["index"]:,} bytes |
| a record, the mean of a day | {m["record_bytes"]:,} bytes |

## Memory

| | what | |
| --- | --- | --- |
| the P&L array | {INSTRUMENTS:,} x {SCENARIOS} doubles | {rows / 1e6:,.0f} MB in every shard, twice with its reference |
| accounts | {ACCOUNTS:,} x {account / 1024:,.1f} KiB | {ACCOUNTS * account / 1e9:,.0f} GB in all, {ACCOUNTS * account / 1e9 / SHARDS:,.1f} GB in each of {SHARDS} shards |
| scenarios of every account, if they were kept | {ACCOUNTS:,} x {SCENARIOS} doubles | {ACCOUNTS * SCENARIOS * 8 / 1e9:,.0f} GB: they are not kept, a margin is made from the rows when it is asked |

The documents are the larger part and are read once. As arrays alone (row, quantity and cost of {POSITIONS} positions, balances, margins, deadlines) it is
some {POSITIONS * 24 + 8 * 40:,} bytes, {ACCOUNTS * (POSITIONS * 24 + 320) / 1e9:,.0f} GB in all: the first thing to change at that size.

## Cores

Supposed: {FILLS:,} fills and {QUOTES:,} single quotes a second, each of {COINS} indices moves {INDICES} times a second and wakes {AWAKE:.0%} of the accounts in its coin,
everybody is margined every {CLOCK} seconds. An account holds one coin, and its margin costs what it does in a full pass and the scan of {SCENARIOS} scenarios.

| work | a second | seconds of one core |
| --- | --- | --- |
| fills | {FILLS:,} x {fill * 1e6:,.0f} µs | {fills:,.2f} |
| accounts that wake | {INDICES * COINS} x {ACCOUNTS / COINS * AWAKE:,.0f} x {margin * 1e6:,.1f} µs | {wakes:,.1f} |
| the pass over everybody | {ACCOUNTS:,} / {CLOCK} x {margin * 1e6:,.1f} µs | {passes:,.2f} |
| **of accounts: shared by the shards** | | **{accounts_work:,.1f}** |
| quotes | {QUOTES:,} x {quote * 1e6:,.0f} µs | {quotes:,.2f} |
| indices | {INDICES * COINS} x {INSTRUMENTS // COINS:,} rows x {SCENARIOS} x {price * 1e9:,.1f} ns | {ticks:,.2f} |
| all rows at a clock | {INSTRUMENTS:,} x {SCENARIOS} x {price * 1e9:,.1f} ns / {CLOCK} | {clocks:,.4f} |
| **of prices: again on every shard** | | **{prices_work:,.2f}** |

{verdict(accounts_work, prices_work)}

## Network and disk

| | | |
| --- | --- | --- |
| prices to one shard | {QUOTES:,} quotes and {INDICES * COINS} index messages (a tenth of the coin's rows have a key) a second | {feed / 1e6:,.2f} MB/s |
| to {SHARDS} shards | | {SHARDS * feed / 1e6:,.0f} MB/s, {SHARDS * feed * 8 / 1e9:,.2f} Gbit/s |
| fills | {FILLS:,} x {m["message_bytes"]["fill"]} bytes, to one shard each | {FILLS * m["message_bytes"]["fill"] / 1e6:,.1f} MB/s |
| the hot rows instead, if they were sent at every index move | {INDICES * COINS} x {rows / COINS / 1e6:,.1f} MB | {INDICES * COINS * rows / COINS / 1e6:,.0f} MB/s to each shard: why messages are sent and not arrays |
| records | {FILLS:,} fills twice (intake and shard), every price in each of {SHARDS} shards | {disk / 1e6:,.0f} MB/s to {SHARDS} disks |

## What this leaves out

- The coordinator is one process: {FILLS + QUOTES + INDICES * COINS:,} messages a second are more than one Python process takes in; it would be split by source.
- Python's own cost of a message is in the measured microseconds of one engine, not in the rows and margins that are scaled.
- Fetching rows from memory is in the measured margin, where {rows / 1e6:,.0f} MB of rows do not fit the near caches; a machine with other caches differs.
- The crash, when everybody is awake at every move: {INDICES * COINS} x {ACCOUNTS / COINS:,.0f} x {margin * 1e6:,.1f} µs = {INDICES * COINS * ACCOUNTS / COINS * margin:,.0f} cores. Whoever sizes for that day sizes for this line.
"""


def verdict(accounts: float, prices: float) -> str:
    """What it comes to for the shards."""
    if prices >= 0.8:
        return (
            f"The prices alone take {prices:,.1f} cores, and shards do not share them: no number of shards of this design is "
            "enough. At this size the rows have to be worked out once, by processes that divide the coins, and be read by "
            f"the shards in shared memory; the accounts then take {accounts:,.0f} cores, which shards do divide."
        )
    need = accounts / (0.8 - prices)
    return (
        f"A shard that is busy four fifths of the time has {0.8 - prices:,.2f} cores for accounts, so it takes some "
        f"{need:,.0f} shards, and {need * prices:,.1f} cores of them do the same prices over again."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or check the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    if not chosen.check:
        MEASURED.write_text(json.dumps(measure(), indent=2) + "\n")
    return keep({PAGE: page(json.loads(MEASURED.read_text()))}, check=chosen.check)


if __name__ == "__main__":
    sys.exit(main())
