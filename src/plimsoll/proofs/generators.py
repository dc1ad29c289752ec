"""The generators of commitments and inner products: derived from their numbers, kept in a file that a hash pins."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.group import Group, Point, default_group

LARGEST = 65_536
"""Pairs in the largest set."""

PINNED = {
    1: "4404390929501957e54737d104e7c437612b99152bd8b564f51704e26b538253",
    2: "85e8837d762514020b6502251729f8405a283b86cca6b6fc4e57fa9bfbee7aaf",
    4: "cfa802dd3eef3dbeeb593300400c34854fc0e059b2b6514260e4043e079a64ba",
    8: "f91fda4dcc36b77e870dab833310036aba1c4006e281cf8a7de2aafc98602a1d",
    16: "ce8b613d63b208b0978c52a27b78cff02db992d6dc60b03aea74d2aa7d89ce09",
    32: "f8597ff268936155bef80013b91fd01345db5236b1b7573f1d8644031b1678fb",
    64: "b3fd12848985ac4462d4070acb0aae3a0dcbab79fb2d8b3c8ee1afdba096da2d",
    128: "2bf2948eb70a25d467eb42b6093020ba80bc1c53de0eca955835929740027e14",
    256: "07880857c496840c7c1a762dd81b8c03f2dad1646b9902a172a80c724e5ac3dc",
    512: "388bda21805d5c074f68c0c924f77bd56b92820757c552de2d3fa93e2dcbddbb",
    1024: "adf7b80362284fec63375876446ac08ba67b02ee7b034948539840481cb7491a",
    2048: "82aa0a0537a013652e0aa591a703e97c9a2ce6c6f6e4b1358e4aee7f06f945f2",
    4096: "5532e3a9d66a6ff843d775496211dcb77acdbfd8feeeca00ef2947b65a1dbdb5",
    8192: "02fe819d4d1cbb33e4a4ee129c31e09ec1308b3c5763ff93759e21434a6b5f0f",
    16384: "2c340885c9a3cf966ab901258783407523403bf9296161a9aeba8e746796d37d",
    32768: "1804f6669aeeb84ed8cdbecdb0bc4ad9aff08517d30aaf927c205c6d572a8d76",
    65536: "903b926a0c0bd3483cdc981e66079be6c0ee9f3b683f6fd2f7003e26d8b29fb3",
}
"""SHA-256 of the first `size` pairs as the file holds them, `G_0 H_0 G_1 H_1 ...` of 96 bytes each."""


@dataclass(frozen=True)
class Generators:
    """`value` (B), `blinding` (B~), `product` (U), and `left[L]`, `right[L]` (G and H)."""

    value: Point
    blinding: Point
    product: Point
    left: tuple[Point, ...]
    right: tuple[Point, ...]


def message_of(name: bytes, index: int) -> bytes:
    """What generator `index` of the family `name` is hashed from: the name, then the index as 4 bytes."""
    return name + index.to_bytes(4, "big")


_HELD: dict[int, Generators] = {}


def generators(size: int, folder: Path | None = None) -> Generators:
    """The first `size` pairs, a power of two up to 65,536, and the three generators beside them.

    Kept in memory and, from 1,024 pairs on, in a file of the user's cache (`PLIMSOLL_CACHE`, else `XDG_CACHE_HOME`,
    else `~/.cache`). A file that does not have the pinned hash is made again from nothing. Raises `NotProvableError`
    beyond the largest set.
    """
    if size & (size - 1) or not 1 <= size <= LARGEST:
        raise NotProvableError(f"{size} bits in a proof; at most {LARGEST:,} can be proved together")
    if size not in _HELD:
        group = default_group()
        larger = next((held for length, held in sorted(_HELD.items()) if length > size), None)
        if larger is not None:
            left, right = larger.left[:size], larger.right[:size]
        else:
            left, right = _pairs(group, size, folder)
        _HELD[size] = Generators(
            group.derive(message_of(b"value", 0)),
            group.derive(message_of(b"blinding", 0)),
            group.derive(message_of(b"product", 0)),
            left,
            right,
        )
    return _HELD[size]


def generators_file(size: int) -> bytes:
    """The first `size` pairs for another verifier, 192 bytes each; the reader holds them to the pinned hash."""
    group, base = default_group(), generators(size)
    return b"".join(group.wide(p) for pair in zip(base.left, base.right, strict=True) for p in pair)


def derive_pairs(group: Group, size: int, start: int = 0) -> list[Point]:
    """`G_i, H_i` for `i` from `start` to `size`, from nothing but their numbers."""
    return [group.derive(message_of(name, i)) for i in range(start, size) for name in (b"left", b"right")]


def _pairs(group: Group, size: int, folder: Path | None) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    points = None
    place = cache_folder(folder) / "generators-v1.bin"
    if size >= 1024:
        points = _from_file(group, size, place)
    if points is None:
        points = derive_pairs(group, size)
        data = b"".join(map(group.wide, points))
        pinned = PINNED.get(size)
        if pinned is not None and hashlib.sha256(data).hexdigest() != pinned:
            raise NotProvableError("the derived generators do not have the pinned hash: another library or a fault")
        if size >= 1024:
            _write(place, data)
    return tuple(points[0::2]), tuple(points[1::2])


def cache_folder(folder: Path | None = None) -> Path:
    """Where files that can be made again are kept."""
    if folder is not None:
        return folder
    home = os.environ.get("PLIMSOLL_CACHE")
    if home:
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plimsoll"


def _from_file(group: Group, size: int, place: Path) -> list[Point] | None:
    """The pairs in the file, if it has enough of them and its hash is the pinned one."""
    length = size * 2 * 96
    try:
        with place.open("rb") as file:
            data = file.read(length)
    except OSError:
        return None
    if len(data) < length or hashlib.sha256(data).hexdigest() != PINNED.get(size):
        return None
    return [group.from_wide(data[i : i + 96]) for i in range(0, length, 96)]


def _write(place: Path, data: bytes) -> None:
    """Written beside and moved, and only where it is longer; without a place to write nothing is kept."""
    try:
        if place.exists() and place.stat().st_size >= len(data):
            kept = place.read_bytes()[: len(data)]
            if kept == data:
                return
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, place)
    except OSError:
        return
