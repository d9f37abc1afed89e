"""Priors of the multilevel model, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from mse.estimators.visibilitylaw import VISIBILITY_WIDEST


@dataclass(frozen=True, slots=True)
class Priors:
    """Spreads of the priors; effects are on the log scale for sizes and on the log-odds scale for lists.

    Parameters
    ----------
    size : float
        Standard deviation of the average log size of a stratum around log(3 × mean observed): wide, near p(N) ∝ 1/N.
    size_dimension, size_cross, size_walk, size_walk_dimension, size_rest : float
        Half-normal spreads of the scales of log size: differences between the levels of a dimension; between the
        crossings of all dimensions but time; steps of the random walk over time, and of its own walk for every level
        of a dimension, per square root of a unit of time; what is left in every stratum.
    size_area : float
        Half-normal spread of the scale of differences between areas that have neighbours. The share of their variance
        that neighbours have in common is uniform from 0 to 1.
    on_lists : float
        Prior median of the chance to be on a list for somebody on no other list, times the number of lists: the more
        lists there are, the smaller each is taken to be.
    list_spread : float
        Standard deviation of the log-odds of a list around that.
    list_dimension, list_cross, list_walk, list_rest : float
        Half-normal spreads of the scales of list effects, as for sizes.
    break_spread : float
        Standard deviation of the change of a list's log-odds at a break.
    measure_level, measure_slope : float
        Standard deviations of the change of log size at a measure: at once, and of its trend a year.
    visibility : float
        Largest value of τ, uniform from 0: the standard deviation of persons' visibility (log odds to be on a list).
        All pairs of lists share the log odds ratio τ². The law that `shrinkage` has for the same scale.
    pair_global : float
        Scale of the half-Cauchy global scale of the regularised horseshoe on every pair's own log odds ratio.
    slab : float
        Width of its slab: a pair that truly depends has a log odds ratio of about this spread around the common one.
    pair_dimension, pair_rest : float
        Half-normal spreads of how interactions differ between levels of a dimension, and what is common to all pairs
        of one stratum.
    """

    size: float = 3.0
    size_dimension: float = 1.0
    size_cross: float = 0.5
    size_walk: float = 0.3
    size_walk_dimension: float = 0.15
    size_rest: float = 0.3
    size_area: float = 1.0
    on_lists: float = 0.15
    list_spread: float = 1.5
    list_dimension: float = 0.7
    list_cross: float = 0.4
    list_walk: float = 0.3
    list_rest: float = 0.3
    break_spread: float = 1.0
    measure_level: float = 0.5
    measure_slope: float = 0.15
    visibility: float = VISIBILITY_WIDEST
    pair_global: float = 0.2
    slab: float = 2.0
    pair_dimension: float = 0.2
    pair_rest: float = 0.2
