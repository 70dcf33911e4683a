"""Where n8n's editor draws a workflow's nodes and lines, by their positions; what crosses or covers what.

As the editor of 2.41 draws them: a node is a square, its outputs are spread over its right edge, and a line that leads
to the right is a Bézier curve whose control points are half-way. A line that leads back is drawn around the nodes, and
no rule here can judge: it is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any, NamedTuple

NODE = 96
LABEL = 44
"""Pixels below a node: its name and a second line."""
STEPS = 48
"""Straight pieces by which a curve is judged: shorter than a node is wide."""
NEAR = 8.0
"""Pixels around a common end in which two lines may touch."""


class Point(NamedTuple):
    x: float
    y: float


class Box(NamedTuple):
    """What is drawn at a place. `name`: of the node or note."""

    name: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, point: Point) -> bool:
        return self.left < point.x < self.right and self.top < point.y < self.bottom


class Line(NamedTuple):
    """A connection, as it is drawn."""

    source: str
    target: str
    points: list[Point]

    @property
    def name(self) -> str:
        return f"{self.source} → {self.target}"


def faults(workflow: dict[str, Any]) -> list[str]:
    """What a person could not follow with the eyes; empty: nothing."""
    nodes = [node for node in workflow["nodes"] if not node["type"].endswith(".stickyNote")]
    notes = [_note(node) for node in workflow["nodes"] if node["type"].endswith(".stickyNote")]
    boxes = [_box(node) for node in nodes]
    lines = list(_lines(workflow, {node["name"]: node for node in nodes}))
    found = [
        f"{a.name} covers {b.name}" for drawn in (boxes, notes) for a, b in combinations(drawn, 2) if a.overlaps(b)
    ]
    for line in lines:
        if line.points[0].x >= line.points[-1].x:
            found.append(f"{line.name} leads back")
        others = [box for box in boxes if box.name not in {line.source, line.target}]
        found += [f"{line.name} crosses {box.name}" for box in others if any(box.holds(point) for point in line.points)]
    found += [f"{a.name} crosses {b.name}" for a, b in combinations(lines, 2) if _cross(a, b)]
    return found


def _box(node: dict[str, Any]) -> Box:
    x, y = node["position"]
    return Box(node["name"], x, y, x + NODE, y + NODE + LABEL)


def _note(node: dict[str, Any]) -> Box:
    (x, y), size = node["position"], node["parameters"]
    return Box(node["name"], x, y, x + size["width"], y + size["height"])


def _lines(workflow: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> Iterator[Line]:
    for source, kinds in workflow["connections"].items():
        # What hangs below an agent (its model, memory and tools) is joined by a short straight line.
        outputs = kinds.get("main", [])
        count = max(len(outputs), 2 if _has_two_outputs(nodes[source]) else 1)
        for number, targets in enumerate(outputs):
            x, y = nodes[source]["position"]
            start = Point(x + NODE, y + NODE * (number + 1) / (count + 1))
            for target in targets:
                x, y = nodes[target["node"]]["position"]
                yield Line(source, target["node"], _curve(start, Point(x, y + NODE / 2)))


def _has_two_outputs(node: dict[str, Any]) -> bool:
    return node["type"].endswith(".if") or node.get("onError") == "continueErrorOutput"


def _curve(start: Point, end: Point) -> list[Point]:
    middle = (start.x + end.x) / 2
    points = []
    for step in range(STEPS + 1):
        t = step / STEPS
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
        points.append(Point(a * start.x + (b + c) * middle + d * end.x, (a + b) * start.y + (c + d) * end.y))
    return points


def _cross(one: Line, other: Line) -> bool:
    shared = {one.points[0], one.points[-1]} & {other.points[0], other.points[-1]}
    for a, b in pairwise(one.points):
        for c, d in pairwise(other.points):
            if _meet(a, b, c, d) and not any(abs(a.x - p.x) + abs(a.y - p.y) < NEAR for p in shared):
                return True
    return False


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether two pieces have a point in common; parallel ones have none here."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: Point, b: Point, p: Point) -> float:
    return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
