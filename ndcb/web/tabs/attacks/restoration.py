"""What was restored from the templates of each generator, plain and sealed: measured before."""

import html
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from ndcb.core.terms import UserError
from ndcb.faces import samples
from ndcb.report import restoration, sealed
from ndcb.report.cells import details
from ndcb.results import evaluations
from ndcb.results.summaries import SealedParts
from ndcb.web import private_files, words
from ndcb.web.choices import generators
from ndcb.web.figures import figure
from ndcb.web.tabs.attacks.common import row

RESTORATION = f"""\
A network learned to give the photo back: from the template T, from its embedding F(T), or from
the photo's own, F(X), which is the least that any method must leak that keeps the embedding.
The one that reads F(T) takes it as it is; a thief who first drops the directions in which
people do not differ gets about what F(X) gives, and the tab Login does that live. Pictures:
{samples.PORTRAIT_CREDIT}. Figures: LFW's test people."""
SEALED = """\
**Sealed templates** are made with a secret key of their own. What they store is a direction
that the key has turned at random, so without the key a template is as likely to be anybody's.
The tab *Login* plays a theft of them, live."""
CAPTIONS = restoration.PICTURES | {"another_key": "the same photo under another key"}
SEALED_PICTURES = ("photo", "template", "another_key", "restoration", "template_inversion")
"""In the order of the page."""


def build() -> None:
    """One generator below the other, so that columns stand under columns."""
    gr.Markdown(RESTORATION)
    for label, name in generators("faces"):
        _show(name, *family(label, name))
    for name, evaluation in evaluations.sealed().items():
        _show(name, *sealed_family(name, evaluation.sealed))


def _show(name: str, pictures: str, text: str) -> None:
    gr.HTML(pictures, elem_id=f"restored-{name}")
    gr.Markdown(text, elem_classes="stolen-table", elem_id=f"restored-{name}-table")


def family(label: str, name: str) -> tuple[str, str]:
    """Title and pictures as HTML, finding and figures as Markdown; or why there are none."""
    title = f"<h3>{html.escape(label)}</h3>"
    try:
        measured = restoration.measured(name)
    except UserError as error:
        return title + words.advice(html.escape(str(error))), ""
    figures = measured.figures
    parts = [
        restoration.finding(figures),
        restoration.figures_table(figures),
        restoration.beside(figures),
        details("How this was measured", restoration.how(figures)),
    ]
    return title + _row(measured.pictures), "\n\n".join(parts)


def sealed_family(name: str, parts: SealedParts) -> tuple[str, str]:
    """The same of a sealed generator."""
    title = f"<h3>{html.escape(words.generator_label(name))}</h3>"
    pictures = restoration.pictures_of(name, SEALED_PICTURES)
    accuracy, times = sealed.verification(parts.verification), sealed.times(parts.times)
    texts = [
        SEALED,
        sealed.finding(parts),
        sealed.restoration(parts.restoration),
        sealed.security(parts.security),
        sealed.linkability(parts.linkability),
        details("Accuracy and time", f"{accuracy}\n\n{times}"),
    ]
    return title + _row(pictures), "\n\n".join(texts)


def _row(pictures: dict[str, Path]) -> str:
    return row([figure(_url(path), CAPTIONS[key]) for key, path in pictures.items()])


def _url(path: Path) -> str:
    """Where the page serves the file.

    It is copied while the page is built, so that the clean-up leaves it alone.
    """
    return f"gradio_api/file={quote(private_files.save(path.read_bytes(), path.name))}"
