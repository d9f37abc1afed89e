"""Published answers beside ours: ``python -m benchmarks.studies`` writes the table into docs/truth.md.

Every row is a public table that ships, estimated as ``mse estimate`` does it without a method, and the answer that its
authors published, or the truth where it is known. Why they differ is said on the page.
"""

from dataclasses import dataclass

import mse
from benchmarks.readme import TRUTH_PAGE, put

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Study:
    """A published answer on a table that ships.

    Parameters
    ----------
    table : str
        Its name.
    where : mapping of str to str
        The stratum that the answer is about; everybody when empty.
    title, published, by : str
        Who is counted; the number with its interval; whose it is, and by which method.
    """

    table: str
    where: dict[str, str]
    title: str
    published: str
    by: str


STUDIES = (
    Study("hepatitis-taiwan-3", {}, "hepatitis A, a college in Taiwan", "545",
          "the truth, by a serum test of everybody"),
    Study("golf-tees-2", {}, "groups of golf tees", "250", "the truth"),
    Study("cottontail-6", {}, "cottontail rabbits", "135", "the truth"),
    Study("gaza-2023-2024-3", {}, "deaths by injury, Gaza 2023–24", "64,260 (55,298–78,525)",
          "models with sex, age and region, averaged by AIC (Jamaluddine et al. 2025)"),
    Study("philippines-manila-2016-2017-8", {"perp": "police"}, "killings by the police, Manila", "575 (534–639)",
          "latent classes (Ball et al. 2019)"),
    Study("philippines-manila-2016-2017-8", {"perp": "unidentified"}, "killings by unknown persons, Manila",
          "414 (314–635)", "latent classes (Ball et al. 2019)"),
    Study("philippines-caloocan-2016-2017-11", {"perp": "police"}, "killings by the police, Caloocan",
          "331 (302–379)", "latent classes (Ball et al. 2019)"),
    Study("philippines-caloocan-2016-2017-11", {"perp": "unidentified"}, "killings by unknown persons, Caloocan",
          "745 (632–908)", "latent classes (Ball et al. 2019)"),
    Study("peru-1980-2000-3", {}, "deaths and disappearances, Peru 1980–2000", "69,280 (61,007–77,552)",
          "58 places by perpetrator, added up (Truth Commission 2003)"),
    Study("uk-2013-5", {}, "modern slavery, United Kingdom 2013", "10,000–13,000",
          "one chosen log-linear model (Silverman 2014)"),
    Study("netherlands-2010-2015-6", {}, "trafficking, Netherlands 2010–15", "42,000–58,000",
          "chosen models with covariates that are not public"),
)  # fmt: skip


def markdown() -> str:
    """Return the table."""
    rows = ["| who | observed | published | by | to cite (95 %) | if the identifying assumption held | verdict |",
            "|---|---:|---|---|---|---|---|"]  # fmt: skip
    for study in STUDIES:
        table = mse.load_table(study.table)
        if study.where:
            table = table.part(study.where)
        table = table.collapse() if table.strata else table
        found = mse.estimate(table, seed=1, draws=DRAWS).summary(0.95)
        assert found.identified is not None and found.verdict is not None
        held = found.identified
        cells = (
            study.title, f"{found.observed:,}", study.published, study.by,
            f"{found.point:,.0f} ({found.low:,.0f}–{found.high:,.0f})",
            f"{held.point:,.0f} ({held.low:,.0f}–{held.high:,.0f})", found.verdict.level,
        )  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, "", "Written by `python -m benchmarks.studies`."])


if __name__ == "__main__":
    put("studies", markdown(), code=False, file=TRUTH_PAGE)
