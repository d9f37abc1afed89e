"""Registered persons as they may be published: one table of counts a result, whatever page or file shows parts of it.

Two tables that were protected apart could be played off against each other, so there is one, with every margin that
anything publishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mse.answers.strata import shown_margins, time_dimension
from mse.publish.disclosure.control import Disclosure, SafeTable, protect
from mse.publish.disclosure.counts import CountTable, Place
from mse.publish.facts.entries import mapping, text
from mse.tables.captures import CaptureTable

if TYPE_CHECKING:
    from mse.answers.results import Results


def is_public(results: Results) -> bool:
    """Return whether the raw counts of a result's table are public already; False where nothing says so."""
    return mapping(results.provenance.get("table")).get("public") is True


def disclosure_rule(results: Results) -> Disclosure:
    """Return the rules of disclosure control that the job asks for under [publish]; the defaults otherwise."""
    publish = mapping(mapping(results.provenance.get("job")).get("publish"))
    options: dict[str, Any] = {f.name: publish[f.name] for f in fields(Disclosure) if f.name in publish}
    return Disclosure(**options)


def time_of(results: Results) -> str | None:
    """Return the dimension of the strata that is time; None where none is."""
    strata = results.headline.strata
    named = text(mapping(results.provenance.get("report")).get("time"))
    return time_dimension(strata.dimensions if strata else {}, named)


def registered_counts(results: Results) -> SafeTable | None:
    """Return the registered persons by stratum, over `shown_margins`; None where the result has no strata."""
    strata = results.headline.strata
    if strata is None or not strata.dimensions:
        return None
    table = CountTable.from_strata(strata, margins=shown_margins(tuple(strata.dimensions), time_of(results)))
    return _protected(
        tuple(table.dimensions.items()), table.counts.tobytes(), table.possible.tobytes(), table.margins,
        disclosure_rule(results),
    )  # fmt: skip


def list_counts(results: Results) -> SafeTable | None:
    """Return the persons on each list, and on each two, as they may be published; None without an overlap on record.

    Every list is a dimension with the levels ``on`` and ``off``.
    """
    overlap = mapping(results.provenance.get("overlap"))
    lists = [str(name) for name in overlap.get("lists", ())]
    if not lists:
        return None
    counts = np.zeros(2 ** len(lists) - 1, dtype=np.int64)
    for members, persons in mapping(overlap.get("counts")).items():
        counts[sum(1 << lists.index(name) for name in str(members).split("+")) - 1] = int(persons)
    table = CountTable.from_lists(CaptureTable.from_arrays(lists, counts))
    whole = registered_counts(results)
    told = is_public(results) or whole is None or whole.at().count is not None
    total: tuple[Place, ...] = (
        ((None,) * len(lists),) if told and counts.sum() >= disclosure_rule(results).threshold else ()
    )
    return _protected(
        tuple(table.dimensions.items()), table.counts.tobytes(), table.possible.tobytes(), table.margins,
        disclosure_rule(results), total,
    )  # fmt: skip


@lru_cache(maxsize=8)
def _protected(
    dimensions: tuple[tuple[str, tuple[str, ...]], ...], counts: bytes, possible: bytes,
    margins: tuple[tuple[str, ...], ...] | None, rule: Disclosure, known: tuple[Place, ...] = (),
) -> SafeTable:  # fmt: skip
    """Return a protected table; kept, because a page and its files ask for the same one again and again."""
    made: Mapping[str, tuple[str, ...]] = dict(dimensions)
    raw = CountTable(made, np.frombuffer(counts, np.int64), np.frombuffer(possible, bool), margins=margins)
    return protect(raw, rule, known=known)
