"""Where a user's files are kept."""

from pathlib import Path

import pytest

from etude.mesh.errors import EtudeError
from etude.mesh.user_directories import user_directory


def test_the_variable_is_followed_where_it_says_a_place(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert user_directory("XDG_DATA_HOME", ".local/share") == Path("/elsewhere")
    for nothing in ("", "relative"):
        monkeypatch.setenv("XDG_DATA_HOME", nothing)
        assert user_directory("XDG_DATA_HOME", ".local/share") == tmp_path / ".local" / "share"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def nobody_knows() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody_knows)
    with pytest.raises(EtudeError, match="set HOME or XDG_CONFIG_HOME"):
        user_directory("XDG_CONFIG_HOME", ".config")
