"""The verifier of the Bulletproofs paper in plain Python: its own curve, its own transcript, no batching, no library.

Equations 65 and 67 apart, the inner product by protocol 2 with its generators folded round by round. Shares no line
with `plimsoll.proofs`; generators and rows are handed in.
"""

from __future__ import annotations

import hashlib

Q = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
P = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001

Point = tuple[int, int] | None


def add(a: Point, b: Point) -> Point:
    """Affine addition on y^2 = x^3 + 4."""
    if a is None:
        return b
    if b is None:
        return a
    if a[0] == b[0]:
        if (a[1] + b[1]) % Q == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, Q) % Q
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, Q) % Q
    x = (slope * slope - a[0] - b[0]) % Q
    return x, (slope * (a[0] - x) - a[1]) % Q


def times(k: int, a: Point) -> Point:
    """Double and add, in projective coordinates (X/Z^2, Y/Z^3) until the end."""
    k %= P
    if a is None or k == 0:
        return None
    x, y, z = 0, 1, 0
    for bit in bin(k)[2:]:
        if z:  # double
            s, m = 4 * x * y * y % Q, 3 * x * x % Q
            nx = (m * m - 2 * s) % Q
            x, y, z = nx, (m * (s - nx) - 8 * y**4) % Q, 2 * y * z % Q
        if bit == "1":
            if not z:
                x, y, z = a[0], a[1], 1
                continue
            zz = z * z % Q
            u, s = a[0] * zz % Q, a[1] * zz * z % Q
            h, r = (u - x) % Q, (s - y) % Q
            if h == 0:
                doubled = add(a, a) if r == 0 else None
                x, y, z = (doubled[0], doubled[1], 1) if doubled else (0, 1, 0)
                continue
            hh = h * h % Q
            v = x * hh % Q
            nx = (r * r - hh * h - 2 * v) % Q
            x, y, z = nx, (r * (v - nx) - y * hh * h) % Q, z * h % Q
    if not z:
        return None
    back = pow(z, -1, Q)
    return x * back * back % Q, y * back**3 % Q


def total(pairs: list[tuple[int, Point]]) -> Point:
    """A sum of multiples, one after the other."""
    result: Point = None
    for k, point in pairs:
        result = add(result, times(k, point))
    return result


def read(data: bytes) -> Point:
    """A compressed element: the first bit set, the third says which root."""
    assert len(data) == 48
    assert data[0] & 0x80
    assert not data[0] & 0x40
    x = int.from_bytes(data, "big") & ((1 << 381) - 1)
    square = (x**3 + 4) % Q
    y = pow(square, (Q + 1) // 4, Q)
    assert y * y % Q == square
    if (y > Q - y) != bool(data[0] & 0x20):
        y = Q - y
    return x, y


class Script:
    """SHA-256 over framed messages; challenges by SHA-512."""

    def __init__(self) -> None:
        self.state = b"\0" * 32
        self.say(b"protocol", b"plimsoll/range-proof/v1")

    def say(self, label: bytes, data: bytes) -> None:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in (label, data))
        self.state = hashlib.sha256(self.state + framed).digest()

    def ask(self, label: bytes) -> int:
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in (b"challenge", label))
        wide = hashlib.sha512(self.state + framed + b"\0").digest()
        self.say(b"challenge " + label, wide)
        return int.from_bytes(wide, "big") % P


def accepts(
    rows: list[tuple[dict[int, int], int, int]],
    digest: bytes,
    context: bytes,
    commitments: list[bytes],
    proof: bytes,
    generators: dict[str, list[bytes]],
) -> bool:
    """Whether the proof holds; `rows` are (coefficients, offset, width), `generators` encoded elements by name."""
    bits = sum(width for _, _, width in rows)
    size = max(2, 1 << (bits - 1).bit_length())
    rounds = size.bit_length() - 1
    assert len(proof) == 1 + 48 * (4 + 2 * rounds) + 5 * 32
    assert proof[0] == 1
    script = Script()
    script.say(b"group", b"BLS12-381 G1")
    script.say(b"context", context)
    script.say(b"rows", digest)
    script.say(b"commitments", len(commitments).to_bytes(4, "big"))
    for data in commitments:
        script.say(b"V", data)
    parts = [proof[1 + 48 * i : 49 + 48 * i] for i in range(4)]
    place = 1 + 4 * 48
    numbers = [proof[place + 32 * i : place + 32 * i + 32] for i in range(3)]
    place += 96
    folds = [(proof[place + 96 * i :][:48], proof[place + 96 * i + 48 :][:48]) for i in range(rounds)]
    place += 96 * rounds
    a, b = (int.from_bytes(proof[place + 32 * i :][:32], "big") for i in range(2))
    script.say(b"A", parts[0])
    script.say(b"S", parts[1])
    y, z = script.ask(b"y"), script.ask(b"z")
    script.say(b"T1", parts[2])
    script.say(b"T2", parts[3])
    x = script.ask(b"x")
    for label, data in zip((b"tau", b"mu", b"t"), numbers, strict=True):
        script.say(label, data)
    w = script.ask(b"w")
    tau, mu, t = (int.from_bytes(data, "big") for data in numbers)
    if max(tau, mu, t, a, b) >= P:
        return False
    elements = list(map(read, parts))
    value, blinding, product = (read(generators[n][0]) for n in ("value", "blinding", "product"))
    left, right = list(map(read, generators["left"][:size])), list(map(read, generators["right"][:size]))
    d = [0] * size
    i = 0
    for k, (_, _, width) in enumerate(rows):
        for bit in range(width):
            d[i] = pow(z, 2 + k, P) * pow(2, bit, P) % P
            i += 1
    delta = (z - z * z) * sum(pow(y, i, P) for i in range(size)) - z * sum(d)
    # 65, with the commitment of each row made from the map
    wanted: Point = times(delta, value)
    given = list(map(read, commitments))
    for k, (coefficients, offset, _) in enumerate(rows):
        behind = total([(c, given[j]) for j, c in coefficients.items()] + [(offset, value)])
        wanted = add(wanted, times(pow(z, 2 + k, P), behind))
    wanted = add(wanted, total([(x, elements[2]), (x * x, elements[3])]))
    if total([(t, value), (tau, blinding)]) != wanted:
        return False
    # 66 and 67
    h = [times(pow(y, -i, P), point) for i, point in enumerate(right)]
    p = total([(1, elements[0]), (x, elements[1]), (-mu, blinding), (t * w, product)])
    for i in range(size):
        p = add(p, total([(-z, left[i]), (z * pow(y, i, P) + d[i], h[i])]))
    for first, second in folds:
        script.say(b"L", first)
        script.say(b"R", second)
        u = script.ask(b"u")
        back = pow(u, -1, P)
        p = total([(u * u, read(first)), (1, p), (back * back, read(second))])
        half = len(left) // 2
        left = [total([(back, left[i]), (u, left[half + i])]) for i in range(half)]
        h = [total([(u, h[i]), (back, h[half + i])]) for i in range(half)]
    return p == total([(a, left[0]), (b, h[0]), (a * b * w, product)])
