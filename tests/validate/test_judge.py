"""Verdicts on walks, the disclosure and the commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm
from tests.validate import walks

from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.market.history import DAY_NS
from plimsoll.report.validation_page import validation_page
from plimsoll.report.validation_view import chance, rejection_lines, unclaimed_lines
from plimsoll.validate import holm
from plimsoll.validate.books import library
from plimsoll.validate.disclosure import check, code_hash, disclosure
from plimsoll.validate.judge import judge
from plimsoll.validate.walk import REGIMES, Track, Walk

LEVEL = 0.01


def made(forecast: float, days: int = 600, books: int = 8, seed: int = 0) -> Walk:
    """Tracks of normal losses with a right forecast times `forecast`, in three regimes of volatility."""
    rng = np.random.default_rng(seed)
    shapes = library()[:books]
    tracks = []
    q, tail = norm.isf(LEVEL), norm.pdf(norm.isf(LEVEL)) / LEVEL
    for shape in shapes:
        regime = np.repeat(np.arange(3), days // 3)
        width = np.array([0.01, 0.02, 0.05])[regime]
        losses = width * rng.standard_normal(days)
        tracks.append(
            Track(
                shape,
                tuple(range(days)),
                losses,
                np.empty((days, 0)),
                np.empty((days, 0)),
                tuple(REGIMES[r] for r in regime),
                {"model": forecast * q * width},
                {"model": forecast * tail * width},
                0,
            )
        )
    return Walk(LEVEL, tuple(tracks), {})


def test_a_right_model_is_rejected_no_more_often_than_the_family_says() -> None:
    """Of 25 libraries of eight books and three regimes few have any rejection: two families of 5 % each."""
    found = sum(bool(judge(made(1.0, seed=i), draws=1).rejections("model")) for i in range(25))
    assert found <= 25 * 0.1 + 2 * np.sqrt(25 * 0.1 * 0.9)


def test_a_halved_model_is_rejected_in_every_book() -> None:
    judged = judge(made(0.5), draws=99)
    whole = {v.book for v in judged.rejections("model") if v.regime == "all"}
    assert whole == {s.name for s in library()}
    assert all(v.side == "too many" for v in judged.rejections("model"))
    for s in judged.studies:
        assert s.light == "red"
        z2 = next(t for t in s.tests if t.name.endswith("Z2"))
        assert z2.statistic < -1
        assert z2.rejects()


def test_a_model_of_far_too_much_margin_is_marked_as_conservative() -> None:
    judged = judge(made(6.0), draws=9)
    rows = [v for v in judged.verdicts if v.regime == "all"]
    assert all(v.conservatism > judged.ceiling for v in rows)
    assert all(v.one_sided > 0.5 for v in rows)  # a margin is never blamed for covering
    assert judged.rejections("model")
    assert all(v.side == "too few" for v in judged.rejections("model"))


def test_families_of_holm() -> None:
    judged = judge(made(0.8), draws=9)
    for whole in (True, False):
        rows = [v for v in judged.verdicts if (v.regime == "all") == whole]
        assert [v.adjusted for v in rows] == pytest.approx(holm([v.p_value for v in rows]).tolist())
    assert len(judged.verdicts) == 8 + 24


def test_few_days_are_told_and_not_tested() -> None:
    walk = made(0.5, days=90, books=1)
    judged = judge(walk, draws=9)
    small = [v for v in judged.verdicts if v.regime != "all"]
    assert all(v.days == 30 and not v.tested and not v.rejected() for v in small)


def test_the_error_of_the_proxy_is_counted() -> None:
    walk = made(1.0, books=2)
    track = walk.tracks[1]
    noisy = track.losses[:, None] + 0.05 * np.arange(3)
    told = replace(track, noisy=noisy, on_chains=track.losses[:, None])
    judged = judge(replace(walk, tracks=(walk.tracks[0], told)), draws=9)
    first, second = (v for v in judged.verdicts if v.regime == "all")
    assert first.noisy is None
    assert second.noisy is not None
    assert second.noisy[0] == second.exceptions < second.noisy[1]
    assert second.noisy_p is not None
    assert second.noisy_p < second.one_sided
    assert second.on_chains == (second.exceptions, second.exceptions)
    assert second.on_chains_p == pytest.approx(second.one_sided)


def test_coverage_of_options_is_claimed_with_the_error_of_the_proxy_only() -> None:
    """The forecast is right; with either error the losses are half as large again, and nothing is claimed."""
    walk = made(1.0, books=2)
    track = walk.tracks[1]
    plain, larger = track.losses[:, None], 1.5 * track.losses[:, None]
    for noisy, chains, claimed in ((plain, plain, True), (larger, plain, False), (plain, larger, False)):
        tracks = (walk.tracks[0], replace(track, noisy=noisy, on_chains=chains))
        judged = judge(replace(walk, tracks=tracks), draws=9)
        found = [v for v in judged.verdicts if v.regime == "all"]
        assert [v.claimed() for v in found] == [True, claimed]
        assert not any(v.rejected() for v in found)
        assert len(list(unclaimed_lines(judged, "model"))) == (not claimed)
        assert [v.to_dict()["iv"] for v in found] == ["none", "proxy"]


def test_scores_compare_with_the_first_model() -> None:
    walk = made(1.0)
    tracks = tuple(
        replace(
            t,
            var=dict(t.var) | {"flat": np.full(len(t.times), 0.07)},
            es=dict(t.es) | {"flat": np.full(len(t.times), 0.09)},
        )
        for t in walk.tracks
    )
    judged = judge(replace(walk, tracks=tracks), draws=9)
    flat = [s for s in judged.studies if s.model == "flat"]
    assert all(s.against is not None and s.against.statistic > 0 and s.against.p_value < 0.01 for s in flat)
    assert all(s.against is None for s in judged.studies if s.model == "model")
    assert all(s.peak_to_trough == 1.0 for s in flat)


# the disclosure ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    """The disclosure of the small walk."""
    walk, models = walks.walk(), list(walks.models())
    return disclosure(walk, judge(walk, draws=19), models, command="plimsoll validate run", data={"closes": "sha256:0"})


def test_disclosure_is_whole_and_says_when_it_is_not(document: dict[str, object]) -> None:
    read = json.loads(json.dumps(document, allow_nan=False))
    assert check(read) == []
    assert read["iv"] == "proxy"
    assert {t["iv"] for t in read["tracks"]} == {"proxy", "none"}
    changed = json.loads(json.dumps(read))
    changed["verdicts"][0]["exceptions"] += 1
    assert "hashed" in check(changed)[0]
    fewer = {**read, "rejections": read["rejections"][1:]}
    assert any("rejections" in line for line in check(fewer))
    assert "tracks is missing" in check({k: v for k, v in read.items() if k != "tracks"})
    with pytest.raises(DocumentError):
        check({"schema": "plimsoll.market"})


def test_a_second_run_agrees_in_the_result(document: dict[str, object]) -> None:
    walk, models = walks.walk(), list(walks.models())
    again = disclosure(walk, judge(walk, draws=19), models, command="another", data={})
    assert again["hashes"] == document["hashes"]
    other = disclosure(walk, judge(walk, draws=19, seed=1), models, command="another", data={})
    assert other["hashes"]["result"] != document["hashes"]["result"]  # type: ignore[index]
    assert code_hash() == code_hash()


def test_page_holds_every_rejection_and_hash(document: dict[str, object]) -> None:
    walk = walks.walk()
    judged = judge(walk, draws=19)
    page = validation_page(walk, judged, document)
    for model in judged.models:
        for v in judged.rejections(model):
            assert f"{v.exceptions} of {v.days} beyond" in page
    for digest in document["hashes"].values():  # type: ignore[attr-defined]
        assert digest in page
    assert "<script" not in page
    assert page.count("<svg") == len(judged.models) + len(walk.tracks) + 1
    lines = [line for m in judged.models for line in rejection_lines(judged, m)]
    assert any("halved" in line for line in lines)


def test_chances_are_short() -> None:
    assert [chance(p) for p in (1.0, 0.0234, 0.0004, 1e-30, 0.0)] == ["1.000", "0.023", "4e-04", "1e-30", "0e+00"]


# the command ------------------------------------------------------------------------------------------------------


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, document = tmp_path / "page.html", tmp_path / "document.json"
    words = ["validate", "run", "-b", "linear", "-b", "call-spread", "-m", "hs", "--from", "2025-11-01T00:00:00Z"]
    code = run([*words, "-o", str(page), "-d", str(document)])
    told = capsys.readouterr().out
    assert code in (0, 1)
    assert "generated, of no market" in told
    assert "iv: proxy" in told
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert max(len(line) for line in told.splitlines() if str(tmp_path) not in line) <= 80
    assert run(["validate", "check", str(document)]) == 0
    assert "replay: plimsoll validate run" in capsys.readouterr().out
    broken = json.loads(document.read_text(encoding="utf-8"))
    broken["level"] = 0.02
    document.write_text(json.dumps(broken), encoding="utf-8")
    assert run(["validate", "check", str(document)]) == 1
    capsys.readouterr()
    replay = broken["command"].split()[1:]
    assert run([*replay, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["hashes"] == broken["hashes"]


@pytest.mark.parametrize(
    "words",
    [
        ["--book", "butterfly"],
        ["--model", "guess"],
        ["--broken", "-1"],
        ["--look-back", "5"],
        ["--from", "tomorrow"],
        ["--prices", "none.parquet"],
    ],
)
def test_command_refuses(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "run", *words]) == 2
    assert "error" in capsys.readouterr().err


def one_coin(folder: Path, head: str, symbol: str = "") -> Path:
    """Closes of 130 days of one coin, with a column of symbols where one is given."""
    closes = walks.closes(130)
    lines = [f"date,{'symbol,' if symbol else ''}close"]
    for t, price in zip(closes.times.tolist(), closes.values[:, 0].tolist(), strict=True):
        day = np.datetime64(t - DAY_NS, "ns").astype("datetime64[D]")
        lines.append(f"{day},{symbol + ',' if symbol else ''}{price!r}")
    path = folder / head
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("symbol", "coin"), [("BTCUSDT", ""), ("", "BTC="), ("", "")])
def test_prices_of_one_coin_are_enough_for_its_books(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], symbol: str, coin: str
) -> None:
    path = one_coin(tmp_path, "daily.csv", symbol)
    words = ["validate", "run", "-m", "hs", "--look-back", "60", "-b", "linear", "-b", "short-strangle"]
    assert run([*words, "--prices", f"{coin}{path}", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert [t["book"] for t in told["tracks"]] == ["linear", "short-strangle"]
    assert f"--prices {coin}daily.csv" in told["command"]


def test_books_of_other_coins_are_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = one_coin(tmp_path, "daily.csv", "BTCUSDT")
    assert run(["validate", "run", "-m", "hs", "--look-back", "60", "--prices", str(path), "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert "crowded-long left out: the file has not the prices of all of their coins" in told["notes"]
    assert [t["book"] for t in told["tracks"]] == [s.name for s in library() if s.coins == ("BTC",) and not s.basis]


def test_books_in_another_coin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = one_coin(tmp_path, "daily.csv", "ETHUSDT")
    words = ["validate", "run", "-m", "hs", "--look-back", "60", "--prices", str(path)]
    assert run([*words, "--coin", "ETH", "--json"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    assert {leg["coin"] for b in told["books"] for leg in b["legs"]} == {"ETH"}
    assert len(told["books"]) == 6
    assert "--coin ETH" in told["command"]
    assert run(words) == 2
    assert "a coin of the file: ETH" in capsys.readouterr().err
    assert run([*words, "--coin", "DOGE"]) == 2
    assert "one of BTC, ETH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("symbol", "text", "book", "said"),
    [
        ("BTCUSDT", "{}", "crowded-long", "symbols of BTC, ETH"),
        ("DOGEUSDT", "{}", "linear", "symbols of BTC"),
        ("", "{}", "crowded-long", "COIN=FILE"),
        ("", "ETH={}", "linear", "prices of BTC"),
        ("BTCUSDT", "BTC={}", "linear", "FILE alone"),
    ],
)
def test_prices_that_do_not_fit_the_books(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], symbol: str, text: str, book: str, said: str
) -> None:
    path = one_coin(tmp_path, "daily.csv", symbol)
    assert run(["validate", "run", "-m", "hs", "-b", book, "--prices", text.format(path)]) == 2
    assert said in capsys.readouterr().err
