"""Damaged MusicXML and MIDI: a clear refusal or a valid Score, nothing else."""

import random
import re

import pytest

from etude.notation.midi import MidiError, read_midi
from etude.notation.musicxml import MusicXmlError, read_musicxml
from etude.notation.validate import validate
from renderer_service.midi import midi_bytes
from renderer_service.musicxml import musicxml_bytes
from tests.notation.test_musicxml import QUARTERS, WHOLE, document, note

SOURCE = document(
    QUARTERS
    + "<backup><duration>48</duration></backup>"
    + note("E3", 24, "half", voice=5, staff=2, notations='<slur type="start" number="1"/><fermata/>')
    + note("G3", 24, "half", voice=5, staff=2, notations='<slur type="stop" number="1"/>'),
    WHOLE + note("G4", 48, "whole", chord=True, notations="<technical><fingering>5</fingering></technical>"),
)
WORDS = ["", "-1", "0", "1", "1e9", "999999999999", "abc", "start", "stop", "16th", "\ud7ff", "0.3", "7/3"]


def damaged_xml(seed):
    """SOURCE (or a written Score) with texts, attributes and elements changed, dropped and doubled."""
    chance = random.Random(seed)
    text = SOURCE.decode() if seed % 2 else musicxml_bytes(read_musicxml(SOURCE)).decode()
    for _ in range(chance.randint(1, 6)):
        kind = chance.randrange(4)
        elements = list(re.finditer(r"<([\w-]+)[^<>/]*>([^<>]*)</\1>", text))
        match = chance.choice(elements)
        if kind == 0:
            text = text[: match.start(2)] + chance.choice(WORDS) + text[match.end(2) :]
        elif kind == 1:
            text = text[: match.start()] + text[match.end() :]
        elif kind == 2:
            text = text[: match.end()] + match[0] * chance.randint(1, 3) + text[match.end() :]
        else:
            attributes = list(re.finditer(r'="([^"<>]*)"', text))
            match = chance.choice(attributes)
            text = text[: match.start(1)] + chance.choice(WORDS) + text[match.end(1) :]
    return text.encode("utf-8", "replace")


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_damaged_musicxml_is_refused_or_read_into_a_valid_score(first):
    read = 0
    for seed in range(first, first + 100):
        try:
            score = read_musicxml(damaged_xml(seed))
        except MusicXmlError:
            continue
        assert validate(score) == [], seed
        read += 1
    assert read > 10


def test_damaged_bytes_of_musicxml_are_refused_or_read():
    for seed in range(200):
        chance = random.Random(seed)
        data = bytearray(SOURCE)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            score = read_musicxml(bytes(data))
        except MusicXmlError:
            continue
        assert validate(score) == [], seed


def test_damaged_midi_is_refused_or_read_into_a_valid_score():
    source = midi_bytes(read_musicxml(SOURCE))
    read = 0
    for seed in range(400):
        chance = random.Random(seed)
        data = bytearray(source)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(14, len(data))] = chance.randrange(256)
        try:
            score = read_midi(bytes(data))
        except MidiError:
            continue
        assert validate(score) == [], seed
        read += 1
    assert read > 10
