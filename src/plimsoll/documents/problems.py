"""From what a validator found to problems that name the field, what was got and what is allowed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from plimsoll.documents.errors import Problem, shorten
from plimsoll.documents.fields import fields_at

_NAMES_A_FIELD = ("missing", "extra_forbidden")


def fault(path: str, got: object, allowed: str) -> PydanticCustomError:
    """What a validator of a whole model raises when one field below it is to blame; `path` is relative to the model."""
    return PydanticCustomError("fault", "{allowed}", {"path": path, "got": shorten(got), "allowed": allowed})


def problems_of(error: ValidationError, content: Any, model: type[BaseModel]) -> list[Problem]:
    """Pydantic's findings in `content`, every one that does not merely follow from another."""
    items = error.errors(include_url=False)
    problems = []
    for item in items:
        below = [other for other in items if len(other["loc"]) > len(item["loc"])]
        if item["type"] == "too_short" and any(o["loc"][: len(item["loc"])] == item["loc"] for o in below):
            continue  # the items were left out because they are wrong themselves
        problems.append(_problem(item, content, model))
    return problems


def _problem(item: ErrorDetails, content: Any, model: type[BaseModel]) -> Problem:
    kind, context = item["type"], item.get("ctx", {})
    path = _path(item["loc"], content, kind in _NAMES_A_FIELD)
    if kind == "fault":
        return Problem(_join(path, context["path"]), context["got"], context["allowed"])
    if kind == "missing":
        return Problem(path, "nothing", "this field is required")
    if kind == "extra_forbidden":
        allowed = "fields " + ", ".join(fields_at(model, item["loc"][:-1]))
        return Problem(path, f"an unknown field ({shorten(item['input'])})", allowed)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        tags = context.get("expected_tags", "one of the kinds of its schema")
        return Problem(_join(path, str(context["discriminator"]).strip("'")), shorten(context.get("tag")), tags)
    return Problem(path or "$", shorten(item["input"]), _allowed(item["msg"]))


def _allowed(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input should be ")


def _join(path: str, below: str) -> str:
    return f"{path}.{below}".lstrip(".") if below else path or "$"


def _path(loc: tuple[int | str, ...], content: Any, names_a_field: bool) -> str:
    """`loc` as text, leaving out the tags that pydantic adds for unions and keys."""
    text, here = "", content
    for position, step in enumerate(loc):
        if isinstance(step, int):
            text += f"[{step}]"
            here = here[step] if isinstance(here, (list, tuple)) and step < len(here) else None
        elif isinstance(here, dict) and step in here:
            text += "." + (step or '""')
            here = here[step]
        elif names_a_field and position == len(loc) - 1 and isinstance(here, dict):
            text += "." + (step or '""')
    return text.lstrip(".")
