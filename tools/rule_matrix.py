"""Which test shows which rule: collect the codes and write `docs/rules/coverage.md`.

    python tools/rule_matrix.py [--check]

A rule without a test or an unknown code fails. With --check nothing is written and a stale page fails too.

Rules are rows `| CODE | the rule in words | where |` in the tables of `docs/rules/*.md`. Tests carry the
codes they show: `@pytest.mark.rule("CODE", ...)` on a function or a class, in `pytestmark`, or as the mark of
a `pytest.param`. Tests are read, not run: a code must stand there as text.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = "coverage.md"
CODE = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")


@dataclass(frozen=True)
class Rule:
    """One row of a rule table."""

    code: str
    words: str
    page: str


@dataclass
class Matrix:
    """Rules by code in reading order, tests by code, and what is wrong."""

    rules: dict[str, Rule] = field(default_factory=dict)
    tests: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def _cells(line: str) -> list[str]:
    """Cells of a table row; a bar escaped with a backslash belongs to its cell."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def read_rules(folder: Path, matrix: Matrix) -> None:
    """Add every rule defined in the pages of the folder."""
    for page in sorted(folder.glob("*.md")):
        if page.name == PAGE:
            continue
        for line in page.read_text(encoding="utf-8").splitlines():
            if not line.lstrip().startswith("|"):
                continue
            cells = _cells(line)
            code = cells[0].strip("`")
            if len(cells) < 2 or not CODE.fullmatch(code):
                continue
            if code in matrix.rules:
                matrix.problems.append(f"{page.name}: {code} is defined again, first in {matrix.rules[code].page}")
                continue
            matrix.rules[code] = Rule(code, cells[1], page.name)


def _rule_marks(node: ast.AST) -> Iterator[ast.Call]:
    """Calls of `pytest.mark.rule` (or `mark.rule`) at or below the node."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "rule":
            owner = inner.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", None)
            if name == "mark":
                yield inner


def _marked(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Each rule mark with the name of the test, class or module that carries it ("" for a module)."""

    def walk(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.Call]]:
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = prefix + statement.name
                for decorator in statement.decorator_list:
                    yield from ((name, call) for call in _rule_marks(decorator))
                if isinstance(statement, ast.ClassDef):
                    yield from walk(statement.body, f"{name}::")
            else:
                yield from ((prefix.removesuffix("::"), call) for call in _rule_marks(statement))

    return walk(tree.body, "")


def read_tests(folder: Path, matrix: Matrix) -> None:
    """Add every code carried by a test below the folder."""
    for path in sorted(folder.rglob("*.py")):
        shown = path.relative_to(folder.parent).as_posix()
        for name, call in _marked(ast.parse(path.read_text(encoding="utf-8"), filename=shown)):
            for argument in call.args:
                if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                    matrix.problems.append(f"{shown}:{call.lineno}: a rule code must stand there as text")
                    continue
                code = argument.value
                if code not in matrix.rules:
                    matrix.problems.append(f"{shown}:{call.lineno}: {code} is in no table of docs/rules")
                test = f"{shown}::{name}" if name else shown
                carriers = matrix.tests.setdefault(code, [])
                if test not in carriers:
                    carriers.append(test)


def collect(rules: Path, tests: Path) -> Matrix:
    """The matrix of a folder of rule pages and a folder of tests, with everything that is wrong with it."""
    matrix = Matrix()
    read_rules(rules, matrix)
    if not matrix.rules:
        matrix.problems.append(f"no rule is defined in the pages of {rules.name}")
    read_tests(tests, matrix)
    for code, rule in matrix.rules.items():
        if code not in matrix.tests:
            matrix.problems.append(f"{rule.page}: no test carries {code}")
    return matrix


def page_of(matrix: Matrix) -> str:
    """The generated page."""
    shown = sum(code in matrix.tests for code in matrix.rules)
    lines = [
        "# Rule → test",
        "",
        "Written by `make rules`, not by hand: each rule of this folder with the tests that show it.",
        "",
        f"{shown} of {len(matrix.rules)} rules are shown by at least one test.",
    ]
    pages = dict.fromkeys(rule.page for rule in matrix.rules.values())
    for page in pages:
        lines += [
            "",
            f"## [{page.removesuffix('.md')}]({page})",
            "",
            "| rule | in words | tests |",
            "| --- | --- | --- |",
        ]
        for rule in matrix.rules.values():
            if rule.page == page:
                tests = "<br>".join(f"`{test}`" for test in matrix.tests.get(rule.code, [])) or "**none**"
                lines.append(f"| `{rule.code}` | {rule.words} | {tests} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write or check the page rule → test.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where something is wrong")
    parser.add_argument("--rules", type=Path, default=ROOT / "docs" / "rules", help="folder of the rule pages")
    parser.add_argument("--tests", type=Path, default=ROOT / "tests", help="folder of the tests")
    chosen = parser.parse_args(arguments)
    matrix = collect(chosen.rules, chosen.tests)
    page, wanted = chosen.rules / PAGE, page_of(matrix)
    if chosen.check:
        if not page.is_file() or page.read_text(encoding="utf-8") != wanted:
            matrix.problems.append(f"{PAGE} is stale: write it with `make rules`")
    else:
        page.write_text(wanted, encoding="utf-8")
    for problem in matrix.problems:
        print(problem, file=sys.stderr)
    print(f"{len(matrix.rules)} rules, {len(matrix.problems)} problems")
    return 1 if matrix.problems else 0


if __name__ == "__main__":
    sys.exit(main())
