"""Which kernels run, what is said when the compiled ones are missing, and how work is shared out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conftest import ROOT, requires_all
from plimsoll.kernels import backend

BOOK = ([0], [100.0], [0.2], [True], [[100.0]], [[1.0]], None, [1.0])


# A Python in which the compiled kernels cannot be imported.
NOT_BUILT = (
    "import importlib, sys\n"
    "usual = importlib.import_module\n"
    "def missing(name, package=None):\n"
    "    if name == 'plimsoll.kernels._native':\n"
    "        raise ModuleNotFoundError(name)\n"
    "    return usual(name, package)\n"
    "importlib.import_module = missing\n"
)


# Whatever chooses kernels or says which are missing is looked at in a process of its own: the choice is one state for
# all threads, and the server of an earlier test may still compute in one.
def run_apart(code: str, kernels: str | None = None) -> subprocess.CompletedProcess[str]:
    """A Python of its own runs ``code`` on the tree's source; ``kernels`` is the choice made for it, if any."""
    environment = {name: value for name, value in os.environ.items() if name != "PLIMSOLL_KERNELS"}
    chosen = {} if kernels is None else {"PLIMSOLL_KERNELS": kernels}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment | chosen | {"PYTHONPATH": str(ROOT / "src")},
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_extension_was_built_where_everything_is_required() -> None:
    if not requires_all():
        pytest.skip("a machine without a compiler has no extension")
    run_apart("from plimsoll.kernels import backend\nassert backend.native() is not None")


def test_one_warning_where_it_was_not_built() -> None:
    run_apart(
        NOT_BUILT + "import warnings\n"
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


def test_asking_for_it_where_it_was_not_built_fails() -> None:
    run_apart(
        NOT_BUILT + "from plimsoll.kernels import lognormal_values\n"
        "try:\n"
        f"    lognormal_values(*{BOOK!r})\n"
        "except ModuleNotFoundError:\n"
        "    sys.exit()\n"
        "sys.exit('the twins did the work')\n",
        kernels="native",
    )


def test_the_twins_can_be_chosen_in_silence() -> None:
    done = run_apart(
        "from plimsoll.kernels import backend, lognormal_values\n"
        "assert backend.native() is None\n"
        f"print(lognormal_values(*{BOOK!r})[0, 0])\n",
        kernels="numpy",
    )
    assert float(done.stdout) == pytest.approx(7.965567455405804)
    assert done.stderr == ""


def test_other_kernels_are_refused() -> None:
    done = run_apart(
        "from plimsoll.kernels import lognormal_values\n"
        "try:\n"
        f"    lognormal_values(*{BOOK!r})\n"
        "except ValueError as error:\n"
        "    print(error)\n",
        kernels="cuda",
    )
    assert done.stdout == "PLIMSOLL_KERNELS: got 'cuda', must be 'native', 'numpy' or not set\n"


def test_the_command_says_it_in_one_line() -> None:
    done = run_apart(NOT_BUILT + "from plimsoll.cli import run\nsys.exit(run(['risk']))\n")
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
