"""One byte string and one hash for one content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_WHOLE = 2.0**53
"""Below this every whole float is exactly one integer."""


def canonical_bytes(content: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no white space and shortest round-trip floats; NaN and infinities raise.

    A float that is a whole number is written as one: JSON has a single kind of number.

    >>> canonical_bytes({"b": 1.50, "a": [True, None, 2.0]})
    b'{"a":[true,null,2],"b":1.5}'
    """
    content = _one_number(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _one_number(content: Any) -> Any:
    if isinstance(content, float):
        return int(content) if abs(content) < _WHOLE and content.is_integer() else content
    if isinstance(content, dict):
        return {k: _one_number(v) for k, v in content.items()}
    if isinstance(content, (list, tuple)):
        return [_one_number(v) for v in content]
    return content


def content_hash(content: Any) -> str:
    """`sha256:` and the hexadecimal digest of `canonical_bytes(content)`."""
    return "sha256:" + hashlib.sha256(canonical_bytes(content)).hexdigest()
