"""A simulated nation as a folder: the files of the suppliers, their contracts, and the truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.computing.csvtext import write_csv
from mse.computing.inputfiles import read_input
from mse.computing.provenance import file_digest, versions
from mse.computing.savefiles import replace_folder, work_folder
from mse.errors import InputError, Problem
from mse.simulate.calibration import calibration_table
from mse.simulate.national import Simulated
from mse.simulate.registering import LABELS, SEVERAL
from mse.simulate.suppliers import DATES, codes_of, contract_text, hand_of
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

Disguise = Callable[["pd.DataFrame"], "pd.DataFrame"]

TRUTH, LINKS, CALIBRATION, RECORD = "truth.csv", "links.csv", "calibration.csv", "simulation.json"


def write_registers(
    folder: Path, simulated: Simulated, disguise: Disguise | None = None, *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write a simulated nation to a folder in one step: either all files are there afterwards, or none.

    Parameters
    ----------
    folder : Path
        Where to; made if missing.
    simulated : Simulated
        What to write.
    disguise : callable, optional
        Turns ``surname``, ``given_name`` and ``birth_date`` of a frame into pseudonyms, as the suppliers do before
        they deliver. None leaves the synthetic identities readable.
    overwrite : bool
        Replace a folder that this function wrote earlier.

    Returns
    -------
    tuple of Path
        The contracts, one a register: ``P.toml``. Beside them stand ``P.csv`` (``P-1.csv`` and ``P-2.csv`` where some
        rows come late) of each register; ``truth.csv`` (victims and registered by stratum), ``links.csv`` (list,
        source, row, person: who every row truly is, row 2 is the first after the header), ``calibration.csv`` (see
        `mse.simulate.calibration`) and ``simulation.json`` (seed, settings, versions, digests of the files).

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    _check_free(folder, overwrite)
    with work_folder(folder) as work:
        fresh = work / folder.name
        fresh.mkdir()
        contracts = _fill(fresh, simulated, disguise)
        replace_folder(fresh, folder, work)
    return tuple(folder / contract for contract in contracts)


def _check_free(folder: Path, overwrite: bool) -> None:
    """Raise InputError when a folder has something in it that may not be replaced."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        found, allowed, remedy = (
            said("found.link_file"),
            said("allowed.folder_name_free"),
            said("do.choose_another_name"),
        )
    elif not folder.exists() or not any(folder.iterdir()):
        return
    elif not _ours(folder):
        found, allowed, remedy = (
            said("found.folder_holds_other_files"),
            said("allowed.new_folder"),
            said("do.choose_another_name"),
        )
    elif not overwrite:
        found, allowed, remedy = (
            said("found.folder_exists_already"),
            said("allowed.new_folder"),
            said("do.choose_another_allow_overwrite"),
        )
    else:
        return
    raise InputError(Problem(found, allowed, remedy, file=str(folder)))


def _ours(folder: Path) -> bool:
    """Tell whether a folder holds a simulated nation and nothing else."""
    try:
        record = json.loads(read_input(folder / RECORD))
        known = {RECORD, *record["files"]}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return False
    return {path.name for path in folder.iterdir()} <= known


def _fill(folder: Path, simulated: Simulated, disguise: Disguise | None) -> list[str]:
    """Write everything into an empty folder and return the names of the contracts."""
    import pandas as pd

    spec, links, contracts = simulated.spec, [], []
    for name, register in simulated.registers.items():
        frame = register.drop(columns=["person", "delivery"])
        if disguise is not None:
            frame = disguise(frame)
        frame = _in_hand(simulated, name, frame)
        deliveries = (1, 2) if spec.late else (1,)
        files = [f"{name}-{delivery}.csv" for delivery in deliveries] if spec.late else [f"{name}.csv"]
        for delivery, file in zip(deliveries, files, strict=True):
            rows = (register["delivery"] == delivery).to_numpy()
            part = frame[rows]
            write_csv(part, folder / file, hand_of(spec, name).delimiter)
            person = register.loc[rows, "person"].to_numpy()
            columns = {"list": name, "source": file, "row": range(2, len(part) + 2), "person": person}
            links.append(pd.DataFrame(columns))
        contracts.append(f"{name}.toml")
        (folder / contracts[-1]).write_text(contract_text(spec, name, files), encoding="utf-8")
    write_csv(simulated.truth, folder / TRUTH)
    write_csv(pd.concat(links), folder / LINKS)
    calibration = calibration_table(spec, seed=simulated.seed)
    write_csv(calibration, folder / CALIBRATION)
    record = {
        "seed": simulated.seed,
        "pseudonyms": disguise is not None,
        "simulate": asdict(spec),
        "versions": versions(),
        "files": {path.name: file_digest(path) for path in sorted(folder.iterdir())},
    }
    text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False, default=str)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")
    return contracts


def _in_hand(simulated: Simulated, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a register as its supplier writes it: codes of its own, dates in its own format."""
    spec, hand = simulated.spec, hand_of(simulated.spec, name)
    written: dict[str, Any] = {}
    if hand.numbered:
        for label in LABELS:
            codes = codes_of(spec, name, label)
            cells = {x: SEVERAL.join(codes[part] for part in x.split(SEVERAL)) for x in frame[label].dropna().unique()}
            written[label] = frame[label].map(cells)
    if hand.date_format != "%Y-%m-%d":
        for day in (*DATES, "birth_date"):
            if day in frame:
                cells = {x: date.fromisoformat(x).strftime(hand.date_format) for x in frame[day].dropna().unique()}
                written[day] = frame[day].map(cells)
    return frame.assign(**written)
