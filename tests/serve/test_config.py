"""Tenants from a document, TLS, what the command refuses, and the locks."""

from __future__ import annotations

import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from audit_dependencies import unpinned
from live_books import small_accounts
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.serve.app import create_app
from plimsoll.serve.client import Client
from plimsoll.serve.config import ServiceConfig, tenants_of
from plimsoll.serve.run import checked_tls, server_of
from plimsoll.serve.state import Service, Tenant
from plimsoll.serve.tokens import TokenFile
from served import MARKET, free_port, small_engine


def config(folder: Path, **change: Any) -> ServiceConfig:
    """Two tenants whose files are written to a folder."""
    MARKET.save(folder / "market.json")
    for k, account in enumerate(small_accounts(MARKET, 2)):
        account.save(folder / f"{k}.json")
    rows = [
        {"name": name, "rules": "prbm@2026-01-01", "market": "market.json", "accounts": [f"{k}.json"],
         "ledger": f"{name}.db"}
        for k, name in enumerate(("north", "south"))
    ]  # fmt: skip
    rows[1] |= change
    return ServiceConfig.from_dict({"schema": "plimsoll.service", "schema_version": 1, "tenants": rows})


def test_tenants_come_from_a_document(tmp_path: Path) -> None:
    found = tenants_of(config(tmp_path), tmp_path)
    try:
        assert {n: t.names for n, t in found.items()} == {"north": ("account 0",), "south": ("account 1",)}
        assert (tmp_path / "north.db").is_file()
        assert found["north"].ledger is not found["south"].ledger
    finally:
        for tenant in found.values():
            tenant.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "north"}, r"tenants\.name: got 'north'"),
        ({"ledger": "north.db"}, r"tenants\.ledger: got .*; allowed: one of its own for each tenant"),
        ({"name": "../x"}, r"tenants\[1\]\.name"),
        ({"colour": "red"}, r"tenants\[1\]\.colour"),
        ({"accounts": []}, r"tenants\[1\]\.accounts"),
    ],
)
def test_tenants_that_would_share_something_are_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        tenants_of(config(tmp_path, **change), tmp_path)


@pytest.mark.parametrize("name", ["a/b", "..", " a", "a\\b"])
def test_a_name_that_no_path_can_carry_is_refused(name: str) -> None:
    def make() -> Any:
        engine = small_engine(size=1)
        engine.holdings.names = (name,)
        return engine

    with pytest.raises(DocumentError, match=r"accounts\.name"):
        Tenant("x", make)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "one of them: the demonstration, tenants, a tenant"),
        (["--demo", "--rules", "prbm@2026-01-01"], "one of them"),
        (["--market", "m.json"], "the market, an account or more, the rule set"),
        (["--demo", "--certificate", "c.pem"], "both, or neither"),
        (["--demo", "--certificate", "c.pem", "--key", "k.pem"], "a file in PEM form"),
        (["--config", "c.json", "--ledger", "l.db"], "what the document says"),
    ],
)
def test_the_command_refuses_before_it_starts(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["serve", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine, signed by itself."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return paths


def test_under_tls_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    cert, key = certificate(tmp_path)
    with pytest.raises(DocumentError, match="a certificate and its own key"):
        checked_tls(str(key), str(cert))
    tenant = Tenant("desk", small_engine)
    tokens = TokenFile(None)
    _, secret = tokens.create("desk", "read")
    port = free_port()
    app = create_app(Service({"desk": tenant}, tokens), secure=True)
    server = server_of(app, port=port, certificate=str(cert), key=str(key))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60.0
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    context = ssl.create_default_context(cafile=str(cert))
    url = f"https://127.0.0.1:{port}"
    try:
        answer = httpx.get(url + "/v1/health", verify=context, trust_env=False)
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        with Client(url, secret, verify=context) as client:
            assert client.whoami().tenant == "desk"
            frames = client.stream("fleet", timeout=30.0)
            assert next(frames)["channel"] == "fleet"
            frames.close()  # type: ignore[attr-defined]
    finally:
        server.should_exit = True
        thread.join(60.0)


def test_a_lock_without_a_pin_or_a_hash_is_told() -> None:
    good = "numpy==2.1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n    # via -r run.in\n"
    assert unpinned("# a comment\n--index-url x\n" + good) == []
    assert unpinned(good + "scipy>=1.14\npolars==1.0\n") == ["scipy>=1.14", "polars==1.0"]


def test_our_own_locks_are_pinned() -> None:
    folder = Path(__file__).resolve().parents[2] / "requirements"
    for path in sorted(folder.glob("*.txt")):
        assert unpinned(path.read_text()) == [], path.name


def test_an_address_that_is_taken_and_a_history_that_is_not_there_are_refused(tmp_path: Path) -> None:
    import socket

    from plimsoll.cli.serve import command

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        found = CliRunner().invoke(command, ["--demo", "--sample", "2", "--speed", "0", "--port", port])
    assert isinstance(found.exception, DocumentError)
    (problem,) = found.exception.problems
    assert (problem.path, problem.got) == ("--host, --port", repr(f"127.0.0.1:{port}"))
    found = CliRunner().invoke(command, ["--demo", "--history", str(tmp_path / "none.parquet")])
    assert isinstance(found.exception, DocumentError)
    assert found.exception.problems[0].path == "--history"
