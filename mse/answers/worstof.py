"""Which of several values of one diagnostic is the worst, where answers are put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_LOWEST = ("ess_", "ebfmi", "ppc_p", "corrected_weight", "chains_agree", "effective", "visited", "alpha_prior_weights",
           "acceptance_min", "exchange_min")  # fmt: skip
_HIGHEST = ("rhat", "diverg", "unreliable", "unverified", "beyond", "grid_end_mass", "mc_error", "loo_k", "max_depth",
            "interrupted", "prior_factor", "prior_k", "alpha_prior_factor", "last_class", "walks_rhat")  # fmt: skip


def worst_diagnostic(name: str) -> Callable[[Iterable[float]], float] | None:
    """Return what takes the worst of several values of a diagnostic: min or max, None where neither is the worse."""
    if name == "visited_error":
        return max
    return min if name.startswith(_LOWEST) else max if name.startswith(_HIGHEST) else None
