import pytest

from etude.score.v1 import score_pb2
from orchestrator.summary import remarks_on_parts


def _score(*staves: str) -> score_pb2.Score:
    """A Score whose systems have these staves: p for the piano's, o for another's."""
    score = score_pb2.Score()
    score.parts.add(part_id="P1", role=score_pb2.PART_ROLE_KEYBOARD)
    score.parts.add(part_id="P2", role=score_pb2.PART_ROLE_OTHER)
    for kinds in staves:
        system = score.pages.add().systems.add()
        for kind in kinds:
            system.staves.add(part_id="P1" if kind == "p" else "P2")
    return score


@pytest.mark.parametrize("staves", [("pp", "pp"), ("p",), ("ppp",), ()])
def test_nothing_is_said_of_piano_music(staves):
    assert remarks_on_parts([_score(*staves)]) == []


@pytest.mark.parametrize(
    ("staves", "told"),
    [
        (("opp", "pp"), "Of the 3 staves of a system, from the top, staves 2 to 3 were taken for the piano's and"),
        (
            ("oooooopp",),
            "staves 7 to 8 were taken for the piano's and fingered; the other 6 are read and not fingered.",
        ),
        (("ppo",), "staves 1 to 2 were taken for the piano's and fingered; the other is read and not fingered."),
        (("op",), "staff 2 was taken"),
    ],
)
def test_other_staves_are_named(staves, told):
    (remark,) = remarks_on_parts([_score(*staves), _score(*staves)])
    assert told in remark
