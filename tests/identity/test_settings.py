"""One's own machine needs no secret; any other address does."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator.identity.secret import secret_of
from orchestrator.settings import OrchestratorSettings
from tests.identity.world import SECRET


def test_another_address_than_loopback_is_refused_without_a_secret(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="ETUDE_ORCHESTRATOR_AUTH_SECRET is not set"):
        OrchestratorSettings(address="0.0.0.0:50050", data_dir=tmp_path)
    assert OrchestratorSettings(address="0.0.0.0:50050", data_dir=tmp_path, auth_secret=SECRET)


def test_the_process_ends_with_a_sentence_and_without_the_secret(tmp_path: Path) -> None:
    env = {"ETUDE_ORCHESTRATOR_AUTH_SECRET": "hunter2-hunter2", "ETUDE_ORCHESTRATOR_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "orchestrator"], env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 2
    assert "at least 32 characters" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


def test_the_embedded_secret_is_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    secret = secret_of(tmp_path)
    assert len(secret) >= 32
    assert secret_of(tmp_path) == secret
    (path,) = tmp_path.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_embedded_secret_that_is_none_is_refused(tmp_path: Path) -> None:
    secret_of(tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text("")
    with pytest.raises(OSError, match="too short"):
        secret_of(tmp_path)


def test_settings_do_not_show_the_secret(tmp_path: Path) -> None:
    assert SECRET not in repr(OrchestratorSettings(data_dir=tmp_path, auth_secret=SECRET))
