"""The heaviest models of an average, and their weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mse.kernels.arrays import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class ModelWeights:
    """The heaviest models of an average, the heaviest first.

    Parameters
    ----------
    notation : tuple of str, length M
        Generators, for example ``"[12,3]"``.
    weight : float64 array, shape (M,)
        Posterior probabilities; they sum to less than one when lighter models were left out.
    log_evidence : float64 array, shape (M,)
        Log marginal likelihoods (not a number where the method has none).
    size : float64 array, shape (M,)
        Expected N under each model, persons.
    log_sd : float64 array, shape (M,)
        Standard deviation of log n_0 under each model.
    pareto_k : float64 array, shape (M,)
        Shape of the importance weights' tail where the model was corrected, else not a number.
    """

    notation: tuple[str, ...]
    weight: Array
    log_evidence: Array
    size: Array
    log_sd: Array
    pareto_k: Array

    def __repr__(self) -> str:
        """One line: how many, and the heaviest."""
        heaviest = f", the heaviest {self.notation[0]} ({self.weight[0]:.0%})" if self.notation else ""
        return f"<ModelWeights of {len(self.notation):,} models{heaviest}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the heaviest models."""
        return str(
            self.to_pandas()[["model", "weight", "N"]].head(20).to_html(index=False, float_format="{:,.4g}".format)
        )

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per model."""
        import pandas as pd

        return pd.DataFrame({f.name: getattr(self, f.name) for f in fields(self)}).rename(
            columns={"notation": "model", "size": "N"}
        )
