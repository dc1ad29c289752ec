"""The Fiat-Shamir transcript: everything that was said goes in before the next challenge comes out.

Bulletproofs (Buenz and others, 2018) section 4.4. A weak version of exactly this, a statement that was not absorbed,
broke several published implementations; so every piece is framed by its length and a label.
"""

from __future__ import annotations

import hashlib


class Transcript:
    """A running SHA-256 over framed messages.

    `state = SHA256(state || len(label) || label || len(data) || data)`, lengths as 8 bytes, most significant first; the
    first state is 32 zero bytes. A challenge is `SHA512(state || "challenge" framed with its label)` modulo the order,
    and is absorbed itself.
    """

    def __init__(self, protocol: bytes) -> None:
        self.state = bytes(32)
        self.absorb(b"protocol", protocol)

    def absorb(self, label: bytes, data: bytes) -> None:
        """Take in `data` under `label`."""
        self.state = hashlib.sha256(self.state + _framed(label) + _framed(data)).digest()

    def challenge(self, label: bytes, order: int) -> int:
        """A number from 1 to `order - 1` that depends on all that was absorbed."""
        counter = 0
        while True:
            wide = hashlib.sha512(self.state + _framed(b"challenge") + _framed(label) + bytes([counter])).digest()
            number = int.from_bytes(wide, "big") % order
            if number:
                self.absorb(b"challenge " + label, wide)
                return number
            counter += 1  # never seen: one in 2^255


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data
