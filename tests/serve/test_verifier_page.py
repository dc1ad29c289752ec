"""The page that verifies proofs, in a real browser: yes and no, nothing asked of anybody, nothing sent."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from dashboard_house import ARGUMENTS, CHROMIUM
from served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("py_arkworks_bls12381")

from plimsoll.documents import Document
from plimsoll.proofs import new_key, prove_solvency, public_key, sign
from plimsoll.proofs.book import CommittedBook, RowsDocument
from plimsoll.serve.routes.verifier import POLICY
from proofs_toy import honest
from proofs_venue import three

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = new_key()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    if shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed")
    subprocess.run([sys.executable, str(ROOT / "tools" / "build_verifier.py")], check=True, capture_output=True)
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser, house: Served) -> Iterator[Page]:
    """The page, opened; afterwards: nothing complained, and every request was a plain read from our own server."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda r: None if asked_us(house, r.method, r.url, r.post_data) else complaints.append(r.url))
    opened.goto(f"{house.url}/verifier/")
    opened.wait_for_selector("#ready:not([hidden])")
    yield opened
    opened.close()
    assert complaints == []


def asked_us(house: Served, method: str, url: str, body: str | None) -> bool:
    return method == "GET" and body is None and url.startswith(house.url + "/verifier/")


def drop(page: Page, folder: Path, **documents: Document) -> None:
    """Choose files, as a user does."""
    files = []
    for name, document in documents.items():
        files.append(folder / f"{name}.json")
        files[-1].write_text(document.to_json(), encoding="utf-8")
    page.set_input_files("#files", files)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#{name}", value)


def verdict(page: Page, button: str = "#check") -> tuple[str, str]:
    """What the page says: the kind, and the words."""
    page.click(button)
    page.wait_for_selector("#verdict[data-kind=yes], #verdict[data-kind=no]", timeout=100_000)
    found = page.locator("#verdict")
    return str(found.get_attribute("data-kind")), found.inner_text()


@pytest.mark.browser
def test_a_proof_of_margin(page: Page, tmp_path: Path) -> None:
    made, _, proof = honest(random.Random(3))
    book = CommittedBook.of(proof)
    drop(page, tmp_path, proof=proof)
    assert page.locator("#check").is_disabled()
    assert "Drop its rows too" in page.locator("#lacking").inner_text()
    drop(page, tmp_path, rows=RowsDocument.of(made.written.rows), book=book, signature=sign(book, "book", KEY))
    fill(page, venue="toy", account="a", epoch="1", key=public_key(KEY))
    kind, words = verdict(page)
    assert kind == "yes", words
    assert "The commitments are those that the venue signed." in words
    fill(page, epoch="2")
    kind, words = verdict(page)
    assert kind == "no"
    assert "epoch" in words
    data = bytearray.fromhex(proof.proof)
    data[-1] ^= 1
    drop(page, tmp_path, proof=proof.model_copy(update={"proof": data.hex()}))
    fill(page, epoch="1")
    kind, words = verdict(page)
    assert kind == "no"
    assert "the equations of the proof do not hold" in words


@pytest.mark.browser
def test_a_customer_finds_himself_in_a_publication(page: Page, tmp_path: Path) -> None:
    published = prove_solvency(three(), padding=1)
    made = published.solvency
    drop(page, tmp_path, solvency=made, path=published.inclusion("ann"), signature=sign(made, "solvency", KEY))
    fill(page, venue="toy", account="ann", epoch="1", equity="102", key=public_key(KEY))
    kind, words = verdict(page)
    assert kind == "yes", words
    fill(page, equity="101")
    assert verdict(page)[0] == "no"
    kind, words = verdict(page, "#whole")
    assert kind == "yes", words
    assert "open interest balances" in words
    fill(page, key=public_key(new_key()))
    kind, words = verdict(page, "#whole")
    assert kind == "no"
    assert "another key" in words


@pytest.mark.browser
def test_what_is_no_proof(page: Page, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"schema": "plimsoll.account"}), encoding="utf-8")
    page.set_input_files("#files", [other])
    assert "other.json: no document that this page knows" in page.locator("#problems").inner_text()
    assert page.locator("#expected").is_hidden()


def test_the_page_may_load_its_own_parts_alone(house: Served) -> None:
    with httpx.Client(base_url=house.url, verify=False, trust_env=False, timeout=60.0) as http:
        reply = http.get("/verifier/")
        assert reply.status_code == 200
        assert reply.headers["content-security-policy"] == POLICY
        # what stands there until a script that was built replaces it
        assert "make verifier" in reply.text
        assert "Unaudited" in reply.text
        assert "unsafe" not in POLICY
        assert http.get("/verifier").headers["location"] == "/verifier/"
        for path in ("/verifier/index.htm", "/verifier/..%2fapp.py", "/verifier/%2e%2e/app.py", "/verifier/a/b"):
            assert http.get(path).status_code in (404, 401, 400), path
