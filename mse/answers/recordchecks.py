"""What mse wrote, read back: whether it is still what it was, and one error where it is not.

Results and releases travel: they are copied, edited by hand, cut off, opened in other programs. What is read from them
is held against the kinds that were written, before anything is computed from it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mse.answers.estimates import LEVELS
from mse.computing.inputfiles import BeyondSettings, check_values, read_input
from mse.errors import InputError, MseError, Problem, reason_of
from mse.words.said import Said, said

if TYPE_CHECKING:
    import pandas as pd

RESULTS, RELEASE = "the results folder", "the release"
_WHOLE = {RESULTS: said("what.results"), RELEASE: said("what.release")}
_REMEDY = {RESULTS: said("do.run_job_again"), RELEASE: said("do.get_release_again_2")}
MOST_JSON = 2**27
_POSTERIOR = "posterior"
_SEAL = b"\nmse-sha256:"


class Damaged(ValueError):
    """What is read back is not what was written.

    Parameters
    ----------
    what : Said
        Where it differs.
    """

    def __init__(self, what: Said) -> None:
        super().__init__(str(what))
        self.said = what


@contextmanager
def damage(what: str, place: str | Path) -> Iterator[None]:
    """Turn whatever goes wrong with something that was read back into one error about it.

    Parameters
    ----------
    what : str
        `RESULTS` or `RELEASE`.
    place : str or Path
        Where it stands.

    Raises
    ------
    InputError
        In the place of any other exception; a `MseError` passes as it is.
    """
    try:
        yield
    except MseError:
        raise
    except Damaged as error:
        raise InputError(damage_problem(what, error.said, place)) from error
    except OSError as error:
        raise InputError(damage_problem(what, reason_of(error), place)) from error
    except Exception as error:  # whatever an entry of a wrong kind leads to, far from where it was read
        frame = traceback.extract_tb(error.__traceback__)[-1]
        why = said("damage.foreign", error=type(error).__name__, place="/".join(Path(frame.filename).parts[-2:]),
                   line=str(frame.lineno))  # fmt: skip
        raise InputError(damage_problem(what, why, place)) from error


def damage_problem(what: str, why: Said, place: str | Path) -> Problem:
    """Return the problem of something that was read back and is not what was written."""
    return Problem(said("found.file_damaged", what=_WHOLE[what], why=why), said("allowed.json_csv_netcdf_mse"),
                   _REMEDY[what],
                   file=str(place))  # fmt: skip


def let_go(error: BaseException) -> None:
    """Drop what the frames of an error hold: half-made objects of a library would end with a traceback of their own."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        traceback.clear_frames(error.__traceback__)
        gc.collect()
    finally:
        sys.unraisablehook = before


def read_record(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises
    ------
    Damaged
        When it is none.
    OSError
        When it cannot be read.
    """
    try:
        found = json.loads(read_input(path, MOST_JSON).decode("utf-8"))
    except UnicodeDecodeError:
        raise Damaged(said("damage.utf8", place=path.name)) from None
    except (ValueError, RecursionError):
        raise Damaged(said("damage.json", place=path.name)) from None
    if not isinstance(found, dict):
        raise Damaged(said("damage.object", place=path.name))
    try:
        check_values(found)
    except BeyondSettings as error:
        raise Damaged(said("damage.beyond", place=path.name, why=error.said)) from None
    return found


def sealed(content: bytes) -> bytes:
    """Return the content of a file with its digest behind it, where HDF5 does not look."""
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def unsealed(content: bytes, *, early: bool = False) -> bytes:
    """Return the content of a file without its digest.

    Parameters
    ----------
    content : bytes
        Of the file.
    early : bool
        Whether it may be from before there were seals, and have none.

    Raises
    ------
    Damaged
        When it is not what was written: HDF5 can hang on a file of which a few bytes were changed.
    """
    if early and _SEAL not in content:
        return content
    body, _, digest = content.rpartition(_SEAL)
    if digest != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise Damaged(said("damage.bytes"))
    return body


def check_comparison(frame: pd.DataFrame, name: str) -> None:
    """Check the table of the methods side by side.

    Raises
    ------
    Damaged
        When a column is missing or of another kind.
    """
    for column in ("method", "label", "status", "headline", "point", "low", "high", "prob", "observed"):
        if column not in frame.columns:
            raise Damaged(said("damage.column", place=name, column=repr(column)))
    for column in ("point", "low", "high", "prob", "observed"):
        if frame[column].dtype.kind not in "iuf" and frame[column].notna().any():
            raise Damaged(said("damage.only_numbers", place=name, key=repr(column)))
    if frame["headline"].dtype.kind != "b" or int(frame["headline"].sum()) != 1:
        raise Damaged(said("damage.headline", place=name))


def check_posterior(record: Mapping[str, Any]) -> None:
    """Check the plain entries of a posterior.

    Raises
    ------
    Damaged
        With the first that is missing or of another kind.
    """
    for key in ("method", "table", "table_digest"):
        if not isinstance(record[key], str):
            raise Damaged(said("damage.text", place=_POSTERIOR, key=repr(key)))
    if not _is_said(record["point_kind"]):
        raise Damaged(said("damage.text", place=_POSTERIOR, key=repr("point_kind")))
    if record.get("chosen") is not None and not _is_said(record["chosen"]):
        raise Damaged(said("damage.text", place=_POSTERIOR, key=repr("chosen")))
    if record["kind"] not in ("posterior", "sampling distribution"):
        raise Damaged(said("damage.kind"))
    observed = record["observed"]
    if not isinstance(observed, int) or isinstance(observed, bool) or not 0 <= observed < 2**53:
        raise Damaged(said("damage.observed"))
    if not _is_number(record["point"], finite=False):
        raise Damaged(said("damage.number", place=_POSTERIOR, key=repr("point")))
    for key in ("lists", "inside", "outside", "assumptions", "citations", "notes"):
        if not isinstance(record[key], Sequence) or not all(map(_is_said, record[key])):
            raise Damaged(said("damage.texts", place=_POSTERIOR, key=repr(key)))
    if not isinstance(record["spec"], Mapping):
        raise Damaged(said("damage.section", place=f"{_POSTERIOR}: spec"))
    if not all(_is_number(x, finite=False) for x in record["diagnostics"].values()):
        raise Damaged(said("damage.only_numbers", place=_POSTERIOR, key=repr("diagnostics")))
    verdict = record["verdict"]
    if verdict is not None:
        _check_level(verdict)
        if not all(isinstance(x, str) for x in verdict["checked"]):
            raise Damaged(said("damage.texts", place=_POSTERIOR, key=repr("checked")))
        for part in verdict.get("parts", ()):
            _check_level(part)
            if not all(isinstance(x, str) for x in part["levels"].values()):
                raise Damaged(said("damage.part"))


def check_law(values: Any, cdf: Any, draws: Any) -> None:
    """Check the law of N, shapes (G,), and its draws, shape (D,).

    Raises
    ------
    Damaged
        When they are no law and no draws of one.
    """
    import numpy as np

    if values.ndim != 1 or values.shape != cdf.shape or not values.size or values.dtype.kind not in "iuf":
        raise Damaged(said("damage.law_shape"))
    if np.isnan(values).any() or (np.diff(values) < 0).any() or np.isnan(cdf).any() or (np.diff(cdf) < 0).any():
        raise Damaged(said("damage.law_order"))
    if cdf[0] < 0 or not 0.5 < cdf[-1] < 1 + 1e-6 or draws.dtype.kind not in "iu" or not draws.size:
        raise Damaged(said("damage.law"))


def _is_said(entry: object) -> bool:
    """Tell whether an entry is something said, as a code with values, or as the text of an earlier version."""
    if isinstance(entry, Mapping):
        return isinstance(entry.get("code"), str) and isinstance(entry.get("values"), Mapping)
    return isinstance(entry, str)


def _check_level(judged: Mapping[str, Any]) -> None:
    if judged["level"] not in LEVELS:
        raise Damaged(said("damage.verdict"))
    for reason in judged["reasons"]:
        told = reason.get("told", reason.get("text", ""))
        if reason["level"] not in LEVELS or not isinstance(reason["code"], str) or not isinstance(told, str):
            raise Damaged(said("damage.reason"))
        if not all(_is_number(x, finite=False) for x in reason.get("figures", {}).values()):
            raise Damaged(said("damage.reason_figure"))


def _is_number(value: object, *, finite: bool = True) -> bool:
    """Return whether this is a number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return not finite or math.isfinite(value)
