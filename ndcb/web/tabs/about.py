"""The About tab: what this is and is not, how it works, its measured limits, the licences."""

import gradio as gr

from ndcb.core import paths
from ndcb.core.terms import UserError
from ndcb.models.pipeline import Models
from ndcb.report.cells import points, rate, small_interval
from ndcb.results import evaluations
from ndcb.results.summaries import Evaluation, Figures

README = paths.readme()

NO_LICENCES = (
    "They stand in README.md, which is not there or has lost that section. Get it again from where"
    " you got this program."
)

WHAT = """### What it is
A picture that is stored for a login can be stolen. The idea shown here, *non-distortive cancelable
biometrics*, is to store another picture: one that differs from the photo as much as possible,
while a face recogniser still sees the same person in it. This page lets you do that with your own
photo, and shows how well and how badly it works.

### What it is not
**A demonstration, not a security product.** Neither U-Net hides the face; the bottleneck shows
none, but what it stores is still the embedding, for whoever has the recogniser. None of their
templates can be revoked for one that is unlike the old one, two of a person can be linked, and a
stolen one logs in: see the tab Attacks. Each sealed template has its own key, and without that key
none of this holds. Whoever has a stolen key, or a photo and the key, or the server, still succeeds.
Do not protect anything with it."""

HOW = """### How it works
1. A detector finds the face and cuts it out, for SFace with 112 x 112 pixels, for FaceNet with
   160 x 160: X.
2. A frozen recogniser F turns any face into numbers (SFace 128, FaceNet 512), its embedding; the
   squared distance of two embeddings says how unlike they are.
3. A generator paints another picture of the same size, the template T, which is what is stored.
   - **The paper's** is a U-Net, T = G(X), trained for two wishes at once, each with its weight
     (Eq. 7): the *picture loss* falls as T and X move apart (Eq. 8); the *embedding loss* is zero
     while F(T) lies within a margin alpha of F(X), and grows with what the distance is beyond it
     (Eq. 9). A large distance can be had by recolouring, and that is what it learns. A second one
     was trained against recolouring: it weaves a dither over the face's outlines, and they show
     through.
   - **The bottleneck**, T = D(F(X)), never sees the photo: a decoder changes a pattern, the same
     for everybody, by a little. It is trained until F(T) is near F(X), for pictures that differ
     between people in their finest detail only, so that other recognisers and eyes have little to
     go by.
   - **Sealed**, T = D(R z(X)), goes past the paper: z(X) is F(X) in 64 directions, and R a
     rotation of them that a secret key gives. For a random R every direction is as likely as any
     other, whoever X is, so without the key T says nothing of X; two templates under two keys have
     nothing in common, and a new key makes the old template worthless. A photo logs in when R
     z(X') is near what T says.
4. To log in, a plain photo goes through F. It is let in when its embedding is nearer to F(T) than
   a threshold, which was fixed on a development part of its own.

Digits go the same way, 28 x 28 pixels, with a recogniser trained here."""

PRIVACY = """### Privacy
Your photo is processed in memory on the machine that serves this page, lies in a temporary folder
for at most sixteen minutes, and is never recorded; "Delete my data" removes it at once. No history
of your runs is kept, here or in your browser.

The recogniser learned from photos of celebrities, mostly Western ones: its errors differ between
groups of people."""

PAPER = """### The paper
"Unrecognizable Yet Identifiable: Image Distortion with Preserved Embeddings",
[arXiv 2401.15048](https://arxiv.org/abs/2401.15048). The generators here were trained by this
project, not by the paper's authors; the figures that they print stand beside ours in the tab
Results."""


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(min_width=320):
            gr.Markdown(WHAT)
            gr.Markdown(HOW, elem_id="about-how")
        with gr.Column(min_width=320):
            gr.Markdown(limits_text(), elem_id="about-limits")
            for text in (PRIVACY, PAPER, f"### Licences\n{licences()}"):
                gr.Markdown(text)


def licences() -> str:
    """README's section, so that there is one text of it. Without it, what is wrong."""
    try:
        readme = README.read_text()
    except (OSError, ValueError):
        return NO_LICENCES
    _, _, from_there = readme.partition("\n## Licences\n")
    return from_there.split("\n## ")[0].strip() or NO_LICENCES


def limits_text() -> str:
    """The measured limits of the first checkpoint: of faces, where one of them is evaluated."""
    names = evaluations.names()
    if not names:
        return (
            "### Measured limits\nNothing has been measured yet; run: python -m training evaluate"
            " NAME"
        )
    try:
        evaluation = evaluations.read(names[0])
    except UserError as error:
        return f"### Measured limits\n{error}"
    lines = [
        f"- {sentence(evaluation)}"
        for part, sentence in SENTENCES.items()
        if not evaluation.reason(part)
    ]
    return (
        f"### Measured limits\nOf the checkpoint `{evaluation.name}`, on the test part, which it"
        " was not trained on:\n\n" + "\n".join(lines)
    )


# an evaluation -> a sentence on what its figures mean


def _verification(evaluation: Evaluation) -> str:
    figures = evaluation.verification
    plain, template = figures["plain"], figures["template"]
    login = template["at_login_threshold"]
    return (
        f"**The login errs:** EER {_eer(template)} where templates are stored, {_eer(plain)} where"
        f" photos are. At the login threshold {rate(login['fmr'])} of the impostors are let in and"
        f" {rate(login['fnmr'])} of the genuine are refused."
    )


def _eer(side: Figures) -> str:
    return f"{rate(side['eer'])} {small_interval(side['eer_ci95'])}"


def _second(evaluation: Evaluation) -> str:
    figures = evaluation.second_recogniser
    accepted = {name: rate(figures[name]["tar_at_fmr_1e-3"]) for name in ("plain", "template")}
    return (
        f"**How much of the face a template shows:** {figures['name']}, a recogniser that had no"
        f" part in the training, accepts {accepted['template']} of the genuine probes against a"
        f" template at FMR 0.1 % ({accepted['plain']} against a photo)."
    )


def _embedding(evaluation: Evaluation) -> str:
    shift = evaluation.embedding_error
    return (
        "**A template can be linked to its photo:** their embeddings are at a mean squared"
        f" distance of {shift['mean']:.3f} ({shift['share_over_alpha']:.1%} over the margin"
        f" {shift['alpha']:g}). Whoever has the recogniser can match a stolen template."
    )


def _failures(evaluation: Evaluation) -> str:
    failures = evaluation.failures
    return (
        "**The failures of the paper's Table 5** (0 is none of it, 1 is all): blank output"
        f" {failures['blank']:.2f}, contours kept {failures['contours_kept']:.2f}, only colours"
        f" changed {failures['only_colours_changed']:.2f}."
    )


def _folds(evaluation: Evaluation) -> str:
    lost = evaluation.lfw_folds["test_people"]["drop"]
    return (
        f"**What distortion costs:** {points(lost, ' points ')} of"
        " accuracy on those of LFW's official pairs whose distorted person is unseen."
    )


def _enrol(evaluation: Evaluation) -> str:
    test = evaluation.failure_to_enrol["test"]
    return (
        f"**Failure to enrol:** no face is found in {test['failures']:,} of {test['pictures']:,}"
        " photos."
    )


SENTENCES = {
    "verification": _verification,
    "second_recogniser": _second,
    "embedding_error": _embedding,
    "failures": _failures,
    "lfw_folds": _folds,
    "failure_to_enrol": _enrol,
}
