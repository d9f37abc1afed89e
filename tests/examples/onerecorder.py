"""Made-up victims on four lists, of which one alone records whether somebody has an intellectual disability."""

from __future__ import annotations

import numpy as np

from mse.tables.captures import CaptureTable

LISTS = ("P", "Z", "R", "G")
ON = {"yes": (0.10, 0.25, 0.14, 0.20), "no": (0.20, 0.12, 0.10, 0.08)}
"""Chance to be on each list: police, care, shelters, and the care for the disabled, which records it and sees more."""
SHARE = 0.12
UNKNOWN = {"disability": "not known"}


def victims(seed, persons=6000):
    """Return a table by disability, "not known" of everybody not on G; and how many truly have it and have not."""
    rng = np.random.default_rng(seed)
    disabled = rng.random(persons) < SHARE
    on = rng.random((persons, 4)) < np.where(disabled[:, None], ON["yes"], ON["no"])
    history = on @ (1 << np.arange(4))
    level = np.where(on[:, 3], np.where(disabled, 0, 1), 2)
    counts = np.bincount(level * 16 + history, minlength=48).reshape(3, 16)[:, 1:]
    strata = {"disability": ("yes", "no", "not known")}
    table = CaptureTable.from_arrays(LISTS, counts, strata=strata, name="attribute-of-one-list")
    return table, np.array([disabled.sum(), (~disabled).sum()])
