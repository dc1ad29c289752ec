"""Write `docs/benchmarks.md` and its pictures from the documents in `benchmarks/results`.

    python tools/make_benchmarks_page.py [--results FOLDER] [--docs FOLDER] [--check]

With --check nothing is written; a page that differs fails, and so does a picture that was drawn from other numbers,
is missing or belongs to no document. A picture carries the digest of its document.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the benchmarks are no part of the package

from benchmarks.harness.document import Result  # noqa: E402
from benchmarks.harness.page import page_of  # noqa: E402
from benchmarks.harness.pictures import has_picture, mark_of, picture  # noqa: E402
from benchmarks.subjects import SUBJECTS  # noqa: E402


def read_results(folder: Path) -> list[Result]:
    """The documents of a folder, in the order of the subjects."""
    paths = (folder / f"{name}.json" for name in SUBJECTS)
    return [Result.load(path) for path in paths if path.is_file()]


def faults(results: list[Result], docs: Path) -> list[str]:
    """What of the page and the pictures is not what the documents say."""
    found = []
    page = docs / "benchmarks.md"
    if not page.is_file() or page.read_text(encoding="utf-8") != page_of(results):
        found.append("benchmarks.md is stale")
    folder = docs / "images" / "benchmarks"
    drawn = {f"{result.name}.png": result for result in results if has_picture(result)}
    for name, result in drawn.items():
        path = folder / name
        if not path.is_file() or mark_of(result).encode() not in path.read_bytes():
            found.append(f"{name} is not a picture of {result.name}.json")
    found += [f"{path.name} belongs to no document" for path in sorted(folder.glob("*")) if path.name not in drawn]
    return found


def write(results: list[Result], docs: Path) -> None:
    """The page and a picture of each document; other pictures of the folder go."""
    folder = docs / "images" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for result in results:
        content = picture(result)
        if content is not None:
            (folder / f"{result.name}.png").write_bytes(content)
    (docs / "benchmarks.md").write_text(page_of(results), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write or check the page of the benchmarks.")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results", help="folder of the documents")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the page and its pictures")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where something is stale")
    chosen = parser.parse_args(arguments)
    results = read_results(chosen.results)
    if not chosen.check:
        write(results, chosen.docs)
        return 0
    found = faults(results, chosen.docs)
    for fault in found:
        print(f"{fault}: python tools/make_benchmarks_page.py", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
