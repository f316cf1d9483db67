"""etude playability, on a Score fingered here."""

from __future__ import annotations

import json

from click.testing import CliRunner

from etude.cli.main import cli
from etude.notation.io import to_json
from tests.fingering.support import build, finger


def call(*arguments: str):
    return CliRunner().invoke(cli, ["playability", *arguments])


def test_the_report_names_measures_and_hands(tmp_path):
    score = finger(build("c4/4 d4/4 e4/4 f4/4 | c4/8 c6/8 c4/8 c6/8 c4/2", "c3/1 | g3/1").score()).score
    (tmp_path / "a.json").write_bytes(to_json(score))
    result = call(str(tmp_path / "a.json"))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("Difficulty: harder than ")
    assert "assumed" in lines[0]
    assert lines[1].startswith("Right hand: 9 keys")
    assert any(line.startswith("Measure 2: right hand: a quick jump of") for line in lines)
    assert not any(line.startswith("Measure 1:") for line in lines)
    report = json.loads(call(str(tmp_path / "a.json"), "--json").output)
    assert {spot["measureIndex"] for spot in report["spots"]} == {1}


def test_a_score_without_a_report_is_refused_in_words(tmp_path):
    (tmp_path / "a.json").write_bytes(to_json(build("c4/1").score()))
    result = call(str(tmp_path / "a.json"))
    assert result.exit_code != 0
    assert "no playability report" in result.output
    (tmp_path / "b.json").write_text("{")
    said = call(str(tmp_path / "b.json")).output
    assert "b.json is not an ir_v2.json" in said and "no Score in JSON" in said
