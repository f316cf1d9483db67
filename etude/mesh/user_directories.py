"""Where a user's files are kept: the XDG base directory specification."""

from __future__ import annotations

import os
from pathlib import Path

from etude.mesh.errors import EtudeError


def user_directory(variable: str, below_home: str) -> Path:
    """The user's directory for files of one kind; it need not exist.

    Args:
        variable: The variable that names it, "XDG_DATA_HOME" for instance; a relative path in it is passed over.
        below_home: Where it is otherwise.

    Raises:
        EtudeError: INVALID_REQUEST, there is no such variable and nobody knows where the user's home is.
    """
    named = os.environ.get(variable, "")
    if named and Path(named).is_absolute():
        return Path(named)
    try:
        return Path.home() / below_home
    except RuntimeError as error:  # a user without an entry in the system's list, as containers have
        message = f"This user has no home directory to keep files in; set HOME or {variable} to a directory of yours."
        raise EtudeError("INVALID_REQUEST", message) from error
