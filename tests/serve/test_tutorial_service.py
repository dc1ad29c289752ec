"""The tutorial of the service: its blocks as they are printed, against a service that they start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from served import free_port

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial-service.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_tutorial_ends_with_a_verified_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    commands = [
        line[2:] for kind, text in blocks if kind == "console" for line in text.splitlines() if line[:2] == "$ "
    ]
    code = "\n".join(text for kind, text in blocks if kind == "python")
    assert commands[0] == "plimsoll serve --demo --ledger demo.db"
    monkeypatch.chdir(tmp_path)
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", *commands[0].split(), "--port", str(port)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert server.stdout is not None
        lines = iter(server.stdout.readline, "")
        secret = next(line for line in lines if line.startswith("plimsoll_")).strip()
        monkeypatch.setenv("PLIMSOLL_TOKEN", secret)
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60.0
        while True:
            try:
                httpx.get(url + "/v1/health", trust_env=False)
            except httpx.ConnectError:
                assert time.monotonic() < until
                time.sleep(0.1)
            else:
                break
        names: dict[str, object] = {}
        exec(compile(code.replace("http://127.0.0.1:8000", url), str(PAGE), "exec"), names)
        told = capsys.readouterr().out
        assert "-> called" in told
        assert "partial equity" in told
        assert re.search(r"^reduce only 1\.\d", told[told.index("-> called") :], re.MULTILINE), told
        verified = names["verified"]
        assert (verified.good, verified.margins) == (True, 1)  # type: ignore[attr-defined]
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60.0)
    assert server.returncode == 0
    for command in commands[1:]:
        done = subprocess.run([sys.executable, "-m", *command.split()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert len(commands) == 3
