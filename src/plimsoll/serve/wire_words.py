"""Types that many messages of the wire share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, WithJsonSchema

Text = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Units = Annotated[int, Field(strict=True)]
Whole = Annotated[int, Field(strict=True, ge=0)]
Rules = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*@\d{4}-\d{2}-\d{2}$", max_length=80)]
"""A shipped rule set by name and day. Never the name of a file."""

AccountObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "Account"})]
MarketObject = Annotated[dict[str, Any], WithJsonSchema({"x-document": "Market"})]
