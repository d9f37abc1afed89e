"""Made-up tables in thousands of forms: each is read as what it is, or asked about, and never as another table."""

import random
from collections import Counter

import pytest

from mse import read_table
from mse.errors import MseError

NAMES = ["ABCDE", ["Politie", "KMar", "Zorg", "Inspectie SZW", "Opvang"], ["police", "ngo", "health", "border", "law"],
         ["L1", "L2", "L3", "L4", "L5"], ["Reg_A", "Reg_B", "Reg_C", "Reg_D", "Reg_E"]]  # fmt: skip
CODINGS = [("0", "1")] * 3 + [
    ("FALSE", "TRUE"), ("no", "yes"), ("nee", "ja"), ("N", "J"), ("-", "+"), ("", "x"), ("", "1"), ("0.0", "1.0"),
    ("-", "x"), ("niet", "wel"), ("2", "1"), (".", "1"), ("absent", "present"), ("F", "T"),
]  # fmt: skip
COUNTS = ["n", "count", "Freq", "aantal", "N", "Aantal personen", "frequency", "cases", "totaal", "weight", "x"]
BETWEEN = [" & ", " + ", " and ", " en ", ", ", "/", "; ", " x ", " ∩ "]


def overlap(rng):
    names = list(rng.choice(NAMES)[: rng.choice([2, 3, 3, 4, 4, 5])])
    counts = {h: int(rng.expovariate((1 + h.bit_count() ** 2) / 60)) for h in range(1, 1 << len(names))}
    return names, {h: n for h, n in counts.items() if n or rng.random() < 0.5}


def lists(names, counts, rng, number, count, comma):
    """Return a header and rows with a column for each list, and what stands beside such a table."""
    no, yes = rng.choice(CODINGS)
    strata, numbered, shares, nobody, summed = (rng.random() < x for x in (0.25, 0.15, 0.1, 0.15, 0.2))
    total = sum(counts.values())
    share = (lambda n: f"{100 * n / total:.1f}".replace(".", comma)) if shares else None
    header = [*names, *["jaar"] * strata, count, *["%"] * shares]
    rows = [
        [*(yes if h >> j & 1 else no for j in range(len(names))), *[str(2017 + y)] * strata, number(n),
         *([share(n)] if share else [])]
        for h, whole in counts.items()
        for y, n in enumerate([whole // 3, whole - whole // 3] if strata else [whole])
    ]  # fmt: skip
    blank = [""] * (len(names) - 1 + strata)
    if nobody:
        rows.insert(0, [*[no] * len(names), *["2017"] * strata, rng.choice(["", "NA", "?", "0"]), *[""] * shares])
    if summed:
        rows.append([rng.choice(["Totaal", "Total", ""]), *blank, number(total), *["100" + comma + "0"] * shares])
    return ["", *header] if numbered else header, [[str(i), *r] for i, r in enumerate(rows, 1)] if numbered else rows


def rows_of(names, counts, rng, number, count, comma):
    """Return a header and rows in one of the forms, and how lists are called in it."""
    on = {h: [x for j, x in enumerate(names) if h >> j & 1] for h in counts}
    form = rng.choice(["lists"] * 6 + ["history", "words", "persons", "long"])
    if form == "lists":
        return *lists(names, counts, rng, number, count, comma), names
    if form == "history":
        rows = [["".join(str(h >> j & 1) for j in range(len(names))), number(n)] for h, n in counts.items()]
        return [rng.choice(["history", "ch", "hist"]), count], rows, [f"list_{j + 1}" for j in range(len(names))]
    if form == "words":
        between, only = rng.choice(BETWEEN), " only" * (rng.random() < 0.4)
        rows = [[between.join(on[h]) + only * (len(on[h]) == 1), number(n)] for h, n in counts.items()]
        return [rng.choice(["lists", "lijsten", "combination", "bron", "wie"]), count], rows, names
    persons = [(f"P{i:05d}", h) for i, h in enumerate(h for h, n in counts.items() for _ in range(n))]
    rng.shuffle(persons)
    if form == "persons":
        no, yes = rng.choice(CODINGS)
        return names, [[yes if h >> j & 1 else no for j in range(len(names))] for _, h in persons], names
    return [rng.choice(["id", "persoonnummer"]), "bron"], [[who, x] for who, h in persons for x in on[h]], names


def written(rng):
    """Return a text, and the table that it is."""
    names, counts = overlap(rng)
    separator, mark = rng.choice(",;\t|"), rng.choice(["", "", "", ".", ",", " "])
    cell = lambda x: f'"{x}"' if separator in x else x  # noqa: E731
    number = lambda n: f"{n:,}".replace(",", mark)  # noqa: E731
    comma = "." if separator == "," else ","
    header, rows, called = rows_of(names, counts, rng, number, rng.choice(COUNTS), comma)
    lines = ["Overlap van registraties, 2019"] * (rng.random() < 0.1)
    lines += [separator.join(map(cell, row)) for row in (header, *rows)]
    lines += ["Bron: eigen registratie"] * (rng.random() < 0.1)
    return "\n".join(lines) + "\n", {
        frozenset(x for j, x in enumerate(called) if h >> j & 1): n for h, n in counts.items() if n
    }


def test_no_form_is_read_as_another_table(tmp_path):
    path, found = tmp_path / "t.csv", Counter()
    for seed in range(600):
        text, true = written(random.Random(seed))
        if len(true) < 3:
            continue
        path.write_text(text, encoding="utf-8")
        try:
            table = read_table(path)
        except MseError:
            found["asked"] += 1
            continue
        cells = Counter()
        for history, n in enumerate(table.counts.sum(axis=0), 1):
            cells[frozenset(x for j, x in enumerate(table.lists) if history >> j & 1)] += int(n)
        if {on: n for on, n in cells.items() if n} != true:
            pytest.fail(f"seed {seed}: {table.read_as}\n{text[:400]}")
        found["read"] += 1
    assert found["read"] > 8 * found["asked"]
