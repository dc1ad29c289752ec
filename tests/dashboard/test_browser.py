"""The pages in a real browser: they show what the interface says, nothing comes from outside, keys work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dashboard_house import ARGUMENTS, CHROMIUM, House, running
from plimsoll.proofs import Solvency
from plimsoll.serve.dashboard.shell import PAGES
from proofs_venue import three

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NAMES = [name for name, _, _ in PAGES]
LIMIT = 4.5
"""Contrast of text against what is behind it, WCAG 2.2 AA."""

CONTRAST = """
() => {
  const parse = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility({ visibilityProperty: true }) || e.closest("svg, .hidden, :disabled")) continue;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < LIMIT) found.push([e.textContent.trim().slice(0, 40), e.className, ratio]);
  }
  return found;
}
""".replace("LIMIT", str(LIMIT))


@dataclass
class Seen:
    """A page with what the browser complained of and where it went."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def go(self, name: str) -> None:
        """To a page, until its pictures are there."""
        path = next(path for own, _, path in PAGES if own == name)
        self.page.goto(self.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait for whatever is computed."""
        self.page.wait_for_function(
            "() => !document.querySelector('[aria-busy=true]') && !document.querySelector('.waiting')", timeout=120_000
        )
        self.page.wait_for_selector("#state[data-state=live]", timeout=20_000)

    def values(self, selector: str) -> list[float]:
        """The exact numbers behind what is shown."""
        texts = self.page.eval_on_selector_all(selector, "found => found.map((e) => e.dataset.value)")
        return [float(t) for t in texts]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


def opened(browser: Browser, house: House, token: str | None, **options: Any) -> Seen:
    """A fresh profile at 1280 by 800, logged in with a token."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    seen = Seen(context.new_page(), house.url)
    seen.page.on("console", lambda m: seen.errors.append(m.text) if m.type in ("error", "warning") else None)
    seen.page.on("pageerror", lambda e: seen.errors.append(str(e)))
    seen.page.on("request", lambda r: None if r.url.startswith((house.url, "data:")) else seen.outside.append(r.url))
    own = house.url.replace("http", "ws")
    seen.page.on("websocket", lambda w: None if w.url.startswith(own) else seen.outside.append(w.url))
    if token is not None:
        seen.page.goto(house.url + "/dashboard/login")
        seen.page.fill("#token", token)
        seen.page.click("button[type=submit]")
        seen.page.wait_for_url("**/dashboard")
    return seen


def api(house: House, token: str, path: str) -> Any:
    """What the interface says."""
    answer = httpx.get(house.url + path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_with_the_feed_running(browser: Browser, house: House, scheme: str) -> None:
    seen = opened(browser, house, house.token("moving", "operate"), color_scheme=scheme)
    before = house.service.tenants["moving"].live.engine.events
    for name in NAMES:
        seen.go(name)
        wide, shown = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= shown == 1280, f"{name} scrolls sideways"
        assert seen.page.evaluate(CONTRAST) == [], f"{name} in {scheme}"
        assert seen.page.locator("nav [aria-current=page]").get_attribute("href") is not None
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(241, 244, 246)" if scheme == "light" else "rgb(18, 23, 29)"
        )
    assert house.service.tenants["moving"].live.engine.events > before
    assert seen.errors == []
    assert seen.outside == []
    seen.page.context.close()


def test_the_fleet_moves_by_itself(browser: Browser, house: House) -> None:
    seen = opened(browser, house, house.token("moving", "read"))
    seen.go("fleet")
    first = seen.page.inner_text("#head")
    seen.page.wait_for_function("(old) => document.getElementById('head').innerText !== old", arg=first, timeout=20_000)
    assert seen.errors == []
    assert seen.outside == []
    seen.page.context.close()


def test_the_fleet_shows_what_the_interface_says(browser: Browser, house: House) -> None:
    token = house.token("still", "read")
    seen = opened(browser, house, token)
    seen.go("fleet")
    found = api(house, token, "/v1/accounts?limit=1000")
    unit = 10 ** found["decimals"]
    told = {row["account"]: row for row in found["accounts"]}
    rows = seen.page.eval_on_selector_all(
        "#table tbody tr",
        "rows => rows.map((r) => [r.dataset.account, "
        "...[...r.querySelectorAll('[data-value]')].map((c) => c.dataset.value)])",
    )
    assert {r[0] for r in rows} == set(told)
    assert len(rows) == len(told)
    for name, health, equity, initial, maintenance, _ in rows:
        one = told[name]
        for text, amount in ((equity, one["equity"]), (initial, one["initial"]), (maintenance, one["maintenance"])):
            assert abs(float(text) * unit - amount) <= 1.0, name
        assert float(health) == pytest.approx(one["health"], rel=1e-3)
    healths = [float(r[1]) for r in rows]
    assert healths == sorted(healths)
    seen.page.click("#table th a:has-text('equity')")
    seen.settle()
    equities = seen.values("#table tbody td:nth-child(4)")
    assert equities == sorted(equities)
    assert len(equities) == len(told)
    seen.page.fill("[name=text]", "account 1")
    seen.page.keyboard.press("Enter")
    seen.settle()
    names = seen.page.eval_on_selector_all("#table tbody tr", "rows => rows.map((r) => r.dataset.account)")
    assert set(names) == {n for n in told if "account 1" in n}
    seen.page.fill("[name=text]", "nobody")
    seen.page.keyboard.press("Enter")
    # the table of before stands until the answer is there
    seen.page.wait_for_function("() => document.querySelector('#table').innerText.includes('No account matches')")
    seen.page.context.close()


def test_the_account_shows_what_the_interface_says(browser: Browser, house: House) -> None:
    token = house.token("still", "trade-check")
    seen = opened(browser, house, token)
    seen.page.goto(house.url + "/dashboard/account?name=account%203")
    seen.settle()
    need = api(house, token, "/v1/accounts/account%203/requirement")
    for name, amount in (("equity", "net_equity"), ("initial", "initial"), ("maintenance", "maintenance")):
        assert seen.values(f"#{name}") == pytest.approx([need[amount]], abs=0.01), name
    totals = seen.values("#requirement .total [data-value]")
    assert totals == pytest.approx([need["initial"], need["maintenance"]])
    components = seen.values("#requirement table:first-of-type tbody tr:not(.total) [data-value]")
    assert components == pytest.approx([x for c in need["components"] for x in (c["initial"], c["maintenance"])])
    assert need["binding"][0]["label"] in seen.page.inner_text("#requirement")
    held = api(house, token, "/v1/accounts/account%203")
    assert seen.values("#positions [data-value]") == [p["quantity"] for p in held["positions"]]
    # the line, the surface with its mark, and every rule set that gives a number
    assert seen.page.locator("#line svg, #surface svg").count() == 2
    assert need["binding"][0]["label"] in seen.page.inner_text("#surface")
    assert seen.page.locator("#venues tbody tr").count() >= 5
    seen.page.context.close()


def test_what_if_while_one_types(browser: Browser, house: House) -> None:
    token = house.token("still", "trade-check")
    seen = opened(browser, house, token)
    seen.page.goto(house.url + "/dashboard/account?name=account%203")
    seen.settle()
    seen.page.keyboard.press("w")
    assert seen.page.evaluate("document.activeElement.name") == "instrument1"
    seen.page.keyboard.type("BTC-PERPETUAL")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.type("-20000")
    seen.page.wait_for_selector("#verdict [data-what]")
    order = {"account": "account 3", "legs": [{"instrument": "BTC-PERPETUAL", "quantity": -20000.0, "price": None}]}
    answer = httpx.post(house.url + "/v1/what-if", json=order, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    shown = {k: seen.values(f"#verdict [data-what={k}] [data-value]") for k in ("initial", "maintenance", "equity")}
    for k, (before, after) in shown.items():
        assert [before, after] == pytest.approx([told["before"][k], told["after"][k]], abs=1e-6)
    assert seen.page.inner_text("#allowed").startswith("Allowed" if told["allowed"] else "Refused")
    seen.page.fill("[name=instrument1]", "NOTHING")
    seen.page.wait_for_selector("#verdict .trouble")
    assert "NOTHING" in seen.page.inner_text("#verdict")
    # the browser tells of the refusal by itself; nothing else is an error
    assert all("422" in e for e in seen.errors)
    assert seen.outside == []
    seen.page.context.close()


def test_jobs_run_and_are_cancelled(browser: Browser, house: House) -> None:
    seen = opened(browser, house, house.token("moving", "trade-check"))
    seen.go("stress")
    seen.page.locator("form.ticket").nth(0).locator("button").click()
    seen.page.wait_for_selector("#stress-result", timeout=90_000)
    pnl = seen.values("#scenarios tbody [data-value]")
    assert pnl == sorted(pnl)
    assert len(pnl) == 17
    seen.page.locator("form.ticket").nth(1).locator("button").click()
    seen.page.wait_for_selector("#density-result", timeout=90_000)
    (notional,) = seen.values("#density-result")
    assert notional > 0.0
    seen.page.locator("form.ticket").nth(2).locator("[name=accounts]").fill("100000")
    seen.page.locator("form.ticket").nth(2).locator("button").click()
    seen.page.wait_for_selector("#cascade progress")
    seen.page.click("#cascade button:has-text('Cancel')")
    seen.page.wait_for_selector("#cascade .empty")
    assert seen.page.inner_text("#cascade") == "Cancelled."
    job = list(house.service.tenants["moving"].jobs.all.values())[-1]
    assert job.state == "cancelled"
    assert job.process is None
    seen.go("audit")
    seen.page.click("form.ticket button")
    seen.page.wait_for_selector("#verify-result", timeout=90_000)
    assert seen.page.inner_text("#verify-result").startswith("No fault")
    assert seen.errors == []
    seen.page.context.close()


def test_a_proof_has_a_page_of_its_own(browser: Browser, house: House) -> None:
    pytest.importorskip("py_arkworks_bls12381")
    seen = opened(browser, house, house.token("moving", "operate"))
    job = {"kind": "prove-solvency", "passphrase": "correct horse", "books": three().to_dict()}
    headers = {"Authorization": f"Bearer {house.token('moving', 'operate')}"}
    answer = httpx.post(house.url + "/v1/jobs", json={"job": job}, headers=headers)
    assert answer.status_code == 202, answer.text
    own = answer.json()["id"]
    seen.go("audit")
    seen.page.click(f"#proof-jobs a[href$='{own}']")
    seen.page.wait_for_selector("#job-files", timeout=90_000)
    names = ("kind", "state", "venue", "epoch")
    assert [seen.page.inner_text(f"#job-{name}") for name in names] == ["prove-solvency", "done", "toy", "1"]
    assert seen.page.inner_text("#job-label").startswith("Unaudited")
    with seen.page.expect_download() as download:
        seen.page.click("#job-files a:has-text('publication')")
    made = Solvency.from_json(Path(download.value.path()).read_bytes(), "publication")
    assert made.root.hash == seen.page.inner_text("#job-root")
    assert seen.page.evaluate(CONTRAST) == []
    assert (seen.errors, seen.outside) == ([], [])
    seen.page.context.close()


def test_keys(browser: Browser, house: House) -> None:
    seen = opened(browser, house, house.token("still", "read"))
    seen.go("fleet")
    seen.page.keyboard.press("?")
    assert seen.page.locator("#help").is_visible()
    seen.page.keyboard.press("Escape")
    assert not seen.page.locator("#help").is_visible()
    seen.page.keyboard.press("/")
    assert seen.page.evaluate("document.activeElement.name") == "text"
    seen.page.keyboard.type("1?t")
    assert seen.page.input_value("[name=text]") == "1?t", "keys are letters where one types"
    seen.page.fill("[name=text]", "")
    seen.page.keyboard.press("Escape")
    seen.page.keyboard.press("j")
    seen.page.keyboard.press("j")
    chosen = seen.page.evaluate("document.activeElement.textContent")
    assert chosen == seen.page.locator("[data-row]").nth(1).text_content()
    seen.page.wait_for_timeout(2_500)
    assert seen.page.evaluate("document.activeElement.textContent") == chosen, "an update does not take the focus away"
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**/account?name=**")
    assert seen.page.inner_text("h1") == chosen
    for key, name in ((str(k), n) for k, n in enumerate(NAMES, 1)):
        seen.page.keyboard.press(key)
        seen.page.wait_for_function("(name) => document.body.dataset.page === name", arg=name)
        seen.page.wait_for_load_state()
    seen.page.keyboard.press("t")
    assert seen.page.evaluate("document.documentElement.dataset.theme") == "light"
    seen.page.keyboard.press("t")
    seen.page.reload()
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 29)", (
        "it is remembered"
    )
    # the first stop of the tabulator leads to the content
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    seen.page.context.close()


def test_less_scope_and_no_token(browser: Browser, house: House) -> None:
    seen = opened(browser, house, None)
    seen.page.goto(house.url + "/dashboard")
    assert seen.page.url.endswith("/dashboard/login")
    seen.page.fill("#token", "wrong")
    seen.page.click("button[type=submit]")
    assert "wrong, has expired or was revoked" in seen.page.inner_text("[role=alert].trouble")
    seen.page.context.close()
    house.board._tries.clear()
    seen = opened(browser, house, house.token("still", "read"))
    seen.page.goto(house.url + "/dashboard/account?name=account%203")
    assert "trade-check" in seen.page.inner_text("#what-if")
    assert seen.page.locator("#what-if form").count() == 0
    seen.go("stress")
    assert seen.page.locator("form.ticket button:enabled").count() == 0
    seen.page.click("button:has-text('Log out')")
    seen.page.wait_for_url("**/login")
    seen.page.go_back()
    assert seen.page.url.endswith("/login"), "a page is not kept after logout"
    seen.page.context.close()


def test_a_session_that_ends_under_an_open_page(browser: Browser, house: House) -> None:
    text = house.token("still", "read")
    seen = opened(browser, house, text)
    seen.go("fleet")
    house.tokens.revoke(text.split("_")[1])
    seen.page.wait_for_selector("#banner.over", timeout=20_000)
    assert "session is over" in seen.page.inner_text("#banner")
    assert seen.page.inner_text("#state") == "stale"
    seen.page.context.close()


def test_a_server_that_goes_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, accounts=4) as house:
        port = int(house.url.rsplit(":", 1)[1])
        seen = opened(browser, house, house.token("still", "read"))
        seen.go("fleet")
    seen.page.wait_for_selector("#banner.lost", timeout=20_000)
    assert "does not answer" in seen.page.inner_text("#banner")
    assert seen.page.inner_text("#state") == "stale"
    for name in ("moving", "called"):
        os.rename(tmp_path / f"{name}.db", tmp_path / f"{name}.before")
    with running(tmp_path, accounts=4, port=port):
        # sessions live in memory: the server is there again, and asks who this is
        seen.page.wait_for_selector("#banner.over", timeout=30_000)
    assert re.search("session is over", seen.page.inner_text("#banner"))
    seen.page.context.close()
