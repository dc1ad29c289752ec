"""Which content-security policy NiceGUI works under, and what it costs: what decision 055 rests on.

`python tools/measure_nicegui_policy.py` serves one page with a label, a button, a table and a chart under each policy
and opens it in Debian's Chromium. A policy passes where the page appears, the button answers and the console has no
error. NiceGUI is in no set of `requirements/`: it was measured and not taken, so it is installed for this alone.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from playwright.async_api import ConsoleMessage, Page, Request

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync")  # fmt: skip
BASE = "default-src 'none'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'"
POLICIES = {
    "strict": f"{BASE}; script-src 'self'; style-src 'self'",
    "inline styles": f"{BASE}; script-src 'self'; style-src 'self' 'unsafe-inline'",
    "inline scripts and styles": f"{BASE}; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'",
    "eval and inline styles": f"{BASE}; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'",
    "eval, inline scripts and styles": (
        f"{BASE}; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
    ),
}
PORT = 8931


def _resident() -> float:
    """Resident memory in MB."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def serve(policy: str) -> None:
    """The page under one policy, until it is ended; prints what importing cost first."""
    start, before = time.perf_counter(), _resident()
    # by name: the library is in no set that the type checker sees
    nicegui = importlib.import_module("nicegui")
    app, ui = nicegui.app, nicegui.ui

    print(f"import {time.perf_counter() - start:.2f} s, {_resident() - before:.0f} MB", flush=True)
    from starlette.requests import Request as Asked
    from starlette.responses import Response

    async def head(request: Asked, call_next: Callable[[Asked], Awaitable[Response]]) -> Response:
        answer = await call_next(request)
        answer.headers["Content-Security-Policy"] = policy
        return answer

    def page() -> None:
        said = ui.label("waiting").props("id=said")
        ui.button("press", on_click=lambda: said.set_text("pressed")).props("id=press")
        names = [{"name": k, "label": k, "field": k} for k in ("account", "equity")]
        ui.table(columns=names, rows=[{"account": f"account {i}", "equity": i} for i in range(200)])
        ui.echart({"xAxis": {}, "yAxis": {}, "series": [{"type": "line", "data": [[0, 1], [1, 3]]}]})

    app.middleware("http")(head)
    app.get("/memory")(_resident)
    ui.page("/")(page)
    ui.run(port=PORT, host="127.0.0.1", reload=False, show=False)


def watch(page: Page, errors: list[str], outside: list[str]) -> None:
    """Gather what the console complains of, and where the page goes."""

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def asked(request: Request) -> None:
        outside.append(request.url)

    page.on("console", said)
    page.on("request", asked)


async def look(clients: int) -> None:
    """Open the page under each policy, then many at once under the last."""
    from urllib.request import urlopen

    from playwright.async_api import async_playwright

    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, policy in POLICIES.items():
            server = subprocess.Popen([sys.executable, __file__, "serve", policy], stdout=subprocess.PIPE, text=True)
            assert server.stdout is not None
            cost = server.stdout.readline().strip()
            try:
                await _up()
                page = await (await browser.new_context()).new_page()
                errors: list[str] = []
                outside: list[str] = []
                watch(page, errors, outside)
                await page.goto(f"http://127.0.0.1:{PORT}/")
                works = "works"
                try:
                    await page.get_by_text("press", exact=True).click(timeout=8_000)
                    await page.get_by_text("pressed").wait_for(timeout=4_000)
                except Exception as error:  # noqa: BLE001  whatever it is, it does not work
                    works = f"does not work ({type(error).__name__})"
                outside = [u for u in outside if f":{PORT}" not in u and u[:5] not in ("data:", "blob:")]
                print(f"{name}: {works}, {len(errors)} errors, {len(outside)} outside; {cost}")
                for text in dict.fromkeys(e[:150] for e in errors[:4]):
                    print("   ", text)
                if works == "works":
                    before = float(urlopen(f"http://127.0.0.1:{PORT}/memory").read())
                    more = [await (await browser.new_context()).new_page() for _ in range(clients)]
                    for other in more:
                        await other.goto(f"http://127.0.0.1:{PORT}/")
                    await asyncio.sleep(3)
                    after = float(urlopen(f"http://127.0.0.1:{PORT}/memory").read())
                    print(f"    server {before:.0f} MB, with {clients} more pages {after:.0f} MB")
            finally:
                server.terminate()
                server.wait()
        await browser.close()


async def _up() -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit("the server did not come up")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    else:
        asyncio.run(look(int(os.environ.get("CLIENTS", "5"))))
