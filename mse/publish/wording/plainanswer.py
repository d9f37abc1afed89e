"""An answer that stands without a results folder, in words: its number, its verdict, and what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mse.answers.estimates import JUDGEMENTS, Reason
from mse.publish.wording.rounding import Rounded, rounded_values

if TYPE_CHECKING:
    from mse.answers.posterior import Posterior
    from mse.words.catalogues import Catalogue


_BESIDE = {0: "registerpage.beside", 2: "headline.beside_two"}
"""What says which interval is cited, by the number of lists; of one register there are none."""


def register_sentence(size: Rounded, observed: int, prob: float, judgement: str, say: Catalogue) -> str:
    """Return the sentence on one register, which does not let a number be cited that the verdict refuses.

    Parameters
    ----------
    size : Rounded
        Persons, as printed.
    observed : int
        Persons in the register.
    prob : float
        Probability of the interval.
    judgement : str
        ``"publish"``, ``"caution"``, ``"refuse"`` or ``"unjudged"``.
    say : Catalogue
        Words of the language.
    """
    found = say("registerpage.sentence", point=say.number(size.point), low=say.number(size.low),
                high=say.number(size.high), level=say.level(prob), observed=say.number(observed))  # fmt: skip
    if judgement == "refuse":
        return say("registerpage.refusal", sentence=found)
    return say("headline.unjudged_record", sentence=found) if judgement == "unjudged" else found


def _lists_sentence(size: Rounded, interval: str, judgement: str, found: Posterior, say: Catalogue) -> str:
    values = {
        "opening": say("period.opening_none"), "where": "", "tail": "", "persons": say("headline.persons"),
        "observed": say.number(found.observed), "lists": say.count_word(len(found.lists)),
        "point": say.number(size.point), "interval": interval, "range": say.range(size.low, size.high),
    }  # fmt: skip
    if judgement == "refuse":
        return " ".join(say(f"headline.{part}", **values) for part in ("refusal", "record"))
    cited = say("headline.sentence", **values)
    return say("headline.unjudged_record", sentence=cited) if judgement == "unjudged" else cited


def answer_lines(found: Posterior, prob: float, say: Catalogue, *, coarse: bool = False) -> list[str]:
    """Return the lines that a command prints of an answer: rounded as everywhere, the verdict, reasons, assumptions.

    Parameters
    ----------
    found : Posterior
        From a table of lists, of one register, or of persons.
    prob : float
        Probability of the interval.
    say : Catalogue
        Words of the language.
    coarse : bool
        Only one number may be told, as on the page of one register.
    """
    summary = found.summary(prob)
    verdict, held = summary.verdict, summary.identified
    judgement = "unjudged" if verdict is None else JUDGEMENTS[verdict.level]
    size = rounded_values(summary.point, summary.low, summary.high, "persons", observed=found.observed, coarse=coarse)
    if found.lists:
        kind = "credible" if found.kind == "posterior" else "confidence"
        interval = say(f"interval.{kind}", percent=say.level(prob))
        sentence = _lists_sentence(size, interval, judgement, found, say)
    else:
        sentence = register_sentence(size, found.observed, prob, judgement, say)
    lines = [sentence, say("terminal.verdict", verdict=say(f"verdict.{judgement}.name").upper())]
    if held is not None and not coarse and judgement in ("publish", "caution"):
        same = rounded_values(held.point, held.low, held.high, "persons", observed=found.observed)
        lines.append(
            say(
                _BESIDE.get(len(found.lists), "headline.beside"),
                point=say.number(same.point),
                range=say.range(same.low, same.high),
            )
        )
    reasons = () if verdict is None else verdict.reasons
    if coarse:  # a factor beside rounded ends would be another one than theirs
        reasons = tuple(Reason(reason.code, reason.level) for reason in reasons)
    chosen = () if found.chosen is None else (found.chosen,)
    told = [say.said(x) for x in (*(reason.said for reason in reasons), summary.kind, *chosen, *found.notes)]
    told += [say("card.assumed", what=say.said(x)) for x in summary.assumptions]
    return [*lines, *(f"  - {x}" for x in told)]
