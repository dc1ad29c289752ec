"""Write `docs/validation/replay-2025-10-10.md`: the deleveraging of that day again.

    python tools/make_replay_page.py [--data FOLDER] [--check]

FOLDER is the shared data (default: `../shared/data` beside the project). With --check nothing is written and a page or
a fit that differs fails. The fit that travels with the package is written too.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from page_files import keep
from plimsoll.feeds.positions import read_positions
from plimsoll.laboratory.replay.calibration import Interval, halves
from plimsoll.laboratory.replay.fit import EXCURSION, ReplayFit, fit
from plimsoll.laboratory.replay.marks import marks_of
from plimsoll.laboratory.replay.run import Replay, replay
from plimsoll.report.replay_view import UNDECIDED, told

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "replay-2025-10-10.md"
FIT = ROOT / "src" / "plimsoll" / "laboratory" / "replay" / "data" / "fit-2025-10-10.json"
FILE = Path("liquidations") / "hyperliquid_20251010_btc_sol_positions.parquet"
SEED, DRAWS = 0, 200

HEAD = """# 10 October 2025, replayed

Between 21:15 and 21:27 UTC Hyperliquid closed winners against accounts that had nothing left. A public file tells
what became of {positions} positions of {accounts} accounts in BTC and SOL: side, USD realised, whether liquidated,
whether deleveraged. It tells neither sizes at the start nor, for 88 %, entry prices, nor leverage, nor times. Written
by `python tools/make_replay_page.py`; the command is

```
plimsoll cascade replay --positions FILE [--outcomes FILE] [--fit FILE] [--html PAGE] --json
```

Every range holds 90 % of {draws} draws (seed {seed}): accounts drawn anew, coefficients and entries from their
posteriors, everything hidden from these, and a path.

"""

TRAPS = """## What in the file is easily mistaken

| what | positions | why it matters |
| --- | ---: | --- |
{rows}

`realized_pnl` is what was closed in these minutes, by whatever hand: of a deleveraged short with thousands of fills
most was its own trading (the largest, 79.7 m USD, has 11,392 fills and is still open). `absolute_pnl` adds an
unrealised part only where the entry is known: for the rest it is what was realised and no more. `pnl_percent` divides
by what is left open at the end, so it reaches 10^17 where dust is left; it is not read. A position that was opened
inside the window and closed again by its owner is not in the file, nor is anybody who did not trade. The side is that
at the start of the window. Entries are the averages of opening fills, so their range is the least that the marks can
have spanned: {marks}.

What a gain tells of size: `lots = gain / (entry - close)`, one equation for three unknowns. That the gain is a whole
number of lots times ticks leaves many divisors. So sizes are drawn, never known; ratios, in which they are weights
only, suffer least.

"""

MODEL = """## What is fitted, and to what

How far a position can go wrong before it is liquidated, its cushion `d`, is lognormal: `P(liquidated) = P(ln d <= ln
excursion)`, a probit whose slope on the logarithm of the excursion is one over the width. Flags in one asset give a
share alone; the width comes from the positions opened inside the window, whose excursions differ. Fitted to the longs
of one half of the accounts (by a hash of the address): {cushion}. With the maintenance rate that is leverage. Entries
of older positions come from the signs of what they made when they were closed at different distances below the first
mark: a normal logarithm of entry over first mark, {entries}.

For telling flags the regression also sees the size of the gain, its sign and whether the entry is known. These are
known after the fact only: they help to tell who was liquidated, and are kept out of the cushions.

Tested on the other half, {tested} positions of which something was closed:

| flag | Brier score | plain share of asset and side | gain | log-likelihood | of the plain share | |
| --- | ---: | ---: | ---: | ---: | ---: | --- |
{scores}

| side, size of the gain | positions | liquidated: predicted | observed | deleveraged: predicted | observed |
| --- | ---: | ---: | ---: | ---: | ---: |
{bins}

A gain of this size is real and small: the flags follow asset and side first. {worst}

Does the venue's rule, profit times leverage with both hidden, point at those who were deleveraged? As many shorts as
were flagged are named; precision and recall are then the same number.

| shorts not fitted | flagged | random order | production rule | beyond random, points | regression on flags, points |
| --- | ---: | ---: | ---: | ---: | ---: |
{pointed}

"""

RESULTS = """## What each rule takes

Down the fall, cut at random into 16 rounds of 4 steps, longs go under when the mark passes their bankruptcy price.
*Production*: the queue by profit and leverage, ranked anew each round, whole positions, at the price at which those
who went under have nothing left; as many lots as the flagged shorts held. Ours: the same queue *by lots*, *pro-rata*
by lots, and *profits only*, the waterfall's socialised layer, which closes nobody. *Needed* is what those who went
under owed; *taken* is what winners lost against not having been closed, judged at the end of the round; *overshoot*
is the difference. All over the USD that production closed.

| asset | rule | needed | taken | overshoot | left to the venue |
| --- | --- | ---: | ---: | ---: | ---: |
{outcomes}

Published for the whole venue: 45.0 to 51.7 m USD beyond need on 2,103 m USD closed, {published} (arXiv 2602.15182,
table 1: needed 15.1 m, taken 60.1 m). BTC and SOL fell by {falls}, many of the other 160 assets by more than half,
and what a close forgoes grows with the fall: the ratios are lower here and need not agree. The production rule's
range {inside}.

What this says, and what it does not:

- **The ranking hardly matters for the sum.** By lots, the queue and pro-rata take the same to the last digit: whoever
  is closed forgoes the same per lot. Who pays differs, below.
- **How much is closed matters most.** If the venue closes whole positions, most of what it closes was not asked for:
  {asked}. If it closes lots (last rows below) that difference is gone. {open} flagged positions that are still open
  at the end say that not all closes were whole; the file does not say which.
- **Taking profits without closing takes nothing beyond need**, and leaves the venue with the positions: what winners
  keep, the venue may lose, to the cent. That is the theory's trade of solvency, revenue and fairness in one column;
  the overshoot is moved, not saved.
- **The horizon decides the sign.** Judged at the end of the window, when marks were back up, winners were closed at
  prices better than what followed.

One draw through `plimsoll.liquidation.waterfall`, in whole lots and cents, all that was asked at once at the lowest
mark. Every ranking pays what is owed, to the cent:

| asset | ranking | owed, USD | paid, USD | winners | asked | part of the ten hardest hit | most of own profit |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
{ranked}

## What the answer hangs on

The overshoot over what was closed, both assets, when one assumption changes; the first {few} draws of each, so that
the first row differs from the table above.

| changed | production | queue by lots |
| --- | ---: | ---: |
{sensitivity}

## What the file cannot decide

{undecided}

In made-up crashes whose truth is known (`plimsoll.laboratory.replay.made_up`) 111 of 120 ranges of 90 % held the
overshoot of the crash (`python -m pytest tests/laboratory -m long`); the USD closed come out about a third too high
there, because the price of each close is drawn evenly over the fall. So the USD above are an order of magnitude, and
only the ratios are offered as a result."""


def main(arguments: list[str] | None = None) -> int:
    """Write or check the page and the fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    positions = read_positions(options.data / FILE)
    found = replay(positions, seed=SEED, draws=DRAWS)
    name = "half of the accounts in BTC and SOL, 10 October 2025, seed 0"
    shipped = fit(positions.rows(halves(positions, SEED)), marks_of(positions)).model_copy(update={"source": name})
    return keep({PAGE: page(found), FIT: rounded(shipped).to_json() + "\n"}, check=options.check)


def rounded(found: ReplayFit) -> ReplayFit:
    """The fit to nine significant digits: what another machine's last bits cannot change."""

    def plain(value: object) -> object:
        if isinstance(value, float):
            return float(f"{value:.9g}")
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    return ReplayFit.from_dict(plain(found.to_dict()))


WHY = {
    "entry price unknown": "opened before the window",
    "leverage unknown": "the column holds nothing",
    "closed to zero: size at the start unknown": "`position_size` is what is left at the end",
    "open size that is dust": "sums of fills that do not cancel in the last bits; below a cent",
    "nothing closed: can have no flag": "they only added; in a share of liquidated they would count as survivors",
    "both liquidated and deleveraged": "one after the other, perhaps on two sides; counted in both",
    "flagged, and open at the end": "closed in part, or opened again",
    "liquidated with a profit": "older trades of the window, or cross margin lost elsewhere",
    "deleveraged with a loss": "trades of their own beside the close",
    "flagged without anything closed": "none, as it should be",
}


def points(i: Interval) -> str:
    """Percentage points with a sign."""
    return f"{100 * i.value:+.1f} ({100 * i.low:+.1f} to {100 * i.high:+.1f})"


def page(r: Replay) -> str:
    """The page as text."""
    liquidated, deleveraged = r.calibration
    slope = r.fit.cushion.mean[EXCURSION]
    slope_error = r.fit.cushion.covariance[EXCURSION][EXCURSION] ** 0.5
    entries = "; ".join(
        f"{side}s {100 * c.mean[0]:+.0f} % ± {100 * c.covariance[0][0] ** 0.5:.0f} in the middle, "
        f"{math.exp(c.mean[1]):.2f} wide"
        for side, c in sorted(r.fit.entries.items())
    )
    marks = "; ".join(f"{a} {m.start:,.6g} down to {m.low:,.6g}, {m.end:,.6g} at the end" for a, m in r.marks.items())
    pairs = list(zip(liquidated.bins, deleveraged.bins, strict=True))
    off = [(abs(b.predicted - b.observed.value), c.flag, b) for c in r.calibration for b in c.bins]
    far, flag, at = max(off, key=lambda o: o[0])
    outside = sum(1 for _, _, b in off if not b.observed.low <= b.predicted <= b.observed.high)
    worst = (
        f"The furthest miss is {flag} {at.side}s with {at.size} gains, by {100 * far:.1f} points;\n{outside} of "
        f"{len(off)} predicted shares lie outside the 90 % range of the observed one, where one or two would by chance."
    )
    production, by_lots = r.outcome("all", "production"), r.outcome("all", "queue by lots")
    low, high = r.published
    above = production.overshoot.high < low
    few = max(20, r.draws // 8)
    return (
        HEAD.format(positions=f"{r.positions:,}", accounts=f"{r.accounts:,}", draws=r.draws, seed=r.seed)
        + TRAPS.format(rows="\n".join(f"| {k} | {n:,} | {WHY[k]} |" for k, n in r.traps.items()), marks=marks)
        + MODEL.format(
            cushion=f"slope {slope:.2f} ± {slope_error:.2f}, so a width of {1 / slope:.2f}",
            entries=entries,
            tested=f"{liquidated.positions:,}",
            scores="\n".join(
                f"| {c.flag} | {c.brier:.4f} | {c.baseline:.4f} | "
                f"{c.gain.value:+.4f} ({c.gain.low:+.4f} to {c.gain.high:+.4f}) | "
                f"{c.likelihood:.4f} | {c.baseline_likelihood:.4f} | {c.verdict} |"
                for c in r.calibration
            ),
            bins="\n".join(
                f"| {a.side}, {a.size} | {a.positions:,} | {a.predicted:.1%} | {told(a.observed, 1)} | "
                f"{b.predicted:.1%} | {told(b.observed, 1)} |"
                for a, b in pairs
            ),
            worst=worst,
            pointed="\n".join(
                f"| {p.asset}, {p.positions:,} | {p.flagged:,} | {told(p.random, 1)} | {told(p.production, 1)} | "
                f"{points(p.production_lift)} | {points(p.fitted_lift)} |"
                for p in r.pointed
            ),
        )
        + RESULTS.format(
            outcomes="\n".join(
                f"| {o.asset}{closed(o.notional) if o.policy == 'production' else ''} | {o.policy} | "
                f"{told(o.needed)} | {told(o.taken)} | {told(o.overshoot)} | {told(o.left)} |"
                for o in r.outcomes
            ),
            published=f"{low:.2%} to {high:.2%}",
            falls=" and ".join(f"{m.fall:.0%}" for m in r.marks.values()),
            inside="lies below it" if above else "reaches into it",
            asked=f"by lots {by_lots.notional.value / production.notional.value:.0%} of it would have done",
            open=f"{r.traps['flagged, and open at the end']:,}",
            ranked="\n".join(
                f"| {x.asset} | {x.ranking} | {x.owed:,.2f} | {x.paid:,.2f} | {x.winners:,} | {x.asked:,} | "
                f"{x.hardest:.0%} | {x.worst:.1%} |"
                for x in r.ranked
            ),
            few=few,
            sensitivity="\n".join(f"| {v.what} | {told(v.production)} | {told(v.by_lots)} |" for v in r.sensitivity),
            undecided="\n".join(f"- {line[0].upper() + line[1:]}." for line in UNDECIDED),
        )
    )


def closed(i: Interval) -> str:
    """Millions of USD with their range."""
    return f", {i.value / 1e6:,.0f} m USD closed ({i.low / 1e6:,.0f} to {i.high / 1e6:,.0f})"


if __name__ == "__main__":
    raise SystemExit(main())
