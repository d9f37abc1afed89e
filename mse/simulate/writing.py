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
from mse.kernels.arrays import Flags
from mse.simulate.calibration import calibration_table
from mse.simulate.national import Simulated
from mse.simulate.registering import LABELS, SEVERAL, extraction_dates
from mse.simulate.spec import SimulateSpec
from mse.simulate.suppliers import (
    DATES,
    LATER_NAMES,
    PSEUDONYMS,
    codes_of,
    contract_text,
    hand_of,
    later_codes,
)
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

Disguise = Callable[["pd.DataFrame"], "pd.DataFrame"]

LATER = "later"
"""In the names of files in the later layout."""
TRUTH, LINKS, CALIBRATION, RECORD = "truth.csv", "links.csv", "calibration.csv", "simulation.json"


def write_registers(
    folder: Path, simulated: Simulated, disguise: Disguise | None = None, *, overwrite: bool = False,
    other: Disguise | None = None,
) -> tuple[Path, ...]:  # fmt: skip
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
    other : callable, optional
        As `disguise`, with another key: for the registers under ``other_key`` of the weather.

    Returns
    -------
    tuple of Path
        The contracts, one a register: ``P.toml``. Beside them stand ``P.csv`` (``P-1.csv`` and ``P-2.csv`` where some
        rows come late; ``P-2024-q1.csv`` of quarterly deliveries) of each register; of one that delivers counts
        ``P-counts.csv`` (year, sex, persons) and no contract; ``truth.csv`` (victims and registered by stratum),
        ``links.csv`` (list, source, row, person: who every row truly is, row 2 is the first after the header),
        ``calibration.csv`` (see `mse.simulate.calibration`) and ``simulation.json`` (seed, settings, versions, digests
        of the files).

    Raises
    ------
    InputError
        When the folder exists and may not be replaced, or cannot be written.
    """
    _check_free(folder, overwrite)
    with work_folder(folder) as work:
        fresh = work / folder.name
        fresh.mkdir()
        contracts = _fill(fresh, simulated, disguise, other or disguise)
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


def _fill(folder: Path, simulated: Simulated, disguise: Disguise | None, other: Disguise | None) -> list[str]:
    """Write everything into an empty folder and return the names of the contracts."""
    import pandas as pd

    spec, links, contracts = simulated.spec, [], []
    for name, register in simulated.registers.items():
        if name in spec.weather.aggregated:
            write_csv(_counts(register), folder / f"{name}-counts.csv")
            continue
        frame = register.drop(columns=["person", "delivery"])
        hide = other if name in spec.weather.other_key else disguise
        if hide is not None:
            frame = hide(frame)
        filters = [column for column in frame.columns if column.endswith("_clk")]
        parts = [*(x for x in PSEUDONYMS if hide is None or x in frame.columns), *filters]
        frame = _in_hand(simulated, name, frame)
        delivered = _deliveries(simulated, name)
        files = list(delivered)
        for file, rows in delivered.items():
            part = frame[rows]
            if file.startswith(f"{name}-{LATER}"):
                part = _in_later_layout(spec, name, part)
            write_csv(part, folder / file, hand_of(spec, name).delimiter)
            person = register.loc[rows, "person"].to_numpy()
            columns = {"list": name, "source": file, "row": range(2, len(part) + 2), "person": person}
            links.append(pd.DataFrame(columns))
        contracts.append(f"{name}.toml")
        (folder / contracts[-1]).write_text(contract_text(spec, name, files, parts), encoding="utf-8")
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


def _deliveries(simulated: Simulated, name: str) -> dict[str, Flags]:
    """Return the files of a register and which of its rows stand in each: one, one for each delivery, or by quarter."""
    register, spec = simulated.registers[name], simulated.spec
    found = _by_delivery(register, spec, name)
    if spec.weather.layout_from is None:
        return found
    later = (register["date"].str[:4].astype(int) >= spec.weather.layout_from).to_numpy()
    both = {file: rows & ~later for file, rows in found.items()}
    both |= {file.replace(name, f"{name}-{LATER}", 1): rows & later for file, rows in found.items()}
    return {file: rows for file, rows in both.items() if rows.any()}


def _by_delivery(register: pd.DataFrame, spec: SimulateSpec, name: str) -> dict[str, Flags]:
    """Return the files of a register in one layout."""
    late = (register["delivery"] > 1).to_numpy()
    if not spec.weather.quarterly:
        two = len(extraction_dates(spec)) > 1
        return {f"{name}-1.csv": ~late, f"{name}-2.csv": late} if two else {f"{name}.csv": ~late}
    month = register["date"].str[5:7].astype(int)
    quarter = (register["date"].str[:4] + "-q" + ((month + 2) // 3).astype(str)).to_numpy(dtype=object)
    quarter[late] = "late"
    return {f"{name}-{label}.csv": quarter == label for label in sorted(set(quarter))}


def _counts(register: pd.DataFrame) -> pd.DataFrame:
    """Return the persons of a register by year and sex, as a supplier counts that delivers no rows."""
    known = register.assign(year=register["date"].str[:4], sex=register["sex"].fillna("not known"))
    return known.groupby(["year", "sex"], as_index=False).agg(persons=("person", "nunique"))


def _in_later_layout(spec: SimulateSpec, name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of a register with the names of columns and the codes of the later layout."""
    written: dict[str, Any] = {}
    for label in LABELS:
        level = {code: level for level, code in codes_of(spec, name, label).items()}
        code = later_codes(spec, label)
        cells = {
            x: SEVERAL.join(code[level[part]] for part in x.split(SEVERAL)) for x in frame[label].dropna().unique()
        }
        written[label] = frame[label].map(cells)
    return frame.assign(**written).rename(columns=LATER_NAMES)


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
