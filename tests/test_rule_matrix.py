"""The page rule → test: what the tool reads, what it writes and what it refuses."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

RULES = """# A venue

Words about A-VENUE-99 outside a table define nothing.

| code | rule | where |
| --- | --- | --- |
| V-01 | the first rule | model.py |
| `V-02` | a rule with a bar a\\|b | model.py |
"""

TESTS = """import pytest

pytestmark = [pytest.mark.slow, pytest.mark.rule("V-02")]

@pytest.mark.rule("V-01", "V-02")
def test_both():
    pass

class TestMany:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.rule("V-01"))])
    def test_inner(self, x):
        pass
"""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("rule_matrix")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests" / "deep").mkdir(parents=True)
    (tmp_path / "rules" / "venue.md").write_text(RULES)
    (tmp_path / "tests" / "deep" / "test_venue.py").write_text(TESTS)
    return tmp_path


def run(tool: ModuleType, tree: Path, *options: str) -> int:
    code = tool.main([*options, "--rules", str(tree / "rules"), "--tests", str(tree / "tests")])
    assert isinstance(code, int)
    return code


def test_page_lists_each_rule_with_the_tests_that_carry_it(tool: ModuleType, tree: Path) -> None:
    assert run(tool, tree) == 0
    rows = [line for line in (tree / "rules" / "coverage.md").read_text().splitlines() if line.startswith("| `")]
    path = "tests/deep/test_venue.py"
    assert rows == [
        f"| `V-01` | the first rule | `{path}::test_both`<br>`{path}::TestMany::test_inner` |",
        f"| `V-02` | a rule with a bar a\\|b | `{path}`<br>`{path}::test_both` |",
    ]
    assert run(tool, tree, "--check") == 0


def test_check_refuses_a_stale_page(tool: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tool, tree, "--check") == 1
    assert "stale" in capsys.readouterr().err
    assert not (tree / "rules" / "coverage.md").exists()


def test_check_refuses_a_rule_without_a_test(tool: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rules" / "other.md").write_text("| O-1 | nobody shows it | here |\n")
    assert run(tool, tree) == 1
    assert "other.md: no test carries O-1" in capsys.readouterr().err
    assert run(tool, tree, "--check") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('@pytest.mark.rule("V-77")', "test_more.py:3: V-77 is in no table"),
        ("@pytest.mark.rule(CODE)", "test_more.py:3: a rule code must stand there as text"),
    ],
)
def test_a_code_that_no_table_defines_is_refused(
    tool: ModuleType, tree: Path, line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "tests" / "test_more.py").write_text(f"import pytest\n\n{line}\ndef test_it():\n    pass\n")
    assert run(tool, tree) == 1
    assert message in capsys.readouterr().err


def test_a_rule_defined_twice_is_refused(tool: ModuleType, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "rules" / "again.md").write_text("| V-01 | the same code again | here |\n")
    assert run(tool, tree) == 1
    assert "V-01 is defined again" in capsys.readouterr().err


def test_a_folder_without_rules_is_refused(tool: ModuleType, tree: Path) -> None:
    (tree / "rules" / "venue.md").write_text("# nothing\n")
    assert run(tool, tree) == 1
