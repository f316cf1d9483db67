"""Walking the lineage of artifacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from etude.job.v1.artifact_service_pb2 import LineageEdge


def related(artifact_id: str, edges: Sequence[LineageEdge]) -> tuple[set[str], list[LineageEdge]]:
    """What an artifact was derived from and what was derived from it, directly or not.

    Args:
        artifact_id: The artifact.
        edges: All derivations among which to look.

    Returns:
        The ids, the artifact's own included, and the derivations between them in the order given. What else was derived
        from an ancestor (a sibling) is not related.
    """
    up: dict[str, list[str]] = defaultdict(list)
    down: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        up[edge.derived_artifact_id].append(edge.source_artifact_id)
        down[edge.source_artifact_id].append(edge.derived_artifact_id)
    ancestors, descendants = _reachable(artifact_id, up), _reachable(artifact_id, down)
    found = ancestors | descendants
    return found, [edge for edge in edges if edge.source_artifact_id in found and edge.derived_artifact_id in found]


def _reachable(start: str, neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    found, open_ids = {start}, [start]
    while open_ids:
        for neighbour in neighbours.get(open_ids.pop(), ()):
            if neighbour not in found:
                found.add(neighbour)
                open_ids.append(neighbour)
    return found
