"""Cross-validation of the fingering model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fingering_service.training import folds  # noqa: E402
from fingering_service.training.evaluate import nothing  # noqa: E402
from fingering_service.training.fit import Recipe  # noqa: E402


def figures(**pieces):
    result = nothing()
    result.by_piece = pieces
    return result


def test_the_difference_of_two_models_is_over_pieces_and_over_labels():
    one, other = figures(a=(6, 10), b=(90, 100)), figures(a=(5, 10), b=(92, 100))
    found = folds.difference(one, other, {"a": "g", "b": "h"})
    assert found["macro"][0] == pytest.approx((10 - 2) / 2)
    assert found["micro"][0] == pytest.approx(100 * (1 - 2) / 110, abs=0.01)
    # of two groups the jackknife's error is half the distance between what each of them says
    assert found["macro"][1] == pytest.approx(abs(10 - -2) / 2)


def test_pieces_of_one_group_are_no_two_witnesses():
    gains = {f"p{i}": (6 if i % 2 else 4, 10) for i in range(20)}
    base = dict.fromkeys(gains, (5, 10))
    apart = folds.difference(figures(**gains), figures(**base), {p: p for p in gains})
    together = folds.difference(figures(**gains), figures(**base), {p: str(int(p[1:]) % 2) for p in gains})
    assert apart["macro"][0] == together["macro"][0] == 0
    assert together["macro"][1] > 3 * apart["macro"][1]


def test_figures_of_windows_of_one_piece_add_up():
    total = figures(a=(1, 2))
    total.add(figures(a=(3, 5), b=(1, 1)))
    assert total.by_piece == {"a": (4, 7), "b": (1, 1)}


def test_windows_are_dense_where_nearly_every_note_has_a_label(windows):
    dense = {w.piece for w in windows if "dense" in folds.views_of(w)}
    assert dense == {w.piece for w in windows if w.label_count >= 0.8 * w.lattice.struck.sum()}
    assert dense and all("all" in folds.views_of(w) for w in windows)


def test_every_label_is_fingered_once_by_a_model_that_has_not_seen_its_group(corpus, tmp_path, monkeypatch):
    seen = []

    def fitted(rest, recipe):
        seen.append({w.group for w in rest})
        return original(rest, recipe)

    original = folds._fitted
    quick = Recipe(epochs=1)
    monkeypatch.setattr(folds, "textbook_windows", list)
    monkeypatch.setattr(folds, "MEMBERS", (quick, quick))
    monkeypatch.setattr(folds, "_fitted", fitted)
    out = tmp_path / "folds.json"
    monkeypatch.setattr(sys, "argv", ["folds", str(corpus), "--folds", "2", "--parts", "--out", str(out)])
    assert folds.main() == 0
    found = json.loads(out.read_text(encoding="utf-8"))["figures"]
    groups = {"g0", "g1", "g2", "g3"}
    parts = {frozenset(groups - s) for s in seen}
    assert len(parts) == 2 and frozenset.union(*parts) == groups and not frozenset.intersection(*parts)
    assert len({views["all"]["labels"] for views in found.values()}) == 1
    assert all(np.allclose(v["difference"]["macro"], 0) for v in found[folds.MODEL].values())
    assert found["ergonomic"]["all"]["labels"] > 0


def test_a_composer_s_windows_have_a_view_of_their_own(windows):
    window = replace(windows[0], composer="MozartWA")
    assert "Mozart" in folds.views_of(window)
    assert "Mozart" not in folds.views_of(replace(window, composer="KuhlauF"))
