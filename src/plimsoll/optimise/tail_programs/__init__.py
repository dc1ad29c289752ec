"""Least expected shortfall and least worst loss over many scenarios, each answer with its proof."""

from plimsoll.optimise.tail_programs.certificate import Certificate, certify
from plimsoll.optimise.tail_programs.minimum import (
    NoPointError,
    TailAnswer,
    UnprovedError,
    minimum_es,
    minimum_loss,
    solve,
)
from plimsoll.optimise.tail_programs.program import TailProgram, make_program, tail_of

__all__ = [
    "Certificate",
    "NoPointError",
    "TailAnswer",
    "TailProgram",
    "UnprovedError",
    "certify",
    "make_program",
    "minimum_es",
    "minimum_loss",
    "solve",
    "tail_of",
]
