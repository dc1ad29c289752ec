"""Which fields a schema allows at a place: for messages about unknown fields."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel


def fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields of the model(s) found by following `loc` from `model` through the annotations."""
    models: list[type[BaseModel]] = [model]
    annotations: list[Any] = []
    for step in loc:
        if isinstance(step, str):
            next_annotations = [m.model_fields[step].annotation for m in models if step in m.model_fields]
            if not next_annotations:
                narrowed = [m for m in models if _tag(m) == step]
                models = narrowed or models
                continue
            annotations = next_annotations
        models = [m for a in annotations for m in _models_in(a)] or models
    names: dict[str, None] = {}
    for m in models:
        names.update(dict.fromkeys(f.alias or n for n, f in m.model_fields.items()))
    return list(names)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in get_args(annotation) for m in _models_in(a)]


def _tag(model: type[BaseModel]) -> Any:
    kind = model.model_fields.get("kind")
    return None if kind is None else next(iter(get_args(kind.annotation)), None)
