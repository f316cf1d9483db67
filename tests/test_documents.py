"""The documents: every link leads somewhere, every decision is listed with its own title."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADRS = ROOT / "docs" / "adr"


def documents() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / line for line in listed.stdout.splitlines()] or sorted(ROOT.glob("docs/**/*.md"))


def anchor(heading: str) -> str:
    """The name GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        if fragment and there.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert fragment in map(anchor, headings), target


def test_the_index_lists_every_decision_by_its_title():
    index = dict(re.findall(r"\[\d{4}\]\(([^)]+)\) \| (.*) \|", (ADRS / "README.md").read_text(encoding="utf-8")))
    titles = {
        path.name: path.read_text(encoding="utf-8").splitlines()[0].removeprefix(f"# {path.name[:4]}: ")
        for path in ADRS.glob("[0-9]*.md")
    }
    assert index == titles
