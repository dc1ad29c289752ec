"""The disclosure: a document that says what was tested, on what, with which code, and how to run it again.

Of the kind that CPMI-IOSCO and ESMA ask of clearing houses: models and their parameters, coverage by book and regime
with every rejection, shortfalls, procyclicality, the assumptions, and hashes of data, code and parameters, so that a
machine can check that a second run says the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np

from plimsoll.documents import content_hash, format_instant, refuse
from plimsoll.dynamics.iv_proxy import shipped
from plimsoll.market.history import instant_of
from plimsoll.validate.chain_error import CHAIN_DRAWS
from plimsoll.validate.judge import Judgement
from plimsoll.validate.levels import NOISE
from plimsoll.validate.walk import BOUNDS, NOISES, EngineModel, Walk

SCHEMA = "plimsoll.disclosure"


@cache
def code_hash() -> str:
    """`sha256:` and the digest of every Python and data file of the package, by path."""
    digest = hashlib.sha256()
    for path, content in sorted(_sources(files("plimsoll"), "")):
        digest.update(f"{len(path)}:{path};{len(content)}:".encode())
        digest.update(content)
    return "sha256:" + digest.hexdigest()


def _sources(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found = []
    for item in folder.iterdir():
        here = f"{path}/{item.name}"
        if item.is_dir() and item.name != "__pycache__":
            found += _sources(item, here)
        elif item.name.endswith((".py", ".json", ".j2")):
            found.append((here, item.read_bytes()))
    return found


def disclosure(
    walk: Walk,
    judged: Judgement,
    models: Sequence[EngineModel],
    *,
    command: str,
    data: Mapping[str, str],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The document as plain JSON values. `data` are the files by name with their digests, `command` runs it again.

    `result` is the hash of everything that was found: two runs of the same code on the same data agree in it.
    """
    import plimsoll

    tracks = [_track(walk, name) for name in (t.shape.name for t in walk.tracks)]
    found = {"tracks": tracks, **judged.to_dict()}
    return {
        "schema": SCHEMA,
        "schema_version": 1,
        "version": plimsoll.__version__,
        "command": command,
        "hashes": {**walk.hashes, "code": code_hash(), "result": content_hash(_plain(found))},
        "data": dict(data),
        "iv": "proxy",
        "assumptions": {
            "proxy": {"pack": shipped().hash(), "decay": shipped().lam, "noise": NOISE},
            "regimes": {"volatility": list(BOUNDS), "decay": 0.94},
            "draws_of_proxy_error": NOISES,
            "draws_of_chain_error": CHAIN_DRAWS,
            "chains": shipped().measured_on,
            "unit": "fractions of the price of the book's first coin on the day of the forecast",
        },
        "parameters": [{**m.to_dict(), "document": m.model.model_dump(mode="json")} for m in models],
        "books": [t.shape.to_dict() for t in walk.tracks],
        "notes": list(notes),
        **found,
        "rejections": [v.to_dict() for m in judged.models for v in judged.rejections(m)],
    }


def check(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a disclosure as it stands: fields that are missing, a result that is not what was hashed.

    Returns a sentence for each; an empty list is a document that is whole. Whether the result is *right* is what the
    replay command tells.
    """
    if document.get("schema") != SCHEMA:
        raise refuse("schema", document.get("schema"), SCHEMA)
    wanted = ("command", "hashes", "data", "parameters", "books", "tracks", "verdicts", "studies", "rejections")
    problems = [f"{name} is missing" for name in wanted if name not in document]
    if problems:
        return problems
    names = ("tracks", "level", "models", "conservatism_ceiling", "verdicts", "studies")
    found = {name: document.get(name) for name in names}
    if content_hash(_plain(found)) != document["hashes"].get("result"):
        problems.append("the result is not the one that was hashed")
    told = [(v["model"], v["book"], v["regime"]) for v in document["rejections"]]
    due = [(v["model"], v["book"], v["regime"]) for v in document["verdicts"] if v["rejected"]]
    if sorted(told) != sorted(due):
        problems.append("the list of rejections is not that of the verdicts")
    return problems


def _track(walk: Walk, name: str) -> dict[str, Any]:
    """Span, counts and the digest of the series of one book."""
    track = walk.track(name)
    digest = hashlib.sha256(np.ascontiguousarray(track.times, dtype="<i8").tobytes())
    digest.update(np.ascontiguousarray(track.losses, dtype="<f8").tobytes())
    for model in track.var:
        digest.update(model.encode())
        digest.update(np.ascontiguousarray(track.var[model], dtype="<f8").tobytes())
        digest.update(np.ascontiguousarray(track.es[model], dtype="<f8").tobytes())
    first, last = (format_instant(instant_of(track.times[i])) for i in (0, -1))
    return {
        "book": name,
        "first": first,
        "last": last,
        "days": len(track.times),
        "skipped": track.skipped,
        "iv": "proxy" if track.shape.options else "none",
        "largest_loss": float(track.losses.max()),
        "series": "sha256:" + digest.hexdigest(),
    }


def _plain(value: Any) -> Any:
    """Values as JSON would give them back, so that a hash of a document read again is that of the one written."""
    import json

    return json.loads(json.dumps(value, allow_nan=False))
