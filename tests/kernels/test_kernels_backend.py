"""Which kernels run, what is said when the compiled ones are missing, and how work is shared out."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from conftest import ROOT, requires_all
from plimsoll.kernels import backend, lognormal_values

BOOK = ([0], [100.0], [0.2], [True], [[100.0]], [[1.0]], None, [1.0])


@pytest.fixture(autouse=True)
def decided_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PLIMSOLL_KERNELS", raising=False)
    backend.native.cache_clear()
    yield
    backend.native.cache_clear()


@pytest.fixture
def not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = importlib.import_module

    def missing(name: str, package: str | None = None) -> ModuleType:
        if name == "plimsoll.kernels._native":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return usual(name, package)

    monkeypatch.setattr(importlib, "import_module", missing)


def run_apart(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own runs ``code`` on the tree's source, with no choice of kernels made for it."""
    environment = {name: value for name, value in os.environ.items() if name != "PLIMSOLL_KERNELS"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {"PYTHONPATH": str(ROOT / "src")},
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_extension_was_built_where_everything_is_required() -> None:
    if not requires_all():
        pytest.skip("a machine without a compiler has no extension")
    assert backend.native() is not None


# In a process of its own: which warnings a process still shows is one state for all its threads, and an earlier
# test's server may have left one that is not done.
def test_one_warning_where_it_was_not_built() -> None:
    code = (
        "import importlib, sys, warnings\n"
        "usual = importlib.import_module\n"
        "def missing(name, package=None):\n"
        "    if name == 'plimsoll.kernels._native':\n"
        "        raise ModuleNotFoundError(name)\n"
        "    return usual(name, package)\n"
        "importlib.import_module = missing\n"
        "import numpy as np\n"
        "from plimsoll.kernels import SlowKernels, lognormal_values\n"
        f"book = {BOOK!r}\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    first = lognormal_values(*book)\n"
        "    assert np.array_equal(lognormal_values(*book), first)\n"
        "(only,) = told\n"
        "assert only.category is SlowKernels\n"
        "assert 'without its compiled kernels' in str(only.message)\n"
    )
    run_apart(code)


@pytest.mark.usefixtures("not_built")
def test_asking_for_it_where_it_was_not_built_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_KERNELS", "native")
    with pytest.raises(ModuleNotFoundError):
        lognormal_values(*BOOK)


def test_the_twins_can_be_chosen_in_silence(monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    monkeypatch.setenv("PLIMSOLL_KERNELS", "numpy")
    assert backend.native() is None
    assert lognormal_values(*BOOK)[0, 0] == pytest.approx(7.965567455405804)
    assert len(recwarn) == 0


def test_other_kernels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_KERNELS", "cuda")
    with pytest.raises(ValueError, match="PLIMSOLL_KERNELS: got 'cuda', must be 'native', 'numpy' or not set"):
        lognormal_values(*BOOK)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    code = (
        "import importlib, sys\n"
        "usual = importlib.import_module\n"
        "def missing(name, package=None):\n"
        "    if name == 'plimsoll.kernels._native':\n"
        "        raise ModuleNotFoundError(name)\n"
        "    return usual(name, package)\n"
        "importlib.import_module = missing\n"
        "from plimsoll.cli import run\n"
        "sys.exit(run(['demo', '--output', sys.argv[1]]))\n"
    )
    done = run_apart(code, str(tmp_path / "demo"))
    (told,) = [line for line in done.stderr.splitlines() if "compiled kernels" in line]
    assert told.startswith("warning: plimsoll was built without its compiled kernels")


def test_importing_the_kernels_sets_no_environment_variable_and_leaves_small_numbers() -> None:
    code = (
        "import os\nbefore = dict(os.environ)\n"
        "import numpy as np\nimport plimsoll.kernels\nfrom plimsoll.kernels.backend import native\nnative()\n"
        "assert dict(os.environ) == before\n"
        "assert np.float64(1e-310) * 0.5 == 5e-311\n"
    )
    run_apart(code)


def test_threads_follow_the_work() -> None:
    assert backend.thread_count(None, 10) == 1
    assert backend.thread_count(None, 10**12) == backend.available_cores()
    assert backend.thread_count(3, 10) == 3


def test_the_stub_is_what_the_extension_has() -> None:
    if backend.native() is None:
        pytest.skip("the compiled kernels were not built")
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_stubs.py"), "--check"], check=True, timeout=60)
