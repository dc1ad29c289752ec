"""Write the pictures of docs/dashboard.md in Debian's Chromium: `python tools/make_dashboard_pictures.py [PAGE...]`.

The service runs as in the tests, with a feed; every page is taken at 1280 by 860, light and dark, in a browser that
loads nothing from anywhere else.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "images"
MOST = 200_000
"""Bytes of a picture."""


def main() -> None:
    """Each page once in each theme; on the stress page the map and the scenarios are computed first."""
    from playwright.sync_api import sync_playwright

    from dashboard_house import ARGUMENTS, CHROMIUM, running
    from plimsoll.serve.dashboard.shell import PAGES

    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), accounts=50) as house,
        sync_playwright() as play,
    ):
        token = house.token("moving", "operate")
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for scheme in ("light", "dark"):
            page = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme=scheme).new_page()
            page.goto(house.url + "/dashboard/login")
            page.fill("#token", token)
            page.click("button[type=submit]")
            for name, _, path in PAGES:
                if sys.argv[1:] and name not in sys.argv[1:]:
                    continue
                page.goto(house.url + path)
                page.wait_for_function(
                    "() => !document.querySelector('[aria-busy=true]') && !document.querySelector('.waiting')",
                    timeout=120_000,
                )
                page.wait_for_selector("#state[data-state=live]")
                if name == "account":
                    page.fill("[name=instrument1]", "BTC-PERPETUAL")
                    page.fill("[name=quantity1]", "-5000")
                    page.wait_for_selector("#verdict [data-what]")
                if name == "stress":
                    for n, found in enumerate(("#stress-result", "#density-result")):
                        page.locator("form.ticket button").nth(n).click()
                        page.wait_for_selector(found, timeout=120_000)
                    page.evaluate("document.getElementById('density').closest('section').scrollIntoView()")
                    page.evaluate("scrollBy(0, -300)")
                if name == "account":
                    shot(page, f"account-{scheme}")
                    page.evaluate("document.getElementById('line').closest('section').scrollIntoView()")
                    page.evaluate("scrollBy(0, -60)")
                    shot(page, f"account-line-{scheme}")
                else:
                    shot(page, f"{name}-{scheme}")
        browser.close()


def shot(page: Page, name: str) -> None:
    """One picture, of 256 colours with the rare ones among them, held to its size."""
    from PIL import Image

    path = FOLDER / f"dashboard-{name}.png"
    with Image.open(BytesIO(page.screenshot())) as whole:
        whole.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )
    size = path.stat().st_size
    print(path.name, f"{size:,}", flush=True)
    if size > MOST:
        raise SystemExit(f"{path.name} has {size:,} bytes, more than {MOST:,}")


if __name__ == "__main__":
    main()
