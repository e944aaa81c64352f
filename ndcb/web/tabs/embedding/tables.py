"""The same in numbers, as HTML: each class shown, and each generator beside the others."""

import html

from ndcb.report import projection
from ndcb.web.tabs.embedding.space import Space, measured


def tables(space: Space, generator: str, chosen: projection.Embeddings) -> str:
    """Both tables; where there is one generator only, the first. chosen: what the figure shows."""
    text = _classes(space, generator, chosen)
    return text + _series(space, generator, chosen.classes) if len(space.sheets) > 1 else text


def _classes(space: Space, generator: str, chosen: projection.Embeddings) -> str:
    one = space.kind.one
    rows = projection.table(chosen)
    lines = "".join(_line(chosen, row, space.sheets[generator]) for row in rows)
    head = (
        f"<th>{one.capitalize()}</th><th class=number>Pictures</th><th class=number>Mean"
        f" shift</th><th class=number>Largest</th><th>Nearest other {one}</th>"
    )
    mean = sum(row.pictures * row.mean for row in rows) / sum(row.pictures for row in rows)
    return (
        f"<h3>The same in numbers</h3><p>Squared distances in all {chosen.real.shape[1]}"
        f" dimensions; over the {len(chosen.labels)} pictures shown the mean from original to"
        f" template (the shift) is <strong>{mean:.3f}</strong>. The nearest other {one}, of"
        " those shown, has the original nearest to one of the"
        f" templates.</p><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _line(chosen: projection.Embeddings, row: projection.Row, sheet: str) -> str:
    dot = f'<span class="dot" style="background:{projection.colour(chosen, row.name)}"></span>'
    return (
        f"<tr><td>{dot}{_cell(chosen, row.cell, sheet)} {html.escape(row.name)}</td><td"
        f" class=number>{row.pictures}</td><td class=number>{row.mean:.3f}</td><td"
        f" class=number>{row.largest:.3f}</td><td>{html.escape(row.nearest)},"
        f" {row.nearest_distance:.3f}</td></tr>"
    )


def _cell(embeddings: projection.Embeddings, cell: int, sheet: str, size: int = 40) -> str:
    """One template, cut from the sheet."""
    left, top = projection.corner(cell, embeddings.columns, size)
    return (
        '<span class="embedding-cell" role="img" aria-label="template" style="background:'
        f' url({sheet}) -{left}px -{top}px / {embeddings.columns * size}px auto"></span>'
    )


def _series(space: Space, generator: str, classes: list[str]) -> str:
    """Figure 12: a row an alpha, or a generator of faces, with the same originals' templates."""
    lines = ""
    for name, label in measured(space.kind).items():
        chosen = space.choose(name, classes)
        mean = projection.squared_distances(chosen.real, chosen.distorted).mean()
        rows = projection.table(chosen)
        cells = "".join(_cell(chosen, row.cell, space.sheets[name]) for row in rows)
        mark, shown = (' class="now"', " (shown)") if name == generator else ("", "")
        lines += (
            f"<tr{mark}><td>{label}{shown}</td><td"
            f" class=number>{mean:.3f}</td><td>{cells}</td></tr>"
        )
    return (
        f"<h3>{space.kind.series}</h3><table><thead><tr><th>{space.kind.choice.split()[0]}</th><th"
        " class=number>Mean distance</th><th>Templates of the first picture of"
        f" each</th></tr></thead><tbody>{lines}</tbody></table>"
    )
