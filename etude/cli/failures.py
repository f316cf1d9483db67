"""Failures as a user sees them: one sentence, what to do, and the reason code; no traceback."""

from etude.client.names import sentence
from etude.mesh.errors import EtudeError


def describe(error: BaseException) -> str:
    """A failure in one or two sentences.

    >>> describe(EtudeError("EMPTY_FILE", "The file is empty; send another."))
    'The file is empty; send another. [EMPTY_FILE]'
    """
    if isinstance(error, EtudeError):
        return f"{sentence(error.message)} [{error.reason}]"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return sentence(f"{where}{error.strerror or error}")
    text = str(error) or type(error).__name__
    return f"{text} (unexpected {type(error).__name__}; `etude --verbose …` shows where) [INTERNAL]"
