"""What was tried when a computation did not settle, and what to change, in the words of a language."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mse.assess.findings import UNSETTLED
from mse.publish.facts.entries import number
from mse.publish.wording.messages import Catalogue

if TYPE_CHECKING:
    from mse.answers.posterior import Posterior


def account(headline: Posterior, say: Catalogue) -> tuple[str, ...]:
    """Return what was tried and what to change; nothing where no rule on the chains spoke."""
    verdict, found, spec = headline.verdict, headline.diagnostics, headline.spec
    spoke = {reason.code for reason in verdict.reasons} & UNSETTLED if verdict is not None else set()
    if not spoke:
        return ()
    said = []
    chains, draws = found.get("chains"), found.get("draws_per_chain")
    if chains and draws:
        effective = min(found.get("ess_bulk_min", math.inf), found.get("ess_tail_min", math.inf))
        values = {"rhat": say.number(found.get("rhat_max", math.nan), 3), "effective": say.number(effective)}
        said.append(say("account.tried", chains=say.count_word(round(chains)), draws=say.number(draws), **values))
    longest, accept = number(spec.get("longest")), number(spec.get("accept"))
    ways = [say("account.longest", longest=f"{4 * longest:.0f}")] if longest else [say("account.longer")]
    ways += [say("account.accept")] if accept is not None and "divergences" in spoke else []
    ways += [say("account.strata")] if headline.strata is not None else []
    said.append(say("account.change", ways="; ".join([*ways, say("account.lists"), say("account.method")])))
    return tuple(said)


def unsettled(headline: Posterior) -> bool:
    """Return whether nothing but the computation itself forbids the answer."""
    verdict = headline.verdict
    against = {r.code for r in verdict.reasons if r.level == "do not publish"} if verdict is not None else set()
    return bool(against) and against <= UNSETTLED
