"""The picture of the rooms, drawn from what their modules import, and a table of the core's parts. An import that points up cannot be drawn: the build fails."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from docs.hooks.text import ROOT, SOURCE_ROOMS, code, page, table

ROOMS = (*SOURCE_ROOMS, "datasets")
_ROW, _BOX, _WIDTH = 92, (132, 44), 760
"""Pixels between two rows, of a box, and of the picture."""
_LEAD = (
    "The arrows are the imports that are in the code, those inside functions too: an arrow from one room to another means that a module of the first imports one of the second. "
    "They all point down. An arrow that follows from others is left out of the picture; the table has them all, with how many imports there are."
)

Edges = Mapping[tuple[str, str], int]


def make() -> str:
    """The page."""
    edges = imports()
    rooms = table(
        ["room", "modules", "imports"],
        [_room(name, edges) for name in sorted(ROOMS, key=lambda each: -levels(edges)[each])],
    )
    core = table(["part", "owns", "imports of its siblings"], list(_core()))
    return page(
        "Architecture", _LEAD, f"<div>{picture(edges)}</div>", "What each room is for is in [Concepts](concepts.md#rooms).", rooms,
        "## Inside the core", "Each outside world has one owner here: requests, S3, SQL, workbooks. Tests hold it.", core,
    )  # fmt: skip


@cache
def imports() -> Edges:
    """How many imports of one room name another."""
    found: Counter[tuple[str, str]] = Counter()
    for room in ROOMS:
        for path in _modules(ROOT / room):
            found.update((room, name.split(".")[0]) for name in _imported(path))
    return {(above, below): count for (above, below), count in found.items() if below in ROOMS and above != below}


def levels(edges: Edges) -> dict[str, int]:
    """How far up each room stands: above all that it imports.

    Raises:
        ValueError: Two rooms import each other, directly or by others.
    """
    found: dict[str, int] = {}
    while len(found) < len(ROOMS):
        ready = [room for room in ROOMS if room not in found and below(room, edges) <= found.keys()]
        if not ready:
            circle = ", ".join(sorted(set(ROOMS) - found.keys()))
            raise ValueError(
                f"These rooms import each other in a circle: {circle}. Fix: tests/conventions/test_imports.py says which way is down."
            )
        found |= {room: max((found[each] + 1 for each in below(room, edges)), default=0) for room in ready}
    return found


def below(room: str, edges: Edges) -> set[str]:
    """The rooms that a room imports."""
    return {low for high, low in edges if high == room}


def drawn(edges: Edges) -> list[tuple[str, str]]:
    """The arrows of the picture: those that do not follow from others."""
    return sorted(
        (high, low) for high, low in edges if not any(low in reached(mid, edges) for mid in below(high, edges) - {low})
    )


def picture(edges: Edges) -> str:
    """The SVG; it takes its colours from the page, so that it is read in the dark too."""
    places = _places(edges)
    height = _ROW * (max(levels(edges).values()) + 1)
    arrows = "".join(_arrow(places[high], places[low], f"{high} imports {low}") for high, low in drawn(edges))
    boxes = "".join(_box(name, *place) for name, place in places.items())
    head = '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
    return f'<svg width="100%" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Which room imports which" font-family="inherit" font-size="15">{head}{arrows}{boxes}</svg>'


def reached(room: str, edges: Edges) -> set[str]:
    """All that a room imports, by whatever way."""
    direct = below(room, edges)
    return direct.union(*(reached(each, edges) for each in direct))


def _places(edges: Edges) -> dict[str, tuple[float, float]]:
    """The middle of each box. The longest way down is the first column, every other room has one of its own, so that no arrow runs through a box."""
    level, spine = levels(edges), _spine(edges)
    beside = sorted(set(ROOMS) - set(spine), key=lambda each: (-level[each], each))
    column = dict.fromkeys(spine, 0) | {room: number for number, room in enumerate(beside, 1)}
    step, top = _WIDTH / (len(beside) + 1), max(level.values())
    return {room: ((column[room] + 0.5) * step, (top - level[room] + 0.5) * _ROW) for room in ROOMS}


def _spine(edges: Edges) -> list[str]:
    """The rooms of the longest way down, from the top."""
    level = levels(edges)
    found = [max(ROOMS, key=lambda each: level[each])]
    while level[found[-1]]:
        found.append(
            next(each for each in ROOMS if each in below(found[-1], edges) and level[each] == level[found[-1]] - 1)
        )
    return found


def _arrow(start: tuple[float, float], end: tuple[float, float], title: str) -> str:
    """To the right it leaves by the side, and comes down where nothing stands; else from the middle below."""
    (x1, y1), (x2, y2) = start, end
    tip = y2 - _BOX[1] / 2 - 2
    if x2 > x1:
        path = f"M{x1 + _BOX[0] / 2:.0f} {y1:.0f}C{x2:.0f} {y1:.0f} {x2:.0f} {y1:.0f} {x2:.0f} {tip:.0f}"
    else:
        foot = y1 + _BOX[1] / 2
        middle = (foot + tip) / 2
        path = f"M{x1:.0f} {foot:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {tip:.0f}"
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".55" stroke-width="1.4" marker-end="url(#tip)"><title>{title}</title></path>'


def _box(name: str, x: float, y: float) -> str:
    width, height = _BOX
    frame = f'<rect x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" width="{width}" height="{height}" rx="6" fill="var(--md-default-bg-color, #fff)" stroke="currentColor"/>'
    return f'{frame}<text x="{x:.0f}" y="{y + 5:.0f}" text-anchor="middle" fill="currentColor">{name}/</text>'


def _room(name: str, edges: Edges) -> tuple[str, str, str]:
    found = sorted(((low, count) for (high, low), count in edges.items() if high == name), key=lambda each: -each[1])
    return (
        code(f"{name}/"),
        str(len(_modules(ROOT / name))),
        ", ".join(f"{code(low)} {count}" for low, count in found) or "none of ours",
    )


def _core() -> Iterator[tuple[str, str, str]]:
    folder = ROOT / "esteira"
    for path in sorted(folder.iterdir()):
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").is_file():
            files = _modules(path) if path.is_dir() else (path,)
            first = path / "__init__.py" if path.is_dir() else path
            says = (ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
            names = {
                parts[1]
                for each in files
                for name in _imported(each)
                if (parts := name.split("."))[0] == "esteira" and len(parts) > 1
            }
            yield code(path.stem), says, ", ".join(map(code, sorted(names - {path.stem}))) or "none"


@cache
def _modules(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.rglob("*.py")))


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """Dotted names of what a module imports, wherever in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    named = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return (*plain, *(f"{node.module}.{alias.name}" for node in named for alias in node.names))
