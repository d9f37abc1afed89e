"""A first contract from a sample of a supplier's file: what can be guessed, and gaps where only a person knows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from mse.identifying.identifying_formats import POSTCODES
from mse.identifying.identifying_values import CODES, NAMES
from mse.intake.contracts.clauses import PSEUDONYM, Interval
from mse.intake.contracts.samples import SampleColumn, read_sample
from mse.intake.contracts.soundness import GAP
from mse.intake.pseudonyms.keyedhash import PARTS
from mse.intake.pseudonyms.placeholders import is_placeholder
from mse.intake.registers.guard import personal_kind
from mse.intake.writtendates import written_date

ROWS = 10_000
"""Rows of the sample that are looked at."""

_DATES = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d",
          "%d %b %Y", "%d-%b-%Y", "%d %b %y", "%d-%b-%y", "%d-%m-%y", "%d/%m/%y", "%d.%m.%y")  # fmt: skip
_TIMES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M", "%d/%m/%Y %H:%M")
_NAMES = {
    "record": r"record|id|nr|nummer|number|row_?id|volgnummer|volgnr|kenmerk|registratie_?kenmerk"
    r"|(record|case|zaak|dossier|registratie|registration|melding|incident|aangifte|file|cli[eë]nt)s?_?(id|nr|nummer|number|no)?",
    "key": r"key|pseudonym|pseudoniem|pseudo_?id|sleutel",
    "entered": r"entered|entry_?date|invoer_?datum|recorded|ingevoerd|recorded_?on|registered_?on|ingevoerd_?op"
    r"|datum_?(van_?)?(invoer|opvoer)|opvoer_?datum|date_?(of_?)?entry|created(_?(on|at))?|aangemaakt(_?op)?",
    "date": r"date|datum|(registration|registratie|melding|meld|report|incident|contact|intake|signaal|aanmeld"
    r"|aanmelding|instroom|pleeg|referral|notification|event)s?_?(date|datum)|(date|datum)_?(of_?|van_?|de_?)*(registration|registratie"
    r"|melding|report|incident|contact|intake|signaal|aanmelding|notification)|gemeld_?op|geregistreerd_?op|reported_?on",
    "referred_from": r"referred(_?from|_?by)?|verwezen(_?door)?|verwijzer|doorverwezen_?door|sender|verwezen_?van"
    r"|verwijzende_?(instantie|organisatie)|aangemeld_?door|referrer|referring_?(agency|organisation|organization)|afzender"
    r"|herkomst_?melding",
    "date?": r"(date|datum)_.*|.*(date|datum)",
    "coarse": r"birth_?year|year_?of_?birth|geboorte_?jaar|yob|jaar_?van_?geboorte|geb_?jaar",
}
_AGE = re.compile(
    r"age(_?(at|in)_?\w+)?|leeftijd(_?(op|bij)_?\w+)?|lft|age_?years|leeftijd_?(in_?)?jaren|age_?of_?victim"
)
_LABELS = re.compile(
    r"(sex|gender|geslacht|sekse)(_?(code|victim|slachtoffer))?|form|vorm|type|soort|exploitation|uitbuiting|nationalities"
    r"|(form|vorm|type|soort|aard)_?(of_?|van_?|de_?)*(exploitation|uitbuiting|mensenhandel|trafficking)|uitbuitings?_?(vorm|type|soort)"
    r"|exploitation_?(form|type)|nationality|nationaliteit(s_?code)?|nat|country(_?of_?(origin|birth|citizenship))?|land|regio?n?"
    r"|(geboorte|herkomst)_?land|citizenship|province|provincie|prov|gemeente|municipality|city|stad|politie_?(eenheid|regio)|eenheid"
    r"|age_?(group|class|cat(egory)?|band)|leeftijds?_?(groep|klasse|categorie)|(is_?)?(minor|minderjarig(e|heid)?)|sector|branche"
    r"|status|category|categorie|code|herkomst|rol|role|hoedanigheid|capacity|regio_?code|werk_?gebied|nationality_?group|nationaliteits?_?groep"
)
_IDENTITY = {
    "surname": re.compile(
        r"(sur|last|family|birth|maiden)_?names?|(achter|familie|geslachts|geboorte|meisjes)_?naam|naam_?achter"
    ),
    "given": re.compile(
        r"(given|first|fore|christian)_?names?|(voor|roep)_?na(a?m|men)|voorletters|initials?|initialen"
    ),
    "birth_date": re.compile(
        r"date_?of_?birth|birth_?(date|day)|dob|born(_?on)?|geb(oorte)?_?(datum|dat|dag)|datum_?(van_?)?geboorte|geboren(_?op)?"
    ),
}
_POPULATIONS = tuple(
    re.compile(rf"(.*[^a-z])?({words})(s|en|n)?([^a-z].*)?")
    for words in ("slachtoffer|victim", "verdachte|dader|suspect|offender|perpetrator|accused")
)
"""Codes of victims and of suspects: where a column has both, a row says which population it counts."""
_CAPACITY = re.compile(
    r"(rol|role|hoedanigheid|capacity|capaciteit|betrokkenheid|involvement)(_.*)?|.*_(rol|role|hoedanigheid)"
)
_LETTERS = ({"s", "v"}, {"d", "s"}, {"o", "v"})
"""Letters that stand for both in a column of that name: suspect, slachtoffer, victim, verdachte, dader, offender."""
_FEW, _OFTEN, _RARE = 60, 5, 3
_ABBREVIATED = 3
"""Letters of an abbreviation, at most."""
_FEW_AGES = 4
"""Different numbers from which an age is one in years."""
_EVER = Interval(first=date.min, last=date.max)


def new_contract(sample: str | Path) -> str:
    """Return the draft of a contract, as TOML with comments, from a sample of the file.

    Types, formats of dates and short code lists are guessed. What only a person knows is marked ``FILL IN``. Nothing
    that looks personal is written into it: no names, no numbers of persons, no code in fewer than three rows.

    Parameters
    ----------
    sample : str or Path
        A file of the supplier, before or after it went through ``mse pseudonymise``: CSV, TSV, fixed width with a line
        of names, a workbook or Parquet, packed or not.

    Raises
    ------
    InputError
        When the sample cannot be read.
    """
    path = Path(sample)
    columns, layout = read_sample(path)
    identity = _identity(columns)
    roles = {column.name: _role(column) for column in columns if column.name not in identity.values()}
    dates = sorted((role, name) for name, role in roles.items() if role in ("date", "date?"))
    roles |= {name: "date" if (role, name) == dates[0] else None for role, name in dates}
    roles |= {name: "entered" for name in _later(columns, roles, {name for _, name in dates})}
    days = [day for c in columns if roles.get(c.name) == "date" for day in _days(c)]
    called = re.sub("[^A-Za-z0-9 _-]", "", path.name.partition(".")[0]).strip()
    lines = [
        "# Data contract of one supplier. Guessed from a sample; replace every FILL IN and check every guess, then run",
        "# mse contract check. The words of a field are those of Frictionless Table Schema.",
        "",
        f"list = {_text(called or 'A')}  # the list in the overlap table",
        f'title = "{GAP}"  # what the register is called',
        f'publisher = "{GAP}"  # who delivers it',
        f"path = [{_text(path.name)}]  # relative to this file; * and ? are allowed",
        *layout,
        f'territory = "{GAP}"  # where the registrations are from, for example "Netherlands"',
        f'victim = "{GAP}"  # the definition of a victim that the register uses',
        *_period(days),
        f'extraction_date = "{GAP}"  # the day on which the file was drawn from the register, as 2025-12-31',
        "max_rejects = 0.05  # share of bad rows that stops a run",
        "",
        "# What the list cannot see, and when it did not operate or deliver: else nobody there counts as none.",
        "# [[blind]]",
        '# where = { form = ["..."] }',
        '# reason = "..."',
        "# [[closed]]",
        "# first = 2020-01-01",
        "# last = 2020-03-31",
        '# reason = "..."',
        "",
    ]
    whole = len(identity) == len(_IDENTITY)
    for column in columns:
        if column.name in identity.values():
            lines += [] if whole else _ignored(column, "part of an identity; it should not be delivered")
        else:
            lines += _field(column, roles[column.name])
    lines += [line for column in columns if _separator(column) for line in _dimension(column)]
    if whole:
        lines += _pseudonyms(columns, identity)
    return "\n".join(lines).rstrip() + "\n"


def _identity(columns: Sequence[SampleColumn]) -> dict[str, str]:
    """Return the columns that hold a surname, a given name and a date of birth, by their names."""
    found = {key: c.name for key, pattern in _IDENTITY.items() for c in columns if pattern.fullmatch(c.word)}
    bare = [c.name for c in columns if c.word in ("naam", "name")]
    if bare and "given" in found:  # beside a given name, "name" is the other one
        found.setdefault("surname", bare[0])
    return {key: found[key] for key in _IDENTITY if key in found}


# ---- guesses ----------------------------------------------------------------------------------------


def _role(column: SampleColumn) -> str | None:
    """Return the role that a name, or what is in a column, speaks for."""
    if column.word.endswith("_hash"):
        return "hash"
    for role, pattern in _NAMES.items():
        if re.fullmatch(pattern, column.word):
            return role if role not in ("date", "date?", "entered") or _date_formats(column) else None
    if column.values and all(re.fullmatch(PSEUDONYM, value.lower()) for value in column.values):
        return "hash"
    return None


def _date_formats(column: SampleColumn) -> list[tuple[str, str]]:
    """Return the types and formats in which nearly all values of a column are dates."""
    found = []
    for kind, patterns in (("date", _DATES), ("datetime", _TIMES)):
        for pattern in patterns:
            good = sum(written_date(pattern).day(value) is not None for value in column.values[:1000])
            if column.values and good >= 0.9 * len(column.values[:1000]):
                found.append((kind, pattern))
    return found


def _days(column: SampleColumn) -> list[date]:
    formats = _date_formats(column)
    return [day for value in column.values if formats and (day := written_date(formats[0][1]).day(value))]


def _later(columns: Sequence[SampleColumn], roles: Mapping[str, str | None], dates: set[str]) -> list[str]:
    """Return the column of dates of which none is before that of its registration, where no name says "entered"."""
    found = [c for c in columns if roles.get(c.name) == "date"]
    if "entered" in roles.values() or not found:
        return []
    first, others = found[0], [c for c in columns if c.name in dates and roles[c.name] is None]
    on = _days(first)
    later = [
        c.name
        for c in others
        if len(days := _days(c)) == len(on) > 1 and days != on and all(a <= b for a, b in zip(on, days, strict=True))
    ]
    return later if len(later) == 1 else []


def _period(days: Sequence[date]) -> list[str]:
    """Return the period in whole years: one date of the sample would be that of one registration."""
    if not days:
        return [f'period = {{ first = "{GAP}", last = "{GAP}" }}  # first and last day, as 2020-12-31']
    first, last = min(days).year, max(days).year
    return [
        f"period = {{ first = {first}-01-01, last = {last}-12-31 }}  # the years of the sample; which are asked for?"
    ]


def _codes(column: SampleColumn) -> tuple[list[str], int] | None:
    """Return the codes of a label that are frequent enough to write down, and how many are not; None if no label."""
    counts = Counter(column.values)
    label = bool(_LABELS.fullmatch(column.word)) or _role(column) == "referred_from"
    if not counts or len(counts) > _FEW or max(map(len, counts)) > 60:
        return None
    kind = personal_kind(column.name, column.values, None, _EVER)
    if label and kind not in (None, NAMES, CODES, POSTCODES):
        return None
    # Where the name of the column does not speak for a label, two words could be two persons.
    short = all(len(code) <= 3 or code.isdigit() for code in counts)
    if not label and (kind or not short or min(counts.values()) < _OFTEN):
        return None
    codes = sorted(code for code, count in counts.items() if count >= _RARE)
    return (codes, len(counts) - len(codes)) if codes else None


def _field(column: SampleColumn, role: str | None) -> list[str]:
    formats = _date_formats(column)
    lines = ["[[fields]]", f"name = {_text(column.name)}"]
    if role in ("date", "entered"):
        kind, pattern = formats[0]
        both = [x for _, x in formats if x in ("%d/%m/%Y", "%m/%d/%Y")]
        note = "  # CHECK: day and month could be the other way round" if len(both) == 2 else ""
        lines += [f'role = "{role}"', f'type = "{kind}"', f"format = {_text(pattern)}{note}"]
    elif role == "coarse":
        lines += ['role = "coarse"', *(['into = "birth_year"'] if column.name != "birth_year" else []), 'type = "year"']
    elif role in ("record", "key", "hash"):
        lines.append(f'role = "{role}"')
        lines += [f"into = {_text(column.word)}"] if role == "hash" and column.word != column.name else []
        lines += ["constraints = { unique = true }"] if role == "record" and _unique(column) else []
    elif role is None and (ages := _ages(column)):
        lines += ages
    elif coded := _codes(column):
        codes, rare = coded
        if role == "referred_from":
            lines += ['role = "referred_from"', '# the list that each code stands for; "" means nobody']
        else:
            lines.append('role = "stratum"')
            lines += [f"into = {_text(_target(column))}"] if _target(column) != column.name else []
            if mark := _separator(column):
                lines.append(f"separator = {_text(mark)}  # a cell may hold several codes")
                codes = [code for code in codes if mark not in code]
            lines += _populations(column.word, codes)
            lines.append('# code = level of the engine; "" means not known')
        levels = {code: "" if is_placeholder(code) and not _abbreviates(code, codes) else code for code in codes}
        lines.append(f"codes = {{ {', '.join(f'{_text(code)} = {_text(level)}' for code, level in levels.items())} }}")
        if doubtful := [code for code, level in levels.items() if level and len(code) > 1 and is_placeholder(code)]:
            lines.append(f'# CHECK: {", ".join(map(_text, doubtful))} could mean "not known" too: "" then')
        lines += [f"# {rare} more codes are rare in the sample and left out here: add them"] if rare else []
    else:
        return _ignored(column, "not recognised; give it a role if it is needed, or have it left out")
    return [*lines, ""]


def _abbreviates(code: str, codes: Sequence[str]) -> bool:
    """Tell whether a code may be one although it can mean "not known": X in passports, NB among provinces."""
    if len(code) == 1:
        return code.isalpha()
    alike = [x for x in codes if len(x) == len(code) and x.isalpha() and x.isupper()]
    return len(code) <= _ABBREVIATED and code in alike and len(alike) > max(2, 0.5 * len(codes))


def _populations(word: str, codes: Sequence[str]) -> list[str]:
    """Return what to do with a column that tells victims from suspects; nothing of any other."""
    small = [code.casefold() for code in codes]
    letters = _CAPACITY.fullmatch(word) and max(map(len, small)) == 1 and any({*small} >= both for both in _LETTERS)
    if not letters and not all(any(words.fullmatch(code) for code in small) for words in _POPULATIONS):
        return []
    return [
        '# CHECK: this says which population a row counts. Give it role = "population", its codes the names of the',
        "# populations, and the contract, at the top, counts = one of them; the others get a contract of their own.",
    ]


def _ages(column: SampleColumn) -> list[str]:
    """Return the lines of an age in years: classes in place of a code for every age; none where it is no age."""
    years = [value for value in column.values if re.fullmatch(r"\d{1,3}(?:[.,]0+)?", value)]
    if not _AGE.fullmatch(column.word) or 10 * len(years) < 9 * len(column.values) or len({*years}) < _FEW_AGES:
        return []
    own = [] if column.word == "age" else ['into = "age"']
    own = ['into = "age"'] if column.name != "age" else own
    return ['role = "stratum"', *own, 'type = "integer"',
            "# classes of years, ends included; choose those of the other suppliers",
            'classes = [{ level = "minor", maximum = 17 }, { level = "adult", minimum = 18 }]']  # fmt: skip


def _separator(column: SampleColumn) -> str | None:
    """Return what stands between the codes of a cell that holds several of them, if any does."""
    coded = None if _role(column) else _codes(column)
    codes = set(coded[0]) if coded else set()
    for mark in "|;,/+&":
        alone = {code for code in codes if mark not in code}
        if len(alone) > 1 and any(mark in code and {x.strip() for x in code.split(mark)} <= alone for code in codes):
            return mark
    return None


def _dimension(column: SampleColumn) -> list[str]:
    return [
        f"[dimensions.{_target(column)}]",
        f'several = "{GAP}"  # when a person has two: "first", "priority" (add order), "both", "level" (add level)',
        "",
    ]


def _target(column: SampleColumn) -> str:
    """Return a name that a dimension can have."""
    name = re.sub(r"[^a-z0-9_]", "", column.word)
    return name if re.match("[a-z]", name) else f"label_{name}"


def _unique(column: SampleColumn) -> bool:
    return len(set(column.values)) > 0.9 * len(column.values)


def _ignored(column: SampleColumn, why: str) -> list[str]:
    return ["[[fields]]", f"name = {_text(column.name)}", f'role = "ignored"  # {why}', ""]


def _pseudonyms(columns: Sequence[SampleColumn], identity: dict[str, str]) -> list[str]:
    """Return the fields that `mse pseudonymise` makes, and the section that tells it of what."""
    lines = ["# What mse pseudonymise puts in the place of the identity."]
    for part in PARTS:
        role = {"key": "key", "birth_year": "coarse"}.get(part, "hash")
        more = ['type = "year"'] if role == "coarse" else []
        lines += ["[[fields]]", f'name = "{part}"', f'role = "{role}"', *more, ""]
    born = next(column for column in columns if column.name == identity["birth_date"])
    formats = _birth_formats(born)
    return [
        *lines,
        "# Columns of the supplier's own file; they become pseudonyms there and are never delivered.",
        "[identity]",
        *(f"{key} = {_text(name)}" for key, name in identity.items()),
        f"birth_format = {_text(formats[0])}" if len(formats) == 1 else
        f"birth_format = [{', '.join(map(_text, formats))}]  # several are in use; tried in this order",
    ]  # fmt: skip


def _birth_formats(column: SampleColumn) -> list[str]:
    """Return the formats in which dates of birth are written, the most used first, each for what is left by others."""
    left, found = list(column.values[:ROWS]), list[str]()
    while left:
        read = {pattern: sum(written_date(pattern).day(value) is not None for value in left) for pattern in _DATES}
        best = max(_DATES, key=lambda pattern: read[pattern])
        if read[best] < max(_RARE, 0.01 * len(column.values[:ROWS])):
            break
        found.append(best)
        left = [value for value in left if written_date(best).day(value) is None]
    return found or ["%Y-%m-%d"]


def _text(value: str) -> str:
    """Return a text as TOML; what JSON writes, TOML reads."""
    return json.dumps(value, ensure_ascii=False)
