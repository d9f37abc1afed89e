"""What makes the contracts of several suppliers sound together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from mse.errors import InputError, Problem, names_of
from mse.intake.contracts.contract import Contract
from mse.intake.contracts.contractfile import read_contract
from mse.intake.contracts.soundness import Fault
from mse.words.said import Said, said

SEXES = ("sex", "gender", "geslacht", "sekse")
"""Dimensions of which it is so where no contract says it."""


def check_contracts(paths: Sequence[str | Path]) -> tuple[Contract, ...]:
    """Check the contracts of all suppliers, each on its own and then against each other; files are not looked at.

    Raises
    ------
    InputError
        With every problem of every contract; when each is sound, with every contradiction between them.
    """
    contracts: list[Contract] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            contracts.append(read_contract(path))
        except InputError as error:
            problems += error.problems
    problems = problems or contradictions(contracts)
    if problems:
        raise InputError(problems)
    return tuple(contracts)


def contradictions(contracts: Sequence[Contract]) -> list[Problem]:
    """Return where contracts of several suppliers contradict each other."""
    problems: list[Problem] = []
    for one, other in combinations(contracts, 2):
        problems += [
            other.file.put(problem, place)
            for place, problem in [*_pair_faults(one, other), *_code_faults(one, other), *_rule_faults(one, other)]
        ]
    lists = {contract.list for contract in contracts}
    for contract in contracts if len(contracts) > 1 else ():
        for i, field in enumerate(contract.fields):
            if field.role == "referred_from" and (unknown := sorted(set(field.levels) - lists)):
                found = said("found.person_sent_list_which")
                problem = Problem(found, names_of(sorted(lists)), said("do.correct_codes_map_code"),
                                  column=field.name, value=", ".join(unknown))  # fmt: skip
                problems.append(contract.file.put(problem, ("fields", str(i), "codes")))
    return problems


def _pair_faults(one: Contract, other: Contract) -> Iterator[Fault]:
    there = said("what.contract", list=repr(one.list), file=one.file.name or one.title)
    if _plain(one.list) == _plain(other.list):
        yield ("list",), Problem(said("found.has_same_list_name", there=there), said("allowed.name_its_own_every"),
                                 said("do.rename_one"),
                                 value=other.list)  # fmt: skip
    if not _parted(one, other) and (shared := _resolved(one) & _resolved(other)):
        claimed = ", ".join(sorted(path.name for path in shared))
        yield (
            ("path",),
            Problem(
                said("found.claims_same_file", there=there),
                said("allowed.each_file_one_contract"),
                said("do.correct_one_path"),
                value=claimed,
            ),
        )
    for key, mine, theirs in (
        ("period", _days(one), _days(other)),
        ("territory", one.territory.strip(), other.territory.strip()),
        ("key_id", one.key_id or other.key_id or "", other.key_id or one.key_id or ""),
    ):
        if mine != theirs:
            shown = mine if isinstance(mine, Said) else repr(mine)
            remedy = {
                "period": said("do.ask_every_supplier_same"),
                "territory": said("do.estimate_one_territory_time"),
                "key_id": said("do.let_all_suppliers_make"),
            }[key]
            yield (
                (key,),
                Problem(
                    said("found.says", there=there, key=key, mine=shown),
                    said("allowed.same_all_contracts"),
                    remedy,
                    value=theirs,
                ),
            )
    if not _links(one) & _links(other):
        yield ("fields",), Problem(said("found.has_no_pseudonym_common", there=there),
                                   said("allowed.key_hash_both_have"),
                                   said("do.let_both_suppliers_deliver"))  # fmt: skip


def _parted(one: Contract, other: Contract) -> bool:
    """Return whether two contracts of one file count different populations in it, by a column that says which."""
    return one.counts != other.counts and all(contract.with_role("population") for contract in (one, other))


def _days(contract: Contract) -> Said:
    return said("what.days", first=str(contract.period.first), last=str(contract.period.last))


def _code_faults(one: Contract, other: Contract) -> Iterator[Fault]:
    there = said("what.contract", list=repr(one.list), file=one.file.name or one.title)
    for name in (dim for dim in other.strata if dim in one.strata):
        theirs, mine = set(one.levels(name)), set(other.levels(name))
        spelled = {_plain(level): level for level in theirs}
        for level in sorted(x for x in mine - theirs if _plain(x) in spelled):
            found = said("found.writes_level", there=there, name=name, spelled=repr(spelled[_plain(level)]))
            yield ("fields",), Problem(found, said("allowed.one_spelling"), said("do.write_same_way_both"), value=level)
        if theirs and mine and not theirs & mine and not set(map(_plain, mine)) & set(spelled):
            found, remedy = said("found.no_level_one", name=name, there=there), said("do.map_codes_both_same")
            yield ("fields",), Problem(found, names_of(sorted(theirs)), remedy, value=", ".join(sorted(mine)))
        own = [c.dimensions[name].own_codes for c in (one, other) if name in c.dimensions]
        codes = {} if any(own) else _codes(one, name)
        for code, level in () if any(own) else _codes(other, name).items():
            if code in codes and codes[code] != level and _plain(codes[code]) != _plain(level):
                found = said("found.maps_code_one", there=there, name=name, codes=repr(codes[code]), level=repr(level))
                remedy = said("do.correct_one_set_own")
                yield ("fields",), Problem(found, said("allowed.one_meaning_each_code"), remedy, value=code)


def _rule_faults(one: Contract, other: Contract) -> Iterator[Fault]:
    there = said("what.contract", list=repr(one.list), file=one.file.name or one.title)
    for name in (dim for dim in other.dimensions if dim in one.dimensions):
        mine, theirs = other.dimensions[name], one.dimensions[name]
        if mine.several and theirs.several and (mine.several, mine.level) != (theirs.several, theirs.level):
            yield ("dimensions", name), Problem(said("found.has_another_rule_several", there=there,
                                                     several=theirs.several),
                                                said("allowed.one_rule"), said("do.choose_one"),
                                                value=mine.several)  # fmt: skip
        if {mine.constant, theirs.constant} == {True, False}:
            yield ("dimensions", name, "constant"), Problem(said("found.constant_or_not", there=there),
                                                            said("allowed.one_rule"), said("do.choose_one"),
                                                            value=name)  # fmt: skip
        both = [level for level in mine.order if level in theirs.order]
        if both != [level for level in theirs.order if level in mine.order]:
            yield ("dimensions", name, "order"), Problem(said("found.has_another_order", there=there),
                                                         names_of(theirs.order),
                                                         said("do.choose_one_order"),
                                                         value=", ".join(mine.order))  # fmt: skip
    roles = {f.target: f.role for f in one.with_role("hash", "coarse", "stratum")}
    for i, field in enumerate(other.fields):
        if field.role in ("hash", "coarse", "stratum") and roles.get(field.target, field.role) != field.role:
            found = said("found.gives_column_role", there=there, roles=roles[field.target])
            problem = Problem(
                found, said("allowed.one_role"), said("do.rename_one_into"), column=field.name, value=field.role
            )
            yield ("fields", str(i)), problem


def _codes(contract: Contract, dimension: str) -> dict[str, str]:
    fields = [field for field in contract.with_role("stratum") if field.target == dimension]
    return {code: level for field in fields for code, level in field.mapping.items()}


def _links(contract: Contract) -> set[str]:
    return {field.target for field in contract.with_role("key", "hash")}


def _resolved(contract: Contract) -> set[Path]:
    return {path.resolve() for path in contract.files()}


def _plain(text: str) -> str:
    """Return a name without what people write differently: case, spaces, hyphens, underscores."""
    return re.sub(r"[\W_]+", "", text.casefold())


def constant_dimensions(contracts: Sequence[Contract]) -> tuple[str, ...]:
    """Return the dimensions of which a person has one level all life: as contracts say, or else as they are called."""
    names = dict.fromkeys(name for contract in contracts for name in contract.strata)
    told = {name: {c.dimensions[name].constant for c in contracts if name in c.dimensions} - {None} for name in names}
    return tuple(name for name in names if told[name] == {True} or (not told[name] and name in SEXES))
