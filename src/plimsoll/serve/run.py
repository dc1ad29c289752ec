"""The server: one uvicorn worker around the application."""

from __future__ import annotations

import gc
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.documents import refuse

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI


def checked_tls(certificate: str | None, key: str | None) -> None:
    """Refuse a certificate without a key or with another's, or a file that is not there."""
    if (certificate is None) != (key is None):
        raise refuse("--certificate, --key", "one of them", "both, or neither")
    for name, path in (("--certificate", certificate), ("--key", key)):
        if path is not None and not Path(path).is_file():
            raise refuse(name, path, "a file in PEM form")
    if certificate is not None:
        # a password would be asked for on the terminal, where nobody may be
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, OSError) as error:
            words = f"{certificate} with {key}: {error}"
            raise refuse(
                "--certificate, --key", words, "a certificate and its own key without a password, in PEM form"
            ) from None


SWITCH = 0.0005
"""Seconds after which a thread that computes lets another one run. Python's 5 ms would be the latency of every answer
while the engine works, several times over.
"""


def run(server: uvicorn.Server) -> None:
    """Serve until a signal, then end cleanly. Raises `DocumentError` where the address cannot be listened on."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    # books and market stay: a collector that walks ten thousand accounts again and again stops every thread meanwhile
    gc.collect()
    gc.freeze()
    try:
        # uvicorn raises the signal once more when all is closed
        with suppress(KeyboardInterrupt):
            server.run()
    except SystemExit:
        # uvicorn has told why
        if server.started:
            raise
        place = f"{server.config.host}:{server.config.port}"
        raise refuse("--host, --port", place, "an address of this machine at which nobody else listens") from None
    finally:
        sys.setswitchinterval(before)
        gc.unfreeze()


def server_of(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    certificate: str | None = None,
    key: str | None = None,
) -> uvicorn.Server:
    """A server that is not started. Raises `DocumentError` for a certificate without a key, or a file not there."""
    import uvicorn

    checked_tls(certificate, key)
    tls: dict[str, Any] = {} if certificate is None else {"ssl_certfile": certificate, "ssl_keyfile": key}
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        workers=1,
        server_header=False,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=2**16,
        ws_max_queue=16,
        # frames are short, and a compressor for each reader is memory
        ws_per_message_deflate=False,
        limit_concurrency=2_000,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        **tls,
    )
    return uvicorn.Server(config)
