"""The figures in an evaluation's folder -> report.md and figures.png."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from ndcb.core.files import whole_file, write_whole
from ndcb.report import document
from ndcb.results import evaluations
from ndcb.results.summaries import Evaluation, Figures, parsed


def write(folder: Path) -> None:
    """Draw and write both from the figures and arrays in the folder."""
    evaluation = evaluations.read_folder(folder)
    scores, embeddings = np.load(folder / "scores.npz"), np.load(folder / "embeddings.npz")
    draw(evaluation, scores, embeddings, folder / "figures.png")
    write_whole(folder / "report.md", document.report(evaluation))


def report(summary: dict) -> str:
    """report.md from the content of a summary.json, plain or sealed."""
    return document.report(parsed(summary))


# the picture


def draw(evaluation: Evaluation, scores, embeddings, path: Path) -> None:
    """DET with its band, ROC of the mock login (Figure 13), scores, and embeddings (Figure 11)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.6), layout="constrained")
    draw_det(figure.add_subplot(2, 2, 1), evaluation.verification)
    draw_roc(figure.add_subplot(2, 2, 2), evaluation.paper.get("figure13"))
    draw_scores(figure.add_subplot(2, 2, 3), scores)
    draw_embeddings(figure.add_subplot(2, 2, 4, projection="3d"), embeddings)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=80)
    with whole_file(path) as file:
        Image.open(drawn).convert("RGB").quantize(240).save(file, "PNG", optimize=True)


COLOURS = {"plain": "#1f77b4", "template": "#d62728", "plain_again": "#7f7f7f"}
TICKS = [1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95]


def draw_det(axis, verification: Figures) -> None:
    from scipy.stats import norm

    for name in ("plain", "template"):
        if name in verification:
            _draw_det_curve(axis, name, verification[name])
            axis.legend(frameon=False)
    labels = [f"{tick:.3%}".rstrip("0%").rstrip(".") + "%" for tick in TICKS]
    axis.set_xticks(norm.ppf(TICKS), labels)
    axis.set_yticks(norm.ppf(TICKS), labels)
    axis.set(
        xlabel="FMR",
        ylabel="FNMR",
        xlim=norm.ppf([1e-5, 0.6]),
        ylim=norm.ppf([2e-4, 0.98]),
        title="DET with 95 % band",
    )
    axis.grid(alpha=0.3)


def _draw_det_curve(axis, name: str, rates: Figures) -> None:
    from scipy.stats import norm

    fmr, fnmr, low, high = (
        norm.ppf(np.clip(rates["det"][key], 1e-6, 1 - 1e-6))
        for key in ("fmr", "fnmr", "low", "high")
    )
    colour = COLOURS[name]
    axis.fill_between(fmr, low, high, color=colour, alpha=0.15, linewidth=0)
    axis.plot(fmr, fnmr, color=colour, label=f"{name}, EER {rates['eer']:.2%}")


def draw_roc(axis, curves: Figures | None) -> None:
    for name in ("plain_again", "plain", "template") if curves else ():
        fmr, curve, colour = curves["fmr"], curves[name], COLOURS[name]
        axis.fill_between(fmr, curve["low"], curve["high"], color=colour, alpha=0.12, linewidth=0)
        axis.plot(fmr, curve["mean"], color=colour, label=f"{name.replace('_', ' ')} enrolled")
        axis.legend(frameon=False, loc="lower right")
    axis.set_xscale("symlog", linthresh=1e-3)
    axis.set(
        xlabel="false match rate",
        ylabel="true match rate",
        xlim=(0, 1),
        title="Mock login, 100 draws (Figure 13)",
    )
    axis.grid(alpha=0.3)


def draw_scores(axis, scores) -> None:
    edges = np.linspace(0, 4, 161)
    for name, style in (("plain", "-"), ("template", "--")):
        for kind, colour in (("genuine", "#2ca02c"), ("impostor", "#d62728")):
            share = np.histogram(scores[f"{name}_{kind}"].astype(np.float32), edges)[0]
            axis.stairs(
                share / max(1, share.sum()),
                edges,
                color=colour,
                linestyle=style,
                label=f"{kind}, {name}",
            )
    axis.legend(frameon=False)
    axis.set(xlabel="squared distance to a plain probe", ylabel="share", title="Scores")


def draw_embeddings(axis, embeddings) -> None:
    """The first three classes, real and distorted, on the principal axes of the real ones."""
    from sklearn.decomposition import PCA

    labels = embeddings["labels"]
    classes = list(dict.fromkeys(labels.tolist()))[:3]
    chosen = np.isin(labels, classes)
    real, distorted, labels = (embeddings[name][chosen] for name in ("real", "distorted", "labels"))
    pca = PCA(3).fit(real.astype(np.float32))
    for name, colour in zip(classes, ("#1f77b4", "#ff7f0e", "#2ca02c"), strict=False):
        for values, marker in ((real, "o"), (distorted, "x")):
            places = pca.transform(values[labels == name].astype(np.float32))
            label = name.replace("_", " ") if marker == "o" else None
            axis.scatter(*places.T, s=14, marker=marker, color=colour, label=label, linewidth=0.8)
    axis.legend(frameon=False, fontsize=8)
    axis.set_title(
        f"Real (o) and distorted (x), {pca.explained_variance_ratio_.sum():.0%} of the variance"
        " (Figure 11)"
    )
