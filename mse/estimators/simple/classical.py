"""Estimators that fit on one line: independence, Chapman, Chao's lower bound, sample coverage.

They are quick checks beside a proper answer, with log-normal intervals that know of sampling error alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import Posterior, Says
from mse.computing.parallel import Compute
from mse.errors import ModelError, Problem
from mse.estimators.simple.boundwords import BOUNDS, Form, bound_notes
from mse.estimators.simple.samplecoverage import LOW_COVERAGE, CoverageSpec, bootstrap_sizes, sample_coverage
from mse.estimators.single.existence import Existence
from mse.estimators.single.fitted import fit_model
from mse.kernels.arrays import Array
from mse.settings.specchecks import check_spec
from mse.settings.specfields import Draws, Pair
from mse.tables.captures import CaptureTable
from mse.terms import Model
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd


CLOSED = (said("assumed.closed"), said("assumed.linked"))


@dataclass(frozen=True, slots=True)
class IndependenceSpec:
    """Options of the independence estimator.

    Parameters
    ----------
    draws : int
        Draws of N to store.
    """

    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class ChapmanSpec:
    """Options of Chapman's estimator for two lists.

    Parameters
    ----------
    pair : tuple of two str or None
        The two lists; None takes the pair with the largest overlap, and says so.
    draws : int
        Draws of N to store.
    """

    pair: Pair | None = None
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


@dataclass(frozen=True, slots=True)
class ChaoSpec:
    """Options of Chao's lower bound.

    Parameters
    ----------
    form : str
        The estimate of n_0 from f_1 and f_2, the persons on exactly one and two lists:

        * ``"finite"``, the default: f_1²(K−1)/(2 K f_2), the bound for K lists that all see a person with the
          same chance; lists of unequal size raise it. This is Rcapture's "Mh Chao (LB)" as long as that drops
          none of its own parameters;
        * ``"by list"``: Σ_{i<j} f_1i f_1j / f_2 with f_1i the persons on list i alone: a bound for lists of any
          size, never above the first. It uses the same cells as Rcapture's "Mth Chao (LB)", which is solved by
          likelihood;
        * ``"classical"``: f_1²/(2 f_2) (Chao 1987), the limit of many lists. For K lists it is K/(K−1) times
          too high to be a bound.
    bias_corrected : bool
        Use f_1 (f_1 − 1) / (2 (f_2 + 1)), or f_2 + 1 below the products, which also exist when f_2 = 0. With
        ``"finite"`` this is Rcapture's bias-corrected ``closedp.bc(m="Mh", h="Chao")``.
    draws : int
        Draws of N to store.
    """

    form: Form = "finite"
    bias_corrected: bool = False
    draws: Draws = 10_000

    def __post_init__(self) -> None:
        """Check the options."""
        check_spec(self)


type Spec = IndependenceSpec | ChapmanSpec | ChaoSpec | CoverageSpec


class _Answer(NamedTuple):
    """What one of the estimators found: persons counted, n̂_0 and its standard error, and the words."""

    counted: float
    unseen: float
    se: float
    method: str
    kind: Said
    assumptions: tuple[Said, ...]
    citations: tuple[str, ...]
    options: Mapping[str, object]
    diagnostics: Mapping[str, float]
    notes: tuple[Said, ...] = ()


def estimate(table: CaptureTable, spec: Spec, *, seed: int, compute: Compute | None = None) -> Posterior:
    """Estimate N by one of the simple estimators; `spec` says which.

    Parameters
    ----------
    table : CaptureTable
        Without strata; Chapman, Chao and coverage also without unobservable cells.
    spec : IndependenceSpec, ChapmanSpec, ChaoSpec or CoverageSpec
        Which estimator, and its options.
    seed : int
        Seed of the bootstrap and of the stored draws.
    compute : Compute, optional
        Not needed here; taken so that all estimators are called alike.

    Returns
    -------
    Posterior
        Sampling distribution counted + n̂_0 exp(s Z) with s² = ln(1 + se²/n̂_0²): the log-normal interval at
        every probability (Burnham et al. 1987; Chao 1987).

    Raises
    ------
    ModelError
        When an option or the table does not suit the estimator, with what can be done.
    """
    bootstrap, draws = np.random.default_rng(seed).spawn(2)
    match spec:
        case IndependenceSpec():
            found = _independence(table)
        case ChapmanSpec():
            found = _chapman(table, spec)
        case ChaoSpec():
            found = _chao(table, spec)
        case CoverageSpec():
            found = _coverage(table, spec, bootstrap)
    notes = found.notes
    point = found.counted + found.unseen
    if not (found.unseen > 0 and found.se > 0):
        notes = (*notes, said("note.no_spread"))
    log_sd = math.sqrt(math.log1p((found.se / found.unseen) ** 2)) if found.unseen > 0 else 0.0
    law = Distribution.lognormal(int(found.counted), found.unseen, log_sd)
    says = Says(
        inside=(said("source.sampling_assumed"),),
        outside=(said("source.departures"), said("source.linkage")),
        assumptions=(*CLOSED, *found.assumptions),
        citations=found.citations,
        notes=notes,
        point_kind=found.kind,
    )
    return Posterior.of(
        table, spec, law, says, method=found.method, kind="sampling distribution", seed=seed, settled=found.options,
        draws=draws, point=point, diagnostics={**found.diagnostics, "unseen": found.unseen, "se": found.se},
    )  # fmt: skip


def _independence(table: CaptureTable) -> _Answer:
    """Fit the log-linear model of main effects."""
    fit = fit_model(table, Model(table.n_lists, ()))
    if fit.existence is not Existence.FINE:
        raise ModelError(
            Problem(
                said("fault.independence", status=fit.existence.said),
                said("allowed.lists_overlap"),
                said("do.check_linkage_leave_out"),
                file=said("what.table", name=table.name),
            )
        )
    return _Answer(
        table.observed, fit.unseen, fit.se, "independence", said("kind.independence"),
        (said("assumed.unchanged"), said("assumed.alike")),
        ("Darroch (1958) The multiple-recapture census I. Biometrika 45:343-359",),
        {}, {"deviance": fit.deviance, "df": float(fit.df)},
    )  # fmt: skip


def _complete(table: CaptureTable) -> Array:
    """Return the dense counts of a table all of whose cells can be observed."""
    counts, cells = table.dense()
    if cells.sum() < counts.size - 1:
        raise ModelError(
            Problem(
                said("fault.unobservable_cells"),
                said("allowed.table_where_every_combination"),
                said("do.use_method_loglinear_average"),
                file=said("what.table", name=table.name),
            )
        )
    return counts


def _pair_estimate(first: float, second: float, both: float) -> tuple[float, float]:
    """Return Chapman's N̂ and its standard error (Seber 1982, p. 60)."""
    size = (first + 1.0) * (second + 1.0) / (both + 1.0) - 1.0
    spread = (first + 1.0) * (second + 1.0) * (first - both) * (second - both)
    return size, math.sqrt(spread / ((both + 1.0) ** 2 * (both + 2.0)))


def chapman_pairs(table: CaptureTable) -> pd.DataFrame:
    """Return Chapman's estimate for every pair of lists, the largest overlap first.

    Parameters
    ----------
    table : CaptureTable
        Without strata, and without unobservable cells.

    Returns
    -------
    DataFrame
        Columns ``list_1``, ``list_2``, ``n_1``, ``n_2``, ``both``, ``N``, ``se``. Pairs that differ by more
        than their standard errors say that the lists are not independent.

    References
    ----------
    Chapman (1951); Seber (1982) pp. 59-60.
    """
    import pandas as pd

    _complete(table)
    both = table.overlaps()
    rows = []
    for i in range(table.n_lists):
        for j in range(i + 1, table.n_lists):
            size, se = _pair_estimate(float(both[i, i]), float(both[j, j]), float(both[i, j]))
            numbers = (int(both[i, i]), int(both[j, j]), int(both[i, j]), size, se)
            rows.append((table.lists[i], table.lists[j], *numbers))
    frame = pd.DataFrame(rows, columns=["list_1", "list_2", "n_1", "n_2", "both", "N", "se"])
    return frame.sort_values("both", ascending=False, kind="stable").reset_index(drop=True)


def _chapman(table: CaptureTable, spec: ChapmanSpec) -> _Answer:
    """Estimate from one pair of lists."""
    pairs = chapman_pairs(table)
    telling = pairs[pairs["both"] < pairs[["n_1", "n_2"]].min(axis=1)]
    if spec.pair is None:
        # A list inside another one says nothing about whom that one misses.
        row = (telling if len(telling) else pairs).iloc[0]
        inner = int(row["both"]) < int(pairs["both"].iloc[0])
        how = said("how.largest_telling") if inner else said("how.largest")
    else:
        unknown = [name for name in spec.pair if name not in table.lists]
        if unknown:
            raise ModelError(
                Problem(
                    said("fault.pair"),
                    said("allowed.two_lists_out", lists=(*table.lists,)),
                    said("do.correct_pair_leave_out_2"),
                    value=", ".join(unknown),
                )
            )
        row = pairs[pairs["list_1"].isin(spec.pair) & pairs["list_2"].isin(spec.pair)].iloc[0]
        how = said("how.pair_named")
    counted = float(row["n_1"] + row["n_2"] - row["both"])
    size, low, high = float(row["N"]), float(pairs["N"].min()), float(pairs["N"].max())
    names = (str(row["list_1"]), str(row["list_2"]))
    if size < table.observed:
        about = {"lists": names, "size": round(size), "observed": table.observed}
        raise ModelError(
            Problem(
                said("fault.pair_inside", **about) if size - counted < 0.5 else said("fault.pair_below", **about),
                said("allowed.pair_whose_estimate_not"),
                said("do.choose_another_pair_method"), file=said("what.table", name=table.name),
            )
        )  # fmt: skip
    notes = [said("note.pair", lists=names, count=int(row["both"]), how=how)]
    if len(pairs) > 1:
        notes.append(said("note.all_pairs", count=len(pairs), low=low, high=high))
    return _Answer(
        counted, size - counted, float(row["se"]),
        "chapman", said("kind.chapman", lists=names),
        (said("assumed.independent_two"), said("assumed.equally_likely")),
        ("Chapman (1951) Some properties of the hypergeometric distribution with applications to zoological "
         "censuses. University of California Publications in Statistics 1:131-160",
         "Seber (1982) The estimation of animal abundance and related parameters, 2nd ed. Griffin"),
        {"pair": names}, {"both": float(row["both"]), "pairs_low": low, "pairs_high": high}, tuple(notes),
    )  # fmt: skip


def _chao(table: CaptureTable, spec: ChaoSpec) -> _Answer:
    """Estimate Chao's lower bound; its variance by the delta method on Poisson counts, plus n̂_0 itself."""
    counts = _complete(table)
    once = counts[1 << np.arange(table.n_lists)]
    frequencies = table.history_counts()
    f1, f2 = float(frequencies[0]), float(frequencies[1])
    if f2 == 0 and not spec.bias_corrected:
        raise ModelError(
            Problem(
                said("fault.two_lists"),
                said("allowed.table_persons_two_lists"),
                said("do.set_bias_corrected_true"),
                file=said("what.table", name=table.name),
            )
        )
    share = (table.n_lists - 1) / table.n_lists if spec.form == "finite" else 1.0
    below = f2 + 1.0 if spec.bias_corrected else f2
    less = 1.0 if spec.bias_corrected else 0.0
    products = (f1**2 - float(once @ once)) / 2.0 / below
    if spec.form == "by list":
        unseen = products
        gradient = (f1 - once) / below
    else:
        unseen = share * f1 * (f1 - less) / (2.0 * below)
        gradient = np.full(once.size, share * (2.0 * f1 - less) / (2.0 * below))
    # with the classical form this is Chao (1987) eq. 8: f2 (r⁴/4 + r³ + r²/2), r = f1/f2
    variance = unseen + float(once @ gradient**2) + f2 * (unseen / below) ** 2
    return _Answer(
        table.observed, unseen, math.sqrt(variance), "chao", BOUNDS[spec.form],
        (said("assumed.independent_person"), said("assumed.bound_only"),
         *((said("assumed.lists_alike"),) if spec.form != "by list" else ())),
        ("Chao (1987) Estimating the population size for capture-recapture data with unequal catchability. "
         "Biometrics 43:783-791",),
        {}, {"f1": f1, "f2": f2, "by_list": table.observed + products},
        bound_notes(spec.form, table.n_lists, table.observed + unseen, table.observed + products),
    )  # fmt: skip


def _coverage(table: CaptureTable, spec: CoverageSpec, rng: np.random.Generator) -> _Answer:
    """Estimate by sample coverage; standard error from a bootstrap of the estimated population."""
    counts = _complete(table)
    found, version = sample_coverage(counts, table.n_lists, spec.version)
    unseen = found.size(version) - table.observed
    if not unseen > 0.0:
        raise ModelError(
            Problem(
                said("fault.coverage", version=version),
                said("allowed.table_enough_overlap_coverage"),
                said("do.choose_version_n1_n0"),
                file=said("what.table", name=table.name),
            )
        )
    sizes = bootstrap_sizes(counts, unseen, table.n_lists, version, spec.replicates, rng)
    notes = [said("note.coverage", share=found.coverage)]
    if found.coverage < LOW_COVERAGE:
        notes.append(said("note.low_coverage", limit=LOW_COVERAGE))
    if sizes.size < 0.9 * spec.replicates:
        notes.append(said("note.replicates_short", share=1.0 - sizes.size / spec.replicates))
    held = said("assumed.pairs_dependent") if version != "n0" else said("assumed.independent")
    return _Answer(
        table.observed, unseen, float(np.std(sizes, ddof=1)),
        "sample-coverage", said("kind.coverage", version=version),
        (said("assumed.covered"), held),
        ("Chao & Tsay (1998) A sample coverage approach to multiple-system estimation with application to "
         "census undercount. JASA 93:283-293",
         "Chao, Tsay, Lin, Shau & Chao (2001) The applications of capture-recapture models to "
         "epidemiological data. Statistics in Medicine 20:3123-3157"),
        {"version": version},
        {"coverage": found.coverage, "D": found.overlap, "n0": found.n0, "n": found.n, "n1": found.n1,
         "replicates": float(sizes.size)},
        tuple(notes),
    )  # fmt: skip
