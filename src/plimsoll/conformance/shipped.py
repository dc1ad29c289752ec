"""The case documents that come with the package."""

from __future__ import annotations

from importlib import resources

from plimsoll.conformance.case import Case


def shipped_cases() -> tuple[Case, ...]:
    """Every shipped case, by file name.

    >>> 'prbm-1a-perpetual' in [c.id for c in shipped_cases()]
    True
    """
    folder = resources.files("plimsoll").joinpath("conformance", "cases")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return tuple(Case.from_json(f.read_bytes(), f.name) for f in files)
