"""Files and JSON text, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plimsoll.documents.errors import DocumentError, Problem, refuse


class _Repeated(dict[str, Any]):
    """An object in which the key `twice` stood twice."""

    twice: str


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file, or a `DocumentError` that says why not."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise refuse("$", error.strerror or str(error), "a readable file", str(path)) from None
    except ValueError as error:
        raise refuse("$", str(error), "the name of a readable file", str(path)) from None


def parse_json(text: str | bytes, source: str = "") -> Any:
    """JSON without duplicate keys, NaN or infinities; a refusal names the path of the first."""
    suspect = False

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal suspect
        found = dict(items)
        if len(found) == len(items):
            return found
        suspect, keys = True, [key for key, _ in items]
        repeated = _Repeated(found)
        repeated.twice = next(key for key in keys if keys.count(key) > 1)
        return repeated

    def constant(name: str) -> float:
        nonlocal suspect
        suspect = True
        return float(name.replace("Infinity", "inf"))

    try:
        content = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
        if suspect:
            raise _first_fault(content, source)
    except (ValueError, RecursionError) as error:
        raise refuse("$", f"text that is not JSON ({error})", "a JSON document", source) from None
    return content


def _first_fault(content: Any, source: str) -> DocumentError:
    for path, value in _walk(content, ""):
        if isinstance(value, _Repeated):
            where = f"{path}.{value.twice}".lstrip(".")
            return DocumentError(Problem(where, "the key twice in one object", "each key once"), source)
        if isinstance(value, float) and not math.isfinite(value):
            return DocumentError(Problem(path or "$", repr(value), "a finite number"), source)
    return refuse("$", "a number that is not finite", "finite numbers", source)


def _walk(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, content
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _walk(value, f"{path}.{key}".lstrip("."))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from _walk(value, f"{path}[{index}]")
