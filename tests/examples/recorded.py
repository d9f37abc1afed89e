"""Records of made-up runs, from plain entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mse.answers.record import Overlap, Record
from mse.answers.recordform import read_record_json, record_json
from mse.answers.results import Results

LEAST: Mapping[str, Any] = {"title": "", "prob": 0.95, "seed": 0, "versions": {}}
"""What no record is without."""


def recorded(entries: Mapping[str, Any]) -> Record:
    """Return a record from entries of the old form (no number), where a history is ``"A+B"``."""
    return read_record_json({**LEAST, **entries})


def entries_of(results: Results) -> dict[str, Any]:
    """Return the record of a result as its file has it."""
    return record_json(results.record)


def with_entries(results: Results, **entries: Any) -> Results:
    """Return a result with other entries in its record, in the form of its file."""
    return replace(results, record=read_record_json({**entries_of(results), **entries}))


def counts_of(results: Results) -> dict[str, int]:
    """Return the raw overlap counts on record, by names of lists with ``+`` between them."""
    overlap = results.record.overlap
    return {"+".join(overlap.members(h)): n for h, n in zip(overlap.histories, overlap.counts, strict=True)}


def with_counts(results: Results, counts: Mapping[str, int], lists: Sequence[str] | None = None) -> Results:
    """Return a result with other overlap counts on record."""
    overlap: Overlap = recorded({"overlap": {"lists": list(lists or results.record.overlap.lists), "counts": counts}}
                                ).overlap  # fmt: skip
    return replace(results, record=replace(results.record, overlap=overlap))
