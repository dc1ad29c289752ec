"""Alerts to a URL: posted on a thread of their own, tried again, never in the way of the engine."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import queue
import random
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from plimsoll.documents import refuse
from plimsoll.live.alerts.watch import Alert

SIGNATURE = "X-Plimsoll-Signature"
AGAIN = frozenset({408, 425, 429})
"""Refusals that may pass; any other of 400 to 499 is the sender's fault and is not tried again."""


class _Stays(urllib.request.HTTPRedirectHandler):
    """A redirect is a refusal: urllib would follow a POST as a GET without its body."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


class Webhook:
    """Posts alerts as JSON to `url`, one after the other in their order.

    `send` never waits: a full queue (`most`) drops the alert and counts it. A post that fails (no connection, no answer
    within `timeout` seconds, 5xx, 408, 425, 429) is tried `attempts` times in all, after pauses that double from
    `pause` seconds up to `longest` and are up to twice as long at random, or as long as `Retry-After` asks, up to
    `longest`; any other answer but 2xx is final. `Idempotency-Key` is the alert's id, for one may arrive twice: an
    answer that was lost is no answer. With a `secret` the header `X-Plimsoll-Signature` is `t=<seconds>,v1=<hex>`, see
    `signature`.

    `counts` has `sent`, `retried`, `failed` and `dropped`; `last` the last failure in words.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: bytes | None = None,
        most: int = 1_000,
        attempts: int = 6,
        pause: float = 0.5,
        longest: float = 60.0,
        timeout: float = 10.0,
    ) -> None:
        try:
            parts = urlsplit(url)
            whole = parts.port is None or parts.port > 0
        except ValueError:
            raise refuse("webhook", url, "a URL with a host and a port of 1 to 65535") from None
        if parts.username is not None or parts.password is not None:
            raise refuse("webhook", "a URL with a name or password in it", "a URL without them; give a secret to sign")
        if parts.scheme not in ("http", "https") or not parts.hostname or not whole:
            raise refuse("webhook", url, "a URL that begins with http:// or https:// and names a host")
        if not url.isascii() or not url.isprintable() or " " in url:
            raise refuse("webhook", url, "printable ASCII without a space; anything else percent-encoded")
        if most < 1 or attempts < 1 or not (pause >= 0.0 and longest > 0.0 and timeout > 0.0):
            raise refuse("webhook", f"most {most}, attempts {attempts}", "one and more, and pauses above zero")
        self.url, self.secret = url, secret
        self.attempts, self.pause, self.longest, self.timeout = attempts, pause, longest, timeout
        self.counts: Counter[str] = Counter(sent=0, retried=0, failed=0, dropped=0)
        self.last = ""
        self._queue: queue.Queue[Alert | None] = queue.Queue(most)
        self._opener = urllib.request.build_opener(_Stays)
        self._ending = threading.Event()
        self._random = random.Random()  # noqa: S311  pauses between tries, no secret
        self._thread = threading.Thread(target=self._run, name="plimsoll-webhook", daemon=True)
        self._thread.start()

    def send(self, alert: Alert) -> bool:
        """Queue an alert; False where the queue is full or closed, and it is dropped."""
        if self._ending.is_set():
            self.counts["dropped"] += 1
            return False
        try:
            self._queue.put_nowait(alert)
        except queue.Full:
            self.counts["dropped"] += 1
            return False
        return True

    def close(self, patience: float = 10.0) -> bool:
        """Post what waits for at most `patience` seconds, then give up on the rest and count it as failed. Whether
        everything was answered."""
        until = time.monotonic() + patience
        while self._queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.01)
        everything = not self._queue.unfinished_tasks
        self._ending.set()
        # where there is no room the thread sees that it is ending by itself
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(self.timeout + 1.0)
        return everything

    def _run(self) -> None:
        while True:
            try:
                alert = self._queue.get(timeout=0.5)
            except queue.Empty:
                if self._ending.is_set():
                    return
                continue
            if alert is not None:
                self.counts["sent" if self._deliver(alert) else "failed"] += 1
            self._queue.task_done()

    def _deliver(self, alert: Alert) -> bool:
        body = json.dumps(alert.to_dict(), sort_keys=True, allow_nan=False).encode()
        for attempt in range(self.attempts):
            if self._ending.is_set() and attempt:
                return False
            again, asked = self._post(alert.id, body)
            if again is None:
                return True
            if not again:
                return False
            if attempt + 1 < self.attempts:
                self.counts["retried"] += 1
                wait = min(self.longest, self.pause * 2.0**attempt)
                wait *= 1.0 + self._random.random()
                self._ending.wait(min(self.longest, max(wait, asked)))
        return False

    def _post(self, name: str, body: bytes) -> tuple[bool | None, float]:
        """One try: `None` when it was taken, else whether another may help, and the seconds that were asked for."""
        headers = {"Content-Type": "application/json", "User-Agent": "plimsoll", "Idempotency-Key": name}
        if self.secret is not None:
            seconds = int(time.time())
            headers[SIGNATURE] = f"t={seconds},v1={signature(self.secret, seconds, body)}"
        # http or https: the scheme was looked at when the webhook was made
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                answer.read(1_024)
            return None, 0.0
        except urllib.error.HTTPError as error:
            with error:
                self.last = f"{error.code} {error.reason}"
                return error.code >= 500 or error.code in AGAIN, _seconds(error.headers.get("Retry-After"))
        except (OSError, HTTPException) as error:
            self.last = f"{type(error).__name__}: {error}"
            return True, 0.0


def secret_of(variable: str) -> bytes | None:
    """The secret that an environment variable holds, never an argument: those are seen by everybody on the machine.

    `None` where it is not set or empty: a signature under an empty key would be anybody's.
    """
    return os.environb.get(variable.encode()) or None


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """HMAC-SHA256 of `<seconds>.<body>` in hexadecimal: what a receiver computes and compares in constant time, turning
    down what is older than some minutes.

    >>> signature(b"key", 1_700_000_000, b"{}")[:16]
    '9d713ed406bb7076'
    """
    return hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text)) if text else 0.0
    except ValueError:
        # a date: the ordinary pause will do
        return 0.0
