"""The strict base of every schema: unknown fields, duplicates, NaN and wrong types are refused with their path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

from plimsoll.documents.canonical import canonical_bytes, content_hash
from plimsoll.documents.errors import DocumentError, refuse
from plimsoll.documents.problems import problems_of
from plimsoll.documents.text import parse_json, read_bytes

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
Fraction = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = StrictBool
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
Asset = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,24}$")]


def _plain_json(content: dict[str, Any]) -> dict[str, Any]:
    try:
        canonical_bytes(content)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"plain JSON with finite numbers and Unicode text ({error})") from None
    return content


JsonObject = Annotated[dict[str, Any], AfterValidator(_plain_json)]
"""An object whose fields another schema checks: only values that JSON can hold."""

_KEPT = "_kept_hash"
"""Where a document keeps its hash, beside the tables that it caches."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


class Part(BaseModel):
    """An immutable piece of a document."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced, unvalidated; tables cached on the original are not carried over."""
        copied = super().model_copy(update=update, deep=deep)
        for name in [n for n in copied.__dict__ if n not in type(self).model_fields]:
            del copied.__dict__[name]
        return copied


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
        _require_unicode(content, source)
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
        """The content hash of the document, independent of key order and white space.

        A document is a value, so the hash is kept with it: that of a market with a thousand instruments takes longer
        than a requirement. What is kept answers only while the fields hold what they held then; a copy has none.
        """
        content = {name: self.__dict__.get(name) for name in type(self).model_fields}
        kept = self.__dict__.get(_KEPT)
        if kept is None or kept[0] != content:
            kept = (_containers(content), content_hash(self.to_dict()))
            self.__dict__[_KEPT] = kept
        return str(kept[1])

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


def _containers(value: Any) -> Any:
    """`value` with dictionaries and lists of its own; what cannot be changed in place is shared."""
    if isinstance(value, dict):
        return {k: _containers(v) for k, v in value.items()}
    return [_containers(v) for v in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    """What JSON does not know, as text. That of a part was read when the part was made, and a market has thousands."""
    return "" if isinstance(value, Part) else str(value)


def _require_unicode(content: dict[str, Any], source: str) -> None:
    """Refuse half characters, which JSON can spell but no file can hold, and nesting beyond any use."""
    try:
        json.dumps(content, ensure_ascii=False, skipkeys=True, default=_text).encode()
    except UnicodeEncodeError as error:
        raise refuse("$", error.object[error.start : error.end], "Unicode text", source) from None
    except RecursionError:
        raise refuse("$", "values nested too deeply", "the nesting of its schema", source) from None
    except ValueError:
        return  # a number too long to print: its own field refuses it


__all__ = [
    "Asset",
    "Count",
    "Document",
    "Flag",
    "Fraction",
    "JsonObject",
    "Name",
    "NonNegative",
    "Number",
    "Part",
    "Positive",
]
