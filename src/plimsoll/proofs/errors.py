"""What a proof can fail with."""

from __future__ import annotations

from typing import Literal

from plimsoll.documents import PlimsollError

Label = Literal["unaudited: no cryptographer from outside has reviewed these proofs"]

UNAUDITED: Label = "unaudited: no cryptographer from outside has reviewed these proofs"
"""The label that goes wherever a user meets a proof."""


class MissingProofsError(PlimsollError):
    """The libraries of the extra `proofs` are not installed."""


class NotProvableError(PlimsollError):
    """A requirement, a size or a private number that no proof here can speak of; the message says why."""


class ProofRefusedError(PlimsollError):
    """A proof that was not accepted; `reason` says at which check, and nothing of what it hides."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"proof refused: {reason}")
