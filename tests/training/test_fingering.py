"""Training of the fingering model, on a small corpus made here: scales with the fingers of every method."""

from __future__ import annotations

import json
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
from fingering_service.training.corpus import read_corpus, read_manifest  # noqa: E402
from fingering_service.training.evaluate import TorchModel, evaluate  # noqa: E402
from fingering_service.training.export import export  # noqa: E402
from fingering_service.training.fit import (  # noqa: E402
    Recipe,
    build,
    fit,
    group_weights,
    negative_log_likelihood,
    to_batch,
)
from fingering_service.training.hmm import Constant, train_hmm  # noqa: E402
from fingering_service.training.hmm2 import train_second_order  # noqa: E402
from fingering_service.training.model import mean_of  # noqa: E402
from fingering_service.training.partition import log_partition  # noqa: E402
from fingering_service.training.tables import COLUMNS, Table, TableNote, read_table, write_table  # noqa: E402

MAJOR = (0, 2, 4, 5, 7, 9, 11, 12)
RISING, FALLING = (1, 2, 3, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 3, 2, 1)


def scale_table(octave: int, every: int) -> Table:
    """C major up and down in both hands; every so-many-th note is labelled."""
    notes = []
    steps = [*MAJOR, *reversed(MAJOR)]
    right, left = (*RISING, *FALLING), (*FALLING, *RISING)
    for i, step in enumerate(steps):
        for hand, staff, base, fingers in (("R", 1, 60, right), ("L", 2, 48, left)):
            midi = base + 12 * octave + step
            label = str(fingers[i]) if i % every == 0 else ""
            notes.append(
                TableNote(Fraction(i, 2), Fraction(1, 2), midi, "C4", hand, staff, "1", "1", label, False, False)
            )
    return Table({"columns": "\t".join(COLUMNS)}, tuple(notes))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    rows = ["piece\tgroup\tnotes\tlabels\tlicence\tcomposer\tsplit"]
    for number in range(6):
        table = scale_table(number % 3 - 1, 1 + number % 3)
        name = f"scale{number}"
        labels = sum(bool(n.finger) for n in table.notes)
        lines = [f"# columns: {table.header['columns']}"]
        lines += [
            f"{n.onset}\t{n.duration}\t{n.midi}\t{n.spelled}\t{n.hand}\t{n.staff}\t1\t1\t{n.finger}\t0\t0"
            for n in table.notes
        ]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        split = "validation" if number >= 4 else "train"
        rows.append(f"{name}\tg{number}\t{len(table.notes)}\t{labels}\tCC0\tnobody\t{split}")
    (folder / "manifest.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def windows(corpus):
    return read_corpus(corpus, read_manifest(corpus))


FACTS = {
    "name": "crf",
    "version": "0",
    "temperature": "1.0",
    "coherence": "0.1",
    "conventions": "1.0",
    "description": "a test",
}
SMALL = Recipe(width=8, layers=2, epochs=6, rate=2e-2)


def test_tables_are_written_and_read_back(tmp_path):
    table = scale_table(0, 1)
    write_table(tmp_path / "t.tsv", table, [int(n.finger or 0) for n in table.notes])
    assert read_table(tmp_path / "t.tsv").notes == table.notes


def test_windows_keep_labels_and_leave_the_rest_open(windows):
    assert sum(int((w.labels > 0).sum()) for w in windows) > 0
    for window in windows:
        assert window.dropped == 0
        labelled = (window.labels > 0).any(axis=1)
        assert (window.clamped[labelled].sum(axis=1) < window.lattice.valid[labelled].sum(axis=1)).all()
        assert (window.clamped[~labelled] == window.lattice.valid[~labelled]).all()


def test_log_partition_is_the_sum_over_all_paths():
    generator = torch.Generator().manual_seed(1)
    node, step, turn = (torch.randn(shape, generator=generator) for shape in ((1, 4, 3), (1, 4, 3, 3), (1, 4, 3, 3, 3)))
    mask = torch.ones((1, 1, 4, 3), dtype=torch.bool)
    mask[0, 0, 2, 1] = False
    total = []
    for path in np.ndindex(3, 3, 3, 3):
        if path[2] == 1:
            continue
        score = sum(node[0, t, path[t]] for t in range(4))
        score = score + sum(step[0, t, path[t - 1], path[t]] for t in range(1, 4))
        score = score + sum(turn[0, t, path[t - 2], path[t - 1], path[t]] for t in range(2, 4))
        total.append(score)
    expected = torch.logsumexp(torch.stack(total), dim=0)
    assert torch.allclose(log_partition(node, step, turn, mask, torch.tensor([4]))[0, 0], expected, atol=1e-4)


def test_padding_changes_nothing(windows):
    model = build(SMALL).eval()
    with torch.no_grad():
        together = negative_log_likelihood(model, to_batch(windows[:4]))
        alone = torch.cat([negative_log_likelihood(model, to_batch([w])) for w in windows[:4]])
    assert torch.allclose(together, alone, atol=1e-3)


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


def test_exported_model_answers_as_in_torch(windows, tmp_path):
    model = fit(windows, SMALL, tell=lambda _: None)
    digest = export(model, FACTS, tmp_path / "m.onnx")
    served = Learned(tmp_path / "m.onnx")
    assert served.digest == digest
    window = windows[0]
    profile = PROFILES["M"]
    ours, theirs = (m.costs(window.lattice, profile) for m in (TorchModel(model), served))
    for a, b in ((ours.node, theirs.node), (ours.step, theirs.step), (ours.turn, theirs.turn)):
        assert np.allclose(a, b, atol=1e-3)


def test_the_mean_of_models_without_a_network_is_a_model_with_the_mean_rows(windows):
    recipes = (Recipe(tables=("unary_role", "step_span"), epochs=1), Recipe(epochs=1, table_dropout=0.4, seed=1))
    members = [fit(windows, recipe, tell=lambda _: None) for recipe in recipes]
    lattice = windows[0].lattice
    costs = [TorchModel(m, conventions=0.0).costs(lattice, PROFILES["M"]) for m in (*members, mean_of(members))]
    for parts in zip(*((c.node[lattice.valid], c.step, c.turn) for c in costs), strict=True):
        assert np.allclose(parts[2], (parts[0] + parts[1]) / 2, atol=1e-3)
    with pytest.raises(ValueError, match="network"):
        mean_of([build(SMALL)])


def test_tables_left_out_while_training_are_all_there_afterwards(windows):
    recipe = Recipe(tables=("unary_role", "step_span", "turn_path"), epochs=2, table_dropout=0.5)
    model = build(recipe)
    batch = to_batch(windows[:2])
    with torch.no_grad():
        for table in model.rows.tables.values():
            table.fill_(1.0)
        whole = model.eval()(batch)[2]
        seen = {float(model.train()(batch)[2].max()) for _ in range(12)}
    assert torch.equal(model.eval()(batch)[2], whole)
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
    assert Learned(tmp_path / "fingering.onnx").digest == card["digest"]
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
