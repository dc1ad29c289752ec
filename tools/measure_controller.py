"""Policies of a margin rate on held-out seeds and held-out history: docs/validation/controller.md.

    python tools/measure_controller.py --measure [POLICY ...]    tools/measured/controller/POLICY.json, default all
    python tools/measure_controller.py --sensitivity             tools/measured/controller/elasticity.json
    python tools/measure_controller.py --bounds                  tools/measured/controller/bounds.json
    python tools/measure_controller.py [--check]                 page and pictures from these files

Drawn courses have seeds that no training saw. Recorded ones begin in 2022: of BTC only closes before 2022 were learned
from, of ETH and SOL none. Needs the shared folder. `--into FOLDER` reads and writes everything elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from controller_page import (
    ELASTICITIES,
    FEW,
    HISTORIES,
    IN_STORM,
    NAMES,
    SHOWN,
    SINCE,
    frontiers,
    page,
    storm_figure,
)
from page_files import keep
from plimsoll.control.courses import HELD_OUT, Record, drawn, drawn_courses
from plimsoll.control.coverage import Coverage
from plimsoll.control.cycle import Cycle, cycle_storm, cycles
from plimsoll.control.evaluate import Judged, elasticities, judge
from plimsoll.control.policies import shipped
from plimsoll.control.projection import Projection, violations
from plimsoll.control.terms import ControlTerms

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PLIMSOLL_SHARED") or ROOT.parent / "shared")
PRICES = SHARED / "data" / "prices"
DRAWN = 60


def records(terms: ControlTerms) -> list[Record]:
    """The recorded histories, to the end of their files."""
    from plimsoll.feeds import read_bars

    found = []
    for coin, (file, symbol) in HISTORIES.items():
        bars = read_bars(PRICES / file, name="BTC").history
        found.append(Record.of(coin, bars.times, bars.series(symbol), terms))
    return found


def measure(names: Sequence[str], folder: Path) -> None:
    """Each policy on every held-out course, and through each history in one run."""
    from plimsoll.market.history import instant_ns

    terms, since = ControlTerms(), instant_ns(SINCE, "since")
    histories = records(terms)
    sets = {"drawn": drawn_courses(terms, range(HELD_OUT, HELD_OUT + DRAWN))}
    sets |= {r.name: r.courses(terms, since=since) for r in histories}
    for name in names or NAMES:
        began, spent = perf_counter(), process_time()
        policy = shipped(name)
        rows: dict[str, Any] = {"hash": policy.hash(), "terms": terms.hash()}
        for kind, courses in sets.items():
            (found,) = judge([policy], terms, courses)
            rows[kind] = of_judged(found)
        for record in histories:
            (run,) = cycles([policy], terms, record, since=since)
            rows[f"{record.name} in one run"] = of_cycle(run)
            if record.name == SHOWN and name in IN_STORM:
                rows["storm"] = of_storm(run)
        write(folder, name, rows)
        print(f"{name}: {perf_counter() - began:.0f} s, {process_time() - spent:.0f} s of CPU", flush=True)


def of_judged(found: Judged) -> dict[str, Any]:
    """What the page needs of a policy on a set of episodes; `costs` of each, and the `start` of the first if recorded:
    the others follow each other."""
    return found.to_dict() | {
        "costs": [round(c, 2) for c in found.total.tolist()],
        "start": found.episodes[0].start,
    }


def of_cycle(run: Cycle) -> dict[str, Any]:
    """What the page needs of a policy through a history."""
    return run.to_dict() | {"costs": [round(c, 2) for c in run.pieces.tolist()], "start": run.start}


def of_storm(run: Cycle) -> dict[str, Any]:
    """The worst three days of a history under one policy."""
    found = cycle_storm([run], [run.name])
    return {
        "step_hours": found.step_hours,
        "start": run.start,
        "first": found.first,
        "price": [round(p, 1) for p in found.price.tolist()],
        "needed": [round(r, 4) for r in found.needed.tolist()],
        "rate": [round(r, 4) for r in found.rate[run.name].tolist()],
        "called": [round(c, 2) for c in found.called[run.name].tolist()],
        "uncovered": [round(c, 2) for c in found.uncovered[run.name].tolist()],
    }


def sensitivity(folder: Path) -> None:
    """The frozen policies where volume answers the rate otherwise."""
    terms = ControlTerms()
    courses = drawn_courses(terms, range(HELD_OUT, HELD_OUT + FEW))
    found = elasticities([shipped(n) for n in NAMES], terms, courses, ELASTICITIES)
    kept = {f"{e:g}": {j.name: of_judged(j) for j in rows} for e, rows in found.items()}
    write(folder, "elasticity", {"terms": terms.hash()} | kept)


def bounds(folder: Path) -> None:
    """A hundred thousand steps of the projection under wild actions, on coverage of drawn courses; no fleet."""
    terms = ControlTerms()
    random, steps, broken, k = np.random.default_rng(9), 0, 0, 0
    while steps < 100_000:
        course = drawn(terms, 5_000_000 + k)
        watch = Coverage(terms.bounds, terms.step_hours, course.price[: course.warm + 1], terms.steps)
        projection = Projection(terms.bounds, terms.step_hours, terms.steps + 1)
        projection.post(0.0, watch.rate)
        for price in course.price[course.warm + 1 :].tolist():
            watch.add(price)
            projection.post(float(random.choice([-9.0, -1.0, -0.2, 0.0, 0.3, 1.0, 9.0, np.nan])), watch.rate)
        broken += len(violations(terms.bounds, projection.posted))
        steps, k = steps + terms.steps, k + 1
    write(folder, "bounds", {"terms": terms.hash(), "steps": steps, "violations": broken})


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    """One file of results, a line for each part."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in content.items())
    (folder / f"{name}.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Every file of results by name."""
    paths = [folder / f"{name}.json" for name in (*NAMES, "elasticity", "bounds")]
    return {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in paths if p.is_file()}


def main(argv: list[str] | None = None) -> int:
    """Measures, writes or compares."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare the page with what lies there")
    parser.add_argument("--measure", nargs="*", choices=NAMES, help="policies to run; none named: all")
    parser.add_argument("--sensitivity", action="store_true", help="other elasticities")
    parser.add_argument("--bounds", action="store_true", help="the projection under wild actions")
    parser.add_argument(
        "--into", type=Path, help="a folder for results, page and pictures instead of the committed ones"
    )
    options = parser.parse_args(argv)
    folder = options.into or ROOT / "tools" / "measured" / "controller"
    if options.measure is not None:
        measure(options.measure, folder)
    if options.sensitivity:
        sensitivity(folder)
    if options.bounds:
        bounds(folder)
    if options.measure is not None or options.sensitivity or options.bounds:
        return 0
    found = read(folder)
    path = (options.into or ROOT / "docs" / "validation") / "controller.md"
    images = options.into or ROOT / "docs" / "images"
    text = page(found)
    if not options.check:
        from plimsoll.report.canvas import save

        figures = {"storm": storm_figure(found)} | frontiers(found)
        for name, figure in figures.items():
            save(figure, str(images / f"controller-{name}.png"))
    return keep({path: text}, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
