"""The repository itself: its locks, metadata and rooms, how the command starts, what the archives hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import metadata, requires
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)", re.MULTILINE)
# Libraries that `plimsoll --help` can do without; each costs more than the whole answer may take.
HEAVY = ("numpy", "scipy", "pydantic", "polars", "pandas", "pyarrow", "matplotlib", "jinja2")


def pins(lock: Path) -> dict[str, str]:
    return {name.lower(): version for name, version in PIN.findall(lock.read_text())}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9][\w.-]*", requirement)
    assert found is not None, requirement
    return found.group().lower()


def start(code: str) -> list[str]:
    """Names of the modules that a fresh interpreter has loaded after running the code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    program = f"import contextlib, io, json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    return [str(name) for name in json.loads(done.stdout)]


def test_there_is_a_lock_for_each_set() -> None:
    assert [lock.stem for lock in LOCKS] == ["dev", "docs", "rl", "run", "test"]
    assert {lock.with_suffix(".in").exists() for lock in LOCKS} == {True}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_names_no_address_and_no_path_of_a_machine(lock: Path) -> None:
    wrong = re.compile(r"://|index-url|find-links|trusted-host|(^|\s)/|[A-Za-z]:\\")
    assert [line for line in lock.read_text().splitlines() if wrong.search(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_requirement_of_a_lock_is_an_exact_version_with_hashes(lock: Path) -> None:
    without_comments = re.sub(r"^\s*#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    entries = without_comments.replace("\\\n", " ").splitlines()
    pinned = re.compile(r"[\w.-]+==[\w.!+]+\s+(;.*?\s+)?(--hash=sha256:[0-9a-f]{64}\s*)+$")
    assert len(entries) > 10
    for entry in entries:
        assert pinned.match(entry), entry.split("--hash")[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_each_library_has_one_version_in_all_locks(lock: Path) -> None:
    widest = pins(ROOT / "requirements" / "test.txt")
    own = pins(lock)
    assert {name: own[name] for name in own.keys() & widest.keys()} == {
        name: widest[name] for name in own.keys() & widest.keys()
    }


def test_locks_hold_the_declared_requirements() -> None:
    declared = project()
    runtime = {distribution(entry) for entry in declared["project"]["dependencies"]}
    optional = declared["project"]["optional-dependencies"]
    # torch is as large as all the rest together: its extra has a lock of its own
    rl = {distribution(e) for e in optional.pop("rl")} - {"torch"}
    assert rl <= pins(ROOT / "requirements" / "rl.txt").keys()
    extras = {distribution(e) for some in optional.values() for e in some}
    build = {distribution(entry) for entry in declared["build-system"]["requires"]}
    run, test = (pins(ROOT / "requirements" / f"{name}.txt").keys() for name in ("run", "test"))
    assert runtime | build <= run
    assert extras <= test
    assert run <= test


def test_installed_metadata_agrees_with_the_project() -> None:
    declared = project()["project"]
    installed = metadata("plimsoll-margin")
    assert installed["License-Expression"] == "Apache-2.0"
    assert installed["Requires-Python"] == declared["requires-python"]
    core = {distribution(entry) for entry in requires("plimsoll-margin") or [] if "extra ==" not in entry}
    assert core == {distribution(entry) for entry in declared["dependencies"]}


def test_version_is_written_once() -> None:
    import plimsoll

    assert plimsoll.__version__ == metadata("plimsoll-margin")["Version"]


def rooms_of(contract: dict[str, list[str]]) -> set[str]:
    return {room for layer in contract["layers"] for room in layer.split(" | ")}


def test_rooms_in_the_contract_are_the_rooms_in_the_tree() -> None:
    (contract,) = (c for c in project()["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    package = ROOT / "src" / "plimsoll"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    files = {path.stem for path in package.glob("*.py")} - {"__init__", *contract["exhaustive_ignores"]}
    assert folders | files == rooms_of(contract)


def test_the_second_calculator_is_kept_from_every_room_but_the_documents() -> None:
    layers, forbidden = project()["tool"]["importlinter"]["contracts"]
    assert forbidden["source_modules"] == ["plimsoll.certify"]
    rooms = {f"plimsoll.{room}" for room in rooms_of(layers)} - {"plimsoll.certify", "plimsoll.documents"}
    assert set(forbidden["forbidden_modules"]) == rooms


def test_importing_the_package_loads_no_library() -> None:
    loaded = start("import plimsoll")
    assert "plimsoll" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["margin", "--help"], ["demo", "--help"]])
def test_help_loads_none_of_the_heavy_libraries(arguments: list[str]) -> None:
    loaded = start(
        "from plimsoll.cli import main\n"
        f"sys.argv = ['plimsoll', *{arguments!r}]\n"
        "said = io.StringIO()\n"
        "try:\n"
        "    with contextlib.redirect_stdout(said):\n"
        "        main()\n"
        "except SystemExit as end:\n"
        "    assert end.code in (0, None), end.code\n"
        "assert 'plimsoll' in said.getvalue().lower(), said.getvalue()"
    )
    assert "plimsoll.cli" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_no_python_file_is_long_enough_for_two_subjects() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("src", "tests", "tools", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert lengths
    assert {path: length for path, length in lengths.items() if length > 600} == {}


def test_changelog_has_a_fragment_or_a_release() -> None:
    kinds = {entry["directory"] for entry in project()["tool"]["towncrier"]["type"]}
    fragments = [path.name for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert all(name.split(".")[-2] in kinds for name in fragments), fragments
    assert fragments or "\n## " in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
def test_archives_hold_the_data_and_nothing_local(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("plimsoll/")}
        others = {name.split("/")[0] for name in archive.namelist()} - {"plimsoll"}
    tree = ROOT / "src"
    expected = {
        path.relative_to(tree).as_posix()
        for path in (tree / "plimsoll").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    compiled = {name for name in packed if name.startswith("plimsoll/kernels/_native.")} - expected
    assert len(compiled) <= 1
    assert packed - compiled == {name for name in expected if not name.startswith("plimsoll/kernels/native/")}
    assert "plimsoll/py.typed" in packed
    assert {name.rsplit(".", 1)[1] for name in others} == {"dist-info"}
    with tarfile.open(source) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {f"src/{name}" for name in expected} <= names
    assert {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "CMakeLists.txt",
        "requirements/test.txt",
        "tests/conftest.py",
    } <= names
    local = re.compile(r"^(\.venv|\.git/|docs/_build|docs/auto_gallery)|__pycache__")
    assert sorted(name for name in names if local.match(name)) == []


def test_every_gallery_page_leaves_a_picture_where_the_site_looks_for_it() -> None:
    """Of pyplot, or a figure of the report room under the name that `docs/gallery_pictures.py` knows."""
    pages = sorted((ROOT / "docs" / "gallery").glob("plot_*.py"))
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.search(r"^figure(,.*)? = |^plt\.", text, re.MULTILINE), page.name


def test_a_random_test_that_fails_is_named(tmp_path: Path) -> None:
    """What Hypothesis imports to report a failure may warn; a warning is an error here and must not end the run."""
    lines = ["from hypothesis import given, strategies as st", "", "@given(st.integers())", "def test_less(x):"]
    (tmp_path / "test_planted.py").write_text("\n".join([*lines, "    assert x < 3", ""]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)]
    ended = subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_planted.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "FAILED test_planted.py::test_less" in ended.stdout
