"""The data contract of every simulated supplier, and how that supplier writes: delimiter, dates, codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mse.simulate.registering import LABELS, SEVERAL, extraction_dates
from mse.simulate.spec import SimulateSpec

PSEUDONYMS = (
    "key", "surname_hash", "surname_sound_hash", "given_hash", "initial_hash", "birthdate_hash", "birth_either_hash",
    "names_hash",
)  # fmt: skip
IDENTITY = ("surname", "given_name", "birth_date")
DATES = ("date", "entered")


@dataclass(frozen=True, slots=True)
class Hand:
    """How a supplier writes.

    Parameters
    ----------
    delimiter, date_format : str
        Between the cells; of every date, as in ``strptime``.
    numbered : bool
        Whether labels are written as the numbers of a code list of its own.
    """

    delimiter: str
    date_format: str
    numbered: bool


LATER_NAMES = {
    "record": "case_number", "date": "registered_on", "entered": "entered_on", "sex": "sex_code", "age": "age_group",
    "nationality": "nationality_group", "region": "province", "form": "exploitation", "referred_from": "sent_by",
}  # fmt: skip
"""Names of columns in the later layout, where there is one."""

HANDS = (Hand(",", "%Y-%m-%d", False), Hand(";", "%d-%m-%Y", True))
"""Suppliers write in the one way or the other, by turns."""


def hand_of(spec: SimulateSpec, name: str) -> Hand:
    """Return how a register writes."""
    return HANDS[spec.lists.index(name) % len(HANDS)]


def codes_of(spec: SimulateSpec, name: str, label: str) -> dict[str, str]:
    """Return the code of every level of a label in a register."""
    levels = spec.levels[label]
    return {level: str(i) if hand_of(spec, name).numbered else level for i, level in enumerate(levels, 1)}


def later_codes(spec: SimulateSpec, label: str) -> dict[str, str]:
    """Return the code of every level of a label in the later layout."""
    return {level: f"{label[0].upper()}{i}" for i, level in enumerate(reversed(spec.levels[label]), 1)}


def contract_text(spec: SimulateSpec, name: str, files: Sequence[str], parts: Sequence[str] = PSEUDONYMS) -> str:
    """Return the contract of a register as TOML, with comments.

    It describes the files as they are delivered, under pseudonym; ``[identity]`` names the columns of the
    supplier's own file that the pseudonyms are made from.

    Parameters
    ----------
    spec : SimulateSpec
        The nation.
    name : str
        The register.
    files : sequence of str
        Names of its files, relative to the contract.
    parts : sequence of str
        Pseudonyms that the files have, the whole identity first.
    """
    register, hand = spec.registers[spec.lists.index(name)], hand_of(spec, name)
    lines = [
        f"# Data contract of a simulated supplier: {register.title}. Written with the files, so that the two agree.",
        f"list = {_text(name)}",
        f"title = {_text(register.title.capitalize())}",
        f"publisher = {_text(f'Simulated: {register.title}')}",
        'description = "Synthetic registrations of victims of trafficking in human beings; nobody in them exists."',
        f"path = {_texts(files)}",
        f"delimiter = {_text(hand.delimiter)}",
        'encoding = "utf-8"',
        'territory = "Simulated nation"',
        'victim = "Anybody in whom the organisation saw a sign of trafficking in human beings, once a year."',
        f"period = {{ first = {spec.first_year}-01-01, last = {spec.last_year}-12-31 }}",
        f"extraction_date = {extraction_dates(spec)[-1].isoformat()}",
        'missingValues = [""]',
        "",
        "# A copy of a row has the number of the row that it copies.",
        *_field("record", "record"),
        *_field("key", "key"),
    ]
    for part in parts[1:]:
        lines += _field(part, "hash")
    lines += _field("birth_year", "coarse", 'type = "year"')
    for day in DATES:
        lines += _field(day, day, 'type = "date"', f"format = {_text(hand.date_format)}")
    for label in LABELS:
        codes = codes_of(spec, name, label)
        more = [f"separator = {_text(SEVERAL)}"] if label == "form" else []
        if hand.numbered:
            more.append(_codes({code: level for level, code in codes.items()}))
        else:
            more.append(f"constraints = {{ enum = {_texts(list(codes))} }}")
        lines += _field(label, "stratum", *more)
    senders = {name: "" if name in spec.weather.aggregated else name for name in spec.lists}
    lines += _field("referred_from", "referred_from", _codes(senders))
    lines += _dimensions(spec, hand)
    lines += _later_layout(spec)
    if blind := spec.blind_forms(register):
        lines += ["[[blind]]", f"where = {{ form = {_texts(blind)} }}",
                  'reason = "Outside the mandate of the organisation: it can register nobody there."', ""]  # fmt: skip
    lines += [
        "# Columns of the supplier's own file; they become pseudonyms there and are never delivered.",
        "[identity]",
        *(f"{key} = {_text(column)}" for key, column in zip(("surname", "given", "birth_date"), IDENTITY, strict=True)),
        f"birth_format = [{_text(hand.date_format)}]",
    ]
    return "\n".join(lines) + "\n"


def _later_layout(spec: SimulateSpec) -> list[str]:
    """Return the layout of the later years."""
    first = spec.weather.layout_from
    if first is None or not spec.first_year < first <= spec.last_year:
        return []
    columns = ", ".join(f"{old} = {_text(new)}" for old, new in LATER_NAMES.items())
    codes = (
        f"{label} = {{ {', '.join(f'{_text(code)} = {_text(level)}' for level, code in coded.items())} }}"
        for label in LABELS if (coded := later_codes(spec, label))
    )  # fmt: skip
    return ["# The system was renewed.", "[[layout]]", f"from = {first}-01-01", f"until = {spec.last_year}-12-31",
            f"columns = {{ {columns} }}", f"codes = {{ {', '.join(codes)} }}", ""]  # fmt: skip


def _dimensions(spec: SimulateSpec, hand: Hand) -> list[str]:
    """Return the rules for labels: which of two forms counts, and that numbers are the supplier's own."""
    lines = ["# A victim of two forms of exploitation counts under the one that comes first here.", "[dimensions.form]",
             'several = "priority"', f"order = {_texts(spec.levels['form'])}"]  # fmt: skip
    if not hand.numbered:
        return [*lines, ""]
    lines += ["own_codes = true", ""]
    for label in LABELS:
        if label != "form":
            lines += [f"[dimensions.{label}]", "own_codes = true", ""]
    return lines


def _field(name: str, role: str, *more: str) -> list[str]:
    """Return one column."""
    return ["[[fields]]", f"name = {_text(name)}", f"role = {_text(role)}", *more, ""]


def _codes(levels: Mapping[str, str]) -> str:
    """Return what the codes of a column stand for."""
    return f"codes = {{ {', '.join(f'{_text(code)} = {_text(level)}' for code, level in levels.items())} }}"


def _text(value: str) -> str:
    """Return a text as TOML; what JSON writes, TOML reads."""
    return json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"
