"""How well the rules are known by which a line or a day is told."""

from __future__ import annotations

from plimsoll.margin.components import by_evidence, in_words
from plimsoll.margin.model import Assessment


def rules_known(found: Assessment) -> tuple[str, ...]:
    """How well the rules of the maintenance margin are known, in words; nothing where none is required.

    A component is as well known as its least known number, be it one of the initial margin alone (as a leverage that
    nobody chose).
    """
    told = in_words(by_evidence(found.components, "maintenance"))
    return (f"the rules of the maintenance margin, each as its least known number: {told}",) if told else ()
