"""Boosted trees as plain numbers: written to a file, hashed, and evaluated without the library that grew them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Count, Document, Flag, Number, Part, refuse
from plimsoll.rates.learned.baselines import Baseline

F64 = npt.NDArray[np.float64]

Link = Literal["identity", "log"]


class Tree(Part):
    """One tree, `n` nodes, node 0 the root; a leaf has `feature` -1 and both children 0.

    At a node a row goes left where `x[feature] <= threshold`; where it is missing (NaN), as `missing_left` says. A
    threshold without bound is told as None.
    """

    feature: tuple[int, ...]
    threshold: tuple[Number | None, ...]
    missing_left: tuple[Flag, ...]
    left: tuple[Count, ...]
    right: tuple[Count, ...]
    value: tuple[Number, ...]


class FrozenTrees(Document):
    """A sum of trees on a baseline, then the inverse of the link.

    `features` names the columns in order; `trained_until` and `note` say on what. The file is JSON, its hash
    that of every document: the same trees, the same hash, on every machine.
    """

    SCHEMA: ClassVar[str] = "plimsoll.frozen-trees"

    features: tuple[str, ...]
    link: Link
    baseline: Number
    trees: tuple[Tree, ...]
    trained_until: str = ""
    note: str = ""

    def predict(self, X: npt.ArrayLike) -> F64:
        """`[n]` from `[n, F]` features, NaN where missing: the trees in their order, so the same bits every time."""
        return Evaluator.of(self).predict(X)


@dataclass(frozen=True)
class Evaluator:
    """The trees as arrays, ready for many calls."""

    width: int
    link: Link
    baseline: float
    trees: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, frozen: FrozenTrees) -> Evaluator:
        """Checked once: children come after their parent, so that every walk ends in a leaf."""
        made = []
        for number, tree in enumerate(frozen.trees):
            size = len(tree.feature)
            columns = (tree.threshold, tree.missing_left, tree.left, tree.right, tree.value)
            if size == 0 or any(len(c) != size for c in columns):
                raise refuse(f"trees[{number}]", "columns of different lengths", "one entry for each node")
            for i, f in enumerate(tree.feature):
                inside = f < len(frozen.features) and i < tree.left[i] < size and i < tree.right[i] < size
                if f >= 0 and not inside:
                    raise refuse(f"trees[{number}].feature[{i}]", f, "a feature and two children after their parent")
            threshold = np.array([math.inf if t is None else t for t in tree.threshold])
            made.append(
                (
                    np.array(tree.feature),
                    threshold,
                    np.array(tree.missing_left),
                    np.array(tree.left),
                    np.array(tree.right),
                    np.array(tree.value),
                )
            )
        return cls(len(frozen.features), frozen.link, frozen.baseline, tuple(made))

    def predict(self, X: npt.ArrayLike) -> F64:
        """See `FrozenTrees.predict`."""
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise refuse("X", f"shape {rows.shape}", f"shape [n, {self.width}]")
        if np.isinf(rows).any():
            raise refuse("X", "infinity", "finite numbers, NaN where missing")
        total = np.full(len(rows), self.baseline)
        every = np.arange(len(rows))
        for feature, threshold, missing_left, left, right, value in self.trees:
            node = np.zeros(len(rows), dtype=np.intp)
            while (feature[node] >= 0).any():
                f = feature[node]
                x = rows[every, np.maximum(f, 0)]
                goes_left = np.where(np.isnan(x), missing_left[node], x <= threshold[node])
                node = np.where(f < 0, node, np.where(goes_left, left[node], right[node]))
            total = total + value[node]
        result: F64 = np.exp(total) if self.link == "log" else total
        return result


def freeze(model: Any, features: tuple[str, ...], *, trained_until: str = "", note: str = "") -> FrozenTrees:
    """The trees of a fitted `HistGradientBoostingRegressor` of scikit-learn; categorical splits are refused."""
    links: dict[str, Link] = {"squared_error": "identity", "quantile": "identity", "gamma": "log", "poisson": "log"}
    if model.loss not in links:
        raise refuse("model.loss", model.loss, ", ".join(links))
    trees = []
    for (predictor,) in model._predictors:
        nodes = predictor.nodes
        if nodes["is_categorical"].any():
            raise refuse("model", "a split by category", "numbers only")
        leaf = nodes["is_leaf"].astype(bool)
        threshold = np.where(leaf, 0.0, nodes["num_threshold"])
        trees.append(
            Tree(
                feature=tuple(np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)).tolist()),
                threshold=tuple(None if math.isinf(t) else t for t in threshold.tolist()),
                missing_left=tuple(nodes["missing_go_to_left"].astype(bool).tolist()),
                left=tuple(np.where(leaf, 0, nodes["left"].astype(np.int64)).tolist()),
                right=tuple(np.where(leaf, 0, nodes["right"].astype(np.int64)).tolist()),
                value=tuple(nodes["value"].tolist()),
            )
        )
    return FrozenTrees(
        features=features,
        link=links[model.loss],
        baseline=float(np.asarray(model._baseline_prediction).ravel()[0]),
        trees=tuple(trees),
        trained_until=trained_until,
        note=note,
    )


VARIANCE = "variance-1d@2022-01-01"


class Charter(Part):
    """What frozen trees are for: `target`, over `horizon` days, at `level` for a quantile; the coins for which the gate
    let them in, each with the baseline that they correct, and `lam`, the decay of its exponential weights."""

    target: Literal["variance", "quantile"]
    horizon: Count
    level: Number | None = None
    lam: Number
    baselines: dict[str, Baseline]


def shipped(name: str = VARIANCE) -> FrozenTrees:
    """Trees that come with the library, with the hash they were approved with; `DocumentError` where it is another.

    `variance-1d@2022-01-01`: the factor on a baseline's variance of the next day, grown on seven coins before 2022.
    The others (`charters`) are quantiles of a return in units of the baseline's sigma.
    """
    approved = _data("hashes.json")
    if name not in approved:
        raise refuse("name", name, f"one of {', '.join(approved)}")
    folder = resources.files("plimsoll.rates.learned").joinpath("data")
    return load_frozen(Path(str(folder.joinpath(f"{name}.json"))), approved[name])


def charters() -> dict[str, Charter]:
    """What each of the shipped trees is for. Source: the gate's column of `docs/validation/learned.md`."""
    return {name: Charter.model_validate(c, strict=True) for name, c in _data("admitted.json").items()}


def admitted(name: str = VARIANCE) -> dict[str, Baseline]:
    """Coins for which the gate, on days before the trees were frozen, let them in, with the baseline they correct.

    Elsewhere the trees did not beat the baseline surely enough, and the baseline stands. Source: the tables of
    `docs/validation/learned.md`.
    """
    known = charters()
    if name not in known:
        raise refuse("name", name, f"one of {', '.join(known)}")
    return known[name].baselines


def _data(name: str) -> dict[str, Any]:
    text = resources.files("plimsoll.rates.learned").joinpath("data", name).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def load_frozen(path: str | Path, expected_hash: str) -> FrozenTrees:
    """The trees of a file; `DocumentError` where its hash is not the one that was approved."""
    frozen = FrozenTrees.load(path)
    if frozen.hash() != expected_hash:
        raise refuse("hash", frozen.hash(), expected_hash, str(path))
    return frozen
