"""The pure parts of the command line: measures in words, names of files, throw-away directories."""

import json
import os

import pytest

from etude.cli.doubts import read_doubts, spans
from etude.cli.main import main
from etude.cli.outputs import foreign_file, safe_name
from etude.mesh.scratch import scratch_directory
from etude.notation.io import to_json
from etude.score.v1 import score_pb2


def test_runs_of_measures_are_drawn_together():
    assert spans([]) == ""
    assert spans(["7"]) == "7"
    assert spans(["7", "8"]) == "7, 8"
    assert spans(["0", "1", "2", "5", "5a", "6", "9", "10", "11", "12"]) == "0–2, 5, 5a, 6, 9–12"
    assert spans([str(number) for number in range(1, 40, 2)], limit=3) == "1, 3, 5 and 17 more"


def test_doubts_are_read_from_the_json_of_a_score():
    score = score_pb2.Score(schema_version="1.0.0")
    for number in ("0", "1", "2"):
        score.measures.add(number=number)
    for index in (2, 0, 2, -1):
        score.doubts.add(measure_index=index)
    doubts = read_doubts(to_json(score))
    assert (doubts.count, doubts.measures) == (4, ("0", "2"))
    assert read_doubts(json.dumps({}).encode()).count == 0


def test_only_inputs_and_foreign_files_are_protected(tmp_path):
    source = tmp_path / "a.pdf"
    source.write_bytes(b"%PDF")
    (tmp_path / "link.pdf").symlink_to(source)
    assert safe_name(tmp_path, "a.pdf", [source]) == "a.fingered.pdf"
    assert safe_name(tmp_path, "link.pdf", [source]) == "link.fingered.pdf"
    assert safe_name(tmp_path, "b.pdf", [source]) == "b.pdf"
    assert foreign_file(tmp_path, "a", [source]) is None
    (tmp_path / "a.mid").write_bytes(b"MThd")
    assert foreign_file(tmp_path, "a", [source]) == tmp_path / "a.mid"
    (tmp_path / "a.ir_v1.json").write_bytes(b"{}")
    assert foreign_file(tmp_path, "a", [source]) is None


def test_scratch_directories_go_and_so_do_those_of_killed_processes(tmp_path):
    left, alive, other = tmp_path / "a-999999999-ab", tmp_path / f"a-{os.getpid()}-ab", tmp_path / "a-mine"
    for directory in (left, alive, other):
        directory.mkdir()
    with scratch_directory(tmp_path, "a-") as directory:
        (directory / "x").write_text("x")
        assert directory.stat().st_mode & 0o077 == 0
        assert {path.name for path in tmp_path.iterdir()} == {directory.name, alive.name, other.name}
    assert not directory.exists()


@pytest.mark.parametrize("group", [[], ["jobs"], ["eval"]], ids=" ".join)
def test_what_a_command_does_is_told_in_full_on_one_line(group, capsys):
    assert main([*group, "--help"]) == 0
    _, _, commands = capsys.readouterr().out.partition("Commands:")
    assert commands.strip()
    assert not [line for line in commands.splitlines() if line.endswith("...")]


def test_a_mistyped_command_is_answered_with_the_one_that_is_meant(capsys):
    assert main(["annoate", "a.pdf"]) == 2
    assert "No such command 'annoate'. Did you mean annotate?" in capsys.readouterr().err
    assert main(["xyz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err
