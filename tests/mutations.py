"""Seeded damage to JSON documents: one to three structural changes, or a change to the text itself."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

Place = tuple[Any, Any]
"""A container and the key or index of the damaged item in it."""

NUMBERS = (0, -1, 1, 0.5, -0.0, 1e-320, 1e12, 1e15, -1e308, 1e308, 10**400, -(10**400), 2**63)
TEXTS = (
    "",
    " ",
    "0",
    "1e5",
    "NaN",
    "BTC",
    "USDC",
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "\x00",
    "\ud800",
    "žluťoučký \U0001f30a ‮",
    "[bold]",
    "x" * 5_000,
)
SPECIALS = (float("nan"), float("inf"), float("-inf"))


def places(content: Any) -> Iterator[Place]:
    """Every item of every container at any depth."""
    if isinstance(content, dict):
        items: Iterator[tuple[Any, Any]] = iter(list(content.items()))
    elif isinstance(content, list):
        items = iter(list(enumerate(content)))
    else:
        return
    for key, value in items:
        yield content, key
        yield from places(value)


def anything(rng: random.Random) -> Any:
    """A value that hardly ever belongs where it is put."""
    pool = rng.choice([NUMBERS, TEXTS, SPECIALS, (True, False, None), ([], {}, [[]], {"a": {"b": []}}, [None])])
    return json.loads(json.dumps(rng.choice(pool)))


def damage(content: Any, rng: random.Random) -> str:
    """Change one place of `content` in place; returns what was done."""
    all_places = list(places(content))
    if not all_places:
        return "nothing"
    holder, key = rng.choice(all_places)
    what = rng.choice(["drop", "replace", "replace", "number", "number", "rename", "insert", "copy", "wrap", "swap"])
    if what == "drop":
        del holder[key]
    elif what == "number":
        numeric = [(h, k) for h, k in all_places if isinstance(h[k], (int, float)) and not isinstance(h[k], bool)]
        holder, key = rng.choice(numeric or [(holder, key)])
        old = holder[key] if numeric else 1.0
        holder[key] = rng.choice(
            [
                *NUMBERS,
                *SPECIALS,
                -old,
                str(old),
                old * 1e9 if abs(old) < 1e100 else old,
                old / 1e9 if abs(old) < 1e100 else old,
            ]
        )
    elif what == "rename" and isinstance(holder, dict):
        holder[rng.choice([str(key) + "x", str(key).upper(), *TEXTS])] = holder.pop(key)
    elif what == "insert" and isinstance(holder, dict):
        holder[rng.choice([*TEXTS, "extra", str(key)])] = anything(rng)
    elif what == "copy" and isinstance(holder, list):
        holder.insert(rng.randrange(len(holder) + 1), json.loads(json.dumps(holder[key])))
    elif what == "wrap":
        holder[key] = rng.choice([[holder[key]], {"value": holder[key]}])
    elif what == "swap":
        other, there = rng.choice(all_places)
        # values are copied, so that no container ends up inside itself
        mine, theirs = json.dumps(holder[key]), json.dumps(other[there])
        holder[key], other[there] = json.loads(theirs), json.loads(mine)
    else:
        holder[key] = anything(rng)
    return what


def mutated(content: Any, rng: random.Random) -> Any:
    """A damaged copy."""
    copy = json.loads(json.dumps(content))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        try:
            damage(copy, rng)
        except (KeyError, IndexError):  # an earlier change took the place away
            continue
    return copy


def mutated_text(content: Any, rng: random.Random) -> bytes:
    """A damaged document as the bytes of a file; now and then the text is cut, repeated or sprinkled with bytes."""
    text = json.dumps(mutated(content, rng)).encode("utf-8", "surrogatepass")
    what = rng.randrange(12)
    at = rng.randrange(len(text) + 1)
    if what == 0:
        return text[:at]
    if what == 1:
        return text[:at] + bytes([rng.randrange(256)]) + text[at:]
    if what == 2:
        return text[:at] + text[max(0, at - rng.randrange(1, 60)) :]
    if what == 3:
        return text.replace(b'": ', b'": 1, "x": ', 1)
    return text
