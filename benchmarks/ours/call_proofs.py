"""Proofs of margin and solvency, and their verification; a unit is a proof or an account."""

from __future__ import annotations

from typing import Any


def prove(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """A proof over instruments and scenarios, with its commitments made before."""
    from plimsoll.proofs.ranges import prove_ranges
    from plimsoll.proofs.wire import proof_bytes

    _choose(options)
    rows, opening, encoded, _ = _statement(inputs, options)
    return {"run": lambda: {"bytes": len(proof_bytes(prove_ranges(rows, opening, b"bench", encoded)))}, "units": 1}


def verify(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Its verification from bytes: commitments and proof are decoded and checked too."""
    from plimsoll.proofs.equations import Claim, verify_ranges
    from plimsoll.proofs.ranges import prove_ranges
    from plimsoll.proofs.wire import proof_bytes, read_commitments, read_proof

    _choose(options)
    rows, opening, encoded, _ = _statement(inputs, options)
    data = proof_bytes(prove_ranges(rows, opening, b"bench", encoded))

    def run() -> dict[str, Any]:
        points = read_commitments(encoded, len(rows.variables))
        verify_ranges([Claim(rows, points, encoded, b"bench", read_proof(data, rows))])
        return {"bytes": len(data)}

    return {"run": run, "units": 1}


def publish(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """A publication of a venue; a unit is an account."""
    from plimsoll.proofs import prove_solvency

    books = _books(inputs, options)
    _generators()

    def run() -> dict[str, Any]:
        made = prove_solvency(books).solvency
        return {"bytes": sum(len(text) // 2 for text in (*made.ranges, made.totals))}

    return {"run": run, "units": len(books.accounts)}


def check(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """The whole verification of a publication, all proofs in one batch; a unit is an account."""
    from plimsoll.proofs import prove_solvency, verify_solvency

    books = _books(inputs, options)
    made = prove_solvency(books).solvency

    def run() -> dict[str, Any]:
        verify_solvency(made, venue="bench", epoch="1")
        return {"leaves": len(made.leaves)}

    return {"run": run, "units": len(books.accounts)}


def _choose(options: dict[str, Any]) -> None:
    """Without blst where the option `library` says `arkworks`; a process has one library for good."""
    if options.get("library") == "arkworks":
        from plimsoll.proofs import blst

        blst.usable = lambda: False  # type: ignore[assignment]


def _statement(inputs: dict[str, Any], options: dict[str, Any]) -> Any:
    """Worst of scenarios: ranges of 40 bits for positions, of 72 for money, as in the measured prototype."""
    from plimsoll.proofs import Opening
    from plimsoll.proofs.generators import generators
    from plimsoll.proofs.group import default_group
    from plimsoll.proofs.rows import Row, Rows

    n, s = int(options["instruments"]), int(options["scenarios"])
    losses = inputs["losses"][:s, :n].tolist()
    rows = [Row({j: 1}, 1 << 39, 40, f"position {j}") for j in range(n)]
    rows.append(Row({n: 1}, 0, 72, "collateral"))
    rows += [Row({**{j: -a for j, a in enumerate(row)}, n: 1}, 0, 72, f"scenario {k}") for k, row in enumerate(losses)]
    made = Rows(tuple(f"x{j}" for j in range(n + 1)), tuple(rows), default_group().order)
    generators(made.size)
    quantity = inputs["quantity"][:n].tolist()
    need = max(sum(a * q for a, q in zip(row, quantity, strict=True)) for row in losses)
    opening = Opening.of([*quantity, max(0, need)])
    group = default_group()
    points = opening.commitments()
    return made, opening, [group.encode(p) for p in points], points


def _books(inputs: dict[str, Any], options: dict[str, Any]) -> Any:
    from plimsoll.proofs import VenueBooks

    count, names = int(options["accounts"]), ("P1", "P2", "P3", "P4")
    held = inputs["held"][:count].copy()
    held[-1] -= held.sum(axis=0)
    marks = inputs["marks"].tolist()
    accounts = [
        {
            "name": f"account {i}",
            "positions": dict(zip(names, row, strict=True)),
            "balances": {"USD": 10**9 + max(0, -sum(m * q for m, q in zip(marks, row, strict=True)))},
        }
        for i, row in enumerate(held.tolist())
    ]
    terms = {
        "venue": "bench",
        "epoch": "1",
        "nonce": "00" * 16,
        "currency": "USD",
        "decimals": 2,
        "quantity_decimals": 2,
        "instruments": [{"name": n, "mark": m} for n, m in zip(names, marks, strict=True)],
        "assets": [{"name": "USD", "decimals": 2, "value": 1, "reserve": 2**50}],
    }
    content = {"schema": "plimsoll.venue-books", "schema_version": 1, "terms": terms, "accounts": accounts}
    return VenueBooks.from_dict(content)


def _generators() -> None:
    from plimsoll.proofs.generators import generators

    generators(2**14)
