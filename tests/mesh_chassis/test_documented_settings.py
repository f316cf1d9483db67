"""A variable that the documents name is one that a service reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etude.mesh.definition import load_definitions
from etude.mesh.embedded import target_variable
from etude.mesh.settings import SHARED

ROOT = Path(__file__).parents[2]
#: Read by the command, the tests and the tools, not by a service.
OTHERS = {"ETUDE_SERVER", "ETUDE_TOKEN", "ETUDE_SCHEMATHESIS_SECONDS", "ETUDE_PROTO_BASE"}


def variables() -> set[str]:
    """All variables that services read."""
    found = {f"ETUDE_{name.upper()}" for name in SHARED} | OTHERS
    for name, definition in load_definitions().items():
        prefix = definition.settings_class.model_config["env_prefix"]
        found |= {f"{prefix}{field.upper()}" for field in definition.settings_class.model_fields}
        found.add(target_variable(name))
    return found


@pytest.mark.parametrize("path", [".env.example", "docs/operations.md", "docs/security.md", "docs/api.md", "README.md"])
def test_the_variables_of_a_document_exist(path: str) -> None:
    known = variables()
    named = re.findall(r"(ETUDE_[A-Z0-9_]*[A-Z0-9])(_\*)?", (ROOT / path).read_text("utf-8"))
    # `ETUDE_TLS_*` stands for all that begin so.
    unknown = {
        name + rest
        for name, rest in named
        if not (any(one.startswith(f"{name}_") for one in known) if rest else name in known)
    }
    assert unknown == set()
