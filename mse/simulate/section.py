"""The ``[simulate]`` section of a job file, read into a spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mse.computing.inputfiles import read_settings
from mse.errors import InputError, Problem
from mse.settings.places import JobFile
from mse.settings.specreading import read_spec as read_settings_into
from mse.shipped import shipped_names, shipped_path
from mse.simulate.spec import SimulateSpec
from mse.words.said import said

SECTION = "simulate"
NATIONAL = "national-simulated.toml"


def national_spec(**changes: Any) -> SimulateSpec:
    """Return the simulated nation that ships, with some of its settings changed.

    Parameters
    ----------
    **changes
        Fields of `SimulateSpec`, for example ``referrals=()`` or ``key_errors=0.0``.
    """
    spec = read_spec(shipped_path("models", NATIONAL))
    return replace(spec, **changes)


def read_spec(path: Path) -> SimulateSpec:
    """Read the ``[simulate]`` section of a job file; a name under models/ that is not here is one that ships.

    Raises
    ------
    InputError
        With every problem: not TOML, no such section, unknown keys, wrong types, values out of range.
    """
    if not os.path.exists(path) and path.name in shipped_names("models"):
        path = shipped_path("models", path.name)
    try:
        text, settings = read_settings(path)
    except (OSError, ValueError) as error:
        raise InputError(
            Problem(said("found.job_file_cannot_read_2"), said("allowed.toml_file_utf_8"),
                    said("do.check_path_file"), file=str(path))
        ) from error  # fmt: skip
    return make_spec(settings.get(SECTION), JobFile.of(str(path), text))


def make_spec(settings: object, file: JobFile | None = None) -> SimulateSpec:
    """Check the settings of the section ``[simulate]`` and return them as a spec.

    Parameters
    ----------
    settings : mapping
        As TOML reads it.
    file : JobFile, optional
        Where it stands, for the messages.

    Raises
    ------
    InputError
        With every problem: no such section, unknown keys, wrong types, values out of range.
    """
    file = file or JobFile()
    if not isinstance(settings, Mapping):
        problem = Problem(
            said("found.no_section_simulate"), said("allowed.one_models", national=NATIONAL), said("do.copy")
        )
        raise InputError(file.put(problem, (SECTION,)))
    spec, problems = read_settings_into(SimulateSpec, settings, (SECTION,), file)
    if spec is None:
        raise InputError(problems)
    return spec
