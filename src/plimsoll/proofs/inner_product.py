"""The inner-product argument: `a`, `b` with `P = <a, G> + <b, H'> + <a, b> w U`, in `2 log2 L` elements.

Bulletproofs section 3, protocols 1 and 2, and for the verifier section 3.1 (one multiplication).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.proofs.generators import Generators
from plimsoll.proofs.group import Group, Point, Scalar
from plimsoll.proofs.transcript import Transcript

UNFOLDED = 5
"""Rounds on the generators as they are, before `2**UNFOLDED` of them are folded into one (measured)."""


@dataclass(frozen=True)
class InnerProduct:
    """`left[r]` (L), `right[r]` (R) of each round, and the two numbers that remain."""

    left: tuple[Point, ...]
    right: tuple[Point, ...]
    a: int
    b: int


def prove_inner_product(
    group: Group,
    transcript: Transcript,
    base: Generators,
    weights: Sequence[Scalar],
    w: int,
    a: list[Scalar],
    b: list[Scalar],
) -> InnerProduct:
    """The argument for vectors `a[L]`, `b[L]` over `G` and `H'_i = weights[i] H_i`.

    Protocol 2 folds the generators each round, `G' = u^-1 G_lo + u G_hi` and `H' = u H_lo + u^-1 H_hi`. Folding one by
    one costs more than the multiplications it saves, so the first rounds work on the generators as they are: element
    `i` of the folded `G` is `sum_j cg[j] G[j m + i]` for `m` the length that remains, and `H'` likewise.
    """
    points_g, points_h = list(base.left), list(base.right)
    scale = list(weights)
    product = [base.product]
    w_scalar = group.scalar(w)
    one = group.scalar(1)
    cg, ch = [one], [one]
    lefts: list[Point] = []
    rights: list[Point] = []
    while len(a) > 1:
        if len(cg) == 1 << UNFOLDED:
            points_g, points_h, scale = _folded(group, points_g, points_h, scale, cg, ch)
            cg, ch = [one], [one]
        m, half = len(a), len(a) // 2
        a_lo, a_hi, b_lo, b_hi = a[:half], a[half:], b[:half], b[half:]
        starts = range(0, len(points_g), m)
        upper_g = [p for s in starts for p in points_g[s + half : s + m]]
        lower_g = [p for s in starts for p in points_g[s : s + half]]
        upper_h = [p for s in starts for p in points_h[s + half : s + m]]
        lower_h = [p for s in starts for p in points_h[s : s + half]]
        times_a_lo = [c * x for c in cg for x in a_lo]
        times_a_hi = [c * x for c in cg for x in a_hi]
        upper_w = [c * y for s, c in zip(starts, ch, strict=True) for y in scale[s + half : s + m]]
        lower_w = [c * y for s, c in zip(starts, ch, strict=True) for y in scale[s : s + half]]
        times_b_hi = [x * y for x, y in zip(b_hi * len(ch), lower_w, strict=True)]
        times_b_lo = [x * y for x, y in zip(b_lo * len(ch), upper_w, strict=True)]
        left = group.combine(upper_g + lower_h + product, [*times_a_lo, *times_b_hi, dot(a_lo, b_hi, group) * w_scalar])
        right = group.combine(
            lower_g + upper_h + product, [*times_a_hi, *times_b_lo, dot(a_hi, b_lo, group) * w_scalar]
        )
        lefts.append(left)
        rights.append(right)
        transcript.absorb(b"L", group.encode(left))
        transcript.absorb(b"R", group.encode(right))
        u = group.scalar(transcript.challenge(b"u", group.order))
        back = u.inverse()
        a = [x * u + y * back for x, y in zip(a_lo, a_hi, strict=True)]
        b = [x * back + y * u for x, y in zip(b_lo, b_hi, strict=True)]
        cg = [c * f for c in cg for f in (back, u)]
        ch = [c * f for c in ch for f in (u, back)]
    return InnerProduct(tuple(lefts), tuple(rights), int(a[0]), int(b[0]))


def _folded(
    group: Group, g: list[Point], h: list[Point], scale: list[Scalar], cg: list[Scalar], ch: list[Scalar]
) -> tuple[list[Point], list[Point], list[Scalar]]:
    """The generators folded into `m`, with weights of one.

    The weights are the powers of one number, `scale[j m + i] = scale[j m] scale[i]`, so those within a block are kept
    as the weights that remain.
    """
    m = len(g) // len(cg)
    folded_g = group.combine_each([g[i::m] for i in range(m)], cg)
    folded_h = group.combine_each([h[i::m] for i in range(m)], [c * scale[j * m] for j, c in enumerate(ch)])
    return folded_g, folded_h, scale[:m]


def dot(a: Sequence[Scalar], b: Sequence[Scalar], group: Group) -> Scalar:
    """`<a, b>`."""
    total = group.scalar(0)
    for x, y in zip(a, b, strict=True):
        total = total + x * y
    return total


def products(pairs: Sequence[tuple[Scalar, Scalar]], start: Scalar) -> list[Scalar]:
    """`start prod_j pairs[j][bit of i]` for every `i` below `2**len(pairs)`, the first pair with the highest bit.

    With `pairs[j] = (u_j^-1, u_j)` these are the `s_i` of section 3.1, what the folded `G` has of each generator; those
    of `H` are the inverses. The lists of either half of the bits are small, and their outer product is one
    multiplication for each `i`.
    """
    half = len(pairs) // 2
    high, low = _doubled(pairs[:half], start), _doubled(pairs[half:], None)
    return [c * f for c in high for f in low] if low else high


def _doubled(pairs: Sequence[tuple[Scalar, Scalar]], start: Scalar | None) -> list[Scalar]:
    found = [] if start is None else [start]
    for pair in pairs:
        found = [c * f for c in found for f in pair] if found else list(pair)
    return found
