"""Levels of strata as users name them: which strata a selection means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from mse.errors import ModelError, Problem, names_of
from mse.kernels.arrays import Flags
from mse.words.said import Said, said

Where = Mapping[str, str | Sequence[str]]
"""Levels by dimension: ``{"year": "2019", "sex": ["f", "m"]}``; ``{}`` for everybody."""


_MISSING = re.compile(
    r"(not|niet|un|on)[ _-]?(known|bekend|stated|recorded|specified|available|registered|ingevuld|vermeld"
    r"|geregistreerd)|missing|ontbreekt|unk|n/?a|nvt|n\.v\.t\.|[?]+"
)
_SEVERAL = re.compile(r"several|multiple|combined|combination|mixed|both|meerdere|meervoudig|combinatie|gemengd|beide")


def vague_levels(levels: Sequence[str]) -> frozenset[str]:
    """Return the levels that are not one thing: a label that is not known, or one that stands for several others.

    The latter names two levels of its dimension or more (``sexual + labour``), or says that it stands for several.
    """
    found = set()
    for level in levels:
        text = " ".join(level.casefold().split())
        within = [x for x in levels if x != level and re.search(rf"(?<!\w){re.escape(x.casefold())}(?!\w)", text)]
        if _MISSING.fullmatch(text) or _SEVERAL.fullmatch(text) or len(within) > 1:
            found.add(level)
    return frozenset(found)


def selected(dimensions: Mapping[str, Sequence[str]], where: Where, whose: Said) -> Flags:
    """Return which strata, in C order of `dimensions`, have the levels asked for.

    Raises
    ------
    ModelError
        With every dimension and level that there is not; `whose` says of what they are.
    """
    problems = []
    out = np.ones([len(levels) for levels in dimensions.values()], dtype=np.bool_)
    for dim, asked in where.items():
        if dim not in dimensions:
            allowed = names_of(dimensions, said("allowed.none_no_dimensions"))
            problems.append(
                Problem(said("found.no_dimension", dim=repr(dim), whose=whose), allowed, said("do.correct_name"))
            )
            continue
        wanted = [asked] if isinstance(asked, str) else list(asked)
        levels = list(dimensions[dim])
        problems += [
            Problem(
                said("found.has_no_level", dim=repr(dim), level=repr(level), whose=whose),
                names_of(levels),
                said("do.correct_level"),
            )
            for level in wanted
            if level not in levels
        ]
        axis = list(dimensions).index(dim)
        inside = np.array([level in wanted for level in levels])
        out &= inside.reshape([-1 if i == axis else 1 for i in range(out.ndim)])
    if problems:
        raise ModelError(problems)
    return out.reshape(-1)
