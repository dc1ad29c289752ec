"""The environment keeps Gymnasium's contract; searching is deterministic and the commands say what they did."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from plimsoll.cli import run
from plimsoll.control.courses import drawn
from plimsoll.control.policies import FrozenPolicy
from plimsoll.control.search import train
from plimsoll.control.terms import TERMS, Agents, ControlTerms
from plimsoll.control.venue import STATES, Venue
from plimsoll.documents import DocumentError

SMALL = ControlTerms(agents=Agents(accounts=50), steps=12)


def test_the_environment_passes_gymnasiums_checks() -> None:
    from gymnasium.utils.env_checker import check_env

    from plimsoll.control.environment import MarginRateEnv

    check_env(MarginRateEnv(SMALL), skip_render_check=True)


def test_an_episode_of_the_environment_is_the_venues() -> None:
    from plimsoll.control.environment import SHRUNK, MarginRateEnv

    env = MarginRateEnv(SMALL)
    course = drawn(SMALL, 3)
    seen, _ = env.reset(seed=4, options={"course": course})
    number = int(np.random.Generator(np.random.PCG64(np.random.SeedSequence(4))).integers(2**31))
    venue = Venue(SMALL, course, number)
    ended = False
    while not ended:
        assert seen == pytest.approx(venue.state().astype(np.float32))
        action = np.array([0.5], dtype=np.float32)
        seen, reward, terminated, ended, info = env.step(action)
        venue.post(0.5)
        expected = venue.reward(venue.step())
        assert reward == pytest.approx(SHRUNK * expected, rel=1e-9)
        assert -sum(info["terms"].values()) == pytest.approx(expected, rel=1e-9)
        assert not terminated
    assert venue.done
    assert env.observation_space.shape == (len(STATES),)
    with pytest.raises(DocumentError, match="options"):
        env.reset(options={"speed": 1})


def test_a_search_finds_the_same_policy_twice_and_names_what_it_learned_from() -> None:
    courses = [drawn(SMALL, k) for k in range(3)]
    one, two = (train("static", SMALL, courses, candidates=12, batch=2, seed=3) for _ in range(2))
    assert one == two
    assert one.trained["terms"] == SMALL.hash()
    assert one.trained["candidates"] >= 12
    with pytest.raises(DocumentError, match="kind"):
        train("network", SMALL, courses)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    terms, policy = tmp_path / "terms.json", tmp_path / "static.json"
    terms.write_text(SMALL.to_json())
    told = ["--terms", str(terms)]
    code = run(
        [
            "controller",
            "train",
            "static",
            *told,
            "--candidates",
            "6",
            "--drawn",
            "2",
            "-o",
            str(policy),
            "--name",
            "mine",
        ]
    )
    assert code == 0
    assert "hash sha256:" in capsys.readouterr().out
    frozen = FrozenPolicy.load(str(policy))
    assert (frozen.kind, frozen.name) == ("static", "mine")
    chosen = ["--policy", "coverage", "--policy", str(policy), "--base", "coverage"]
    code = run(["controller", "evaluate", *told, *chosen, "--episodes", "2", "--sensitivity", "--json"])
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["violations"] == 0
    assert found["steps"] == 2 * 2 * 12 * 5
    assert set(found["sets"]["drawn"][0]["terms"]) == set(TERMS)
    assert len(found["differences"]["drawn"]) == 1


def test_a_recorded_history_is_evaluated_in_episodes_and_as_a_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terms, page = tmp_path / "terms.json", tmp_path / "page.html"
    terms.write_text(SMALL.to_json())
    many, frames = SMALL.bounds.window + 30, []
    for seed, symbol in ((1, "AAA"), (2, "BBB")):
        close = 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, many)))
        times = [datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=4 * k) for k in range(many)]
        bars = {"time": times, "symbol": symbol, "open": close, "high": close, "low": close, "close": close}
        frames.append(pl.DataFrame(bars))
    pl.concat(frames).write_parquet(tmp_path / "bars.parquet")
    told = ["--terms", str(terms), "--history", str(tmp_path / "bars.parquet"), "--episodes", "1"]
    told += ["--sensitivity"]
    told += ["--policy", "coverage", "--policy", "rule", "--base", "coverage"]
    assert run(["controller", "evaluate", *told, "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("page"))
    assert "AAA: 2 episodes of 12 steps" in out
    assert "BBB in one run: 29 steps" in out
    assert "all recorded" in out
    text = page.read_text()
    for words in ("bad debt", "peak to trough", "The worst three days", "Other traders"):
        assert words in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "all recorded, in one run each" in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["evaluate", "--base", "best"], "--base"),
        (["evaluate", "--policy", "rule", "--policy", "rule"], "different names"),
        (["evaluate", "--since", "2022-01-01T00:00:00Z"], "--since"),
        (["evaluate", "--episodes", "0"], "--episodes"),
        (["train", "rule", "--until", "2022-01-01T00:00:00Z"], "--until"),
        (["train", "rule", "--asset", "BTC"], "--asset"),
    ],
)
def test_commands_refuse(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["controller", *arguments]) == 2
    assert named in capsys.readouterr().err
