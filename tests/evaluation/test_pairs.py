"""What arguments name."""

import pytest

from etude.evaluation.pairs import PairsError, find_pairs


@pytest.fixture
def folder(tmp_path):
    for name in ("a.pdf", "a.musicxml", "b.PDF", "b.krn", "b.musicxml", "c.pdf", "d.png", "d.mxl", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_a_folder_gives_documents_with_truth(folder):
    pairs = find_pairs([str(folder)])
    assert [(p.name, p.pred.name, p.truth.name) for p in pairs] == [
        ("a", "a.pdf", "a.musicxml"),
        ("b", "b.PDF", "b.musicxml"),
        ("d", "d.png", "d.mxl"),
    ]


def test_a_pair_with_colons_in_its_names(tmp_path):
    one, other = tmp_path / "op. 1: no. 2.xml", tmp_path / "truth: mine.xml"
    one.touch()
    other.touch()
    (pair,) = find_pairs([f"{one}:{other}"])
    assert (pair.pred, pair.truth) == (one, other)


def test_a_table(folder, tmp_path):
    table = tmp_path / "pairs.tsv"
    table.write_text(f"# truth\treading\n\n{folder}/a.musicxml\t{folder}/missing.xml\n")
    (pair,) = find_pairs([str(table)])
    assert pair.pred.name == "missing.xml", "a reading that is missing counts as empty, it is no mistake of the table"


def test_the_same_name_twice_gets_a_number(folder):
    pair = f"{folder}/a.pdf:{folder}/a.musicxml"
    assert [p.name for p in find_pairs([pair, pair])] == ["a", "a-2"]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("one field\n", "line 1: expected"),
        ("gone.xml\tx.xml\n", "there is no file gone.xml"),
        ("#\n", "names no pairs"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, table, complaint):
    path = tmp_path / "pairs.tsv"
    path.write_text(table)
    with pytest.raises(PairsError, match=complaint):
        find_pairs([str(path)])


def test_what_is_no_pair_is_refused(folder):
    with pytest.raises(PairsError, match="no folder, no table and no pair"):
        find_pairs([str(folder / "gone.pdf")])
    with pytest.raises(PairsError, match="no truth beside it"):
        find_pairs([str(folder / "c.pdf")])
    (folder / "empty").mkdir()
    with pytest.raises(PairsError, match="holds no PDF"):
        find_pairs([str(folder / "empty")])
