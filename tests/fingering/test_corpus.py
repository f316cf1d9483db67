"""The model on real editions, judged by the referee; needs the shared data."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from fingering_service.models import Registry
from fingering_service.training.corpus import read_manifest
from fingering_service.training.predict import predict
from fingering_service.training.tables import read_table, write_table

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("ETUDE_SHARED_DATA", ROOT.parent / "shared" / "data"))
REFEREE = DATA.parent / "tools" / "fingering_score.py"

pytestmark = pytest.mark.skipif(
    not (DATA / "fingering_train").exists() or not REFEREE.exists(),
    reason=f"no fingered editions at {DATA / 'fingering_train'} (set ETUDE_SHARED_DATA)",
)


@pytest.fixture(scope="module")
def referee():
    spec = importlib.util.spec_from_file_location("fingering_score", REFEREE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", Registry.load().models, ids=lambda m: m.name)
def test_validation_pieces_are_covered_playable_and_mostly_as_printed(model, referee, tmp_path):
    folder = DATA / "fingering_train"
    pieces = [p for p in read_manifest(folder) if p.split == "validation" and p.notes < 1500][:12]
    results = []
    for piece in pieces:
        truth = folder / f"{piece.name}.tsv"
        table = read_table(truth)
        write_table(tmp_path / truth.name, table, predict(table, model))
        results.append(
            referee.score_piece([referee.read_notes(str(truth))], referee.read_notes(str(tmp_path / truth.name)))
        )
    total = referee.summary(results)
    assert total["micro"]["cover"] == 1
    assert total["counts"]["same_finger"] == total["counts"]["crossing"] == 0
    assert total["micro"]["gen"] >= 0.5
