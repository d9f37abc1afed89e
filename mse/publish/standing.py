"""Whether the number of a part may be stated, as data: one word that every published table gives in ``status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from mse.answers.estimates import PartVerdict, Verdict
from mse.assess.parts import because

TOO_FEW, WITHHELD, UNJUDGED = "too few data", "withheld: do not publish", "withheld: not judged"
OK, SUPPRESSED = "ok", "suppressed"
"""Why a figure has no value: `SUPPRESSED` where it would tell of a count that is left out, whatever that count is;
`WITHHELD` is followed by the rules in brackets where they are those of a part. `OK` where there is one."""
FAILED = "no number"
"""Status of a method that gave none, where its own words are not published."""

NOT_JUDGED, NOT_APPLICABLE = "not judged", "not applicable"
"""Verdicts beside those of estimates: nobody has judged it; it is no estimate behind lists (a count, a survey)."""

_RULES = " ("
_FEW = ("observed", "lists")
"""Rules on how much there is to estimate from."""


def parts_by_levels(verdict: Verdict | None) -> Mapping[frozenset[tuple[str, str]], PartVerdict]:
    """Return the verdicts on the parts of a result by their levels."""
    return {} if verdict is None else {frozenset(part.levels.items()): part for part in verdict.parts}


def standing(part: PartVerdict | None) -> str:
    """Return `OK`, or why no number of a part may be stated; a part that nobody judged has none."""
    if part is None:
        return UNJUDGED
    against = [reason.code for reason in part.reasons if reason.level == "do not publish"]
    if SUPPRESSED in against:
        return SUPPRESSED
    if any(code in _FEW for code in against):
        return TOO_FEW
    if part.level != "do not publish":
        return OK
    return f"{WITHHELD}{_RULES}{', '.join(against)})" if against else WITHHELD


def told(part: PartVerdict) -> list[str]:
    """Return why, as a release tells it: which of the two rules found too few data would say more of a count."""
    few = standing(part) == TOO_FEW
    rest = [code for code in because(part) if not (few and code in _FEW)]
    return [*([TOO_FEW] if few else []), *rest]


def whole_standing(verdict: Verdict | None) -> str:
    """Return "ok" for the total, or that there are too few data for it; its verdict is told apart."""
    few = verdict is not None and any(r.code in _FEW and r.level == "do not publish" for r in verdict.reasons)
    return TOO_FEW if few else OK


Missing = Literal["too_few", "not_cited", "withheld"]


def missing(status: str) -> Missing:
    """Return why a status gives no number, as catalogues call it: too few data, the verdict on it, or a count."""
    plain = status.partition(_RULES)[0]
    if plain == TOO_FEW:
        return "too_few"
    return "not_cited" if plain == WITHHELD else "withheld"
