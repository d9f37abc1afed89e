"""What makes the contract of one supplier sound."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING

from mse.errors import Problem, names_of
from mse.intake.contracts.clauses import ContractField, Identity
from mse.intake.contracts.layouts import DATES, is_birth_format, is_date_format, layout_faults
from mse.settings.places import JobFile, Place
from mse.settings.specreading import written
from mse.tables.checks import NOT_IN_LIST_NAMES, RESERVED
from mse.words.said import Said, said

if TYPE_CHECKING:
    from mse.intake.contracts.contract import Contract

GAP = "FILL IN"
"""What `new_contract` writes where only a person knows the answer."""

MOST_COLUMNS = 60
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_TAKEN = {"list", "source", "row", "key", "date", "entered", "referred_from", *RESERVED}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WORDS = ("title", "publisher", "territory", "victim")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_FORMATS = said("allowed.default_strptime_such_d")


def contract_problems(contract: Contract) -> list[Problem]:
    """Return what is wrong with a contract beyond the types of its values, each with its place."""
    found = [
        *_text_faults(contract),
        *_head_faults(contract),
        *(fault for i, field in enumerate(contract.fields) for fault in _field_faults(field, ("fields", str(i)))),
        *_roles_faults(contract),
        *_dimension_faults(contract),
        *_sight_faults(contract),
        *layout_faults(contract),
    ]
    return [
        *(contract.file.put(problem, place) for place, problem in found),
        *gaps(written(contract), contract.file),
    ]


def gaps(settings: Mapping[str, object], file: JobFile) -> list[Problem]:
    """Return the texts at the top of a contract that are still to be filled in."""
    empty = {key: text for key in _WORDS if isinstance(text := settings.get(key), str) and text.strip() in ("", GAP)}
    return [
        file.put(
            Problem(said("found.not_filled"), said("allowed.words"), said("do.fill"), column=key, value=text), (key,)
        )
        for key, text in empty.items()
    ]


Fault = tuple[Place, Problem]


def _text_faults(contract: Contract) -> Iterator[Fault]:
    """Yield the places of texts with control characters, which no cell and no query can hold."""

    def search(value: object, place: Place) -> Iterator[Place]:
        if isinstance(value, dict):
            for key, inside in value.items():
                yield from search(key, (*place, key))
                yield from search(inside, (*place, key))
        elif isinstance(value, list):
            for i, inside in enumerate(value):
                yield from search(inside, (*place, str(i)))
        elif isinstance(value, str) and _CONTROL.search(value):
            yield place

    for place in search(written(contract), ()):
        yield (
            place,
            Problem(
                said("found.text_holds_control_character"), said("allowed.letters_digits_signs"), said("do.delete")
            ),
        )


def _head_faults(contract: Contract) -> Iterator[Fault]:
    name = contract.list
    if not name.strip() or name != name.strip() or name.startswith("~") or set(name) & set(NOT_IN_LIST_NAMES):
        allowed = said("allowed.text_without_any_no", not_in_list_names=" ".join(NOT_IN_LIST_NAMES))
        yield ("list",), Problem(said("found.cannot_name_list"), allowed, said("do.rename_list"), value=name)
    if not contract.path or any(not p.strip() or "\0" in p for p in contract.path):
        yield ("path",), Problem(said("found.no_file_named"), said("allowed.paths_files"), said("do.name_least_one"))
    own = contract.identity
    here = [field.name for field in contract.fields]
    here += [] if own is None else [own.surname, own.given, own.birth_date]
    gone = [f.name for f in contract.fields if own is None and f.role != "ignored" and f.name not in contract.places]
    for name in [*(x for x in contract.places if x not in here), *(gone if contract.places else ())]:
        yield ("places",), Problem(said("found.places_file_fixed_width"), names_of(here),
                                   said("do.give_first_character_number"),
                                   value=name)  # fmt: skip
    if contract.delimiter not in DELIMITERS:
        yield ("delimiter",), Problem(said("found.separator_not_known"), names_of(DELIMITERS.values()),
                                      said("do.choose_one"),
                                      value=contract.delimiter)  # fmt: skip
    try:
        "a".encode(contract.encoding).decode(contract.encoding)
    except (LookupError, ValueError):
        yield ("encoding",), Problem(said("found.encoding_not_known"), said("allowed.utf_8_utf_8"),
                                     said("do.choose_one"), value=contract.encoding)  # fmt: skip
    period, drawn = contract.period, contract.extraction_date
    if period.first > period.last:
        yield (
            ("period",),
            Problem(
                said("found.period_ends_before_begins"), said("allowed.first_before_last"), said("do.correct_one_them")
            ),
        )
    if drawn < period.last:
        found = said("found.files_were_drawn_before", drawn=str(drawn), last=str(period.last))
        yield (
            ("extraction_date",),
            Problem(found, said("allowed.day_after_period"), said("do.end_period_earlier_correct")),
        )
    if drawn > date.today():
        yield ("extraction_date",), Problem(said("found.day_has_not_come"), said("allowed.day_which_files_were"),
                                            said("do.correct"), value=str(drawn))  # fmt: skip
    for i, field in enumerate(contract.fields):
        if field.role == "population" and field.codes and contract.counts not in field.levels:
            yield ("fields", str(i), "codes"), Problem(
                said("found.counts_not_in_column", counts=repr(contract.counts or "")), names_of(field.levels),
                said("do.say_counts_of_column"), column=field.name,
            )  # fmt: skip
    names = [field.name for field in contract.fields]
    for name in contract.personal:
        if name not in names:
            yield ("personal",), Problem(said("found.no_such_column"), names_of(names), said("do.correct"), value=name)


def _field_faults(field: ContractField, place: Place) -> Iterator[Fault]:
    def fault(key: str, found: Said, allowed: Said, remedy: Said, value: str | None = None) -> Fault:
        return (*place, key), Problem(found, allowed, remedy, column=field.name, value=value)

    if field.role in ("hash", "coarse", "stratum") and (
        not _NAME.fullmatch(field.target) or field.target in _TAKEN or field.target in ("bad", "several")
    ):
        allowed = said("allowed.small_letters_digits_none", taken=(*sorted(_TAKEN),))
        yield fault("into", said("found.cannot_name_column_registrations"), allowed,
                    said("do.give_another_name_into"), field.target)  # fmt: skip
    if field.role in ("date", "entered") and field.type not in DATES:
        yield fault("type", said("found.column_role_has_type", role=field.role), said("allowed.date_datetime"),
                    said("do.correct"),
                    field.type)  # fmt: skip
    if field.format != "default" and field.type not in DATES:
        yield fault(
            "format",
            said("found.only_dates_have_format"),
            said("allowed.type_date_no_format"),
            said("do.correct"),
            field.format,
        )
    if field.type in DATES and field.format != "default" and not is_date_format(field.format):
        yield fault("format", said("found.no_format_date"), _FORMATS, said("do.correct"), field.format)
    if field.constraints.pattern is not None and not _pattern_known(field.constraints.pattern):
        allowed = said("allowed.regular_expression_without_references")
        yield fault(
            "constraints", said("found.pattern_cannot_used"), allowed, said("do.correct"), field.constraints.pattern
        )
    if field.role in ("key", "hash") and field.type != "string":
        yield fault(
            "type",
            said("found.column_role_has_type", role=field.role),
            said("allowed.string"),
            said("do.correct"),
            field.type,
        )
    ways = [key for key in ("codes", "classes") if getattr(field, key)]
    ways += ["constraints.enum"] if field.role == "stratum" and field.constraints.enum else []
    if field.role == "stratum" and len(ways) != 1 and not (ways == [] and field.other is not None):
        yield fault("role", said("found.stratum_has", ways=ways or said("found.no_code_list")),
                    said("allowed.one_codes_classes_constraints"), said("do.say_which_codes"))  # fmt: skip
    if field.role == "referred_from" and not field.codes:
        yield fault("role", said("found.does_not_say_which"), said("allowed.codes"), said("do.add_codes_nobody"))
    if field.role == "population" and not field.codes:
        yield fault(
            "role", said("found.population_without_codes"), said("allowed.codes"), said("do.add_codes_populations")
        )
    if field.role not in ("stratum", "referred_from", "population"):
        for key in ("codes", "other", "classes", "separator"):
            if getattr(field, key):
                yield fault(key, said("found.column_role_has", role=field.role, key=key),
                            said("allowed.only_stratum_has"),
                            said("do.leave_out_give_role", key=key))  # fmt: skip
    if field.role in ("referred_from", "population") and (field.separator or field.classes):
        yield fault("role", said("found.list_sent_person_has"), said("allowed.codes"), said("do.leave_them_out"))
    if field.classes:
        yield from _class_faults(field, place)
    for code in (code for code in (*field.codes, *field.constraints.enum) if not code or code != code.strip()):
        allowed, remedy = said("allowed.codes_cells_read_without"), said("do.correct_missingvalues_unknown")
        yield fault("codes", said("found.code_empty_has_space"), allowed, remedy, code)
    for level in {level for level in field.levels if level != level.strip() or not level.isprintable()}:
        yield fault("codes", said("found.cannot_name_level"), said("allowed.text_one_line"), said("do.rename"), level)


def _class_faults(field: ContractField, place: Place) -> Iterator[Fault]:
    far = sys.float_info.max
    ends = [(-far if c.minimum is None else c.minimum, far if c.maximum is None else c.maximum) for c in field.classes]
    where = (*place, "classes")
    if field.type not in ("integer", "number", "year"):
        yield where, Problem(said("found.classes_what_no_number"), said("allowed.type_integer_number_year"),
                             said("do.correct_type"),
                             column=field.name, value=field.type)  # fmt: skip
    if field.separator or field.other:
        yield where, Problem(said("found.classes_beside_separator_other"), said("allowed.classes_alone"),
                             said("do.leave_other_out"),
                             column=field.name)  # fmt: skip
    if any(low > high for low, high in ends) or any(a[1] >= b[0] for a, b in combinations(sorted(ends), 2)):
        yield where, Problem(said("found.classes_overlap_end_before"), said("allowed.each_number_most_one"),
                             said("do.correct_ends_both_included"), column=field.name)  # fmt: skip


def _pattern_known(pattern: str) -> bool:
    """Tell whether both Python and DuckDB take a regular expression."""
    import duckdb

    try:
        re.compile(pattern)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SELECT regexp_full_match('', ?)", [pattern]).fetchall()
    except (re.error, RecursionError, OverflowError, duckdb.Error):
        return False
    return True


def _roles_faults(contract: Contract) -> Iterator[Fault]:
    names = [field.name for field in contract.fields]
    for name in dict.fromkeys(x for x in names if names.count(x) > 1):
        place = ("fields", str(len(names) - 1 - names[::-1].index(name)))
        yield (
            place,
            Problem(
                said("found.column_named_twice"), said("allowed.each_column_once"), said("do.leave_one_out"), value=name
            ),
        )
    fields = ("fields",)
    for role in ("record", "key", "date", "entered", "referred_from"):
        if (count := [field.role for field in contract.fields].count(role)) > 1:
            yield (
                fields,
                Problem(
                    said("found.columns_have_role", count=count, role=role),
                    said("allowed.one"),
                    said("do.give_others_another_role"),
                ),
            )
    if len(contract.fields) > MOST_COLUMNS:
        allowed = said("allowed.most_6", most_columns=MOST_COLUMNS)
        yield (
            fields,
            Problem(said("found.columns", fields=len(contract.fields)), allowed, said("do.leave_out_those_not")),
        )
    if not contract.with_role("date"):
        yield fields, Problem(said("found.no_column_has_role"), said("allowed.one"), said("do.say_which_one_holds"))
    if not contract.with_role("key", "hash"):
        yield fields, Problem(said("found.no_column_says_who"), said("allowed.column_role_key_hash"),
                              said("do.let_supplier_make_pseudonyms"))  # fmt: skip
    parts = [*contract.parts, *contract.strata]
    for name in dict.fromkeys(x for x in parts if parts.count(x) > 1):
        yield fields, Problem(said("found.two_columns_fill_same"), said("allowed.into_name_each"),
                              said("do.rename_one"), value=name)  # fmt: skip
    yield from () if contract.identity is None else _identity_faults(contract.identity, names)


def _identity_faults(identity: Identity, names: Sequence[str]) -> Iterator[Fault]:
    for name in dict.fromkeys((identity.surname, identity.given, identity.birth_date)):
        if name in names:
            yield ("identity",), Problem(said("found.column_identity_one_delivered"),
                                         said("allowed.columns_suppliers_own_file"), said("do.leave_out_fields"),
                                         value=name)  # fmt: skip
    for text in identity.birth_format:
        if not is_birth_format(text):
            yield ("identity", "birth_format"), Problem(said("found.no_format_date_birth"),
                                                        said("allowed.y_m_d_each"), said("do.correct"),
                                                        value=text)  # fmt: skip


def _dimension_faults(contract: Contract) -> Iterator[Fault]:
    several = {f.target for f in contract.with_role("stratum") if f.separator}
    filled = [f.target for f in contract.with_role("stratum")]
    several |= {name for name in filled if filled.count(name) > 1}
    for name, rule in contract.dimensions.items():
        place = ("dimensions", name)
        levels = {level for f in contract.with_role("stratum") if f.target == name for level in f.levels}
        if name not in filled:
            allowed = names_of(dict.fromkeys(filled), said("allowed.none_no_column_stratum"))
            yield place, Problem(said("found.rule_dimension_no_column"), allowed, said("do.correct_name"), value=name)
            continue
        if rule.constant and (name in several or name == "year"):
            found = said("found.constant_several")
            remedy = said("do.leave_constant")
            yield (*place, "constant"), Problem(found, said("allowed.constant_one"), remedy, value=name)
        if (rule.several is None and name in several) or (rule.several is not None and name not in several):
            found = said("found.can_only_one_label") if rule.several else said("found.does_not_say_what_2")
            allowed = said("allowed.several_where_column_has")
            yield place, Problem(found, allowed, said("do.add_leave_out"), value=name)
        if rule.several == "priority" and (set(rule.order) != levels or len(set(rule.order)) < len(rule.order)):
            yield (*place, "order"), Problem(said("found.order_does_not_hold"), names_of(sorted(levels)),
                                             said("do.name_them_all_most"))  # fmt: skip
        if (rule.several == "level") != bool(rule.level) or (rule.order and rule.several != "priority"):
            allowed = said("allowed.order_priority_level_level")
            yield (
                place,
                Problem(said("found.rule_settings_do_not"), allowed, said("do.add_leave_out_2"), value=rule.several),
            )
    for name in several - set(contract.dimensions):
        yield ("fields",), Problem(said("found.no_rule_several_labels"), said("allowed.section_dimensions_several"),
                                   said("do.say_which_label_counts"), value=name)  # fmt: skip


def _sight_faults(contract: Contract) -> Iterator[Fault]:
    for i, blind in enumerate(contract.blind):
        if not blind.where:
            yield ("blind", str(i)), Problem(said("found.does_not_say_what"), said("allowed.where"),
                                             said("do.name_dimensions_levels"))  # fmt: skip
        yield from _where_faults(contract, blind.where, ("blind", str(i), "where"))
    for i, closed in enumerate(contract.closed):
        yield from _where_faults(contract, closed.where, ("closed", str(i), "where"))
        if closed.first > closed.last or closed.last < contract.period.first or closed.first > contract.period.last:
            yield ("closed", str(i)), Problem(said("found.these_days_not_interval"),
                                              said("allowed.days", first=str(contract.period.first),
                                                   last=str(contract.period.last)),
                                              said("do.correct_first_last"))  # fmt: skip


def _where_faults(contract: Contract, where: Mapping[str, Sequence[str]], place: Place) -> Iterator[Fault]:
    """Check dimensions only: a list knows no code for a level that it never sees."""
    for name, levels in where.items():
        if name not in contract.strata:
            yield (
                place,
                Problem(said("found.no_such_dimension"), names_of(contract.strata), said("do.correct"), value=name),
            )
        if not levels:
            yield (
                place,
                Problem(said("found.no_level_named"), said("allowed.least_one"), said("do.name_levels"), value=name),
            )
