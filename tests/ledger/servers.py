"""A real PostgreSQL for tests: a data folder of an unprivileged user, a socket and no network."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OWNER = "plimsoll"
PORT = 5432


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, if there is one."""
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), None):
        found = shutil.which("initdb", path=None if folder is None else str(folder))
        if found and (Path(found).parent / "postgres").exists():
            return Path(found).parent
    return None


def unprivileged() -> dict[str, Any]:
    """How a process becomes another user where this one is root, which the server refuses to be."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Server:
    """One server on a folder: started, killed without warning, started again."""

    def __init__(self, folder: Path, tools: Path) -> None:
        self.folder, self.tools, self.who = folder, tools, unprivileged()
        self.process: subprocess.Popen[bytes] | None = None
        if (folder / "data" / "PG_VERSION").exists():
            return
        command = [tools / "initdb", "-D", folder / "data", "-A", "trust", "-U", OWNER, "--no-sync"]
        command += ["-E", "UTF8", "--locale=C"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self.who)

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://{OWNER}@/postgres?host={self.folder}"

    def start(self, **settings: str) -> None:
        """Start it and wait until it answers."""
        options = {"listen_addresses": "", "port": str(PORT), "unix_socket_directories": str(self.folder)} | settings
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [self.tools / "postgres", "-D", self.folder / "data", *flags]
        said = self.folder / "log"
        before = said.stat().st_size if said.exists() else 0
        with open(said, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True, **self.who
            )
        # what it says is asked, and not a connection: one that is refused too early is left open by the driver
        for _ in range(2_400):
            assert self.process.poll() is None, said.read_text()
            if b"ready to accept connections" in said.read_bytes()[before:]:
                return
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """End all of its processes at once, as a loss of power would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            self.process = None

    def empty(self) -> None:
        """Drop every table."""
        import pg8000.dbapi

        connection = pg8000.dbapi.connect(OWNER, database="postgres", unix_sock=f"{self.folder}/.s.PGSQL.{PORT}")
        connection.autocommit = True
        connection.cursor().execute("DROP TABLE IF EXISTS entries, contents, alembic_version, noise")
        connection.close()


@contextmanager
def server() -> Iterator[Server]:
    """A running server whose folder is gone afterwards."""
    tools = binaries()
    assert tools is not None
    # not below a folder of pytest, which no other user may enter; short, for the name of the socket
    folder = Path(tempfile.mkdtemp(prefix="plimsoll-pg-"))
    try:
        who = unprivileged()
        if who:
            os.chown(folder, who["user"], who["group"])
        running = Server(folder, tools)
        running.start()
        try:
            yield running
        finally:
            running.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
