"""The other populations of one set of registers, and persons who are of both: registered and estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mse.computing.parallel import Compute
from mse.errors import MseError
from mse.methods import run_or_fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mse.answers.posterior import Posterior
    from mse.intake.populations import OtherPopulation
    from mse.jobs.job import Job

DRAWS = 20_000


def populations_table(
    job: Job, headline: Posterior, others: tuple[OtherPopulation, ...], method: str, options: Mapping[str, Any],
    compute: Compute,
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """Return the table ``populations`` of a job whose registers count several; nothing of any other job.

    A row for the population that is asked for, for each other (by the same method, from its own lists), and for those
    who are of both: population, lists, registered, point, low, high, prob, status. Who is of both is recognised only
    where seen in both, so that their number is the registered of both over the shares in view of the two, on the
    assumption that they are in view in each as its others are, and in the two independently.
    """
    if not others:
        return {}
    import pandas as pd

    asked = str(getattr(job.registers, "counts", None) or "")
    prob = job.run.prob
    whole = headline.summary(prob)
    nobody = (np.nan, np.nan, np.nan)
    rows: list[tuple[object, ...]] = [
        (asked, ", ".join(headline.lists), whole.observed, whole.point, whole.low, whole.high, prob, "ok")
    ]
    rng = np.random.default_rng([job.run.seed, 6])
    factor = headline.distribution.draw(DRAWS, rng) / headline.observed
    for other in others:
        lists, both = ", ".join(other.lists), f"{asked} + {other.name}"
        found: Posterior | MseError | None = None
        if other.table is not None:
            found = run_or_fail(other.table, (method, dict(options)), job.run.seed, compute).result
        if found is None or isinstance(found, MseError):
            why = "no overlap table" if found is None else str(found.problems[0].found)
            rows += [
                (other.name, lists, other.registered, *nobody, prob, why),
                (both, "", other.both, *nobody, prob, why),
            ]
            continue
        size = found.summary(prob)
        rows.append((other.name, lists, other.registered, size.point, size.low, size.high, prob, "ok"))
        drawn = other.both * factor * found.distribution.draw(DRAWS, rng) / found.observed
        low, middle, high = np.quantile(drawn, [(1 - prob) / 2, 0.5, (1 + prob) / 2])
        rows.append((both, "", other.both, float(middle), float(low), float(high), prob, "ok"))
    columns = ["population", "lists", "registered", "point", "low", "high", "prob", "status"]
    return {"populations": pd.DataFrame(rows, columns=columns)}
