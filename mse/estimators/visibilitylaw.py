"""How much persons differ in visibility, before any count is looked at: the one prior of all models that ask it.

τ is the standard deviation, over persons, of the log odds to be on a list: rare lists have the log odds ratio τ² in
every pair. `shrinkage` takes it over a grid, as the Rasch model that its interactions are shrunk towards; the
multilevel model samples it, from the law that the grid stands for.
"""

from __future__ import annotations

VISIBILITY = (0.0, 0.4, 0.8, 1.2)
"""Values of τ with equal weights: the grid."""

VISIBILITY_WIDEST = VISIBILITY[-1] + 0.5 * (VISIBILITY[-1] - VISIBILITY[-2])
"""End of the uniform law of τ, from 0, half a step beyond the last value: by it odds ratios of pairs are 7 at most."""
