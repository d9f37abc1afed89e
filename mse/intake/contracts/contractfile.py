"""A contract read from its file, or from settings in memory, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mse.computing.inputfiles import read_settings
from mse.errors import InputError, Problem, reason_of
from mse.intake.contracts.contract import Contract
from mse.intake.contracts.soundness import contract_problems, gaps
from mse.settings.places import JobFile
from mse.settings.specreading import read_spec
from mse.words.said import said


def make_contract(settings: Mapping[str, Any], file: JobFile | None = None, folder: Path | None = None) -> Contract:
    """Check the settings of a contract.

    Parameters
    ----------
    settings : mapping
        As in the TOML file.
    file : JobFile, optional
        Where they stand, for messages.
    folder : Path, optional
        What its paths are relative to; this folder when not given.

    Raises
    ------
    InputError
        With every problem: unknown keys, wrong types, roles that contradict each other.
    """
    file = file or JobFile()
    read, problems = read_spec(Contract, settings, file=file)
    if read is None:
        raise InputError([*problems, *gaps(settings, file)])
    contract = replace(read, file=file, folder=folder or Path())
    if problems := contract_problems(contract):
        raise InputError(problems)
    return contract


def read_contract(path: str | Path) -> Contract:
    """Read and check a contract; whether its files are there is not looked at.

    Raises
    ------
    InputError
        With every problem: not TOML, unknown keys, wrong types, roles that contradict each other.
    """
    place = Path(path)
    try:
        text, raw = read_settings(place)
    except OSError as error:
        found = said("found.contract_cannot_read", error=reason_of(error))
        raise InputError(Problem(found, said("allowed.toml_file"), said("do.check_path"), file=str(path))) from error
    except ValueError as error:
        raise InputError(
            Problem(said("found.contract_not_toml", error=reason_of(error)), said("allowed.toml_utf_8_https"),
                    said("do.correct_2"),
                    file=str(path))
        ) from error  # fmt: skip
    return make_contract(raw, JobFile.of(str(path), text), place.parent)
