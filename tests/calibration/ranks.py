"""Tables from the very prior of an estimator, with the number of unseen that belongs to them; and tests of ranks.

Simulation-based calibration (Talts, Betancourt, Simpson, Vehtari & Gelman 2018): parameters from the prior, data given
them, and the rank of the true N among posterior draws; over many tables the ranks are uniform when the posterior is
the right one. The priors here are improper, p(N) ∝ 1/N or a flat intercept, and yet the scheme is exact, because both
make the number of persons observed, n, tell nothing about anything else:

* Flat intercept α, n_ω ~ Poisson(exp(α + η_ω)): with S = Σ exp(η_ω) over observable cells and λ = S·exp(α), n is
  Poisson(λ) and dα = dλ/λ for every model and every β, so that p(n | M, β) ∝ ∫ Poisson(n; λ) dλ/λ = 1/n. Given n,
  therefore, M and β still have their prior, λ ~ Gamma(n, 1), the cells are multinomial with shares exp(η_ω)/S, and
  n_0 ~ Poisson(λ·exp(η_0)/S).
* p(N) ∝ 1/N, cells multinomial with probabilities p and q = 1 − p_0 of being seen: Σ_N (1/N)·C(N, n)·qⁿ·p_0^(N−n) = 1/n
  for every p. Given n, therefore, p has its prior, the cells are multinomial with shares p_ω/q, and n_0 is negative
  binomial: the failures before the n-th success of probability q.

Any law of n may be taken; log-uniform is used here. Tables that the house refuses (without any overlap, say) are left
out, which does no harm: given the table, the rank is uniform.
"""

import numpy as np
from scipy.stats import binom, chi2

from mse import CaptureTable
from mse.errors import MseError
from mse.terms import candidates, model_of
from tests.twins.graphs import all_graphs
from tests.twins.loglinear import all_masks

FEWEST, MOST = 40, 1500
"""Range of the persons observed."""
PROBS = (0.5, 0.8, 0.95)
GRID = 50
"""Points at which the empirical distribution of the ranks is compared."""


def observed_persons(rng):
    return int(FEWEST * (MOST / FEWEST) ** rng.random())


def made(counts, unseen):
    """Return the table and how many are unseen; None where the house takes no such table."""
    lists = [f"L{j}" for j in range(len(counts).bit_length())]
    try:
        return CaptureTable.from_arrays(lists, counts), unseen
    except MseError:
        return None, unseen


def prior_shares(factors, rng, *, sd=1.0, max_order=None, model_prior="uniform"):
    """Draw a hierarchical model and N(0, sd²) coefficients; return exp(η) of every cell, the largest 1: (2^factors,).

    `sd` may be several values, one of which is drawn; with the model prior ``"size"`` the number of interactions is
    drawn first.
    """
    subsets = candidates(factors, max_order)
    masks = all_masks(subsets)
    if model_prior == "size":
        sizes = np.bitwise_count(masks)
        masks = masks[sizes == rng.choice(np.unique(sizes))]
    model = model_of(int(rng.choice(masks)), subsets, factors)
    terms = np.array(model.terms)[1:]
    cells = np.arange(2**factors)
    signs = np.where(np.bitwise_count(cells[:, None] & terms) & 1, -1.0, 1.0)
    eta = signs @ rng.normal(0.0, rng.choice(np.atleast_1d(sd)), len(terms))
    return np.exp(eta - eta.max())


def loglinear(n_lists, rng, *, expected=False, **prior):
    """Draw from the log-linear prior, and given n a table and its unseen; their mean with `expected`."""
    share = prior_shares(n_lists, rng, **prior)
    n, total = observed_persons(rng), share[1:].sum()
    counts = rng.multinomial(n, share[1:] / total)
    mean = rng.gamma(n) * share[0] / total
    return made(counts, mean if expected else rng.poisson(mean))


def shrunk(n_lists, rng, grid, *, saturated=True, main_sd=3.0):
    """Draw scales and coefficients from the prior of shrinkage, and given n a table and its unseen.

    `grid` is a triple of the values of s₂, r and s_m.
    """
    pair_sd, ratio, common_sd = (rng.choice(values) for values in grid)
    terms = np.array([t for t in range(1, 2**n_lists) if saturated or t.bit_count() < n_lists])
    size = np.bitwise_count(terms).astype(int)
    sd = np.where(size == 1, main_sd, pair_sd * ratio ** np.maximum(size - 2, 0))
    beta = rng.normal(0.0, sd) + np.where(size == 2, rng.normal(0.0, 1.0) * common_sd, 0.0)
    cells = np.arange(2**n_lists)
    eta = np.where(np.bitwise_count(cells[:, None] & terms) & 1, -1.0, 1.0) @ beta
    share = np.exp(eta - eta.max())
    n, total = observed_persons(rng), share[1:].sum()
    if not total > 0.0:
        return None, 0
    return made(rng.multinomial(n, share[1:] / total), rng.poisson(min(rng.gamma(n) * share[0] / total, 1e15)))


def hyper_dirichlet(n_lists, delta, graph, rng):
    """Draw cell probabilities, (2^K,), from the hyper-Dirichlet law on a decomposable graph, clique by clique.

    `graph` is a list of cliques. Along a heaviest spanning tree each clique brings new lists, whose cells given those
    it shares with the clique before are Dirichlet with prior counts delta·2^(K−|c|).
    """
    cells = np.arange(2**n_lists)
    waiting = [sorted(c) for c in graph]
    placed = [waiting.pop(0)]
    probability = _conditional(cells, placed[0], [], delta * 2.0 ** (n_lists - len(placed[0])), rng)
    while waiting:
        shared, i = max((max(len(set(c) & set(p)) for p in placed), -i) for i, c in enumerate(waiting))
        clique = waiting.pop(-i)
        before = next(p for p in placed if len(set(clique) & set(p)) == shared)
        common = sorted(set(clique) & set(before))
        probability *= _conditional(cells, clique, common, delta * 2.0 ** (n_lists - len(clique)), rng)
        placed.append(clique)
    return probability


def _conditional(cells, clique, common, prior, rng):
    """Return p(clique | common) for every cell."""
    new = [j for j in clique if j not in common]
    table = rng.dirichlet(np.full(2 ** len(new), prior), size=2 ** len(common))
    row = sum(((cells >> j) & 1) << i for i, j in enumerate(common)) + 0 * cells
    column = sum(((cells >> j) & 1) << i for i, j in enumerate(new))
    return table[row, column]


def decomposable(n_lists, rng, delta, graphs):
    """Draw a decomposable graph and cell probabilities, and given n a table and its unseen."""
    share = hyper_dirichlet(n_lists, delta, graphs[rng.integers(len(graphs))], rng)
    n = observed_persons(rng)
    seen = share[1:].sum()
    if not seen > 1e-9:
        return None, 0
    return made(rng.multinomial(n, share[1:] / seen), rng.negative_binomial(n, min(seen, 1.0)))


def graphs_of(n_lists):
    """Return the cliques of every decomposable graph but the complete one."""
    return [cliques for _, cliques, _ in all_graphs(n_lists) if len(cliques) > 1]


def rank(draws, truth, rng):
    """Return the rank of the truth among draws, as a number in (0, 1); ties are broken at random."""
    draws = np.asarray(draws)
    return float(((draws < truth).sum() + rng.random() * ((draws == truth).sum() + 1)) / (len(draws) + 1))


def band_p(ranks, seed=0, repeats=4000):
    """Return the p-value of uniformity by simultaneous bands of the empirical distribution.

    The statistic is the smallest two-sided binomial tail over a grid of points (Säilynoja, Bürkner & Vehtari 2022,
    Statistics and Computing 32:32); its law under uniformity is simulated.
    """
    size = len(ranks)
    points = np.arange(1, GRID) / GRID
    below, above = (
        f(np.arange(size + 1)[:, None] - shift, size, points) for f, shift in ((binom.cdf, 0), (binom.sf, 1))
    )
    tails = np.minimum(below, above)

    def smallest(samples):
        counts = (samples[:, :, None] <= points).sum(axis=1)
        return tails[counts, np.arange(len(points))].min(axis=1)

    rng = np.random.default_rng(seed)
    null = np.concatenate([smallest(rng.random((100, size))) for _ in range(repeats // 100)])
    return float((1 + (null <= smallest(np.asarray(ranks)[None])[0]).sum()) / (repeats + 1))


def judged(ranks):
    """Return how uniform ranks are, and how often central intervals hold the truth."""
    ranks = np.asarray(ranks)
    tenths = np.histogram(ranks, 10, (0, 1))[0]
    statistic = float(((tenths - len(ranks) / 10) ** 2 / (len(ranks) / 10)).sum())
    return {
        "tables": len(ranks), "tenths": tenths.tolist(), "band_p": round(band_p(ranks), 4),
        "chi_square_p": round(float(chi2.sf(statistic, 9)), 4), "mean_rank": round(float(ranks.mean()), 4),
        "covered": {str(p): round(float(np.mean(np.abs(ranks - 0.5) < p / 2)), 4) for p in PROBS},
    }  # fmt: skip
