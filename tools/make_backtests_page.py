"""Write `docs/validation/backtests.md`: published backtests beside ours, and our own on the real history.

    python tools/make_backtests_page.py [--shared FOLDER] [--document FILE] [--later FILE] [--output FILE] [--check]

FOLDER holds `data` (default: `../shared` beside the project). The own backtests take some minutes; with --document (all
days) and --later (from 2022 on) they are read from disclosures that `plimsoll validate run -d FILE` wrote, which are
checked first. With --check nothing is written and a page that differs fails. Which likelihoods of GJR-GARCH were tried
stands in `docs/validation/gjr.json`, from `tools/measure_gjr.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from page_files import keep
from plimsoll.report.backtests_view import BASIS, TITLES, groups, reasons, shown, worst_error
from plimsoll.report.validation_view import chance
from plimsoll.validate.disclosure import check
from plimsoll.validate.published import Figure, Reproduction, reproduce
from size_power import section

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("fhs", "hs")
LATER = "2022-01-01T00:00:00Z"
"""From here on days are judged by themselves: rules were tuned on those before."""

GJR = ROOT / "docs" / "validation" / "gjr.json"
PRICES = "binance_spot_daily_7coins.parquet"
FUNDING = "binance_BTCUSDT_funding_8h_2019_2026.csv.gz"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Write docs/validation/backtests.md.")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--document", type=Path, help="a disclosure of all days to read instead of running it")
    parser.add_argument("--later", type=Path, help="the same of the days from 2022 on")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "backtests.md")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    found = reproduce(given.shared / "data" / "backtests")
    data = given.shared / "data"
    whole = json.loads(given.document.read_text()) if given.document else walked(data, "--broken", "0.5")
    later = json.loads(given.later.read_text()) if given.later else walked(data, "--from", LATER)
    problems = [*check(whole), *check(later)]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    text = page(found, whole, later, section())
    code = keep({given.output: text}, check=given.check)
    if not given.check:
        print(given.output)
    return code if found.complete else 1


def walked(data: Path, *more: str) -> dict[str, Any]:
    """A disclosure of the real history."""
    import tempfile

    from plimsoll.cli import run

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disclosure.json"
        words = ["--prices", str(data / "prices" / PRICES), "--funding", str(data / "funding" / FUNDING)]
        models = [word for name in MODELS for word in ("-m", name)]
        run(["validate", "run", *words, *models, *more, "-d", str(path)])
        document: dict[str, Any] = json.loads(path.read_text())
        return document


def page(
    found: Reproduction, whole: dict[str, Any], later: dict[str, Any] | None = None, simulated: Sequence[str] = ()
) -> str:
    """The page as Markdown: published figures, the walk over all days, that from 2022 on, size and power."""
    counts = {word: found.count(word) for word in ("equal", "differs", "not reproducible")}
    lines = [
        "# Backtests",
        "",
        "Written by `python tools/make_backtests_page.py` from `../shared/data`.",
        "",
        "## Published backtests, ours beside theirs",
        "",
        f"`plimsoll validate reproduce ../shared/data/backtests`: {counts['equal']} figures equal, {counts['differs']} "
        f"different, {counts['not reproducible']} not reproducible. Equal is 1e-9 of a figure where it follows from",
        "the returns, 1e-4 where a likelihood was maximised, and exactly for counts and words.",
        "",
        *summary(found),
        "",
        *(f"* {note}" for note in found.notes),
        *(f"* {line}." for line in reasons(found)),
        "* GJR-GARCH: the ratios of its quantiles are those of a t with five degrees that is not scaled to unit",
        "  variance, to ten digits. None of the likelihoods in the table below gives its exceptions at all levels.",
        "* The published Z2 is `1 + Σ return·hit / (T·alpha·mean ES)`: 2 less Acerbi and Székely's statistic, with one",
        "  ES for all days. A tail too thin makes it large, and the published limit of −1.96 below can reject none.",
        "* `p_cc` is the independence test alone; the light has Basel's limits of the 1 % level at every level.",
        "",
        *likelihoods(json.loads(GJR.read_text(encoding="utf-8"))),
        *details(found),
        "",
        *own(whole, f"## Our models, day by day, {span(whole)}"),
        "",
    ]
    if later is not None:
        lines += [
            *own(later, f"## The days from {LATER[:10]} on alone, {span(later)}"),
            "",
        ]
    lines += simulated
    lines = "\n".join(lines).rstrip().split("\n")
    return "\n".join(lines) + "\n"


def summary(found: Reproduction) -> Iterator[str]:
    """One row for each table and model."""
    yield "| table | model | basis | figures | equal | largest relative error |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for (table, model, _), figures in groups(found).items():
        basis = ", ".join(dict.fromkeys(BASIS[f.basis] for f in figures if f.basis)) or "–"
        worst = worst_error(figures)
        told = "–" if worst is None else f"{worst:.0e}"
        same = sum(f.status == "equal" for f in figures)
        yield f"| {TITLES[table]} | {model} | {basis} | {len(figures)} | {same} | {told} |"


def details(found: Reproduction) -> Iterator[str]:
    """Published, ours and the difference of the models computed from the returns."""
    for (table, model, symbol), figures in groups(found).items():
        mine = [f for f in figures if f.basis in ("returns", "fit")]
        if not mine:
            continue
        yield f"### {TITLES[table]}, {model}, {symbol}"
        yield ""
        levels = sorted({f.level for f in mine})
        yield "| figure | " + " | ".join(f"published, {p:g} | ours | difference" for p in levels) + " |"
        yield "| --- |" + " ---: | ---: | ---: |" * len(levels)
        for column in dict.fromkeys(f.column for f in mine):
            cells = [cell(next(f for f in mine if (f.column, f.level) == (column, p))) for p in levels]
            yield f"| `{column}` | " + " | ".join(cells) + " |"
        yield ""


def cell(f: Figure) -> str:
    """Three cells."""
    gap = "" if f.difference is None else f"{f.difference:+.0e}" if f.difference else "0"
    return f"{shown(f.published)} | {shown(f.ours)} | {gap}"


def likelihoods(tried: dict[str, Any]) -> Iterator[str]:
    """What was fitted to find the published GJR-GARCH, and how near it came."""
    levels, told = tried["levels"], tried["published"]
    yield "Likelihoods of GJR-GARCH(1,1,1) fitted to every window of 250 days (`python tools/measure_gjr.py`), with the"
    yield "quantiles of the unscaled t with five degrees of each forecast; exceptions by level, and the mean 1 % VaR:"
    yield ""
    yield f"| likelihood | mean | {' | '.join(f'{p:g}' for p in levels)} | mean VaR | against published |"
    yield f"| --- | --- |{' ---: |' * (len(levels) + 2)}"
    counts = " | ".join(str(n) for n in told["exceptions"])
    yield f"| *published* | | {counts} | {100 * told['width']:.3f} % | |"
    for one in tried["tried"]:
        counts = " | ".join(str(n) for n in one["exceptions"])
        gap = 100 * (one["width"] / told["width"] - 1)
        yield f"| {one['law']} | {one['mean']} | {counts} | {100 * one['width']:.3f} % | {gap:+.2f} % |"
    yield ""


def span(d: dict[str, Any]) -> str:
    """First and last day of a walk."""
    first, last = (d["tracks"][0][k][:10] for k in ("first", "last"))
    return f"{first} to {last}"


def own(d: dict[str, Any], title: str) -> Iterator[str]:
    """A walk on the real history."""
    yield title
    yield ""
    yield f"`{d['command']}`, result `{d['hashes']['result'][:23]}…`."
    yield ""
    yield "Every forecast is made from the 500 days before it and held against the full revaluation of the same book a"
    yield "day later; eight books that are written anew each day. Implied volatility is a proxy (`iv: proxy`), see"
    yield "[decision 035](../decisions/035-backtests.md). Coverage is two-sided and exact at 99 %, p-values are Holm's"
    yield "over all books of a model; *with the error of the proxy* is the range of exceptions over 20 draws of it."
    for model in d["models"]:
        studies = {s["book"]: s for s in d["studies"] if s["model"] == model}
        yield ""
        yield f"### {model}"
        yield ""
        yield (
            "| book | days | beyond | 95 % interval | Holm | with the error of the proxy | independence | Z2 "
            "| worst 250 days | mean margin | over the need | unused | mean shortfall | peak to trough | 30-day rise |"
        )
        yield "| --- |" + " ---: |" * 14
        for v in d["verdicts"]:
            if v["model"] == model and v["regime"] == "all":
                yield own_row(v, studies[v["book"]])
        yield ""
        yield from own_rejections(d, model)
    yield ""
    yield from lessons(d)


def own_row(v: dict[str, Any], s: dict[str, Any]) -> str:
    """One book."""
    tests = {t["name"]: t for t in s["tests"]}
    alone = next(t for n, t in tests.items() if "independence" in n)
    z2 = next(t for n, t in tests.items() if n.endswith("Z2"))
    noisy = "–" if v["noisy"] is None else f"{v['noisy'][0]}–{v['noisy'][1]}"
    need = "–" if v["conservatism"] is None else f"{v['conservatism']:.2f}"
    mark = " **rejected**" if v["rejected"] else ""
    return (
        f"| {v['book']} | {v['days']:,} | {v['exceptions']} | {100 * v['low']:.2f}–{100 * v['high']:.2f} % | "
        f"{chance(v['adjusted'])}{mark} | {noisy} | {chance(alone['p_value'])} | {chance(z2['p_value'])} | "
        f"{s['light']}, {s['light_exceptions']} | {100 * v['mean']:.2f} % | {need} | {100 * v['over_margin']:.0f} % | "
        f"{100 * v['shortfall']['mean']:.2f} % | {s['peak_to_trough']:.1f} | {100 * s['rises']['30']:+.0f} % |"
    )


def own_rejections(d: dict[str, Any], model: str) -> Iterator[str]:
    """Every rejection over books and regimes."""
    found = [v for v in d["rejections"] if v["model"] == model]
    if not found:
        yield "No rejection over all books and regimes."
    elif len(found) > 12:
        books = {v["book"] for v in found if v["regime"] == "all"}
        yield f"{len(found)} rejections over books and regimes; over all days in {len(books)} of the books."
    else:
        yield "Rejections over all books and regimes:"
        yield ""
        for v in found:
            where = "all days" if v["regime"] == "all" else f"{v['regime']} days"
            yield (
                f"* {v['book']}, {where}: {v['exceptions']} of {v['days']:,}, {v['level'] * v['days']:.0f} promised, "
                f"{v['side']} (Holm {chance(v['adjusted'])})"
            )


def lessons(d: dict[str, Any]) -> Iterator[str]:
    """What the numbers say about options, by themselves."""
    swamped = [v for v in d["verdicts"] if v["regime"] == "all" and v["noisy_p"] is not None and v["noisy_p"] < 0.001]
    names = sorted({v["book"] for v in swamped if v["model"] == d["models"][0]})
    if names:
        yield (
            f"With the measured error of the volatility proxy drawn into the losses, {d['models'][0]} is rejected on "
            f"{', '.join(names)}: a book whose loss is volatility itself cannot be backtested on a proxy, and no "
            "coverage is claimed for it."
        )


if __name__ == "__main__":
    raise SystemExit(main())
