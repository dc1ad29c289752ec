"""The OpenAPI description: schemas of the wire's models and documents, as one set of components."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from plimsoll.documents import Document, Part

REF = "#/components/schemas/"


def named(model: type[Part]) -> str:
    """What a model is called in the description."""
    return f"{model.__name__}Document" if issubclass(model, Document) else model.__name__


def components(models: list[type[Part]]) -> dict[str, Any]:
    """The schemas of models by name; a document has the two fields beside its own that every file carries."""
    plain = [m for m in models if not issubclass(m, Document)]
    documents = sorted({m for m in models if issubclass(m, Document)}, key=lambda m: m.__name__)
    _, head = models_json_schema([(m, "validation") for m in [*plain, *documents]], ref_template=REF + "{model}")
    found: dict[str, Any] = head.get("$defs", {})
    for document in documents:
        assert issubclass(document, Document)
        own = dict(found[document.__name__])
        fields = {
            "schema": {"const": document.SCHEMA, "type": "string"},
            "schema_version": {"const": document.VERSION, "type": "integer"},
        }
        own["properties"] = {**fields, **own.get("properties", {})}
        own["required"] = ["schema", "schema_version", *own.get("required", [])]
        own["title"] = named(document)
        found[named(document)] = own
    return dict(sorted(_linked(found).items()))


def _linked(value: Any) -> Any:
    """`{"x-document": "Account"}` becomes a reference to the document."""
    if isinstance(value, dict):
        if "x-document" in value:
            return {"$ref": f"{REF}{value['x-document']}Document"}
        return {k: _linked(v) for k, v in value.items()}
    return [_linked(v) for v in value] if isinstance(value, list) else value
