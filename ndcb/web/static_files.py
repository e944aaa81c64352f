"""The page's style sheets and scripts, which are files of their own."""

from pathlib import Path

FOLDER = Path(__file__).with_name("static")


def static(name: str) -> str:
    """The text of a file in ndcb/web/static."""
    return (FOLDER / name).read_text(encoding="utf-8")
