"""What is too large, too deep, no JSON, or an attack; and what every answer carries."""

from __future__ import annotations

import gzip
import http.client
import json
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from plimsoll.serve.body import depth_of
from served import LIMITS, Served

ORDER = {"account": "account 0", "legs": [{"instrument": "BTC-PERP-linear", "quantity": 1.0}]}
JSON = {"Content-Type": "application/json"}


def send(house: Served, raw: Any, path: str = "/v1/what-if", **more: Any) -> httpx.Response:
    headers = {**house.headers("north admin"), **JSON, **more.pop("headers", {})}
    return house.http.post(house.url + path, content=raw, headers=headers, **more)


def get(house: Served, path: str, **headers: str) -> httpx.Response:
    return house.http.get(house.url + path, headers={**house.headers("north admin"), **headers})


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return dict(answer.json())


def test_a_body_that_says_it_is_too_large_is_not_read(house: Served) -> None:
    problem(send(house, b"x" * (LIMITS.body + 1)), 413)


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off(house: Served) -> None:
    def parts() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    # the service may close while we are still talking
    with suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        problem(send(house, parts()), 413)
    assert send(house, json.dumps(ORDER)).status_code == 200


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 50_000, "[" * 13 + "]" * 13, '{"a":[' * 7 + "]}" * 7])
def test_a_body_that_is_too_deep_is_refused(house: Served, deep: str) -> None:
    assert problem(send(house, deep), 400)["problems"][0]["allowed"] == "at most 12 levels"


@pytest.mark.parametrize("text", ['{"a": "' + "[" * 50 + '"}', '{"a": "\\"[[[[[[[[[[[[[[[[["}'])
def test_brackets_in_a_text_are_no_depth(text: str) -> None:
    assert depth_of(text.encode(), 12) == 1


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "nothing"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"account": NaN}', "nan"),
        (b'{"account": 1, "account": 2}', "account"),
        (b"nul", "not JSON"),
        (b'{"account": -Infinity}', "inf"),
    ],
)
def test_what_is_no_json_is_told_where(house: Served, raw: bytes, words: str) -> None:
    found = problem(send(house, raw), 400)
    assert words.lower() in json.dumps(found).lower()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"account": 7}, "account"),
        ({"colour": "red"}, "colour"),
        ({"legs": []}, "legs"),
        ({"legs": [{"instrument": "x"}]}, "legs[0].quantity"),
        ({"legs": [{"instrument": "BTC-PERP-linear", "quantity": "1"}]}, "legs[0].quantity"),
        ({"legs": [{"instrument": "BTC-PERP-linear", "quantity": 1.0, "price": -1.0}]}, "legs[0].price"),
        ({"legs": [{"instrument": "no such", "quantity": 1.0}]}, "legs.instrument"),
        ({"legs": [{"instrument": "BTC-PERP-linear", "quantity": 0.0}]}, "candidates.quantity[0]"),
        ({"legs": ORDER["legs"] * 51}, "legs"),
    ],
)
def test_a_refusal_names_the_field(house: Served, change: dict[str, Any], path: str) -> None:
    found = problem(send(house, json.dumps(ORDER | change)), 422)
    assert path in [p["path"] for p in found["problems"]], found
    assert all({"path", "got", "allowed"} == set(p) for p in found["problems"])


def test_columns_of_a_batch_are_bounded_and_of_one_length(house: Served) -> None:
    batch = {"account": "account 0", "instrument": "BTC-PERP-linear", "quantity": [1.0] * 100_001}
    assert "quantity" in problem(send(house, json.dumps(batch), "/v1/what-if/batch"), 422)["problems"][0]["path"]
    batch = {"account": "account 0", "instrument": ["BTC-PERP-linear"] * 2, "quantity": [1.0, 2.0, 3.0]}
    assert problem(send(house, json.dumps(batch), "/v1/what-if/batch"), 422)["problems"] == [
        {"path": "instrument", "got": "2 values", "allowed": "3, as many as quantities"}
    ]


def test_another_type_of_body_is_refused(house: Served) -> None:
    for kind in ("text/plain", "application/xml", "multipart/form-data", ""):
        problem(send(house, json.dumps(ORDER), headers={"Content-Type": kind}), 415)
    packed = gzip.compress(json.dumps(ORDER).encode())
    problem(send(house, packed, headers={"Content-Encoding": "gzip"}), 415)


NASTY = [
    "' OR '1'='1",
    "'; DROP TABLE entries; --",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "file:///etc/passwd",
    "C:\\windows\\win.ini",
    "%00",
    "\x00",
    "a" * 3_000,
    "{{7*7}}",
    "<script>alert(1)</script>",
    "\u202eevil",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "__class__",
    "${jndi:ldap://x}",
    "*",
    ".",
    "",
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_texts_of_attackers_are_names_of_nothing(house: Served, text: str) -> None:
    part = quote(text, safe="")
    for path in (f"/v1/accounts/{part}", f"/v1/accounts/{part}/requirement", f"/v1/rules/{part}", f"/v1/jobs/{part}",
                 f"/v1/audit/records/{part}"):  # fmt: skip
        answer = get(house, path)
        listing = text in ("", ".") and answer.status_code == 200
        assert listing or answer.status_code in (400, 404, 405, 422), (path, answer.status_code)
        assert "root:" not in answer.text
    for query in ("cursor", "rules", "kind", "status"):
        for path in ("/v1/accounts", "/v1/accounts/account%200/requirement", "/v1/audit/records"):
            answer = get(house, f"{path}?{query}={part}")
            assert answer.status_code in (200, 400, 422), (path, query, answer.text)
            assert "root:" not in answer.text
    if text:
        problem(send(house, json.dumps(ORDER | {"account": text})), 422 if len(text) > 120 else 404)
    assert send(house, json.dumps(ORDER)).status_code == 200


def test_rules_are_never_read_from_a_file(house: Served, tmp_path: Any) -> None:
    pack = house.north.model.rules
    path = tmp_path / "mine.json"
    pack.save(path)
    for name in (str(path), f"{path}@2026-01-01", "mine.json"):
        problem(get(house, f"/v1/accounts/account%200/requirement?rules={quote(name, safe='')}"), 422)
        problem(get(house, f"/v1/accounts/account%200/compare?rules={quote(name, safe='')}"), 422)


def test_half_a_request_and_a_wrong_method_break_nothing(house: Served) -> None:
    address = urlsplit(house.url)
    for raw in (
        b"GARBAGE\r\n\r\n",
        b"GET /v1/fleet HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01",
    ):
        import socket

        with socket.create_connection((address.hostname or "", address.port or 0), timeout=10.0) as line:
            line.sendall(raw)
            line.shutdown(socket.SHUT_WR)
            line.recv(4_096)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30.0)
    connection.request("PATCH", "/v1/fleet", headers=house.headers("north admin"))
    assert connection.getresponse().status == 405
    connection.close()
    assert get(house, "/v1/fleet").status_code == 200


def test_every_answer_has_the_strict_headers(house: Served) -> None:
    answers = [
        house.http.get(house.url + "/v1/health"),
        house.http.get(house.url + "/v1/fleet"),
        house.http.get(house.url + "/nothing"),
        get(house, "/v1/fleet"),
        get(house, "/v1/market"),
        send(house, b"{"),
        send(house, b"x" * (LIMITS.body + 1)),
    ]
    for answer in answers:
        headers = answer.headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert len(headers["x-request-id"]) == 16
        assert "server" not in headers
        assert "strict-transport-security" not in headers


def test_an_etag_answers_what_has_not_changed(house: Served) -> None:
    first = get(house, "/v1/market")
    tag = first.headers["etag"]
    again = get(house, "/v1/market", **{"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get(house, "/v1/market", **{"If-None-Match": '"other"'}).status_code == 200
    assert get(house, "/v1/accounts").headers["etag"] != tag


def test_large_answers_are_compressed_if_asked(house: Served) -> None:
    packed = get(house, "/v1/market", **{"Accept-Encoding": "gzip"})
    plain = get(house, "/v1/market", **{"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 3


def test_pages_are_whole_and_their_cursors_their_own(house: Served) -> None:
    seen, cursor = [], None
    while True:
        tail = "" if cursor is None else f"&cursor={cursor}"
        page = get(house, f"/v1/accounts?limit=2{tail}").json()
        seen += [a["account"] for a in page["accounts"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == list(house.north.names)
    own = get(house, "/v1/accounts?limit=2").json()["next"]
    found = problem(get(house, f"/v1/instruments?cursor={own}"), 422)
    assert found["problems"][0]["path"] == "cursor"
    for limit in ("0", "1001", "x", "-1", "1e3"):
        assert problem(get(house, f"/v1/accounts?limit={limit}"), 422)["problems"][0]["path"] == "query.limit"
