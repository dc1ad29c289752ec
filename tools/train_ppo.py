"""One PPO run of stable-baselines3 on the margin environment, frozen as weights: src/plimsoll/control/data.

    .venv-rl/bin/python tools/train_ppo.py [--steps 24000] [--history FILE]

In an environment of its own (`requirements/rl.txt`, after a CPU build of torch): `network.npz` has the weights of the
mean action, `network.json` the frozen policy made from them, with the hash of the file. Nothing else needs torch.
"""

from __future__ import annotations

import argparse
import sys
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np

from plimsoll.control.courses import Record, training_courses
from plimsoll.control.environment import MarginRateEnv
from plimsoll.control.policies import from_torch
from plimsoll.control.terms import ControlTerms

DATA = Path(__file__).resolve().parent.parent / "src" / "plimsoll" / "control" / "data"
UNTIL = "2022-01-01T00:00:00Z"
WIDTH, SEED = 16, 1


def main(argv: list[str] | None = None) -> int:
    """Trains and writes."""
    from stable_baselines3 import PPO  # type: ignore[import-not-found]

    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("--steps", type=int, default=24_000)
    parser.add_argument("--history", help="recorded bars of BTC; default: drawn courses alone")
    options = parser.parse_args(argv)
    terms = ControlTerms()
    records = []
    if options.history:
        from plimsoll.feeds import read_bars
        from plimsoll.market.history import instant_ns

        bars = read_bars(options.history, name="BTC").history
        whole = Record.of("BTC", bars.times, bars.values[:, 0], terms)
        records.append(whole.between(int(whole.times[0]), instant_ns(UNTIL, "until") + 1))
    env = MarginRateEnv(terms, training_courses(terms, records))
    model = PPO(
        "MlpPolicy",
        env,
        seed=SEED,
        n_steps=1200,
        batch_size=240,
        gamma=0.98,
        learning_rate=1e-3,
        policy_kwargs={"net_arch": [WIDTH, WIDTH], "log_std_init": -0.7},
        device="cpu",
        verbose=1,
    )
    model.learn(options.steps)
    layers = [m for m in model.policy.mlp_extractor.policy_net if hasattr(m, "weight")] + [model.policy.action_net]
    arrays = {}
    for n, layer in enumerate(layers):
        arrays[f"w{n}"] = layer.weight.detach().numpy().astype(np.float64)
        arrays[f"b{n}"] = layer.bias.detach().numpy().astype(np.float64)
    file = BytesIO()
    np.savez(file, **arrays)
    (DATA / "network.npz").write_bytes(file.getvalue())
    story = {
        "by": "stable-baselines3 PPO",
        "steps": options.steps,
        "seed": SEED,
        "terms": terms.hash(),
        "weights": f"sha256:{sha256(file.getvalue()).hexdigest()}",
        "histories": [f"BTC until {UNTIL}"] if records else [],
    }
    frozen = from_torch("network", arrays, terms.bounds.step, story)
    (DATA / "network.json").write_text(frozen.to_json() + "\n", encoding="utf-8")
    print(frozen.hash())
    return 0


if __name__ == "__main__":
    sys.exit(main())
