"""Floors, verdicts, the committed documents, and the page that is written from them."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.harness.document import Result
from benchmarks.harness.environments import peers
from benchmarks.harness.floors import FLOORS, Floor, judge, read_floors
from benchmarks.harness.machine import caches, compiler, this_machine
from benchmarks.harness.page import page_of
from benchmarks.harness.pictures import has_picture, mark_of, picture
from benchmarks.harness.statistics import Spread
from benchmarks.harness.tables import floors_table, missing_lines, number, summary_table
from benchmarks.run import main
from benchmarks.subjects import SUBJECTS, subject

ROOT = Path(__file__).resolve().parents[2]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
LOCKS = sorted((ROOT / "benchmarks" / "peers").glob("*/*requirements.txt"))


def page_tool() -> ModuleType:
    return import_module("make_benchmarks_page")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A real document, quickly."""
    folder = tmp_path_factory.mktemp("results")
    words = ["threads", "--quick", "--rounds", "2", "--seconds", "0.0001", "--no-peers", "--output", str(folder)]
    assert main(words) == 0
    return Result.load(folder / "threads.json")


def test_floors_are_of_known_subjects_and_each_once() -> None:
    floors = read_floors()
    assert len(floors) > 20
    assert {f.subject for f in floors if f.waits_for is None} <= set(SUBJECTS)
    assert len({(f.subject, f.figure) for f in floors}) == len(floors)
    assert FLOORS.is_file()


@pytest.mark.parametrize("bounds", [{}, {"at_least": 1.0, "at_most": 2.0}])
def test_a_floor_has_exactly_one_side(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="exactly one of at_least and at_most"):
        Floor(subject="pricing", figure="x", words="w", **bounds)


def test_verdicts_keep_miss_and_name_what_is_not_there() -> None:
    floors = (
        Floor(subject="s", figure="kept", words="w", at_least=12.0),
        Floor(subject="s", figure="missed", words="w", at_most=0.3),
        Floor(subject="s", figure="absent", words="w", at_most=0.3),
        Floor(subject="s", figure="waiting", words="w", at_most=0.3, waits_for="the optimiser"),
        Floor(subject="another", figure="kept", words="w", at_least=12.0),
    )
    figures = {"kept": Spread.exact(12.0), "missed": Spread.exact(0.31)}
    verdicts = judge("s", figures, {"absent": "QuantLib: not installed"}, floors)
    assert [(v.figure, v.met, v.measured, v.why) for v in verdicts] == [
        ("kept", True, 12.0, None),
        ("missed", False, 0.31, None),
        ("absent", None, None, "QuantLib: not installed"),
        ("waiting", None, None, "waits for the optimiser"),
    ]


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_says_what_it_is_and_has_two_sizes(name: str) -> None:
    module = subject(name)
    assert module.TITLE
    assert module.ABOUT
    assert module.SIZES.keys() == {"full", "quick"}
    assert module.SIZES["full"].keys() == module.SIZES["quick"].keys()
    assert callable(module.run)


def test_an_unknown_subject_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"subject: got 'tea', must be one of machine, "):
        subject("tea")
    with pytest.raises(SystemExit):
        main(["tea"])
    assert "SUBJECT: got 'tea', must be one of machine, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--rounds", "-3"], "--rounds: got -3, must be at least 1"),
        (["--rounds", "0"], "--rounds: got 0, must be at least 1"),
        (["--seconds", "nan"], "--seconds: got nan, must be finite and above 0"),
        (["--seconds", "-1"], "--seconds: got -1.0, must be finite and above 0"),
    ],
)
def test_an_effort_that_measures_nothing_is_refused(
    option: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["pricing", *option])
    assert message in capsys.readouterr().err


def test_a_document_tells_everything_needed_to_get_it_again(measured: Result) -> None:
    assert measured.command == "python -m benchmarks.run threads --quick --rounds 2 --seconds 0.0001 --no-peers"
    assert measured.quick
    assert measured.sizes == subject("threads").SIZES["quick"]
    assert re.fullmatch(r"[0-9a-f]{64}", measured.inputs)
    assert measured.machine == this_machine()
    assert [e.name for e in measured.entrants][:2] == ["1 thread", "2 threads"]
    assert all(e.seconds_per_unit is not None and e.seconds_per_unit.rounds == 2 for e in measured.entrants)
    (verdict,) = [v for v in measured.floors if v.figure == "2 threads"]
    (figure,) = [f for f in measured.figures if f.key == "2 threads"]
    assert verdict.measured == figure.value.median
    assert verdict.met is (figure.value.median >= 1.85)
    assert Result.from_json(measured.to_json()) == measured


def test_tables_show_every_figure_and_every_floor(measured: Result) -> None:
    assert summary_table([measured]).row_count == len(measured.figures)
    assert floors_table([measured]).row_count == len(measured.floors)
    assert missing_lines([measured]) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.12345, "0.123"), (-12.3456, "-12.3"), (1e-16, "1e-16"), (5.3211e8, "532,000,000")],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_page_and_pictures_are_of_their_documents(measured: Result, tmp_path: Path) -> None:
    tool = page_tool()
    docs = tmp_path / "docs"
    tool.write([measured], docs)
    assert tool.faults([measured], docs) == []
    drawn = docs / "images" / "benchmarks" / "threads.png"
    assert mark_of(measured).encode() in drawn.read_bytes()
    other = measured.model_copy(update={"seed": measured.seed + 1})
    assert tool.faults([other], docs) == ["benchmarks.md is stale", "threads.png is not a picture of threads.json"]
    assert tool.faults([], docs) == ["benchmarks.md is stale", "threads.png belongs to no document"]
    drawn.unlink()
    assert tool.faults([measured], docs) == ["threads.png is not a picture of threads.json"]
    folder = tmp_path / "results"
    folder.mkdir()
    measured.save(folder / "threads.json")
    arguments = ["--results", str(folder), "--docs", str(docs)]
    assert tool.main([*arguments, "--check"]) == 1
    assert tool.main(arguments) == 0
    assert tool.main([*arguments, "--check"]) == 0


def test_the_page_shows_what_is_missed_and_what_is_missing(measured: Result) -> None:
    slow = measured.entrants[0].model_copy(
        update={
            "name": "a|peer",
            "missing": "not installed: no wheel",
            "seconds_per_unit": None,
            "units_per_second": None,
        }
    )
    missed = measured.floors[0].model_copy(update={"met": False, "measured": 1.01, "why": None})
    changed = measured.model_copy(update={"entrants": (slow, *measured.entrants[1:]), "floors": (missed,)})
    page = page_of([changed])
    assert "| a\\|peer |" in page
    assert "not installed: no wheel" in page
    assert "| 1.01 | **missed** |" in page
    assert missing_lines([changed]) == ["threads: no a|peer: not installed: no wheel"]


def test_nothing_to_draw_is_no_picture(measured: Result) -> None:
    empty = measured.model_copy(update={"entrants": (), "curves": ()})
    assert not has_picture(empty)
    assert picture(empty) is None


def test_committed_documents_hold_and_name_no_machine() -> None:
    for path in RESULTS:
        text = path.read_text(encoding="utf-8")
        result = Result.from_json(text, path.name)
        assert result.name == path.stem
        assert not result.quick, path.name
        assert result.versions["kernels"] == "compiled", path.name
        assert re.findall(r"://|(?<![\w.])(?:/[\w.-]+){2,}|[A-Za-z]:\\", text) == [], path.name
        figures = {figure.key: figure.value for figure in result.figures}
        absent = {figure.key: figure.why for figure in result.absent}
        assert list(result.floors) == judge(result.name, figures, absent, read_floors()), path.name
        assert {"not measured in this run"} & {verdict.why for verdict in result.floors} == set(), path.name


def test_the_committed_page_is_of_the_committed_documents() -> None:
    tool = page_tool()
    assert tool.faults(tool.read_results(ROOT / "benchmarks" / "results"), ROOT / "docs") == []
    assert {path.stem for path in RESULTS} <= set(SUBJECTS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: f"{lock.parent.name}-{lock.stem}")
def test_a_peers_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    wrong = re.compile(r"://|index-url|find-links|trusted-host|(^|\s)/|[A-Za-z]:\\")
    assert [line for line in text.splitlines() if wrong.search(line)] == []
    entries = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+==[\w.!+]+\s+(;.*?\s+)?(--hash=sha256:[0-9a-f]{64}\s*)+$", entry), entry.split("--")[0]


def test_every_peer_has_its_lock_and_its_calls() -> None:
    assert peers() == (
        "cvxpy", "financepy", "py_vollib_vectorized", "quantlib", "riskfolio", "scipy", "skfolio",
    )  # fmt: skip
    for peer in peers():
        folder = ROOT / "benchmarks" / "peers" / peer
        assert (folder / "requirements.txt").is_file()
        assert list(folder.glob("call_*.py"))


def test_a_compiler_is_told_by_name_and_version(tmp_path: Path) -> None:
    for text, told in (
        ("c++ (Debian 12.2.0-14) 12.2.0\nCopyright (C) 2022 Free Software Foundation, Inc.", "gcc 12.2.0"),
        ("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu", "clang 14.0.6"),
        ("something else", "other of unknown version"),
    ):
        script = tmp_path / "compiler"
        script.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        script.chmod(0o755)
        assert compiler(str(script)) == told
    assert set(caches()) <= {"L1", "L2", "L3", "L4"}
