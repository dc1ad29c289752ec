"""Integers from the quantised array on: the statement, the second calculator, the certificate and one account's audit.

Nothing here imports another room than `documents`, so that an auditor needs no model and no market to compute a
charge again.
"""

from plimsoll.certify.calculator import value_of
from plimsoll.certify.certificate import Certificate, Decided, UncertifiedError, certify, charged_apart
from plimsoll.certify.chain import START, body_hash, link_hash
from plimsoll.certify.extract import Audited, Extract, audit
from plimsoll.certify.statement import (
    GUARD,
    Curved,
    Least,
    Max,
    Node,
    Ratio,
    Relieved,
    Scaled,
    Statement,
    Sum,
    Tail,
    Worst,
    curves,
    worsts,
)

__all__ = [
    "GUARD",
    "START",
    "Audited",
    "Certificate",
    "Curved",
    "Decided",
    "Extract",
    "Least",
    "Max",
    "Node",
    "Ratio",
    "Relieved",
    "Scaled",
    "Statement",
    "Sum",
    "Tail",
    "UncertifiedError",
    "Worst",
    "audit",
    "body_hash",
    "certify",
    "charged_apart",
    "curves",
    "link_hash",
    "value_of",
    "worsts",
]
