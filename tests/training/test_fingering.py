"""Training of the fingering model, on a small corpus made here: scales with the fingers of every method."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fingering_service.decode import decode  # noqa: E402
from fingering_service.models.hidden_markov import HiddenMarkov, symbol_of  # noqa: E402
from fingering_service.models.learned import Learned  # noqa: E402
from fingering_service.profile import PROFILES  # noqa: E402
from fingering_service.training import train as training  # noqa: E402
from fingering_service.training.corpus import Piece, windows_of  # noqa: E402
from fingering_service.training.evaluate import TorchModel, evaluate  # noqa: E402
from fingering_service.training.export import export  # noqa: E402
from fingering_service.training.fit import (  # noqa: E402
    Recipe,
    batches_of,
    build,
    fit,
    group_weights,
    to_batch,
)
from fingering_service.training.hmm import Constant, train_hmm  # noqa: E402
from fingering_service.training.hmm2 import train_second_order  # noqa: E402
from fingering_service.training.model import mean_of  # noqa: E402
from fingering_service.training.tables import COLUMNS, Table, TableNote, read_table, write_table  # noqa: E402
from tests.training.conftest import scale_table  # noqa: E402

FACTS = {
    "name": "crf",
    "version": "0",
    "temperature": "1.0",
    "coherence": "0.1",
    "conventions": "1.0",
    "emphasis": "1.3",
    "calibration": "[1.2, 0.1, 0.5]",
    "description": "a test",
}
SMALL = Recipe(epochs=30)


def test_tables_are_written_and_read_back(tmp_path):
    table = scale_table(0, 1)
    write_table(tmp_path / "t.tsv", table, [int(n.finger or 0) for n in table.notes])
    assert read_table(tmp_path / "t.tsv").notes == table.notes


def test_windows_keep_labels_and_leave_the_rest_open(windows):
    assert sum(int((w.labels > 0).sum()) for w in windows) > 0
    for window in windows:
        assert window.dropped == 0
        labelled = (window.labels > 0).any(axis=1)
        agreeing = (window.contradictions == 0) & window.lattice.valid
        assert (agreeing[labelled].sum(axis=1) < window.lattice.valid[labelled].sum(axis=1)).all()
        assert (agreeing[~labelled] == window.lattice.valid[~labelled]).all()


@pytest.fixture(scope="module")
def passage():
    """A window of four slices with two chords, two of its notes labelled, and a model of random tables."""
    notes = [(0, 60, "1"), (1, 64, ""), (1, 67, "5"), (2, 62, ""), (2, 65, ""), (3, 69, "")]
    table = Table(
        {"columns": "\t".join(COLUMNS)},
        tuple(
            TableNote(Fraction(at), Fraction(1), midi, "C4", "R", 1, "1", "1", label, False, False)
            for at, midi, label in notes
        ),
    )
    (window,) = windows_of(Piece("passage", "g", "train", "nobody", 2, 6, "CC0"), table)
    model = build(Recipe()).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.rows.tables.values():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)
    return window, model


@pytest.mark.parametrize("leniency", [0.0, 0.1])
def test_the_likelihood_of_labels_is_that_of_the_served_costs_over_all_paths(passage, leniency):
    window, model = passage
    lattice = window.lattice
    costs = TorchModel(model, conventions=0.0).costs(lattice, PROFILES["M"])
    everything, agreeing = [], []
    for path in np.ndindex(*lattice.valid.sum(axis=1)):
        cost = sum(costs.node[t, path[t]] for t in range(4))
        cost += sum(costs.step[t, path[t - 1], path[t]] for t in range(1, 4))
        cost += sum(costs.turn[t, path[t - 2], path[t - 1], path[t]] for t in range(2, 4))
        wrong = sum(window.contradictions[t, path[t]] for t in range(4))
        everything.append(np.exp(-cost))
        agreeing.append(np.exp(-cost) * leniency**wrong)
    expected = np.log(sum(everything)) - np.log(sum(agreeing))
    assert len(everything) == 5 * 10 * 10 * 5
    assert float(model(to_batch([window], leniency))[0]) == pytest.approx(expected, abs=1e-3)


def test_its_gradient_is_what_it_changes_by(passage):
    window, model = passage
    batch = to_batch([window], 0.1)
    model.zero_grad()
    (3 * model(batch)).sum().backward()
    names = ("unary_chord", "grip_span", "step_span", "turn_path", "turn_span")
    for parameter in (*(model.rows.tables[n] for n in names), model.ergonomic):
        slope = parameter.grad.flatten()
        at = int(slope.abs().argmax())
        with torch.no_grad():
            entry = parameter.view(-1)
            before = float(entry[at])
            values = []
            for change in (0.01, -0.01):
                entry[at] = before + change
                values.append(float(model(batch)[0]))
            entry[at] = before
        assert 3 * (values[0] - values[1]) / 0.02 == pytest.approx(float(slope[at]), rel=0.01, abs=1e-3)


def test_windows_do_not_touch_each_other(windows):
    model = build(SMALL).eval()
    with torch.no_grad():
        together = model(to_batch(windows[:4]))
        alone = torch.cat([model(to_batch([w])) for w in windows[:4]])
    assert torch.allclose(together, alone, atol=1e-5)


def test_batches_have_every_window_once_and_are_of_like_size(windows):
    many = [replace(w) for w in windows for _ in range(30)]
    batches = batches_of(many, 8, random.Random(0))
    assert len(batches) == 8
    assert {id(w) for batch in batches for w in batch} == {id(w) for w in many}
    assert sum(map(len, batches)) == len(many)
    sizes = [sum(len(w.lattice) for w in batch) for batch in batches]
    assert max(sizes) - min(sizes) <= 2 * max(len(w.lattice) for w in many)


def test_fitting_learns_the_scales_and_is_reproducible(windows):
    train_windows = [w for w in windows if w.group in {"g0", "g1", "g2", "g3"}]
    held_out = [w for w in windows if w.group in {"g4", "g5"}]
    model = fit(train_windows, SMALL, tell=lambda _: None)
    again = fit(train_windows, SMALL, tell=lambda _: None)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    before, after = evaluate(Constant(), held_out).summary(), evaluate(TorchModel(model), held_out).summary()
    assert after["micro"] > 80 > before["micro"]
    assert after["log_likelihood"] > before["log_likelihood"]


@pytest.mark.parametrize("train_baseline", [train_hmm, train_second_order])
def test_hidden_markov_models_learn_too(windows, train_baseline):
    model = train_baseline(windows, 3)
    assert evaluate(model, windows).summary()["micro"] > evaluate(Constant(), windows).summary()["micro"]


def test_a_hidden_markov_model_is_written_and_read_back(windows, tmp_path):
    model = train_hmm(windows, 1)
    digest = model.save(tmp_path / "hmm.npy")
    again = HiddenMarkov.load(tmp_path / "hmm.npy")
    assert again.digest == digest
    assert np.array_equal(again.scores, model.scores)


def test_the_model_of_second_order_prices_every_path_once(windows):
    model = train_second_order(windows, 1)
    lattice = windows[0].lattice
    costs = model.costs(lattice, PROFILES["M"])
    states = decode(lattice, costs, 1.0, 10.0).paths[0].states
    fingers = lattice.fingers[np.arange(len(lattice)), states, 0] - 1  # one key in every slice
    pitches = lattice.pitch[:, 0]
    expected = 0.0
    for t in range(len(lattice)):
        if t >= 1:
            expected -= model.near[fingers[t - 1], fingers[t], symbol_of(pitches[t - 1], pitches[t])]
        if t >= 2:
            expected -= model.transition[fingers[t - 2], fingers[t - 1], fingers[t]]
            expected -= 0.5 * model.far[fingers[t - 2], fingers[t], symbol_of(pitches[t - 2], pitches[t])]
    at = np.arange(len(lattice))
    found = costs.node[at, states].sum() + costs.step[at[1:], states[:-1], states[1:]].sum()
    found += costs.turn[at[2:], states[:-2], states[1:-1], states[2:]].sum()
    assert found == pytest.approx(expected, rel=1e-4)


def test_exported_model_answers_as_in_torch(windows, passage, tmp_path):
    model = fit(windows, SMALL, tell=lambda _: None)
    digest = export(model, FACTS, tmp_path / "m.onnx")
    served = Learned(tmp_path / "m.onnx")
    assert served.digest == digest
    profile = PROFILES["M"]
    for window in (windows[0], passage[0]):
        ours, theirs = (m.costs(window.lattice, profile) for m in (TorchModel(model, emphasis=1.3), served))
        for a, b in ((ours.node, theirs.node), (ours.step, theirs.step), (ours.turn, theirs.turn)):
            assert np.allclose(a, b, atol=1e-3)


def test_the_mean_of_models_is_a_model_with_the_mean_rows(windows):
    recipes = (Recipe(tables=("unary_role", "step_span"), epochs=1), Recipe(epochs=1, table_dropout=0.4, seed=1))
    members = [fit(windows, recipe, tell=lambda _: None) for recipe in recipes]
    lattice = windows[0].lattice
    costs = [TorchModel(m, conventions=0.0).costs(lattice, PROFILES["M"]) for m in (*members, mean_of(members))]
    for parts in zip(*((c.node[lattice.valid], c.step, c.turn) for c in costs), strict=True):
        assert np.allclose(parts[2], (parts[0] + parts[1]) / 2, atol=1e-3)


def test_tables_left_out_while_training_are_all_there_afterwards(windows):
    recipe = Recipe(tables=("unary_role", "step_span", "turn_path"), epochs=2, table_dropout=0.5)
    model = build(recipe)
    rows = to_batch(windows[:2]).rows
    with torch.no_grad():
        for table in model.rows.tables.values():
            table.fill_(1.0)
        whole = model.rows.eval()(rows)[3]
        seen = {float(model.rows.train()(rows)[3].max()) for _ in range(12)}
    assert torch.equal(model.rows.eval()(rows)[3], whole)
    assert len(seen) > 1  # now and then the one table of turns is missing


def test_groups_with_many_labels_weigh_less_and_a_label_one_on_average(windows):
    many = [replace(w, group="many") for w in windows for _ in range(20)]
    mixed = [*many, *(replace(w, group="few") for w in windows)]
    weights = group_weights(mixed, 0.3)
    assert weights["many"] < 1 < weights["few"]
    labels = [int((w.labels > 0).sum()) for w in mixed]
    total = sum(weights[w.group] * n for w, n in zip(mixed, labels, strict=True))
    assert total == pytest.approx(sum(labels))
    assert set(group_weights(mixed, 0.0).values()) == {1.0}


def test_the_training_command_leaves_weights_and_a_card(corpus, tmp_path, monkeypatch, capsys):
    command = ["train", str(corpus), "--out", str(tmp_path), "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", command)
    assert training.main() == 0
    card = json.loads((tmp_path / "fingering.card.json").read_text(encoding="utf-8"))
    served = Learned(tmp_path / "fingering.onnx")
    assert served.digest == card["digest"]
    assert served.calibration == training.CALIBRATION
    assert card["training"]["pieces"] == 4
    assert card["training"]["labels_by_licence"].keys() == {"CC0"}
    capsys.readouterr()


def test_lattice_of_an_unseen_line_can_be_priced(windows, tmp_path):
    export(build(SMALL), FACTS, tmp_path / "m.onnx")
    served = Learned(tmp_path / "m.onnx")
    for window in windows[:2]:
        lattice = window.lattice
        decoded = decode(lattice, served.costs(lattice, PROFILES["M"]), 1.0, 0.1, 2)
        assert len(decoded.paths) == 2
