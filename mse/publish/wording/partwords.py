"""What is said of parts that are not to be cited on their own, or only with caution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mse.answers.estimates import Reason
from mse.publish.indicators.partnumbers import Part
from mse.publish.wording.messages import Catalogue

MOST_NAMED = 12
"""Parts that are named with a rule."""


def judged_part(part: Part, reason: Reason, names: Mapping[str, str], say: Catalogue, *, rule: bool = False) -> str:
    """Return the name of a part with the figure of a finding on it, "2018 (6.8)", and with the rule where asked for.

    Counts of persons are never said here: they may be withheld.
    """
    name = ", ".join(names.get(level) or say.known("level", level) for level in part.levels.values())
    digits = {"width": 1, "converged": 3, "draws": 0, "lists": 0}.get(reason.code)
    figure = "" if digits is None else say.number(reason.figures["figure"], digits)
    told = " ".join(x for x in (say.known("rule", reason.code) if rule else "", figure) if x)
    return f"{name} ({told})" if told else name


def judged_parts(found: Sequence[Part], names: Mapping[str, str], say: Catalogue) -> list[str]:
    """Return one sentence per rule: which parts may not be cited on their own by it, and which only with caution."""
    groups: dict[tuple[str, str], list[str]] = {}
    for part in found:
        for key, reasons in (("refuse", part.against), ("caution", part.doubtful)):
            for reason in reasons:
                groups.setdefault((key, reason.code), []).append(judged_part(part, reason, names, say))
    said = []
    for (key, code), those in sorted(groups.items(), key=lambda item: item[0][0] != "refuse"):
        rest = len(those) - MOST_NAMED
        named = those[:MOST_NAMED] + ([say("part.more", count=say.number(rest))] if rest > 0 else [])
        crossed = any(len(part.levels) > 1 for part in found)
        parts = "; ".join(named) if crossed else say.listing(named)
        said.append(say(f"part.{key}", rule=say.known("rule", code), parts=parts))
    return said
