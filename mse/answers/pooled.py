"""One posterior from several: the law of N mixed over drawn linkages, so that the linkage is inside the interval.

With linkages L_1 … L_K drawn from their law (`mse.intake.linkage.drawnlinkages`) and the posterior p(N | table of L_k)
of each,

    p(N | registers) ≈ Σ_k w_k p(N | table of L_k),

a mixture: it keeps humps and skewness that combining means and variances (Rubin 1987, ch. 3) would lose. A note says
which share of the variance lies between the linkages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mse.answers.distribution import Distribution
from mse.answers.posterior import ModelWeights, Posterior
from mse.answers.strata import StrataDraws
from mse.answers.worstof import worst_diagnostic
from mse.errors import ModelError, Problem
from mse.kernels.arrays import Array, Integers
from mse.words.said import Said, said

LINKAGE = said("source.linkage")
"""A source of uncertainty, as estimators name it."""


def pool(
    posteriors: Sequence[Posterior], *, weights: Sequence[float] | None = None, point: Posterior | None = None,
    sources: Sequence[Said] = (LINKAGE,),
) -> Posterior:  # fmt: skip
    """Return the mixture of the posteriors of one method on the tables of several linkages.

    Parameters
    ----------
    posteriors : sequence of Posterior
        One for each drawn linkage, of one method, lists and strata.
    weights : sequence of float, optional
        Of the linkages, positive; equal when not given.
    point : Posterior, optional
        That of the linkage that is reported: table, persons observed, options and models of the answer are its own. The
        first of `posteriors` when not given.
    sources : sequence of Said
        What the tables were drawn for: their linkage, or what has not come in yet.

    Returns
    -------
    Posterior
        Quantiles come from the mixture; draws are taken from the posteriors in proportion to their weights;
        diagnostics are the worst of all where one knows which is worse, else means.

    Raises
    ------
    ModelError
        When there are no posteriors, when they are of different methods, lists or strata, or the weights do not fit.
    """
    head = point or (posteriors[0] if posteriors else None)
    share = _checked(posteriors, weights, head)
    assert head is not None
    law = mix([posterior.distribution for posterior in posteriors], share)
    chosen = _chosen([len(posterior.draws) for posterior in posteriors], share, len(head.draws))
    draws = np.concatenate([p.draws[rows] for p, rows in zip(posteriors, chosen, strict=True)])
    order = np.random.default_rng(0).permutation(len(draws))  # chains of the stored layout are then alike
    means = np.array([p.distribution.mean() for p in posteriors])
    between = float(share @ (means - share @ means) ** 2)
    within = float(share @ np.array([_variance(p.distribution) for p in posteriors]))
    part = between / (between + within) if between + within > 0 else 0.0
    points = np.array([p.point for p in posteriors])
    number = float(law.quantile(0.5)) if head.kind == "posterior" else float(share @ points)
    persons = [p.observed for p in posteriors]
    note = said(
        "note.pooled", count=len(posteriors), least=min(persons), most=max(persons), observed=head.observed, share=part
    )
    return replace(
        head,
        distribution=law,
        draws=draws[order],
        point=number,
        inside=tuple(dict.fromkeys([*head.inside, *sources])),
        outside=(
            *(x for x in head.outside if x not in sources),
            *([said("source.linkage_model")] if LINKAGE in sources else []),
        ),
        models=_models([p.models for p in posteriors], share),
        interactions=_mean([p.interactions for p in posteriors], share),
        diagnostics=_diagnostics(posteriors, share)
        | {"linkages": float(len(posteriors)), "between_share": part, "between_sd": float(np.sqrt(between))},
        notes=(*head.notes, note),
        verdict=None,
        strata=_strata(posteriors, head, chosen, order, share),
        identified=_identified(posteriors, share),
    )


def _identified(posteriors: Sequence[Posterior], share: Array) -> Distribution | None:
    laws = [p.identified for p in posteriors if p.identified is not None]
    return mix(laws, share) if len(laws) == len(posteriors) else None


def mix(laws: Sequence[Distribution], weights: Array) -> Distribution:
    """Return the mixture of some laws.

    Parameters
    ----------
    laws : sequence of Distribution
        The laws.
    weights : float64 array, shape (K,)
        Summing to one.
    """
    # A law may have mass at its first grid point: just below it there is none.
    starts = [np.nextafter(law.values[:1], -np.inf) for law in laws]
    grid = np.unique(np.concatenate([*starts, *(law.values for law in laws)]))
    cdf = np.zeros(grid.size)
    for law, weight in zip(laws, weights, strict=True):
        cdf += weight * np.interp(grid, law.values, law.cdf, left=0.0)
    return Distribution(grid, np.minimum(np.maximum.accumulate(cdf), 1.0), all(law.whole for law in laws))


def _checked(posteriors: Sequence[Posterior], weights: Sequence[float] | None, head: Posterior | None) -> Array:
    """Return the weights, summing to one, or raise with everything that does not fit."""
    problems = []
    if head is None or not posteriors:
        raise ModelError(
            Problem(
                said("found.nothing_pool"), said("allowed.one_posterior_more"), said("do.estimate_every_drawn_table")
            )
        )
    for what, values in (
        (said("what.methods"), {p.method for p in (*posteriors, head)}),
        (said("what.lists"), {", ".join(p.lists) for p in (*posteriors, head)}),
        (
            said("what.strata"),
            {str(None if p.strata is None else dict(p.strata.dimensions)) for p in (*posteriors, head)},
        ),
    ):
        if len(values) > 1:
            remedy = said("do.estimate_tables_one_intake")
            problems.append(Problem(said("found.posteriors_different", what=what), said("allowed.same", what=what),
                                    remedy,
                                    value="; ".join(sorted(values))))  # fmt: skip
    given = np.full(len(posteriors), 1.0) if weights is None else np.array(weights, dtype=np.float64)
    if given.shape != (len(posteriors),) or not (np.isfinite(given).all() and (given >= 0).all() and given.sum() > 0):
        allowed = said("allowed.numbers_0_not_all", posteriors=len(posteriors))
        problems.append(
            Problem(said("found.weights_do_not_fit"), allowed, said("do.leave_them_out_equal"), value=str(weights))
        )
    if problems:
        raise ModelError(problems)
    return np.asarray(given / given.sum())


def _chosen(sizes: Sequence[int], share: Array, draws: int) -> list[Integers]:
    """Return the rows to take from every posterior, spread evenly over its draws."""
    wanted = share * draws
    number = np.floor(wanted).astype(np.int64)
    short = draws - int(number.sum())
    number[np.argsort(number - wanted, kind="stable")[:short]] += 1
    return [np.arange(n, dtype=np.int64) * size // max(int(n), 1) for n, size in zip(number, sizes, strict=True)]


def _variance(law: Distribution) -> float:
    """Return the variance of the part of a law that its grid covers."""
    mass = np.diff(law.cdf, prepend=0.0)
    mass = mass / mass.sum()
    return float(mass @ (law.values - law.mean()) ** 2)


def _strata(
    posteriors: Sequence[Posterior], head: Posterior, chosen: Sequence[Integers], order: Integers, share: Array
) -> StrataDraws | None:
    """Return the strata of the mixture: draws of the same rows, means of the points, Rubin's covariance."""
    parts = [p.strata for p in posteriors if p.strata is not None]
    if head.strata is None or not parts:
        return None
    draws = np.concatenate([part.draws[rows] for part, rows in zip(parts, chosen, strict=True)])[order]
    points = np.stack([part.point for part in parts])
    middle = share @ points
    spread = (points - middle).T @ (share[:, None] * (points - middle)) * (1.0 + 1.0 / len(parts))
    within = np.tensordot(share, np.stack([part.covariance for part in parts]), axes=1)
    flags = tuple(tuple(dict.fromkeys(flag for part in parts for flag in part.flags[s])) for s in range(middle.size))
    return StrataDraws(
        head.strata.dimensions, draws, middle, head.strata.observed, within + spread, flags,
        unlabelled=head.strata.unlabelled,
    )  # fmt: skip


def _models(models: Sequence[ModelWeights | None], share: Array) -> ModelWeights | None:
    """Return the models of the mixture, the heaviest first; evidences on different tables are not comparable."""
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for weights, w in zip(models, share, strict=True):
        if weights is None:
            return None
        parts = (weights.notation, weights.weight, weights.size, weights.log_sd, weights.pareto_k)
        for name, weight, size, log_sd, k in zip(*parts, strict=True):
            rows.setdefault(name, []).append((w * weight, size, log_sd, k))
    names = sorted(rows, key=lambda name: -sum(row[0] for row in rows[name]))
    tables = [np.array(rows[name], dtype=np.float64) for name in names]
    total = np.array([t[:, 0].sum() for t in tables])
    mean = [
        t[:, 1:3].T @ (t[:, 0] / t[:, 0].sum() if t[:, 0].sum() > 0 else np.full(len(t), 1.0 / len(t))) for t in tables
    ]
    size, log_sd = np.stack(mean).T if mean else np.zeros((2, 0))
    worst = np.array([np.nan if np.isnan(t[:, 3]).all() else np.nanmax(t[:, 3]) for t in tables])
    return ModelWeights(tuple(names), total, np.full(len(names), np.nan), size, log_sd, worst)


def _mean(values: Sequence[Mapping[str, float]], share: Array) -> dict[str, float]:
    """Return means by name; what one has not is 0 there."""
    names = dict.fromkeys(name for one in values for name in one)
    return {name: float(sum(w * one.get(name, 0.0) for one, w in zip(values, share, strict=True))) for name in names}


def _diagnostics(posteriors: Sequence[Posterior], share: Array) -> dict[str, float]:
    """Return the diagnostics that all have: the worst where it is known which is worse, else the mean."""
    out = {}
    for name in posteriors[0].diagnostics:
        if all(name in p.diagnostics for p in posteriors):
            values = np.array([p.diagnostics[name] for p in posteriors], dtype=np.float64)
            worst = worst_diagnostic(name)
            out[name] = float(share @ values) if worst is None else float(worst(values))
    return out
