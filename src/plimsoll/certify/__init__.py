"""Integers from the quantised array on: the statement, the second calculator, the certificate and one account's audit.

Nothing here imports another room than `documents`, so that an auditor needs no model and no market to compute a
charge again.
"""

from plimsoll.certify.calculator import value_of
from plimsoll.certify.certificate import Certificate, Decided, UncertifiedError, certify
from plimsoll.certify.chain import START, body_hash, link_hash
from plimsoll.certify.extract import Audited, Extract, audit
from plimsoll.certify.rounding import GUARD, exact_decimal, exact_ratio, rounded_up
from plimsoll.certify.statement import (
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
    "curves",
    "exact_decimal",
    "exact_ratio",
    "link_hash",
    "rounded_up",
    "value_of",
    "worsts",
]
