"""Signatures of sources and venues, Ed25519: whose snapshot it is, and whose book."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import StringConstraints

from plimsoll.documents import Document, Name
from plimsoll.proofs.errors import MissingProofsError, ProofRefusedError
from plimsoll.proofs.terms import Digest

Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DOMAIN = b"plimsoll/signature/v1\n"


class Signature(Document):
    """The signature of a document by its `signer`: Ed25519 over a domain line, the role, and the document's hash.

    `role` is what the signer vouches for: `market` for a snapshot of a source, `book` for the commitments of an
    account, `solvency` for the publication of a venue.
    """

    SCHEMA: ClassVar[str] = "plimsoll.signature"

    role: Name
    document: Digest
    public_key: Key
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


def _library() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise MissingProofsError("signatures need cryptography: pip install 'plimsoll-margin[proofs]'") from None
    return ed25519


def new_key() -> str:
    """A private key from the system's randomness, 32 bytes as hexadecimal text."""
    from secrets import token_hex

    return token_hex(32)


def public_key(private: str) -> str:
    """The public key of a private one."""
    key = _library().Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    return bytes(key.public_key().public_bytes_raw()).hex()


def sign(document: Document, role: str, private: str) -> Signature:
    """The signature of a document."""
    key = _library().Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private))
    signed = key.sign(_message(role, document.hash()))
    return Signature(role=role, document=document.hash(), public_key=public_key(private), signature=signed.hex())


def check_signature(document: Document, role: str, signature: Signature, expected_key: str) -> None:
    """Raise `ProofRefusedError` unless `expected_key` signed this very document in this role."""
    from cryptography.exceptions import InvalidSignature

    if signature.public_key != expected_key:
        raise ProofRefusedError("the signature is of another key than the one that is trusted")
    if signature.role != role:
        raise ProofRefusedError(f"the signature is for {signature.role!r}, not for {role!r}")
    if signature.document != document.hash():
        raise ProofRefusedError("the signature is of another document")
    key = _library().Ed25519PublicKey.from_public_bytes(bytes.fromhex(expected_key))
    try:
        key.verify(bytes.fromhex(signature.signature), _message(role, signature.document))
    except InvalidSignature:
        raise ProofRefusedError("the signature does not hold") from None


def _message(role: str, digest: str) -> bytes:
    return DOMAIN + role.encode() + b"\n" + digest.encode()
