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
