"""
A desk proves its margin and shows no position
==============================================

A lender wants to know that the desk's collateral at the venue covers its margin. The desk does not want to show its
book. Snapshot and rules are public, so the loss in each scenario is a public linear form of private positions: the desk
commits to them and proves that no loss exceeds what covers it. Unaudited: no cryptographer from outside has reviewed
these proofs.
"""

# %%
# The desk's side
# ---------------
# The perpetual and the future of the embedded book under PRBM. The list of instruments is public; the desk names one
# that it does not hold.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.proofs import (
    UNAUDITED,
    CommittedBook,
    MarginStatement,
    NotProvableError,
    Opening,
    Pledged,
    ProofRefusedError,
    check_signature,
    new_key,
    prove_margin,
    public_key,
    requirement_of,
    sign,
    verify_margin,
)

market, model = demo_market(), pl.margin_model("prbm@2026-01-01")
whole = demo_account()
kept = tuple(p for p in whole.positions if market.contracts[p.instrument].kind != "option")
account = pl.Account(name="desk", venue="demo", positions=kept, collateral={"BTC": 1.25})
decoy = next(c.name for c in market.instruments if c.kind == "future" and all(p.instrument != c.name for p in kept))
names = [*(p.instrument for p in kept), decoy]
terms = {"venue": "demo", "account": "desk-7", "epoch": "2026-03-27"}
statement = MarginStatement.of(
    requirement_of(model, names, market),
    **terms,
    collateral=[Pledged(asset="BTC", decimals=8, bits=40)],
    quantity_decimals=0,
    quantity_bits=24,
    money_bits=72,
)
quantities, amounts = statement.units(account, market)
opening = Opening.of([*quantities, *amounts])
proof = prove_margin(statement, opening)
size = len(proof.proof) // 2
print(f"{len(statement.written.rows.rows)} rows, {size:,} bytes, {len(proof.commitments)} commitments: {UNAUDITED}")

# %%
# The lender's side
# -----------------
# The snapshot comes signed from its source, the commitments signed from the venue. The lender computes the requirement
# himself; a proof about another epoch, or about commitments that the venue did not sign, is refused.

source, venue = new_key(), new_key()
check_signature(market, "market", sign(market, "market", source), public_key(source))
book = CommittedBook.of(proof)
check_signature(book, "book", sign(book, "book", venue), public_key(venue))
verify_margin(proof, requirement_of(model, names, market), **terms, book=book)

other = prove_margin(statement, Opening.of(opening.values))
for words, attempt, asked in (
    ("another epoch", proof, {**terms, "epoch": "2026-03-28"}),
    ("commitments of its own", other, terms),
):
    try:
        verify_margin(attempt, statement.requirement, **asked, book=book)
    except ProofRefusedError as error:
        print(f"{words}: {error}")

# %%
# What each of them sees
# ----------------------
# The desk sees its requirement and what is to spare; the lender sees bytes that look like noise, and that it is enough.

unit = 10.0 ** (statement.terms.array_decimals + statement.terms.quantity_decimals)
excess = statement.written.excess(quantities, amounts) / unit
cover = statement.written.cover.at(statement.written.witness(quantities, amounts)) / unit
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
left.barh(["collateral after haircut", "required"], [cover / 1e3, (cover - excess) / 1e3], color=["C0", "C3"])
left.invert_yaxis()
left.set(xlabel="thousand USD", title="the desk")
noise = np.frombuffer(bytes.fromhex(proof.proof)[: size // 50 * 50], dtype=np.uint8).reshape(-1, 50)
right.imshow(noise, cmap="gray", aspect="auto")
right.set(title=f"the lender: {size:,} bytes, and yes", xticks=[], yticks=[])

# %%
# The number
# ----------
# The largest loan against this collateral that still leaves the margin covered, to the unit of a hundred-millionth of a
# bitcoin: one unit less in collateral than is needed, and there is nothing to prove.

least = amounts[0]
step = 1 << 40
while step:
    if least >= step and statement.written.excess(quantities, [least - step]) >= 0:
        least -= step
    step >>= 1
print(f"{(amounts[0] - least) / 1e8:.8f} BTC could leave; {excess:,.2f} USD to spare")
try:
    prove_margin(statement, Opening.of([*quantities, least - 1]))
    raise AssertionError("one unit short was proved")
except NotProvableError as error:
    print(error)
