"""The documents as a page of the site."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.document import Entrant, Result
from benchmarks.harness.pictures import EVENTS, has_picture
from benchmarks.harness.tables import number, promised

HEAD = """# Benchmarks

Written by `python tools/make_benchmarks_page.py` from the documents in `benchmarks/results`, not by hand. `make bench`
measures them again, `make bench-quick` does so on small sizes.

How it is measured: every contender runs in a process of its own, peers in environments of their own with hashed
locks. All read the same seeded inputs from one file, are pinned to one core and take turns, so that never two run at
a time and each round begins with another. What counts is the processor time of the process unless a table says
otherwise. A ratio is the median of the ratios within rounds, since whatever disturbed a round disturbed both; the
quartiles stand beside it. Rates are medians over rounds and hold for this machine and its load of that hour only:
**the ratios are what to trust.**
"""


def page_of(results: Sequence[Result]) -> str:
    """The page of these results, in their order."""
    lines = [HEAD]
    if not results:
        return "\n".join([*lines, "No result is there yet: `make bench` writes them.", ""])
    lines += [*_machine(results[0]), *_floors(results)]
    for result in results:
        lines += _subject(result)
    return "\n".join(lines) + "\n"


def _machine(result: Result) -> list[str]:
    machine = result.machine
    caches = ", ".join(f"{level} {size:,} KiB" for level, size in machine.caches.items())
    rows = {
        "processor": f"{machine.processor} ({machine.family}; {machine.vectors}), {machine.cores} cores",
        "caches": caches or "unknown",
        "memory": f"{machine.memory} GiB",
        "system": machine.system,
        "compiler": machine.compiler,
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
    }
    lines = ["## Machine", "", "| | |", "| --- | --- |"]
    return [*lines, *(f"| {name} | {text} |" for name, text in rows.items()), ""]


def _floors(results: Sequence[Result]) -> list[str]:
    lines = ["## Floors", "", "What `benchmarks/floors.toml` promises, and what was measured.", ""]
    lines += ["| subject | promise | floor | measured | |", "| --- | --- | ---: | ---: | --- |"]
    for result in results:
        for verdict in result.floors:
            measured = "" if verdict.measured is None else number(verdict.measured)
            told = {None: verdict.why, True: "met", False: "**missed**"}[verdict.met]
            lines.append(
                f"| {result.name} | {_cell(verdict.words)} | {promised(verdict)} | {measured} | {_cell(told or '')} |"
            )
    return [*lines, ""]


def _subject(result: Result) -> list[str]:
    sizes = ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in result.sizes.items())
    facts = [f"`{result.command}`", f"seed {result.seed}", result.day.isoformat(), sizes]
    facts.append(f"load {result.busy.before:g} before and {result.busy.after:g} after on {result.machine.cores} cores")
    lines = [f"## {result.title}", "", result.about, "", "; ".join(fact for fact in facts if fact) + ".", ""]
    if has_picture(result):
        lines += [f"![{result.title}](images/benchmarks/{result.name}.png)", ""]
    gaps = [f"{c.contender} at {gap.at:g}: {gap.why}" for c in result.curves for gap in c.gaps]
    if gaps:
        lines += ["Not on the curves: " + "; ".join(gaps) + ".", ""]
    if result.entrants:
        lines += ["| contender | runs on | rate or time | quartiles |", "| --- | --- | ---: | ---: |"]
        lines += [*map(_entrant, result.entrants), ""]
    if result.figures or result.absent:
        lines += ["| figure | median | quartiles |", "| --- | ---: | ---: |"]
    for figure in result.figures:
        value = figure.value
        apart = "" if value.rounds == 1 else f"{number(value.low)} … {number(value.high)}"
        lines.append(f"| {_cell(figure.words)} | {number(value.median)} {figure.unit} | {apart} |")
    lines += [f"| {_cell(absent.words)} | none | {_cell(absent.why)} |" for absent in result.absent]
    return [*lines, ""]


def _entrant(entrant: Entrant) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in entrant.versions.items())
    head = f"| {_cell(entrant.name)} | {_cell(versions)} |"
    if entrant.missing is not None:
        return f"{head} none | {_cell(entrant.missing)} |"
    event = entrant.clock in EVENTS
    spread = entrant.seconds_per_unit if event else entrant.units_per_second
    assert spread is not None
    unit = "s" if event else f"{entrant.unit}s/s"
    clock = {"cpu": "", "wall": " (wall)", "children": " (CPU of the process)", "p50": " (median call)"}[entrant.clock]
    return f"{head} {number(spread.median)} {unit}{clock} | {number(spread.low)} … {number(spread.high)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
