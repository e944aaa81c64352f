"""What the tab's parts have in common."""

NOTHING_KEPT = "Your data is deleted: the photos, the faces, the templates and the score."


def row(figures: list[str]) -> str:
    return f'<div class="stolen-row">{"".join(figures)}</div>'
