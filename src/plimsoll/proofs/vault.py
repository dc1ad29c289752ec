"""Openings kept encrypted: who loses the blindings can prove nothing more, who shows them shows the book."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from plimsoll.documents import Document, refuse
from plimsoll.proofs.commitments import Opening
from plimsoll.proofs.errors import MissingProofsError, NotProvableError

COST = 2**15
"""The `n` of scrypt, with `r = 8` and `p = 1`, so that each try of a passphrase takes 32 MB and some 0.1 s."""

_Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})*$")]


class VaultFile(Document):
    """Encrypted openings: AES-256-GCM under a key that scrypt derives from a passphrase."""

    SCHEMA: ClassVar[str] = "plimsoll.vault"

    cost: int
    salt: _Hex
    nonce: _Hex
    sealed: _Hex


class Vault:
    """Openings by name. A blinding is never taken for a second number: an entry that would do so is refused."""

    def __init__(self) -> None:
        self.entries: dict[str, Opening] = {}
        self._used: dict[int, int] = {}

    def put(self, name: str, opening: Opening) -> None:
        """Keep an opening. Raises `NotProvableError` if the name is taken or a blinding was used for another value."""
        if name in self.entries and self.entries[name] != opening:
            raise NotProvableError(f"{name}: the vault holds another opening of this name")
        for value, blinding in zip(opening.values, opening.blindings, strict=True):
            if self._used.get(blinding, value) != value:
                raise NotProvableError(f"{name}: a blinding that was used for another number")
        self._used.update(zip(opening.blindings, opening.values, strict=True))
        self.entries[name] = opening

    def sealed(self, passphrase: str) -> VaultFile:
        """The vault encrypted under a fresh salt and nonce."""
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        plain = {
            name: {"values": list(map(str, o.values)), "blindings": [f"{b:064x}" for b in o.blindings]}
            for name, o in sorted(self.entries.items())
        }
        sealed = _cipher(passphrase, salt, COST).encrypt(nonce, json.dumps(plain).encode(), VaultFile.SCHEMA.encode())
        return VaultFile(cost=COST, salt=salt.hex(), nonce=nonce.hex(), sealed=sealed.hex())

    @classmethod
    def opened(cls, file: VaultFile, passphrase: str) -> Vault:
        """The openings of a file. Raises `DocumentError` for a wrong passphrase or a changed byte."""
        from cryptography.exceptions import InvalidTag

        if not 2 <= file.cost <= 2**20 or file.cost & (file.cost - 1):
            raise refuse("cost", file.cost, "a power of two up to 2^20")
        cipher = _cipher(passphrase, bytes.fromhex(file.salt), file.cost)
        try:
            plain = cipher.decrypt(bytes.fromhex(file.nonce), bytes.fromhex(file.sealed), VaultFile.SCHEMA.encode())
        except (InvalidTag, ValueError):
            raise refuse("passphrase", "one that does not open the vault", "the one it was sealed with") from None
        vault = cls()
        for name, entry in json.loads(plain).items():
            values, blindings = map(int, entry["values"]), (int(b, 16) for b in entry["blindings"])
            vault.put(name, Opening(tuple(values), tuple(blindings)))
        return vault

    @classmethod
    def load(cls, path: str | Path, passphrase: str) -> Vault:
        """The vault in a file; an empty one where there is none."""
        return cls.opened(VaultFile.load(path), passphrase) if Path(path).exists() else cls()

    def save(self, path: str | Path, passphrase: str) -> None:
        """Written beside, readable by its owner only, and moved over what was there."""
        place = Path(path)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.sealed(passphrase).to_json())
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, place)


def _cipher(passphrase: str, salt: bytes, cost: int) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ImportError:
        raise MissingProofsError("a vault needs cryptography: pip install 'plimsoll-margin[proofs]'") from None
    return AESGCM(Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase.encode()))
