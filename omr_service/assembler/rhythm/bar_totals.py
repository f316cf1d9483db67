"""What a bar whose items are all placed costs as a whole: its spacing, its length, and voices that do not fill it."""

from __future__ import annotations

import math

from omr_service.assembler.rhythm.bar_problem import BarProblem
from omr_service.assembler.rhythm.bar_voices import RESTING, WHOLE_BAR, Trail, Voice
from omr_service.assembler.rhythm.spacing import spacing_cost


def columns_cost(problem: BarProblem, trail: Trail) -> float:
    """What it costs that columns stand closer together, or wider apart, than their time in the bar asks for."""
    columns: dict[int, float] = {}
    position = len(problem.items)
    while trail is not None:
        trail, at, end, _, _ = trail
        position -= 1
        if end != WHOLE_BAR:
            columns[at] = min(problem.items[position].x, columns.get(at, math.inf))
    return spacing_cost(sorted(columns.items()))


def finished(problem: BarProblem, cost: float, time: int, voices: tuple[Voice, ...]) -> tuple[float, int, bool]:
    """Total cost, length and whether all voices fill the bar; for the cheaper of expected and real length.

    Args:
        problem: The bar.
        cost: What placing its items cost; with that of a longer bar than expected where some begin after its end.
        time: The last time at which some item begins.
        voices: The voices.
    """
    ends = [v[0] for v in voices if v[0] >= 0]
    longest = max(ends, default=0)
    beyond = 0 < problem.expected <= time
    options: list[tuple[float, int, bool]] = []
    for length in {longest if beyond else problem.expected or longest, longest} - {0}:
        total = cost
        if not beyond:
            total += problem.costs.of_length(length, problem.expected)
        fits = True
        for voice in voices:
            if voice[0] == RESTING:
                total += problem.costs.stop_early - problem.costs.pause
                fits = False
            elif voice[0] == WHOLE_BAR:
                # the sign for a whole bar of rest in a bar of another length is unusual
                total += 0.3 if length != problem.expected else 0.0
            elif voice[0] < length:
                fits = False
                alone = not any(
                    v is not voice and v[1] == voice[1] and (v[0] == length or v[0] == WHOLE_BAR) for v in voices
                )
                early = problem.costs.stop_early + (problem.costs.stop_early_only if alone else 0.0)
                total += problem.costs.pause_again if voice[6] else early
            elif voice[0] > length:
                total += problem.costs.overfull
                fits = False
            if voice[3] >= 0:
                total += problem.costs.broken_beam
            if not voice[4][3]:
                total += problem.costs.open_tuplet
        options.append((total, length, fits))
    return min(options) if options else (cost, problem.expected or 4 * problem.unit, True)
