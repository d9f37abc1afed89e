"""The default for one register: the average over shapes, with departures learned where the size is known."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from mse.answers.posterior import Posterior, Says
from mse.estimators.repeats.average import Averaged, average_shapes
from mse.estimators.repeats.countfit import joined_frequencies, one_inflation
from mse.estimators.repeats.countlaws import has_law, log_missed, probabilities
from mse.estimators.repeats.families import Family
from mse.estimators.repeats.registerlaw import library
from mse.estimators.repeats.registersize import fit_repeats, register_design
from mse.estimators.repeats.registerspec import RepeatsSpec
from mse.estimators.repeats.shapes import missed
from mse.kernels.arrays import Array
from mse.tables.repeats import RepeatCounts
from mse.words.said import Said, said

CITED = (
    "Böhning & van der Heijden (2019) The identity of the zero-truncated, one-inflated likelihood and the "
    "zero-one-truncated likelihood for general count densities. Annals of Applied Statistics 13:1198-1211",
    "Cruyff & van der Heijden (2008) Point and interval estimation of the population size using a "
    "zero-truncated negative binomial regression model. Biometrical Journal 50:1035-1050",
    "van der Heijden, Bustami, Cruyff, Engbersen & van Houwelingen (2003) Point and interval estimation of the "
    "population size using the truncated Poisson regression model. Statistical Modelling 3:305-322",
)

NEAR_POISSON, NEAR_GEOMETRIC = 0.25, 4.0
"""α below the first is near a Poisson; up to the second near the geometric; above it further spread."""


def estimate_average(table: RepeatCounts, spec: RepeatsSpec, *, seed: int) -> Posterior:
    """Estimate by the average over shapes; parameters as in `mse.estimators.repeats.oneregister.estimate`."""
    columns = register_design(table, spec.formula, spec.exposure)
    found = average_shapes(table, columns.matrix, columns.offset)
    held = found.law(table.observed)
    learned, study = library().for_register(table)
    law = learned.law(found.unseen, table.observed) if spec.allowance else held
    notes: list[Said] = []
    if spec.allowance:
        told = {"problems": learned.problems, "studies": learned.studies}
        notes.append(
            said("note.register_departures", **told)
            if study is None
            else said("note.register_departures_without", study=study, **told)
        )
    fit = average_fit(table, found, columns.matrix, columns.offset)
    if fit["chi_square_p"] < 0.05:
        p = float(f"{fit['chi_square_p']:.2g}")
        notes.append(said("note.misfit", chi_square=fit["chi_square"], df=int(fit["chi_square_df"]), p=p))
    ones = one_inflation(table)
    if ones is not None and ones.p_value < 0.05:
        notes.append(ones.said)
    mean, sd = found.log_alpha
    plain, inflated = found.middle(False), found.middle(True)
    diagnostics = {
        "unseen": float(law.quantile(0.5)) - table.observed,
        "dispersion": math.exp(mean),
        "dispersion_log_sd": sd,
        "weight_poisson": found.between(1e-9, NEAR_POISSON),
        "weight_geometric": found.between(NEAR_POISSON, NEAR_GEOMETRIC),
        "weight_wider": found.between(NEAR_GEOMETRIC, 1e9),
        "weight_one_inflated": found.inflated,
        "repeated": float(table.counts[table.registrations > 1].sum()),
        **fit,
    }
    if plain is not None and inflated is not None:
        ratio = (table.observed + math.exp(plain)) / (table.observed + math.exp(inflated))
        diagnostics |= {"size_plain": table.observed + math.exp(plain),
                        "size_one_inflated": table.observed + math.exp(inflated),
                        "inflation_factor": max(ratio, 1.0 / ratio)}  # fmt: skip
    inside = [said("source.registering"), said("source.rates"), said("source.spread"), said("source.ones")]
    says = Says(
        inside=(*inside, *([said("source.register_departures")] if spec.allowance else [])),
        outside=(said("source.recognition"),) if spec.allowance else (said("source.never"), said("source.recognition")),
        assumptions=(
            *([said("assumed.register_transfer")] if spec.allowance else []),
            said("assumed.closed_or_at_risk") if spec.exposure else said("assumed.closed_ever"),
            said("assumed.repeat"),
        ),
        citations=CITED,
        notes=tuple(notes),
        point_kind=said("kind.register_average") if spec.allowance else said("kind.register_average_held"),
    )
    return Posterior.of(
        table, spec, law, says, method="repeats", seed=seed, draws=np.random.default_rng([seed, 0]),
        diagnostics=diagnostics, identified=held if spec.allowance else None,
    )  # fmt: skip


def fitted_frequencies(
    table: RepeatCounts, found: Averaged, matrix: Array, offset: Array | None, most: int
) -> Array:  # fmt: skip
    """Return how many persons with 1, …, `most` registrations the average expects among those seen, shape (most,)."""
    from scipy.stats import nbinom

    y, total = np.arange(1.0, most + 1.0), float(table.counts.sum())
    out = np.zeros(most)
    ones = float(table.counts[table.registrations == 1].sum())
    for law, weight in zip(found.laws, found.weight, strict=True):
        if weight < 1e-4:
            continue
        eta = matrix @ law.coefficients + (0.0 if offset is None else offset)
        alpha = math.exp(law.log_alpha)
        near, place = np.unique(np.round(eta, 3), return_inverse=True)
        persons = np.bincount(place.reshape(-1), weights=table.counts)
        shape, rate = 1.0 / alpha, np.exp(near)[:, None]
        expected = (persons * (1.0 + missed(near, alpha)[0])) @ nbinom.pmf(y, shape, 1.0 / (1.0 + alpha * rate))
        if law.inflated:
            # its own ones take no part: as many as there are, the others in proportion
            expected[1:] *= (total - ones) / max(total - expected[0], 1e-9)
            expected[0] = ones
        out += weight * expected
    return out / float(found.weight[found.weight >= 1e-4].sum())


def average_fit(table: RepeatCounts, found: Averaged, matrix: Array, offset: Array | None) -> dict[str, float]:
    """Return Pearson's test of the frequencies that the average expects, by name."""
    most = int(table.registrations.max())
    fitted = fitted_frequencies(table, found, matrix, offset, min(most, 200))
    test = joined_frequencies(table, fitted, 2)
    return {"chi_square": test.chi_square, "chi_square_df": float(test.df), "chi_square_p": test.p_value}


def expected_frequencies(posterior: Posterior, table: RepeatCounts) -> Array:
    """Return how many with 1, 2, … registrations an answer expects among those seen, as many as the register has.

    Zelterman's and Chao's estimators leave the higher counts open: what is expected is then what was counted.
    """
    family, formula, exposure = (str(posterior.spec[name]) for name in ("family", "formula", "exposure"))
    most = int(table.registrations.max())
    if family == "average":
        columns = register_design(table, formula, exposure)
        found = average_shapes(table, columns.matrix, columns.offset)
        return fitted_frequencies(table, found, columns.matrix, columns.offset, most)
    if not has_law(cast(Family, family)):
        return table.frequencies().astype(np.float64)
    fit, made = fit_repeats(table, cast(Family, family), formula, exposure)
    eta = made.matrix @ fit.coefficients
    return np.asarray((table.counts / -np.expm1(log_missed(fit, eta))) @ probabilities(fit, eta, most)[:, 1:])
