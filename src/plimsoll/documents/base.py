"""The strict base of every schema: unknown fields, duplicates, NaN and wrong types are refused with their path."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

from plimsoll.documents.canonical import content_hash
from plimsoll.documents.errors import DocumentError, Problem, refuse, shorten
from plimsoll.documents.fields import fields_at

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Fraction = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = StrictBool
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
Asset = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,24}$")]

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


class Part(BaseModel):
    """An immutable piece of a document."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Document(Part):
    """A file with a schema name and a version.

    Subclasses set `SCHEMA` and `VERSION`, and `UPGRADES`: for an old version, the function that turns its content
    into the next version. A version that is newer, or older without an upgrade, is refused.
    """

    SCHEMA: ClassVar[str]
    VERSION: ClassVar[int] = 1
    UPGRADES: ClassVar[dict[int, Upgrade]] = {}

    @classmethod
    def from_dict(cls, content: Any, source: str = "") -> Self:
        """Validate `content` (plain JSON values or parts). Raises `DocumentError` naming every fault."""
        if not isinstance(content, dict):
            raise refuse("$", content, f"a JSON object with schema {cls.SCHEMA!r}", source)
        content = cls._checked_version(dict(content), source)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise DocumentError(problems_of(error, content, cls), source) from None

    @classmethod
    def from_json(cls, text: str | bytes, source: str = "") -> Self:
        """Parse JSON text; duplicate keys, NaN and infinities are refused."""
        return cls.from_dict(parse_json(text, source), source)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a JSON file."""
        return cls.from_json(read_bytes(path), str(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with `schema` and `schema_version` first."""
        body = self.model_dump(mode="json", by_alias=True)
        return {"schema": self.SCHEMA, "schema_version": self.VERSION, **body}

    def to_json(self, indent: int | None = 1) -> str:
        """JSON text of `to_dict()`, ending in a newline."""
        return json.dumps(self.to_dict(), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write `to_json()` to `path`."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def hash(self) -> str:
        """The content hash of the document, independent of key order and white space."""
        return content_hash(self.to_dict())

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (draft 2020-12), with the `schema` and `schema_version` fields every file carries."""
        body = cls.model_json_schema(by_alias=True)
        head = {
            "schema": {"const": cls.SCHEMA, "type": "string"},
            "schema_version": {"const": cls.VERSION, "type": "integer"},
        }
        body["properties"] = {**head, **body.get("properties", {})}
        body["required"] = ["schema", "schema_version", *body.get("required", [])]
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}

    @classmethod
    def _checked_version(cls, content: dict[str, Any], source: str) -> dict[str, Any]:
        schema = content.pop("schema", None)
        if schema != cls.SCHEMA:
            raise refuse("schema", schema, repr(cls.SCHEMA), source)
        version = content.pop("schema_version", None)
        readable = sorted({cls.VERSION, *cls.UPGRADES})
        if isinstance(version, bool) or not isinstance(version, int) or version not in readable:
            raise refuse("schema_version", version, " or ".join(map(str, readable)), source)
        while version != cls.VERSION:
            content = cls.UPGRADES[version](content)
            version += 1
        return content


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file, or a `DocumentError` that says why not."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise refuse("$", error.strerror or str(error), "a readable file", str(path)) from None


def parse_json(text: str | bytes, source: str = "") -> Any:
    """JSON without duplicate keys, NaN or infinities."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                raise refuse(key, "the key twice in one object", "each key once", source)
            seen[key] = value
        return seen

    def constant(name: str) -> Any:
        raise refuse("$", name, "finite numbers", source)

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise refuse("$", f"text that is not JSON ({error})", "a JSON document", source) from None


def problems_of(error: ValidationError, content: Any, model: type[BaseModel]) -> list[Problem]:
    """Pydantic's findings as problems with a field path, what was got and what is allowed."""
    problems = []
    for item in error.errors(include_url=False):
        path = _path(item["loc"], content)
        kind = item["type"]
        if kind == "missing":
            got, allowed = "nothing", "this field is required"
        elif kind == "extra_forbidden":
            got = f"an unknown field ({shorten(item['input'])})"
            allowed = "fields " + ", ".join(fields_at(model, item["loc"][:-1]))
        else:
            got, allowed = shorten(item["input"]), item["msg"].removeprefix("Value error, ")
        problems.append(Problem(path or "$", got, allowed))
    return problems


def _path(loc: tuple[int | str, ...], content: Any) -> str:
    """`loc` as text, leaving out the tags that pydantic adds for unions."""
    text, here = "", content
    for position, step in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(step, int):
            text += f"[{step}]"
            here = here[step] if isinstance(here, (list, tuple)) and step < len(here) else None
        elif isinstance(here, dict) and step in here:
            text += f".{step}"
            here = here[step]
        elif last and isinstance(here, dict):
            text += f".{step}"
        elif here is None or not isinstance(here, (dict, list, tuple)):
            continue
    return text.lstrip(".")


__all__ = [
    "Asset",
    "Count",
    "Document",
    "Flag",
    "Fraction",
    "Name",
    "NonNegative",
    "Number",
    "Part",
    "Positive",
    "parse_json",
    "problems_of",
    "read_bytes",
]
