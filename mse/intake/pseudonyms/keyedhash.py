"""Pseudonyms: identities become keyed hashes (HMAC-SHA-256) before a file leaves its supplier.

Every part of an identity is normalised (`mse.intake.pseudonyms.canonical`) and hashed apart, with the name of the part
inside the message: the hash of a given name is never that of a surname. A pseudonym is the first 32 hexadecimal digits
(128 bits; RFC 2104, section 5) of ``HMAC-SHA-256(key, "mse-pseudonym/1" 0x1F part 0x1F value)`` in UTF-8.

===================  ==================================================================================
column               hash of
===================  ==================================================================================
key                  surname, first given name and date of birth together; empty unless all three are known. Eight
                     digits more for each given name after the first, of it and of the whole: they show that two
                     persons of one key are not one (`mse.intake.contradictions`)
surname_hash         the surname
surname_sound_hash   how the surname sounds
given_hash           the first given name
initial_hash         its first letter
birthdate_hash       the date of birth
birth_year           not hashed: the year of birth
birth_either_hash    the date of birth with day and month in either order
names_hash           the first words of surname and given name, particles left out, in either order
===================  ==================================================================================

With ``clk`` two columns follow that are not hashes but Bloom filters: `mse.intake.pseudonyms.bloomfilters`.

What is written where something is not known (`mse.intake.pseudonyms.placeholders`) is not known: it has no hash.
"""

from __future__ import annotations

import hmac
import os
import stat
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mse.computing.inputfiles import check_input
from mse.errors import InputError, Problem, names_of, reason_of
from mse.intake.pseudonyms.bloomfilters import Filters
from mse.intake.pseudonyms.canonical import birth_date as iso_birth_date
from mse.intake.pseudonyms.canonical import first_word, given_name, later_names, sound
from mse.intake.pseudonyms.canonical import surname as plain_surname
from mse.intake.pseudonyms.keychecks import SHORTEST, weakness
from mse.intake.pseudonyms.placeholders import is_placeholder, january_stands_for_unknown, kind_of_day
from mse.kernels.arrays import Texts
from mse.words.said import said

if TYPE_CHECKING:
    import pandas as pd

PARTS = (
    "key", "surname_hash", "surname_sound_hash", "given_hash", "initial_hash", "birthdate_hash", "birth_year",
    "birth_either_hash", "names_hash",
)  # fmt: skip
"""Columns that take the place of an identity."""

CLKS = ("name_clk", "birth_clk")
"""Bloom filters of the names and of the date of birth, where they are asked for."""

DIGITS, MORE = 32, 8
"""Hexadecimal digits of a hash, and of what follows it for every further given name."""

ADULT = 18

_HEAD = b"mse-pseudonym/1\x1f"
_MESSAGES = (b"identity", b"further", b"surname", b"surname_sound", b"given", b"initial", b"birthdate",
             b"birth_either", b"names")  # fmt: skip
_CACHE = 2**18


class Pseudonym(NamedTuple):
    """What stands for one identity; "" where a part is not known. Fields as `PARTS`."""

    key: str
    surname_hash: str
    surname_sound_hash: str
    given_hash: str
    initial_hash: str
    birthdate_hash: str
    birth_year: str
    birth_either_hash: str
    names_hash: str


def read_key(file: str | Path | None = None, *, variable: str | None = None) -> bytes:
    """Read the key of the pseudonyms from a file or an environment variable.

    Parameters
    ----------
    file : str or Path, optional
        A file that only its owner may read; a line break at its end is not part of the key.
    variable : str, optional
        Name of an environment variable.

    Raises
    ------
    InputError
        When neither or both are given, when others may read the file, when the key is missing, shorter than 32 bytes
        or easy to guess: few different bytes, repeats, rising bytes, words.
    """
    make = said("do.make_one_umask_077")
    if (file is None) == (variable is None):
        raise InputError(
            Problem(
                said("found.no_key_two_keys"), said("allowed.key_file_environment_variable"), said("do.give_one_them")
            )
        )
    if file is not None:
        where, key = said("what.key_file", file=str(file)), _key_file(Path(file))
    else:
        assert variable is not None
        where, key = said("what.environment", name=variable), os.environb.get(os.fsencode(variable), b"")
    key = key.rstrip(b"\r\n")
    kind = weakness(key)
    if kind is not None:
        raise InputError(
            Problem(
                said("found.values", where=where, kind=kind),
                said("allowed.random_bytes_more_such", shortest=SHORTEST),
                make,
            )
        )
    return key


def _key_file(path: Path) -> bytes:
    try:
        check_input(path, 2**16)
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            others = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            if os.name != "nt" and others:
                who = said("what.anybody") if others & stat.S_IRWXO else said("what.group")
                mode = f"{stat.S_IMODE(found.st_mode):o}"
                raise InputError(
                    Problem(
                        said("found.key_file_may_used", who=who, mode=str(mode)),
                        said("allowed.file_only_its_owner"),
                        said("do.run_chmod_600_where", path=str(path)),
                        file=str(path),
                    )
                )
            return file.read(2**16)
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else said("found.no_path")
        raise InputError(
            Problem(
                said("found.key_file_cannot_read", reason=reason),
                said("allowed.file_key"),
                said("do.check_path"),
                file=str(path),
            )
        ) from None


def fingerprint(key: bytes) -> str:
    """Return eight digits that tell keys apart and say nothing about them (``key_id`` of a contract)."""
    return hmac.new(key, _HEAD + b"key\x1f", "sha256").hexdigest()[:8]


class Hashing:
    """Makes pseudonyms with one key; what was seen before is not computed again.

    Parameters
    ----------
    key : bytes
        As `read_key` returns it.
    birth_formats : sequence of str
        How dates of birth are written, as `mse.intake.writtendates` reads them.
    january : bool
        Whether the first of January is a day as any other; otherwise only its year is known.
    """

    def __init__(self, key: bytes, birth_formats: Sequence[str] = ("%Y-%m-%d",), *, january: bool = True) -> None:
        # One start per part, copied for every value: the key is not taken in again (RFC 2104, section 4).
        self._starts = {part: hmac.new(key, _HEAD + part + b"\x1f", "sha256") for part in _MESSAGES}
        self._formats, self._january = tuple(birth_formats), january
        remember = lru_cache(_CACHE)
        self.filters = Filters(key)
        self.surname, self.given, self.birth_date = map(remember, (self._surname, self._given, self._birth_date))
        self.written_day, self.later = remember(self._written_day), remember(later_names)
        self.either = remember(self._either)

    def __call__(self, surname: str, given: str, birth_date: str) -> Pseudonym:
        """Return the pseudonym of an identity."""
        (name, *family), (first, *names), (day, *born) = (
            self.surname(surname),
            self.given(given),
            self.birth_date(birth_date),
        )
        identity, either = self.identity(name, first, day, self.later(given)), self.either(surname, given)
        return Pseudonym._make([identity, *family, *names, *born, either])

    def clks(self, surname: str, given: str, birth_date: str) -> tuple[str, str]:
        """Return the Bloom filters of an identity, `CLKS`; "" where nothing is known."""
        name, first, day = self.surname(surname)[0], self.given(given)[0], self.birth_date(birth_date)[0]
        return self.filters.names(name, first), self.filters.birth(day)

    def identity(self, name: str, first: str, day: str, later: Sequence[str] = ()) -> str:
        """Return the hash of a whole identity, normalised; "" unless all of it is known."""
        if not (name and first and day):
            return ""
        whole = f"{name}\x1f{first}\x1f{day}"
        more = "".join(self._hash(b"further", f"{whole}\x1f{word}")[:MORE] for word in later)
        return self._hash(b"identity", whole) + more

    def _either(self, surname: str, given: str) -> str:
        """Return the hash of the first words of two names in either order; "" unless both are known."""
        if is_placeholder(surname) or is_placeholder(given):
            return ""
        words = sorted((first_word(surname), first_word(given)))
        return self._hash(b"names", "\x1f".join(words) if all(words) else "")

    def _surname(self, text: str) -> tuple[str, str, str]:
        name = "" if is_placeholder(text) else plain_surname(text)
        return name, self._hash(b"surname", name), self._hash(b"surname_sound", sound(name))

    def _given(self, text: str) -> tuple[str, str, str]:
        name = "" if is_placeholder(text) else given_name(text)
        return name, self._hash(b"given", name), self._hash(b"initial", name[:1])

    def _birth_date(self, text: str) -> tuple[str, str, str, str]:
        day, year = self.written_day(text)
        if day and kind_of_day(day):
            day = year = ""
        elif day.endswith("-01-01") and not self._january:
            day = ""
        either = "-".join([day[:4], *sorted(day[5:].split("-"))]) if day else ""
        return day, self._hash(b"birthdate", day), year, self._hash(b"birth_either", either)

    def _written_day(self, text: str) -> tuple[str, str]:
        return iso_birth_date(text, self._formats)

    def _hash(self, part: bytes, value: str) -> str:
        if not value:
            return ""
        message = self._starts[part].copy()
        message.update(value.encode())
        return message.hexdigest()[:DIGITS]


def age_group(born: str, day: str) -> str:
    """Return "minor" or "adult" for dates in ISO; "" when one is not known or the day lies before the birth."""
    if not born or not day or day < born:
        return ""
    years = int(day[:4]) - int(born[:4]) - (day[5:] < born[5:])
    return "adult" if years >= ADULT else "minor"


def disguise(
    frame: pd.DataFrame,
    key: bytes,
    *,
    surname: str = "surname",
    given: str = "given_name",
    birth_date: str = "birth_date",
    birth_formats: Sequence[str] = ("%Y-%m-%d",),
    age_on: str | None = None,
    clk: bool = False,
) -> pd.DataFrame:
    """Return a frame with pseudonyms in the place of identities.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per registration.
    key : bytes
        As `read_key` returns it.
    surname, given, birth_date : str
        Columns with the identity; they are left out.
    birth_formats : sequence of str
        How dates of birth are written; dates that are no texts are written in ISO first.
    age_on : str, optional
        Column with the date (ISO, or a date) on which to say, in a column ``age``, whether the person is ``minor`` or
        ``adult``.
    clk : bool
        Make Bloom filters too, `CLKS`.

    Returns
    -------
    pandas.DataFrame
        The other columns, then `PARTS`, `CLKS` and ``age`` if asked for; missing where a part is not known.

    Raises
    ------
    InputError
        When a column is not there.
    """
    import numpy as np
    import pandas as pd

    wanted = [surname, given, birth_date, *([age_on] if age_on else [])]
    if absent := [name for name in wanted if name not in frame.columns]:
        raise InputError(
            Problem(
                said("found.no_column", absent=(*absent,)), names_of(map(str, frame.columns)), said("do.correct_name")
            )
        )
    births = [iso_birth_date(text, birth_formats)[0] for text in _column(frame[birth_date])]
    make = Hashing(key, birth_formats, january=not january_stands_for_unknown(births))
    codes, found = [], []
    for name, part in zip(wanted, (make.surname, make.given, make.birth_date), strict=False):
        code, texts = pd.factorize(_column(frame[name]))
        codes.append(code)
        found.append([np.array(column, dtype=object) for column in zip(*map(part, texts), strict=True)])
    names, firsts, days = (plain[code] for (plain, *_), code in zip(found, codes, strict=True))
    later = map(make.later, _column(frame[given]))
    made = {"key": np.fromiter(map(make.identity, names, firsts, days, later), dtype=object, count=len(frame))}
    pieces = [part[code] for (_, *parts), code in zip(found, codes, strict=True) for part in parts]
    made |= dict(zip(PARTS[1:-1], pieces, strict=True))
    made["names_hash"] = np.fromiter(
        map(make.either, _column(frame[surname]), _column(frame[given])), dtype=object, count=len(frame)
    )
    if clk:
        made["name_clk"] = np.fromiter(map(make.filters.names, names, firsts), dtype=object, count=len(frame))
        made["birth_clk"] = np.fromiter(map(make.filters.birth, days), dtype=object, count=len(frame))
    if age_on:
        births = ["" if day and kind_of_day(day) else day for day in births]
        made["age"] = np.fromiter(map(age_group, births, _column(frame[age_on])), dtype=object, count=len(frame))
    hashed = pd.DataFrame(made, index=frame.index, dtype=pd.StringDtype(na_value=np.nan))
    return pd.concat([frame.drop(columns=wanted[:3]), hashed.where(hashed != "")], axis=1)


def _column(values: pd.Series) -> Texts:
    """Return a column as texts, dates in ISO, "" for what is missing."""
    if values.dtype.kind == "M":
        values = values.dt.strftime("%Y-%m-%d")
    return values.astype("str").where(values.notna(), "").to_numpy(dtype=object)
