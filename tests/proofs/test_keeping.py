"""Openings kept encrypted and signatures of sources and venues."""

from __future__ import annotations

from pathlib import Path

import pytest

import plimsoll.proofs.vault as module
from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_market
from plimsoll.proofs import (
    NotProvableError,
    Opening,
    ProofRefusedError,
    Signature,
    Vault,
    VaultFile,
    check_signature,
    new_key,
    public_key,
    sign,
)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COST", 4)


def test_a_vault_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    place = tmp_path / "vault.json"
    vault = Vault.load(place, "secret")
    assert vault.entries == {}
    opening = Opening.of([5, -7, 0])
    vault.put("a/1", opening)
    vault.save(place, "secret")
    assert place.stat().st_mode & 0o077 == 0
    assert Vault.load(place, "secret").entries == {"a/1": opening}
    text = place.read_text()
    assert f"{opening.blindings[0]:064x}" not in text
    with pytest.raises(DocumentError, match="does not open"):
        Vault.load(place, "Secret")
    file = VaultFile.load(place)
    for field in ("salt", "nonce", "sealed"):
        data = bytearray(bytes.fromhex(getattr(file, field)))
        data[-1] ^= 1
        with pytest.raises(DocumentError, match="does not open"):
            Vault.opened(file.model_copy(update={field: data.hex()}), "secret")
    with pytest.raises(DocumentError, match="power of two"):
        Vault.opened(file.model_copy(update={"cost": 2**40}), "secret")
    # export and import: the file is all there is
    moved = tmp_path / "moved.json"
    moved.write_text(text)
    assert Vault.load(moved, "secret").entries == vault.entries
    # each save has a salt and a nonce of its own
    vault.save(place, "secret")
    again = VaultFile.load(place)
    assert (again.salt, again.nonce) != (file.salt, file.nonce)


def test_a_blinding_is_used_for_one_number() -> None:
    vault = Vault()
    opening = Opening.of([5, 6])
    vault.put("a/1", opening)
    vault.put("a/1", opening)
    vault.put("a/2", Opening((5,), opening.blindings[:1]))
    with pytest.raises(NotProvableError, match="used for another number"):
        vault.put("a/3", Opening((6,), opening.blindings[:1]))
    with pytest.raises(NotProvableError, match="another opening of this name"):
        vault.put("a/1", Opening.of([5, 6]))
    assert len({b for _ in range(50) for b in Opening.of([1, 1]).blindings}) == 100


def test_a_signature_is_of_one_document_in_one_role_by_one_key() -> None:
    market = demo_market()
    private, other = new_key(), new_key()
    made = Signature.from_json(sign(market, "market", private).to_json())
    key = public_key(private)
    check_signature(market, "market", made, key)
    moved = market.model_copy(update={"source": "elsewhere"})
    digits = "0" if made.signature[0] != "0" else "1"
    wrong = [
        (moved, "market", made, key, "another document"),
        (market, "book", made, key, "for 'market'"),
        (market, "market", made, public_key(other), "another key"),
        (moved, "market", made.model_copy(update={"document": moved.hash()}), key, "does not hold"),
        (market, "book", made.model_copy(update={"role": "book"}), key, "does not hold"),
        (market, "market", made.model_copy(update={"signature": digits + made.signature[1:]}), key, "does not hold"),
    ]
    for document, role, signature, trusted, reason in wrong:
        with pytest.raises(ProofRefusedError, match=reason):
            check_signature(document, role, signature, trusted)
