"""Histories in words, counts with thousands, rows of totals: what stands in tables of reports."""

import pytest

from mse import InputError, RepeatCounts, read_table

ROWS = {"A": 100, "B": 90, "A&B": 20, "C": 80, "A&C": 15, "B&C": 12, "A&B&C": 5}
PLAIN = "A,B,C,n\n" + "".join(
    ",".join("1" if x in history else "0" for x in "ABC") + f",{n}\n" for history, n in ROWS.items()
)


def worded(how, header="lists;n"):
    rows = (f"{how(history.split('&'))};{n}\n" for history, n in ROWS.items())
    return f"{header}\n" + "".join(rows)


def listed(words, last):
    return last.join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


WORDED = {
    "only": worded(lambda x: " & ".join(x) + " only" * (len(x) == 1)),
    "only, of all": worded(lambda x: " & ".join(x) + " only" * (len(x) < 3)),
    "alleen": worded(lambda x: "alleen " * (len(x) == 1) + " en ".join(x)),
    "a list as people write it": worded(lambda x: listed(x, " and ")),
    "under a name of its own": worded(lambda x: listed(x, " en "), "wat;n"),
    "with those on none": worded(" + ".join) + "geen;0\n",
    "commas under a name of its own": worded(", ".join, "what;n"),
    "Markdown": "| A | B | C | n |\n|---|:-:|---|--:|\n"
    + "".join("|" + line.replace(",", "|") + "|\n" for line in PLAIN.splitlines()[1:]),
    "crosses and dashes": PLAIN.replace("0,", "-,").replace("1,", "x,").replace("x-,", "10,"),
    "crosses and zeros": "A,B,C,n\n"
    + "".join(
        ",".join("x" if x in history else "0" for x in "ABC") + f",{n}\n" for history, n in ROWS.items()
    ),
}  # fmt: skip


def written(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("text", WORDED.values(), ids=WORDED)
def test_the_same_table_in_other_words(text, tmp_path):
    assert read_table(written(tmp_path, text)) == read_table(written(tmp_path, PLAIN))


def test_and_inside_the_name_of_a_list_stays_there(tmp_path):
    text = "registers;n\nShelter and care;20\nPolice;100\nShelter and care + Police;9\nBorder;50\nBorder + Police;10\n"
    assert read_table(written(tmp_path, text)).lists == ("Border", "Police", "Shelter and care")


@pytest.mark.parametrize("mark", [".", ",", " ", "'", "\u00a0"])
def test_thousands_are_read_where_they_can_be_nothing_else(mark, tmp_path):
    plain = PLAIN.replace(",", ";")
    text = plain.replace(";100\n", f";1{mark}100\n")
    table = read_table(written(tmp_path, text))
    assert table == read_table(written(tmp_path, plain.replace(";100\n", ";1100\n")))
    assert f"`1{mark}100` is 1100" in str(table.read_as)


@pytest.mark.parametrize("counts", [("1.100", "1090"), ("1.100", "12.5"), ("1.100", "2,090"), ("0.100", "90")])
def test_thousands_are_asked_about_where_they_may_be_fractions(counts, tmp_path):
    text = PLAIN.replace(",", ";").replace(";100\n", f";{counts[0]}\n").replace(";90\n", f";{counts[1]}\n")
    with pytest.raises(InputError, match="fraction|thousands"):
        read_table(written(tmp_path, text))


def test_a_total_that_is_not_the_sum_is_a_fault(tmp_path):
    with pytest.raises(InputError, match=r"row 9, column 'n'.*another number.*'330'.*322, the sum"):
        read_table(written(tmp_path, PLAIN + "Total,,,330\n"))


def test_a_total_above_counts_that_were_left_out_is_no_second_fault(tmp_path):
    with pytest.raises(InputError) as caught:
        read_table(written(tmp_path, PLAIN.replace(",5\n", ",<10\n") + "Total,,,322\n"))
    assert len(caught.value.problems) == 1


def test_a_matrix_of_pairs_is_no_table_of_histories(tmp_path):
    with pytest.raises(InputError, match="how many persons two lists share"):
        read_table(written(tmp_path, ",A,B,C\nA,205,30,20\nB,30,190,22\nC,20,22,165\n"))


def test_repeats_as_a_report_prints_them(tmp_path):
    plain = RepeatCounts.from_csv(written(tmp_path, "registrations,count\n1,1270\n2,147\n3,25\n4,3\n"))
    for header in ("aantal registraties;personen", "times registered;n", "Hoe vaak gezien;Aantal personen"):
        text = f"{header}\n1;1.270\n2;147\n3;25\n4;3\nTotaal;1.445\n"
        assert RepeatCounts.from_csv(written(tmp_path, text)) == plain
    with pytest.raises(InputError, match="1,445, the sum of the rows"):
        RepeatCounts.from_csv(written(tmp_path, "times;n\n1;1.270\n2;147\n3;25\n4;3\nTotal;1.500\n"))


@pytest.mark.parametrize("words", [("0", "1"), ("FALSE", "TRUE"), ("nee", "ja")])
@pytest.mark.parametrize("turned", [False, True])
def test_two_lists_crossed_as_r_writes_them(words, turned, tmp_path):
    order = (1, 0) if turned else (0, 1)
    cells = {(0, 0): "NA", (0, 1): "90", (1, 0): "100", (1, 1): "20"}
    text = '"",' + ",".join(words[j] for j in order) + "\n"
    text += "".join(words[i] + "," + ",".join(cells[i, j] for j in order) + "\n" for i in order)
    table = read_table(written(tmp_path, text))
    assert table == read_table(written(tmp_path, "list_1,list_2,n\n1,0,100\n0,1,90\n1,1,20\n"))


@pytest.mark.parametrize(("name", "whole", "digits"), [("%", 100, 1), ("aandeel", 1, 3), ("pct", 100, 2)])
def test_counts_once_more_as_shares_are_not_read(name, whole, digits, tmp_path):
    rows = PLAIN.splitlines()
    total = sum(ROWS.values())
    text = "\n".join([rows[0] + f",{name}", *(
        f"{row},{whole * n / total:.{digits}f}" for row, n in zip(rows[1:], ROWS.values(), strict=True)
    )])  # fmt: skip
    table = read_table(written(tmp_path, text))
    assert table == read_table(written(tmp_path, PLAIN)) and f"not read: {name}" in str(table.read_as)


@pytest.mark.parametrize("cell", ["0-4", "1 – 4", "1 t/m 4", "<5", "minder dan 5", "**"])
def test_counts_that_were_left_out_are_not_guessed(cell, tmp_path):
    with pytest.raises(InputError, match="suppressed"):
        read_table(written(tmp_path, PLAIN.replace(",5\n", f",{cell}\n")))


@pytest.mark.parametrize("names", ["ABCD", ["l1", "l2", "l3", "l4"], ["list_a", "list_b", "list_c", "list_d"],
                                   ["listA", "listB", "listC", "listD"]])  # fmt: skip
def test_lists_that_only_a_letter_or_number_tells_apart_are_not_asked_about(names, tmp_path):
    rows = [(h, n) for h, n in zip(range(1, 16), [90, 80, 20, 70, 15, 12, 5, 0, 9, 9, 7, 9, 8, 6, 5], strict=True) if n]
    text = ",".join(names) + ",n\n" + "".join(",".join(str(h >> j & 1) for j in range(4)) + f",{n}\n" for h, n in rows)
    assert read_table(written(tmp_path, text)).lists == tuple(names)
    with pytest.raises(InputError, match="nobody is on it alone"):
        read_table(written(tmp_path, text.replace(names[3], "detained", 1)))


HISTORIES = {"A": "Politie", "B": "KMar", "C": "Zorg en opvang"}


def named(history, between=" & "):
    return between.join(HISTORIES[x] for x in history.split("&"))


@pytest.mark.parametrize("every", ["All three", "alle drie", "All lists", "alle registers", "ALL", "All three lists"])
@pytest.mark.parametrize("nobody", ["Geen van de drie", "Op geen enkele lijst", "Not on any list", "Neither", "Unseen"])
def test_all_and_none_are_no_lists(every, nobody, tmp_path):
    rows = [f"{named(x) if x != 'A&B&C' else every};{n}\n" for x, n in ROWS.items()]
    table = read_table(written(tmp_path, "Gevonden door;n\n" + "".join(rows) + f"{nobody};0\n"))
    assert set(table.lists) == set(HISTORIES.values())
    assert table.observed == sum(ROWS.values()) and int(table.counts[0, 6]) == ROWS["A&B&C"]


def test_both_of_two_lists(tmp_path):
    table = read_table(written(tmp_path, "wie,n\nPolice only,100\nCare only,90\nBoth,20\n"))
    assert table == read_table(written(tmp_path, "Care,Police,n\n1,0,90\n0,1,100\n1,1,20\n"))


def test_a_list_is_one_name_however_it_is_joined(tmp_path):
    rows = [(named(x, " en "), n) for x, n in ROWS.items()]
    text = "".join(f"{'Alleen ' * (x in HISTORIES.values())}{x};{n}\n" for x, n in rows)
    assert read_table(written(tmp_path, "register;n\n" + text)).lists == ("KMar", "Politie", "Zorg en opvang")
    text = text.replace("Politie en", "politie en").replace("Alleen KMar", "alleen kmar")
    found = read_table(written(tmp_path, "register;n\n" + text)).lists
    assert sorted(x.casefold() for x in found) == ["kmar", "politie", "zorg en opvang"]


@pytest.mark.parametrize("label", ["Subtotaal twee of meer", "Multiple lists", "Waarvan minderjarig", "Overig",
                                   "Politie + KMaar"])  # fmt: skip
def test_what_never_stands_with_a_list_is_asked_about(label, tmp_path):
    rows = "".join(f"{named(x, ' + ')};{n}\n" for x, n in ROWS.items())
    path = written(tmp_path, f"combinatie;n\n{rows}{label};52\n")
    with pytest.raises(InputError, match="subtotal, a remark or another spelling.*--list"):
        read_table(path)


# ---- levels that add up others

YEARS = ("2019", "2020", "2021")


def by_year(*, total="", wrong=0, years=YEARS):
    cells = [(x, y, n * (i + 2)) for i, y in enumerate(years) for x, n in ROWS.items()]
    sums = [(x, total, sum(n for h, _, n in cells if h == x) + wrong) for x in ROWS] if total else []
    rows = ",".join, [[*("1" if z in x else "0" for z in "ABC"), y, str(n)] for x, y, n in cells + sums]
    return "A,B,C,year,n\n" + "".join(rows[0](row) + "\n" for row in rows[1])


@pytest.mark.parametrize("total", ["Totaal", "total", "2019-2021", "alle jaren", "T"])
def test_a_level_that_adds_up_the_others_counts_nobody_anew(total, tmp_path):
    table = read_table(written(tmp_path, by_year(total=total)))
    assert table == read_table(written(tmp_path, by_year()))
    assert f"`{total}` of `year` is the sum of the others" in str(table.read_as)


def test_a_level_that_is_called_a_total_and_is_none_is_a_fault(tmp_path):
    with pytest.raises(InputError, match="not the sum of the others.*'Totaal jaren'"):
        read_table(written(tmp_path, by_year(total="Totaal jaren", wrong=1)))


def test_two_levels_that_are_alike_are_two_levels(tmp_path):
    text = by_year(years=("m", "v")).replace(",v,", ",V,")
    rows = "".join(f"{x},{y},9\n" for x in ("1,0,0", "1,1,0", "0,1,0", "0,0,1", "0,1,1", "1,0,1") for y in "mv")
    assert read_table(written(tmp_path, text)).strata == {"year": ("V", "m")}
    assert read_table(written(tmp_path, f"A,B,C,year,n\n{rows}")).strata == {"year": ("m", "v")}


# ---- one row for each registration, or for each person beside each list


def persons_by_list(value=True, again=0):
    rows, who = [], 0
    for history, n in ROWS.items():
        for _ in range(n):
            who += 1
            on = [(x, int(x in history)) for x in "ABC"]
            rows += [f"P{who:04d},{x},{bit}" for x, bit in on] if value else [f"P{who:04d},{x}" for x, bit in on if bit]
    return ("person_id,list,on\n" if value else "person_id,list\n") + "\n".join(rows + rows[:again]) + "\n"


def test_a_value_beside_who_and_where_says_who_is_on_a_list(tmp_path):
    plain = read_table(written(tmp_path, PLAIN))
    path = written(tmp_path, persons_by_list())
    assert read_table(path) == plain == read_table(path, id_column="person_id", list_column="list")
    assert "as `on` says" in str(read_table(path).read_as)


def test_registered_again_on_the_same_list_counts_once(tmp_path):
    path = written(tmp_path, persons_by_list(value=False, again=150))
    assert read_table(path) == read_table(written(tmp_path, PLAIN))


def test_a_person_in_two_rows_of_persons_is_asked_about(tmp_path):
    rows = "".join(f"P{i},{a},{b}\n" for i, (a, b) in enumerate([(1, 0), (0, 1), (1, 1), (1, 0)] * 5))
    path = written(tmp_path, "id,A,B\n" + rows + "P3,0,1\n")
    with pytest.raises(InputError, match="persons stand in several rows.*--ignore"):
        read_table(path, persons=True)
    assert read_table(path, persons=True, ignore=["id"]).observed == 21


@pytest.mark.parametrize(("one", "other"), [("0-29", "0-17"), ("2019-2021", "2020"), ("0 tot 29", "18 t/m 29")])
def test_a_class_that_holds_another_is_a_fault(one, other, tmp_path):
    with pytest.raises(InputError, match=f"a level holds another, {other}.*'{one}'"):
        read_table(written(tmp_path, by_year(years=(one, other, "30+"))))


def test_classes_beside_each_other_are_read(tmp_path):
    years = ("0-17", "18-29", "30+")
    assert read_table(written(tmp_path, by_year(years=years))).strata == {"year": years}


def test_a_list_of_those_on_two_others_is_asked_about(tmp_path):
    rows = [
        f"{','.join('1' if z in x else '0' for z in 'ABC')},{int('A' in x and 'B' in x)},{n}\n" for x, n in ROWS.items()
    ]
    with pytest.raises(InputError, match="exactly those are on it who are on both 'police' and 'border'"):
        read_table(written(tmp_path, "police,border,care,task force,n\n" + "".join(rows)))


def test_a_column_for_each_year(tmp_path):
    rows = "".join(f"{','.join('1' if z in x else '0' for z in 'ABC')},{n},{n + 3}\n" for x, n in ROWS.items())
    table = read_table(written(tmp_path, "A,B,C,2019,2020\n" + rows))
    assert table.strata == {"year": ("2019", "2020")} and table.observed == 2 * sum(ROWS.values()) + 21
    one = read_table(written(tmp_path, "A,B,C,2019,2020\n" + rows), count="2019", ignore=["2020"])
    assert one == read_table(written(tmp_path, PLAIN))


def test_numbers_by_year_beside_persons_are_no_counts(tmp_path):
    rows = "".join(f"{a},{b},{i % 4},{i % 3}\n" for i, (a, b) in enumerate([(1, 0), (0, 1), (1, 1)] * 8))
    path = written(tmp_path, "A,B,2019,2020\n" + rows)
    with pytest.raises(InputError, match="count"):
        read_table(path)
    assert read_table(path, persons=True, ignore=["2019", "2020"]).observed == 24


@pytest.mark.parametrize(("level", "levels"), [("x", ("x", "y", "z")), ("Totaal", ("y", "z"))])
def test_a_level_that_is_the_sum_by_accident_stays(level, levels, tmp_path):
    rows = [f"1,{b},{name},{n}\n" for b, sums in ((0, (5, 2, 3)), (1, (9, 4, 5)))
            for name, n in zip((level, "y", "z"), sums, strict=True)]  # fmt: skip
    table = read_table(written(tmp_path, "A,B,region,n\n" + "".join(rows)), lists=["A", "B"])
    assert table.strata["region"] == levels
