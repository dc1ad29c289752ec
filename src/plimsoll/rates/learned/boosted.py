"""Boosted trees that correct a baseline: its variance by a factor, its quantile by a factor."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.rates.learned.trees import FrozenTrees, freeze

F64 = npt.NDArray[np.float64]

Target = Literal["variance", "quantile"]


class BoostedForecaster:
    """An estimator by scikit-learn's conventions (`fit`, `predict`, `get_params`, `set_params`).

    `target="variance"`: `y` is realised variance over the baseline's forecast, above zero; the gamma deviance that is
    minimised is QLIKE of `baseline * prediction`. `target="quantile"`: `y` is the return over the baseline's sigma; the
    pinball loss at `level` is minimised. Nothing is random, there is no early stopping, and one thread adds in one
    order: the same rows give the same trees. What `predict` evaluates are the frozen trees (`frozen_`), not the
    library's.
    """

    def __init__(
        self,
        target: Target = "variance",
        level: float = 0.01,
        max_iter: int = 100,
        learning_rate: float = 0.05,
        max_leaf_nodes: int = 8,
        min_samples_leaf: int = 100,
        l2_regularization: float = 1.0,
        features: tuple[str, ...] = (),
    ) -> None:
        self.target = target
        self.level = level
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.features = features

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the constructor was given."""
        names = (
            "target",
            "level",
            "max_iter",
            "learning_rate",
            "max_leaf_nodes",
            "min_samples_leaf",
            "l2_regularization",
            "features",
        )
        return {n: getattr(self, n) for n in names}

    def set_params(self, **params: Any) -> Self:
        """Change some of them; an unknown one is refused."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise refuse(name, value, ", ".join(known))
            setattr(self, name, value)
        return self

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Grow the trees on `[n, F]` features (NaN where missing) and `[n]` targets."""
        regressor = load_boosting()
        rows, target = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if rows.ndim != 2 or target.shape != (len(rows),) or not np.isfinite(target).all() or np.isinf(rows).any():
            raise refuse("X, y", f"shapes {rows.shape}, {target.shape}", "[n, F] and finite [n]")
        if self.target == "variance" and (target <= 0.0).any():
            raise refuse("y", float(target.min()), "ratios of variances, above zero")
        if self.target not in ("variance", "quantile"):
            raise refuse("target", self.target, "variance or quantile")
        # a feature that was never there cannot be split on; the library does not take it, a constant it takes
        rows = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
        loss: dict[str, Any] = {"loss": "gamma"}
        if self.target == "quantile":
            loss = {"loss": "quantile", "quantile": self.level}
        from threadpoolctl import threadpool_limits  # comes with scikit-learn

        model = regressor(
            **loss,
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            early_stopping=False,
            random_state=0,
        )
        with threadpool_limits(limits=1):
            model.fit(rows, target)
        names = self.features or tuple(f"x{j}" for j in range(rows.shape[1]))
        self.model_ = model
        self.frozen_: FrozenTrees = freeze(model, names)
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, X: npt.ArrayLike) -> F64:
        """The factor on the baseline, `[n]`."""
        if not hasattr(self, "frozen_"):
            raise refuse("fit", "nothing", "a fit before a prediction")
        return self.frozen_.predict(X)


def load_boosting() -> Any:
    """`HistGradientBoostingRegressor`, or an error that names the extra that brings it."""
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
    except ImportError:
        raise refuse("sklearn", "nothing", "scikit-learn: pip install 'plimsoll-margin[learned]'") from None
    return HistGradientBoostingRegressor
