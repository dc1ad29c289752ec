"""Commitments and zero-knowledge proofs of margin and solvency. Unaudited.

Statements are rows `A x + b >= 0` over private integers; a proof shows that committed numbers meet them and nothing
else. See `docs/proofs.md` for what is proved, what is learnt, and what no proof can say.
"""

from plimsoll.proofs.account import MarginStatement, margin_claim, prove_margin, verify_margin
from plimsoll.proofs.book import CommittedBook, RowsDocument
from plimsoll.proofs.checked import Signed, check_margin, check_solvency
from plimsoll.proofs.commitments import Opening, commit
from plimsoll.proofs.continuity import Fill, FillLog, PrivateFill, follow, moved_opening
from plimsoll.proofs.errors import UNAUDITED, MissingProofsError, NotProvableError, ProofRefusedError
from plimsoll.proofs.gathered import gather_books
from plimsoll.proofs.listed import Stated, state_account
from plimsoll.proofs.publication import verify_inclusion, verify_solvency
from plimsoll.proofs.requirement import Requirement, requirement_of, shortfall_requirement
from plimsoll.proofs.shortfall import Measure, ShortfallRules, measure_of, required
from plimsoll.proofs.signing import Signature, check_signature, new_key, public_key, sign
from plimsoll.proofs.solvency import Published, prove_solvency
from plimsoll.proofs.terms import MarginProof, MarginTerms, Pledged
from plimsoll.proofs.vault import Vault, VaultFile
from plimsoll.proofs.venue import Inclusion, Solvency, VenueBooks, VenueTerms

__all__ = [
    "UNAUDITED",
    "CommittedBook",
    "Fill",
    "FillLog",
    "Inclusion",
    "MarginProof",
    "MarginStatement",
    "MarginTerms",
    "Measure",
    "MissingProofsError",
    "NotProvableError",
    "Opening",
    "Pledged",
    "PrivateFill",
    "ProofRefusedError",
    "Published",
    "Requirement",
    "RowsDocument",
    "ShortfallRules",
    "Signature",
    "Signed",
    "Solvency",
    "Stated",
    "Vault",
    "VaultFile",
    "VenueBooks",
    "VenueTerms",
    "check_margin",
    "check_signature",
    "check_solvency",
    "commit",
    "follow",
    "gather_books",
    "margin_claim",
    "measure_of",
    "moved_opening",
    "new_key",
    "prove_margin",
    "prove_solvency",
    "public_key",
    "required",
    "requirement_of",
    "shortfall_requirement",
    "sign",
    "state_account",
    "verify_inclusion",
    "verify_margin",
    "verify_solvency",
]
