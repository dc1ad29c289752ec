"""One byte string and one hash for one content."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_bytes(content: Any) -> bytes:
    """UTF-8 JSON with sorted keys, no white space and shortest round-trip floats; NaN and infinities raise.

    >>> canonical_bytes({"b": 1.50, "a": [True, None]})
    b'{"a":[true,null],"b":1.5}'
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_hash(content: Any) -> str:
    """`sha256:` and the hexadecimal digest of `canonical_bytes(content)`."""
    return "sha256:" + hashlib.sha256(canonical_bytes(content)).hexdigest()
