"""`plimsoll prove` and `plimsoll verify`, from files to files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import plimsoll.proofs.vault as vault
from plimsoll.cli import run
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.proofs import CommittedBook, FillLog, Opening, PrivateFill, moved_opening
from plimsoll.proofs.group import default_group

RULES = "deribit-sm@2022-06-01"
NAMES = ["--venue", "v", "--pseudonym", "desk", "--epoch", "1"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vault, "COST", 4)
    monkeypatch.setenv("PLIMSOLL_PASSPHRASE", "secret")
    monkeypatch.setenv("PLIMSOLL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def key(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["prove", "key", name]) == 0
    return capsys.readouterr().out.strip()


def test_a_margin_is_proved_and_verified(capsys: pytest.CaptureFixture[str]) -> None:
    account = demo_account()
    kept = tuple(p for p in account.positions if p.instrument == "BTC-PERPETUAL")
    account = account.model_copy(update={"positions": kept, "collateral": {"BTC": 1.0}})
    account.save("a.json")
    demo_market().save("m.json")
    source, venue = key("source.key", capsys), key("venue.key", capsys)
    assert run(["prove", "key", "venue.key"]) == 2
    made = ["prove", "margin", "-a", "a.json", "-m", "m.json", "-r", RULES, *NAMES, "--vault", "v.json"]
    assert run([*made, "-o", "p.json", "--reach", "1000000", "--money-bits", "70"]) == 0
    assert "unaudited" in capsys.readouterr().out
    assert run(["prove", "sign", "m.json", "--as", "market", "--key", "source.key", "-o", "m.sig"]) == 0
    assert run(["prove", "sign", "p.json.book", "--as", "book", "--key", "venue.key", "-o", "b.sig"]) == 0
    capsys.readouterr()
    asked = ["verify", "proof", "p.json", "-m", "m.json", "-r", RULES, *NAMES]
    signed = ["--market-signature", "m.sig", "--source-key", source]
    book = ["--book", "p.json.book", "--book-signature", "b.sig", "--venue-key", venue]
    assert run([*asked, *signed, *book]) == 0
    told = capsys.readouterr().out
    assert "accepted" in told
    assert "those that the venue signed" in told
    assert "unaudited" in told
    assert run([*asked, "--trust-market", "--book", "p.json.book"]) == 2
    assert run([*asked, "--trust-market", "--book", "p.json.book", "--trust-book"]) == 0
    assert "those of your book" in capsys.readouterr().out
    assert run([*asked, "--trust-market", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bound"] is False
    assert run(asked) == 2
    for change, reason in (
        (["--epoch", "2"], "another epoch"),
        (["--source-key", venue], "another key"),
        (["-r", "prbm@2026-01-01"], "does not follow"),
    ):
        assert run([*asked, *signed, *book, *change]) == 1
        assert reason in capsys.readouterr().out.replace("\n", " ")
    assert run(["verify", "rows", "p.json", "-m", "m.json", "-r", RULES, "-o", "rows.json"]) == 0
    rows = json.loads(Path("rows.json").read_text())
    assert rows["variables"][0] == f"position {kept[0].instrument}"
    # a desk that is short of margin has nothing to show
    account.model_copy(update={"collateral": {"BTC": 0.001}}).save("a.json")
    capsys.readouterr()
    assert run([*made[:-2], "--vault", "w.json", "-o", "q.json", "--reach", "1000000"]) == 2
    assert "does not cover" in capsys.readouterr().err
    assert not Path("q.json").exists()


def test_a_lender_asks_for_an_expected_shortfall_of_his_own(capsys: pytest.CaptureFixture[str]) -> None:
    account = demo_account()
    # coin-margined, sold at 60,000: the loss that is not settled is owed in a coin of which nothing is pledged
    kept = tuple(p for p in account.positions if p.instrument == "BTC-PERPETUAL")
    kept = (kept[0].model_copy(update={"entry_price": 60_000.0}),)
    account.model_copy(update={"positions": kept, "collateral": {"USDC": 60_000.0}}).save("a.json")
    demo_market().save("m.json")
    content = {
        "schema": "plimsoll.shortfall-rules",
        "schema_version": 1,
        "name": "two of eight",
        "level": 0.75,
        "haircuts": {"USDC": 0.0, "BTC": 0.1},
        "spot": [0.9, 0.95, 0.98, 1.0, 1.01, 1.02, 1.05, 1.1],
    }
    Path("es.json").write_text(json.dumps(content))
    made = ["prove", "margin", "-a", "a.json", "-m", "m.json", "-r", "es.json", *NAMES, "--vault", "v.json"]
    assert run([*made, "-o", "p.json", "--money-bits", "70"]) == 0
    terms = json.loads(Path("p.json").read_text())["terms"]
    assert terms["rules_label"] == "two of eight"
    assert [(p["asset"], p["owed"]) for p in terms["collateral"]] == [("USDC", False), ("BTC", True)]
    asked = ["verify", "proof", "p.json", "-m", "m.json", *NAMES, "--trust-market"]
    assert run([*asked, "-r", "es.json"]) == 0
    # scenarios are rules: one other, and the proof is of something else
    Path("other.json").write_text(json.dumps({**content, "spot": [*content["spot"][:-1], 1.11]}))
    capsys.readouterr()
    assert run([*asked, "-r", "other.json"]) == 1
    assert "rules does not follow" in capsys.readouterr().out.replace("\n", " ")
    assert run(["verify", "rows", "p.json", "-m", "m.json", "-r", "es.json", "-o", "rows.json"]) == 0
    assert any(".level" in name for name in json.loads(Path("rows.json").read_text())["variables"])
    for change, words in (({"vol": [0.1]}, "one for each scenario"), ({"level": 1.0}, "level"), ({"spot": []}, "spot")):
        Path("bad.json").write_text(json.dumps({**content, **change}))
        capsys.readouterr()
        assert run([*asked, "-r", "bad.json"]) == 2
        assert words in capsys.readouterr().err


def test_fills_move_books_that_nobody_opens(capsys: pytest.CaptureFixture[str]) -> None:
    group, venue = default_group(), key("venue.key", capsys)
    openings = {"ann": Opening.of([4, 1_000]), "bob": Opening.of([-4, 500])}
    books = {
        name: CommittedBook(
            venue="v",
            account=name,
            epoch="1",
            instruments=("PERP",),
            quantity_decimals=0,
            assets=("USD",),
            asset_decimals=(2,),
            commitments=tuple(group.encode(v).hex() for v in opening.commitments()),
        )
        for name, opening in openings.items()
    }
    signatures = []
    for name, book in books.items():
        book.save(f"{name}.book")
        assert run(["prove", "sign", f"{name}.book", "--as", "book", "--key", "venue.key", "-o", f"{name}.sig"]) == 0
        signatures += ["--signature", f"{name}.sig"]
    fill = PrivateFill.of(1, "bob", "ann", "PERP", 3, "USD", 25)
    FillLog(venue="v", before="1", after="2", first=1, fills=(fill.fill,)).save("log.json")
    made = ["verify", "fills", "log.json", "--book", "ann.book", "--book", "bob.book", "-o", "after"]
    assert run(made) == 2
    assert run([*made, *signatures, "--venue-key", key("other.key", capsys)]) == 1
    assert run([*made, *signatures, "--venue-key", venue]) == 0
    told = capsys.readouterr().out
    assert "2 books of epoch 2, after 1 fills" in told
    assert "unaudited" in told
    for name, values in (("ann", (1, 1_075)), ("bob", (-1, 425))):
        moved = moved_opening(openings[name], books[name], [fill])
        assert moved.values == values
        after = CommittedBook.load(f"after/{name}.json")
        assert after.commitments == tuple(group.encode(v).hex() for v in moved.commitments())
        assert after.epoch == "2"
    # one side of a fill alone says nothing of the other
    assert run(["verify", "fills", "log.json", "--book", "ann.book", "--trust-books", "-o", "after"]) == 1
    assert "bob is no account with a book" in capsys.readouterr().out.replace("\n", " ")


def test_a_venue_proves_its_solvency_and_a_customer_finds_himself(capsys: pytest.CaptureFixture[str]) -> None:
    terms = {
        "venue": "v",
        "epoch": "1",
        "nonce": "00" * 16,
        "currency": "USD",
        "decimals": 2,
        "quantity_decimals": 0,
        "instruments": [{"name": "PERP", "mark": 300}],
        "assets": [{"name": "USD", "decimals": 2, "value": 1, "reserve": 3000}],
        "bits": 12,
    }
    accounts = [
        {"name": "ann", "positions": {"PERP": 2}, "balances": {"USD": 1000}},
        {"name": "bob", "positions": {"PERP": -2}, "balances": {"USD": 900}},
        {"name": "eve", "balances": {"USD": -100}},
    ]
    content = {"schema": "plimsoll.venue-books", "schema_version": 1, "terms": terms, "accounts": accounts}
    Path("books.json").write_text(json.dumps(content))
    venue = key("venue.key", capsys)
    made = [
        "prove",
        "solvency",
        "books.json",
        "--padding",
        "1",
        "-o",
        "day.json",
        "--inclusions",
        "own",
        "--vault",
        "v",
    ]
    assert run(made) == 0
    told = capsys.readouterr().out
    assert "4 leaves, 1 listed apart" in told
    assert "unaudited" in told
    assert sorted(p.name for p in Path("own").iterdir()) == ["ann.json", "bob.json"]
    assert run(["prove", "sign", "day.json", "--as", "solvency", "--key", "venue.key", "-o", "day.sig"]) == 0
    signed = ["--signature", "day.sig", "--venue-key", venue]
    names = ["--venue", "v", "--epoch", "1"]
    assert run(["verify", "solvency", "day.json", *names, *signed]) == 0
    assert "accepted: 3 equities" in capsys.readouterr().out
    own = ["verify", "inclusion", "own/ann.json", "--publication", "day.json", *names, "--account", "ann"]
    assert run([*own, "--equity", "16.00", *signed]) == 0
    assert "ann is counted with 16.00 USD" in capsys.readouterr().out
    root = json.loads(Path("day.json").read_text())["root"]["hash"]
    assert run([*own, "--equity", "16", "--root", root]) == 0
    assert run([*own, "--equity", "16", "--root", "00" * 32]) == 1
    assert run([*own, "--equity", "16.01", *signed]) == 1
    assert run([*own, "--equity", "16.001", *signed]) == 2
    assert run([*own, "--equity", "16"]) == 2
    assert run(["verify", "solvency", "day.json", "--venue", "v", "--epoch", "2", *signed]) == 1
    terms["assets"][0]["reserve"] = 1899  # type: ignore[index]
    Path("books.json").write_text(json.dumps(content))
    capsys.readouterr()
    assert run(made) == 2
    assert "reserves less the sum" in capsys.readouterr().err
