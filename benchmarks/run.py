"""Measure and write documents: `python -m benchmarks.run [SUBJECT ...] [--quick]` from the root of the repository.

A full run writes `benchmarks/results/<subject>.json`; a quick one, whose numbers are for the harness rather than for
the reader, `build/benchmarks/`. It ends with 1 where something could not be run, never for a missed floor.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.harness.bench import SEED, Bench
from benchmarks.harness.document import Result
from benchmarks.harness.environments import make, peers
from benchmarks.harness.floors import read_floors
from benchmarks.harness.machine import this_machine
from benchmarks.harness.process import ROOT, ContenderError
from benchmarks.harness.race import Effort
from benchmarks.harness.tables import floors_table, missing_lines, summary_table
from benchmarks.subjects import SUBJECTS, subject

FULL = Effort(rounds=15, seconds=0.1)
QUICK = Effort(rounds=5, seconds=0.02)


def main(arguments: list[str] | None = None) -> int:
    """Run the subjects and print what they found."""
    chosen = _parsed(arguments)
    console = Console()
    effort = QUICK if chosen.quick else FULL
    effort = Effort(chosen.rounds or effort.rounds, chosen.seconds or effort.seconds)
    folder = chosen.output or (ROOT / "build" / "benchmarks" if chosen.quick else ROOT / "benchmarks" / "results")
    folder.mkdir(parents=True, exist_ok=True)
    names = chosen.subjects or SUBJECTS
    _make_environments(console, chosen.peers)
    results = []
    with _progress(console) as progress:
        overall = progress.add_task("subjects", total=len(names))
        for name in names:
            turns = progress.add_task(name, total=None)
            bench = Bench(
                name,
                chosen.quick,
                effort,
                chosen.seed,
                tick=partial(progress.advance, turns),
                only=tuple(chosen.sizes),
                minutes=chosen.minutes,
            )
            result = _measured(bench, _command(chosen))
            progress.remove_task(turns)
            progress.advance(overall)
            result.save(folder / f"{name}.json")
            results.append(result)
    for table in (summary_table(results), floors_table(results)):
        console.print(table)
    for line in missing_lines(results):
        console.print(line, style="yellow", markup=False)
    ours_missing = [e for result in results for e in result.entrants if e.missing and e.environment == "project"]
    return 1 if ours_missing else 0


def _measured(bench: Bench, command: str) -> Result:
    module = subject(bench.name)
    module.run(bench)
    sizes = module.SIZES["quick" if bench.quick else "full"]
    return bench.document(module.TITLE, module.ABOUT, sizes, command, this_machine(), read_floors())


def _make_environments(console: Console, wanted: bool) -> None:
    """Every peer's environment, some at a time; one that cannot be made is told here and named in the results."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        for told in pool.map(_made, peers() if wanted else ()):
            if told:
                console.print(told, style="yellow", markup=False)


def _made(peer: str) -> str | None:
    begun = time.monotonic()
    try:
        make(peer)
    except ContenderError as error:
        return f"{peer}: {error}"
    taken = time.monotonic() - begun
    return f"{peer}: environment made in {taken:.0f} s" if taken > 1.0 else None


def _command(chosen: argparse.Namespace) -> str:
    """What gives these numbers again; where they were written is nobody's business."""
    if (
        not chosen.subjects
        and chosen.rounds is None
        and chosen.seconds is None
        and chosen.seed == SEED
        and chosen.peers
        and not chosen.sizes
        and chosen.minutes is None
    ):
        return "make bench-quick" if chosen.quick else "make bench"
    words = ["python -m benchmarks.run", *chosen.subjects, *(["--quick"] if chosen.quick else [])]
    words += [
        f"--{name} {getattr(chosen, name)}" for name in ("rounds", "seconds") if getattr(chosen, name) is not None
    ]
    words += [f"--seed {chosen.seed}"] * (chosen.seed != SEED) + ["--no-peers"] * (not chosen.peers)
    words += [f"--sizes {' '.join(chosen.sizes)}"] * bool(chosen.sizes)
    words += [] if chosen.minutes is None else [f"--minutes {chosen.minutes:g}"]
    return " ".join(words)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 1:
        raise argparse.ArgumentTypeError(f"got {rounds}, must be at least 1")
    return rounds


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"got {seconds}, must be finite and above 0")
    return seconds


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure against peers and write documents.")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"some of {', '.join(SUBJECTS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds")
    parser.add_argument("--rounds", type=_rounds, help="turns of each contender")
    parser.add_argument("--seconds", type=_seconds, help="length of a turn")
    parser.add_argument("--seed", type=int, default=SEED, help="of every input")
    parser.add_argument("--sizes", nargs="+", default=[], help="of a subject that names several, such as 200x10000")
    parser.add_argument("--minutes", type=_seconds, help="of load, for the subject service")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="make no environment of a peer")
    parser.add_argument("--output", type=Path, help="folder for the documents")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.subjects if name not in SUBJECTS]
    if unknown:
        parser.error(f"SUBJECT: got {unknown[0]!r}, must be one of {', '.join(SUBJECTS)}")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
