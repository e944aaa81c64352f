"""Kept embeddings of pictures and of their templates -> PCA -> a figure and its table.

The axes are fitted to the *originals'* embeddings F(X) alone; the templates' F(T) are projected
onto the same axes. Every distance that is told is a squared Euclidean one (Eq. 1) in the full
space, never one of the projection.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from sklearn.decomposition import PCA

from ndcb.core.terms import UserError

FEWEST, MOST = 3, 10
"""How many classes are shown at once."""
HEIGHT = 560
COLOURS = (
    "#1f77b4",
    "#e6550d",
    "#2ca02c",
    "#d62728",
    "#9467bd",
    "#a0693c",
    "#e377c2",
    "#17a2b8",
    "#b5a900",
    "#637939",
    "#5c6bc0",
    "#00897b",
)
OWN_COLOUR = "#ff00c8"
NEUTRAL = "#8d97a5"
"""Of the grid: seen on a light page and on a dark one."""
CAMERA = {"eye": {"x": 1.35, "y": 1.35, "z": 1.1}, "center": {"x": 0, "y": 0, "z": -0.12}}
OWN_CELL = -1
"""What stands for a cell of the sheet where the picture is the visitor's own."""


@dataclass(frozen=True)
class Embeddings:
    """What `training.evaluation.files` kept of one generator, or a choice of it."""

    real: np.ndarray
    """(n, m): F(X), unit vectors."""
    distorted: np.ndarray
    """(n, m): F(T), row by row of the same pictures."""
    labels: np.ndarray
    """(n,): the person or the digit."""
    cells: np.ndarray
    """(n,): where the template is on the sheet."""
    sheet: bytes
    """One WebP picture of all templates."""
    columns: int
    side: int
    """Pixels of a cell."""
    known: tuple[str, ...]
    """Every class of the file; its place here decides its colour."""

    @property
    def classes(self) -> list[str]:
        return [name for name in self.known if name in self.labels]


@dataclass(frozen=True)
class Own:
    """A visitor's picture: F(X) and F(T), (m,) each."""

    real: np.ndarray
    distorted: np.ndarray


@dataclass(frozen=True)
class Row:
    """A class in the table beside the figure."""

    name: str
    cell: int
    """Of its first picture."""
    pictures: int
    mean: float
    """Squared distance from an original to its own template."""
    largest: float
    nearest: str
    """The class that holds the original nearest to one of this class's templates."""
    nearest_distance: float


@cache
def load(path: Path) -> Embeddings:
    """Read an embeddings.npz, once; LFW's names get their spaces back."""
    with np.load(path) as file:
        real, distorted = file["real"].astype(np.float64), file["distorted"].astype(np.float64)
        labels, sheet = (
            np.char.replace(file["labels"].astype(str), "_", " "),
            file["thumbnails"].tobytes(),
        )
        columns, side = int(file["columns"]), int(file["side"])
    return Embeddings(
        real,
        distorted,
        labels,
        np.arange(len(labels)),
        sheet,
        columns,
        side,
        tuple(dict.fromkeys(labels.tolist())),
    )


def choose(
    embeddings: Embeddings, classes: list[str], each: int, noun: str = "classes"
) -> Embeddings:
    """The first `each` pictures of these classes. Raises UserError for fewer or more classes than
    can be shown, or an unknown one.
    """
    if not FEWEST <= len(classes) <= MOST:
        raise UserError(
            f"Choose {FEWEST} to {MOST} {noun}; {len(classes)}"
            f" {'is' if len(classes) == 1 else 'are'} chosen now."
        )
    if not set(classes) <= set(embeddings.known):
        raise UserError(f"Choose among the {noun} on the list.")
    places = [
        np.flatnonzero(embeddings.labels == name)[:each]
        for name in embeddings.known
        if name in classes
    ]
    rows = np.concatenate(places)
    return replace(
        embeddings,
        **{
            name: getattr(embeddings, name)[rows]
            for name in ("real", "distorted", "labels", "cells")
        },
    )


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Eq. 1, over the last axis."""
    return np.square(a - b).sum(-1)


def fit(chosen: Embeddings) -> PCA:
    """Three axes, of the originals alone."""
    return PCA(3, svd_solver="full").fit(chosen.real)


def corner(cell: int, columns: int, side: int) -> tuple[int, int]:
    """Left and top of a cell on the sheet, in pixels."""
    return cell % columns * side, cell // columns * side


def colour(chosen: Embeddings, name: str) -> str:
    return COLOURS[chosen.known.index(name) % len(COLOURS)]


def table(chosen: Embeddings) -> list[Row]:
    return [_row(chosen, name) for name in chosen.classes]


def _row(chosen: Embeddings, name: str) -> Row:
    inside = chosen.labels == name
    shift = squared_distances(chosen.real[inside], chosen.distorted[inside])
    nearest, distance = _nearest(
        chosen.distorted[inside], chosen.real[~inside], chosen.labels[~inside]
    )
    return Row(
        name,
        int(chosen.cells[inside][0]),
        len(shift),
        float(shift.mean()),
        float(shift.max()),
        nearest,
        distance,
    )


def nearest_class(chosen: Embeddings, embedding: np.ndarray) -> tuple[str, float]:
    """The class that holds the original nearest to an embedding (m,), and the squared distance."""
    return _nearest(embedding[None], chosen.real, chosen.labels)


def _nearest(probes: np.ndarray, photos: np.ndarray, labels: np.ndarray) -> tuple[str, float]:
    distances = np.square(probes).sum(1)[:, None] + np.square(photos).sum(1) - 2 * probes @ photos.T
    place = distances.argmin() % len(photos)
    return str(labels[place]), float(max(distances.min(), 0))


def figure(
    chosen: Embeddings,
    dimensions: int = 3,
    own: Own | None = None,
    revision: str = "",
    sheet_url: str = "",
) -> go.Figure:
    """In 2 or 3 dimensions. `revision` names what the camera belongs to: the same one, the same
    view. The page finds a thumbnail by `sheet_url`, kept in the layout's meta, and by the point's
    customdata, (cell, distance).
    """
    axes = fit(chosen)
    traces = [
        trace for name in chosen.classes for trace in _traces_of(chosen, name, axes, dimensions)
    ]
    if own is not None:
        traces += _own_traces(own, axes, dimensions)
    made = go.Figure(traces, _layout(axes.explained_variance_ratio_, dimensions))
    return made.update_layout(
        uirevision=f"{revision} {dimensions}", meta={"sheet": sheet_url, "columns": chosen.columns}
    )


def _traces_of(chosen: Embeddings, name: str, axes: PCA, dimensions: int) -> list:
    inside = chosen.labels == name
    real, distorted = chosen.real[inside], chosen.distorted[inside]
    distances = np.round(squared_distances(real, distorted), 4)
    told = list(map(list, zip(chosen.cells[inside].tolist(), distances.tolist(), strict=True)))
    look = {
        "colour": colour(chosen, name),
        "size": 4 if dimensions == 3 else 8,
        "width": 1.5,
        "group": name,
    }
    return _pair_traces(axes.transform(real), axes.transform(distorted), told, dimensions, **look)


def _own_traces(own: Own, axes: PCA, dimensions: int) -> list:
    told = [[OWN_CELL, round(float(squared_distances(own.real, own.distorted)), 4)]]
    look = {
        "colour": OWN_COLOUR,
        "size": 10 if dimensions == 3 else 18,
        "width": 5,
        "group": "yours",
    }
    return _pair_traces(
        axes.transform(own.real[None]),
        axes.transform(own.distorted[None]),
        told,
        dimensions,
        **look,
    )


def _pair_traces(real, distorted, told, dimensions, colour, size, width, group) -> list:
    """Lines, originals and templates of one class; one entry in the legend switches all three."""
    lines = _scatter(
        _joined(real, distorted),
        dimensions,
        mode="lines",
        line={"color": colour, "width": width},
        opacity=0.45,
        hoverinfo="skip",
        showlegend=False,
        name=f"{group}, pairs",
        legendgroup=group,
    )
    marker = {"color": colour, "size": size, "line": {"width": 0}}
    hover = (
        f"<b>{group}</b>, %{{meta}}<br>original to template: %{{customdata[1]:.3f}}<extra></extra>"
    )
    shared = {
        "legendgroup": group,
        "customdata": told,
        "mode": "markers",
        "hovertemplate": hover,
    }
    circles = shared | {"marker": marker | {"symbol": "circle"}, "meta": "original"}
    crosses = shared | {"marker": marker | {"symbol": "cross"}, "meta": "template"}
    originals = _scatter(real, dimensions, name=group, **circles)
    templates = _scatter(
        distorted, dimensions, name=f"{group}, templates", showlegend=False, **crosses
    )
    return [lines, originals, templates]


def _joined(real: np.ndarray, distorted: np.ndarray) -> np.ndarray:
    """(n, d), (n, d) -> (3 n, d): a line for each pair. Gaps between them are NaN, null in JSON."""
    gaps = np.full_like(real, np.nan)
    return np.stack([real, distorted, gaps], 1).reshape(-1, real.shape[1])


def _scatter(points: np.ndarray, dimensions: int, **options):
    make = go.Scatter3d if dimensions == 3 else go.Scatter
    coordinates = np.round(points[:, :dimensions].T, 4).tolist()
    return make(**dict(zip("xyz"[:dimensions], coordinates, strict=True)), **options)


def _layout(explained: np.ndarray, dimensions: int) -> dict:
    """explained: the share of the variance that each of the three axes explains."""
    titles = [f"PC {number} ({100 * part:.1f} %)" for number, part in enumerate(explained, 1)]
    return (_space if dimensions == 3 else _plane)(titles) | {
        "template": "none",
        "height": HEIGHT,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "#7d8794"},
        "hoverlabel": {"align": "left"},
        "legend": {
            "orientation": "h",
            "y": -0.02 if dimensions == 3 else -0.12,
            "yanchor": "top",
            "itemsizing": "constant",
        },
        "modebar": {
            "bgcolor": "rgba(0,0,0,0)",
            "remove": ["lasso", "select", "tableRotation", "resetCameraLastSave3d"],
        },
    }


def _space(titles: list[str]) -> dict:
    more = {"showgrid": True, "showspikes": False, "showbackground": False}
    axes = {
        f"{letter}axis": _axis(title) | more for letter, title in zip("xyz", titles, strict=True)
    }
    return {
        "scene": {"aspectmode": "data", "camera": CAMERA, **axes},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }


def _plane(titles: list[str]) -> dict:
    return {
        "xaxis": _axis(titles[0]),
        "yaxis": _axis(titles[1]) | {"scaleanchor": "x"},
        "margin": {"l": 50, "r": 10, "t": 10, "b": 40},
        "dragmode": "pan",
    }


def _axis(title: str) -> dict:
    return {
        "title": {"text": title},
        "gridcolor": NEUTRAL,
        "gridwidth": 0.5,
        "zeroline": False,
    }
