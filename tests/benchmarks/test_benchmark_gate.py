"""The gate of instruction counts."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.gate import check


def test_more_than_three_percent_fails_and_fewer_are_told() -> None:
    found = {"v": {"same": 1000, "a bit": 1030, "more": 1031, "fewer": 900, "new": 5}}
    recorded = {
        "v": {"same": 1000, "a bit": 1000, "more": 1000, "fewer": 1000, "gone": 7},
        "another variant": {"same": 1},
    }
    lines, faults = check.compare(found, recorded)
    told = {line.split(": ")[1]: line for line in lines}
    assert faults == 3
    assert "+3.10% MORE" in told["more"]
    assert "MORE" not in told["a bit"]
    assert "fewer, record it" in told["fewer"]
    assert "no such case any more" in told["gone"]
    assert "not recorded yet" in told["new"]
    assert len(lines) == 6


def cases() -> set[str]:
    """Names of the driver's cases: the only texts after a brace or in a call of a helper."""
    sources = "".join(path.read_text(encoding="utf-8") for path in check.HERE.glob("cases_*.cpp"))
    return set(re.findall(r'[{(]"([A-Za-z_]+(?:, [a-z ]+)?)"', sources))


def test_the_record_has_the_cases_of_the_driver_for_every_variant() -> None:
    recorded = json.loads(check.COUNTS.read_text(encoding="utf-8"))
    names = cases()
    assert len(names) >= 7
    for compiler, variants in recorded.items():
        assert re.fullmatch(r"(gcc|clang) [\d.]+", compiler)
        assert variants.keys() <= set(check.VARIANTS)
        for counts in variants.values():
            assert counts.keys() == names
            assert all(number > 10_000 for number in counts.values())


@pytest.mark.parametrize(
    ("patched", "told"),
    [
        (("shutil.which", lambda _: None), "valgrind is not installed"),
        (("platform.machine", lambda: "aarch64"), "the counts are of x86-64 and this is aarch64"),
    ],
)
def test_what_is_missing_is_said_and_nothing_fails(
    patched: tuple[str, object], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name, replacement = patched
    monkeypatch.setattr(f"benchmarks.gate.check.{name}", replacement)
    assert check.main([]) == 0
    assert capsys.readouterr().out == f"instruction counts: not compared, {told}\n"


def test_another_compiler_is_told_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "obstacle", lambda: None)
    monkeypatch.setattr(check, "compiler", lambda: "gcc 99.1.0")
    monkeypatch.setattr(check, "count_all", lambda: {"x86-64": {"lognormal_values": 123456}})
    assert check.main([]) == 0
    said = capsys.readouterr().out
    assert "none are recorded for gcc 99.1.0" in said
    assert "x86-64: lognormal_values: 123,456" in said


def test_a_slower_kernel_ends_the_gate_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = json.loads(check.COUNTS.read_text(encoding="utf-8"))
    compiler, variants = next(iter(recorded.items()))
    slower = {v: {case: n * 2 for case, n in cases.items()} for v, cases in variants.items()}
    monkeypatch.setattr(check, "obstacle", lambda: None)
    monkeypatch.setattr(check, "compiler", lambda: compiler)
    monkeypatch.setattr(check, "count_all", lambda: slower)
    assert check.main([]) == 1
    assert "+100.00% MORE" in capsys.readouterr().out
    monkeypatch.setattr(check, "count_all", lambda: variants)
    assert check.main([]) == 0


def test_every_bound_kernel_has_a_case_that_begins_with_its_name() -> None:
    bindings = "".join(path.read_text(encoding="utf-8") for path in check.NATIVE.glob("bind_*.cpp"))
    bound = set(re.findall(r'm\.def\(\s*"(\w+)"', bindings)) | set(
        re.findall(r'class_<\w+> ?\w*\(m, "(\w+)"', bindings)
    )
    assert "lognormal_values" in bound
    assert bound - {name.partition(",")[0] for name in cases()} == set()
