"""What the bench computes is right, and every part of it runs."""

import json
import os
import subprocess
import sys

import pytest

from bench.__main__ import PARTS, main
from bench.accounted import descendants, memory_kb, parents_now, tree_memory_kb
from bench.figures import Figure, percentile, report, rounded, table


def test_percentiles_are_values_that_occurred():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [percentile(values, share) for share in (0.0, 0.2, 0.5, 0.81, 0.99, 1.0)] == [1, 1, 3, 5, 5, 5]
    assert percentile(range(1, 101), 0.99) == 99
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_three_digits_are_kept():
    assert [rounded(v) for v in (0.0, 0.012345, 1.2345, 123.456, 123456.7, -0.5)] == [
        0,
        0.0123,
        1.23,
        123,
        123457,
        -0.5,
    ]


def test_a_target_is_the_most_a_figure_may_be():
    assert [Figure("f", value, "s", "", 2.0).met for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert Figure("f", 1.0, "s", "").met is None


def test_the_report_says_what_was_missed():
    assert table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b\\|c |\n"
    parts = {"Part": [Figure("slow", 3.0, "s", "so", 2.0), Figure("fast", 1.0, "s", "so", 2.0)]}
    lines = report({"machine": "2 cores"}, parts).splitlines()
    assert "* machine: 2 cores" in lines
    assert "| slow | 3 s | ≤ 2 s: **missed** | so |" in lines
    assert "| fast | 1 s | ≤ 2 s: met | so |" in lines


def test_memory_is_summed_over_the_tree_of_a_process():
    assert descendants({2: 1, 3: 2, 4: 2, 5: 4, 6: 1}, 2) == {2, 3, 4, 5}
    rollup = ["5000-6000 ---p 00000000 00:00 0 [rollup]", "Rss:  300 kB", "Pss:  200 kB", "Pss_Anon:  150 kB"]
    assert memory_kb(rollup) == (200, 300)

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert parents_now()[child.pid] == os.getpid()
        alone, both = tree_memory_kb(child.pid), tree_memory_kb(os.getpid())
        child.communicate(b"\n")
    assert 0 < alone[0] < both[0]
    assert alone[1] < both[1]


def test_processes_that_outlive_the_command_are_accounted_for():
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    leaves = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {busy!r}]); print('gone', file=sys.stderr)"
    )
    command = [sys.executable, "-m", "bench.accounted", "--memory", sys.executable, "-c", leaves]
    account = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert account["exit"] == 0
    assert [line for _, line in account["lines"]] == ["gone"]
    assert account["cpu_s"] >= 0.3


def test_every_part_runs_on_the_smallest_example(tmp_path, capsys):
    assert main(["--quick", "--output", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "mesh.json").read_text())
    assert set(written["parts"]) == {title for title, _ in PARTS.values()}
    figures = [figure for part in written["parts"].values() for figure in part]
    assert {figure["name"] for figure in figures if figure["value"] <= 0} <= {
        "gateway overhead: p50",
        "documents that failed",
    }
    assert {figure["target"] for figure in figures} == {None, 0, 0.5, 1, 2, 10, 15, 1200}
    assert (tmp_path / "mesh.md").read_text() in capsys.readouterr().out


def test_only_a_whole_run_replaces_the_kept_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("bench.__main__.ROOT", tmp_path)
    monkeypatch.setattr("bench.__main__.PARTS", {"toy": ("Toys", lambda _: ([], {}))})
    assert main(["--only", "toy"]) == 0
    assert "Toys" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert main([]) == 0
    assert {path.name for path in (tmp_path / "bench" / "results").iterdir()} == {"mesh.json", "mesh.md"}
