"""Measured figures -> Plotly figures. Rates come in [0, 1] and are drawn in percent; nothing is
computed here but where a point goes.

The page colours all text itself, so that the figures are readable in both themes; backgrounds are
transparent. Lines differ by dash and by marker as well as by colour.
"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ndcb.results.evaluations import SeriesPoint
from ndcb.results.summaries import Figures

GRID, GREY = "rgba(128, 128, 128, .28)", "#8b8f98"
COLOURS = {
    "plain": "#3b82f6",
    "template": "#ea580c",
    "plain_again": GREY,
    "genuine": "#0d9488",
    "impostor": "#d97706",
}
DASHES = {"plain": "dash", "template": "solid", "plain_again": "dot"}
WORDS = {
    "plain": "photo",
    "template": "template",
    "plain_again": "another photo (the paper's code)",
}
RATES = [1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95]
"""Ticks of the probit axes."""
FLOOR = 2e-5
"""A probit axis has no place for 0 and 1; rates under this, or over 1 minus it, are drawn there."""
BINS = np.linspace(0, 4, 161)


def blank(height: int, **layout) -> go.Figure:
    """An empty figure of a fixed height in pixels, as wide as its place."""
    return style(go.Figure(), height, **layout)


def style(figure: go.Figure, height: int, **layout) -> go.Figure:
    """Dragging scrolls the page, as on a phone it must; the tool bar has zoom and pan."""
    figure.update_layout(
        template="none",
        height=height,
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 56, "r": 12, "t": 34, "b": 48},
        font={"size": 12, "family": "system-ui, sans-serif"},
        hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#94a3b8"},
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    return figure.update_layout(**layout)


def faint(colour: str) -> str:
    """The colour of a band: mostly transparent. colour: #rrggbb."""
    return "rgba({}, {}, {}, .16)".format(*(int(colour[at : at + 2], 16) for at in (1, 3, 5)))


def add_band(figure: go.Figure, name: str, x, low, high) -> None:
    edge = {
        "x": x,
        "mode": "lines",
        "line": {"width": 0},
        "legendgroup": name,
        "showlegend": False,
        "hoverinfo": "skip",
    }
    figure.add_scatter(y=low, **edge)
    figure.add_scatter(y=high, fill="tonexty", fillcolor=faint(COLOURS[name]), **edge)


# DET


def probit(rates) -> np.ndarray:
    """Standard normal quantiles: the axes on which normal scores give straight lines."""
    return np.array([NormalDist().inv_cdf(rate) for rate in np.clip(rates, FLOOR, 1 - FLOOR)])


def det(verification: Figures) -> go.Figure:
    """FNMR over FMR on probit axes with the 95 % band. A dotted line shows equal errors, a diamond
    the login threshold.
    """
    figure = blank(430, xaxis_title="FMR: impostors accepted", yaxis_title="FNMR: genuine refused")
    for name in ("plain", "template"):
        _add_det(figure, name, verification[name])
    corner = probit([FLOOR, 0.5])
    figure.add_scatter(
        x=corner,
        y=corner,
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"},
        name="FMR = FNMR",
        hoverinfo="skip",
    )
    _add_login_point(figure, verification["template"]["at_login_threshold"])
    ticks = {
        "tickvals": probit(RATES),
        "ticktext": [f"{100 * rate:g}%" for rate in RATES],
        "zeroline": False,
    }
    figure.update_xaxes(range=probit([FLOOR, 0.6]), **ticks)
    return figure.update_yaxes(range=probit([FLOOR, 0.98]), **ticks)


def _add_det(figure: go.Figure, name: str, rates: Figures) -> None:
    curve, x = rates["det"], probit(rates["det"]["fmr"])
    add_band(figure, name, x, probit(curve["low"]), probit(curve["high"]))
    figure.add_scatter(
        x=x,
        y=probit(curve["fnmr"]),
        mode="lines",
        line={"color": COLOURS[name], "dash": DASHES[name]},
        legendgroup=name,
        name=f"{WORDS[name]}, EER {rates['eer']:.2%}",
        customdata=100 * np.stack([curve[key] for key in ("fmr", "fnmr", "low", "high")], 1),
        hovertemplate=(
            "FMR %{customdata[0]:.3g}%<br>FNMR %{customdata[1]:.2f}% [%{customdata[2]:.2f},"
            " %{customdata[3]:.2f}]"
        ),
    )


def _add_login_point(figure: go.Figure, login: Figures) -> None:
    figure.add_scatter(
        x=probit([login["fmr"]]),
        y=probit([login["fnmr"]]),
        mode="markers",
        name="login threshold",
        marker={
            "symbol": "diamond",
            "size": 11,
            "color": COLOURS["template"],
            "line": {"width": 1.5, "color": "#ffffff"},
        },
        hovertemplate=(
            f"threshold {login['threshold']:.3f}<br>FMR {login['fmr']:.2%}<br>FNMR"
            f" {login['fnmr']:.2%}<extra></extra>"
        ),
    )


# scores


def score_histogram(scores: Mapping[str, np.ndarray], threshold: float) -> go.Figure:
    """Shares of the genuine and impostor scores, template and photo as reference, and the login
    threshold. scores: arrays in [0, 4].
    """
    figure = blank(
        400,
        xaxis_title="squared embedding distance to a plain probe",
        yaxis_title="share of the scores, %",
    )
    for kind in ("genuine", "impostor"):
        for name in ("template", "plain"):
            _add_shares(figure, kind, name, scores[f"{name}_{kind}"])
    figure.add_vline(
        threshold,
        line={"color": GREY, "width": 2},
        annotation_position="top",
        annotation_text=f"login threshold {threshold:.3f}",
    )
    figure.update_layout(margin_t=76, legend_y=1.1)
    largest = max(float(values[-1]) for values in scores.values())
    return figure.update_xaxes(range=[0, max(2.0, largest)])


def _add_shares(figure: go.Figure, kind: str, name: str, scores: np.ndarray) -> None:
    share = 100 * np.histogram(scores, BINS)[0] / len(scores)
    figure.add_scatter(
        x=(BINS[1:] + BINS[:-1]) / 2,
        y=share.round(4),
        mode="lines",
        name=f"{kind}, {WORDS[name]}",
        line={"shape": "hvh", "color": COLOURS[kind], "dash": DASHES[name], "width": 1.5},
        fill="tozeroy" if name == "template" else None,
        fillcolor=faint(COLOURS[kind]),
        hovertemplate="distance %{x:.3f}<br>%{y:.2f}% of the scores",
    )


# searches, and rates by threshold


def cmc(identification: Figures) -> go.Figure:
    """The share of searches whose person is among the nearest k, with its 95 % band."""
    figure = blank(
        400, xaxis_title="rank: the person is among the nearest k", yaxis_title="searches, %"
    )
    for name in ("plain", "template"):
        curve = identification[name]["cmc"]
        rate, low, high = (100 * np.array(curve[key]) for key in ("rate", "low", "high"))
        add_band(figure, name, curve["rank"], low, high)
        figure.add_scatter(
            x=curve["rank"],
            y=rate,
            customdata=np.stack([low, high], 1),
            mode="lines+markers",
            name=WORDS[name],
            legendgroup=name,
            line={"color": COLOURS[name], "dash": DASHES[name]},
            hovertemplate=("rank %{x}<br>%{y:.2f}% [%{customdata[0]:.2f}, %{customdata[1]:.2f}]"),
        )
    return figure.update_xaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200])


def error_rates(curves: Figures) -> go.Figure:
    """FMR(t) and FNMR(t), their 95 % intervals on hovering, on a logarithmic axis from 0.001 %."""
    figure = blank(430, xaxis_title="threshold: squared embedding distance", yaxis_title="rate, %")
    kinds = {"fmr": "impostor", "fnmr": "genuine"}
    for kind, colour in kinds.items():
        for name in ("plain", "template"):
            _add_error_rate(figure, curves, kind, name, COLOURS[colour])
    figure.update_layout(margin_t=76, legend_y=1.1)
    return figure.update_yaxes(type="log", range=[-3, 2], tickformat="~g", dtick=1)


def _add_error_rate(figure: go.Figure, curves: Figures, kind: str, name: str, colour: str) -> None:
    """A rate of 0 has no place on a logarithmic axis."""
    side = curves[name]
    rate, low, high = (100 * np.array(side[key]) for key in (kind, f"{kind}_low", f"{kind}_high"))
    figure.add_scatter(
        x=curves["threshold"],
        y=np.where(rate > 0, rate, np.nan),
        customdata=np.stack([low, high], 1),
        mode="lines",
        name=f"{kind.upper()}, {WORDS[name]}",
        line={"color": colour, "dash": DASHES[name]},
        hovertemplate=("t %{x:.2f}<br>%{y:.3g}% [%{customdata[0]:.3g}, %{customdata[1]:.3g}]"),
    )


# LFW's ten folds


def folds(figures: Figures) -> go.Figure:
    """Accuracies with their standard error over the folds, and the drops with their 95 %
    intervals.
    """
    grid = make_subplots(rows=2, row_heights=[0.68, 0.32], vertical_spacing=0.24)
    figure = style(grid, 440, showlegend=False)
    centred = figures["centred"]
    _add_accuracy(figure, "photo", "plain", figures["plain"])
    _add_accuracy(figure, "template", "template", figures["template"])
    _add_accuracy(figure, "photo,<br>centred", "plain", centred["plain"])
    _add_accuracy(figure, "template,<br>centred", "template", centred["template"])
    _add_drop(figure, "all pairs", figures["drop"])
    _add_drop(figure, "unseen<br>people", figures["test_people"]["drop"])
    figure.update_xaxes(title="accuracy on the official pairs, %, ± standard error", row=1)
    figure.update_xaxes(title="accuracy lost to the template, points, 95 % interval", row=2)
    return figure.update_yaxes(autorange="reversed")


def _add_accuracy(figure: go.Figure, label: str, name: str, side: Figures) -> None:
    error = 100 * side["stderr"]
    hover = "accuracy %{x:.2f}% ± %{error_x.array:.2f}"
    _add_dot(figure, 1, label, name, 100 * side["accuracy"], (error, error), hover)


def _add_drop(figure: go.Figure, label: str, drop: Figures) -> None:
    value = 100 * drop["mean"]
    low, high = (100 * edge for edge in drop["ci95"])
    errors = value - low, high - value
    _add_dot(figure, 2, label, "template", value, errors, "%{x:.2f} points lost")


def _add_dot(
    figure: go.Figure,
    row: int,
    label: str,
    name: str,
    value: float,
    errors: tuple[float, float],
    hover: str,
) -> None:
    """A value with its errors below and above."""
    below, above = errors
    marker = {
        "size": 10,
        "color": COLOURS[name],
        "symbol": "circle" if name == "plain" else "diamond",
    }
    error = {"array": [above], "arrayminus": [below], "thickness": 1.5, "color": COLOURS[name]}
    figure.add_scatter(
        x=[value],
        y=[label],
        mode="markers",
        marker=marker,
        error_x=error,
        row=row,
        col=1,
        hovertemplate=f"{hover}<extra></extra>",
    )


# the mock login


def roc(curves: Figures) -> go.Figure:
    """Figure 13: the mean true match rate of the draws and the middle 95 % of them; buttons choose
    the scale of the FMR axis.
    """
    figure = blank(430, xaxis_title="false match rate, %", yaxis_title="true match rate, %")
    for name in ("plain_again", "plain", "template"):
        _add_roc(figure, name, 100 * np.array(curves["fmr"]), curves[name])
    figure.update_layout(margin_t=96, legend_y=1.0, updatemenus=[_scale_buttons()])
    return figure.update_xaxes(type="log", range=[-1, 2], tickformat="~g", dtick=1)


def _add_roc(figure: go.Figure, name: str, fmr: np.ndarray, curve: Figures) -> None:
    """fmr: in percent."""
    mean, low, high = (100 * np.array(curve[key]) for key in ("mean", "low", "high"))
    add_band(figure, name, fmr, low, high)
    figure.add_scatter(
        x=fmr,
        y=mean,
        customdata=np.stack([low, high], 1),
        mode="lines",
        name=WORDS[name],
        legendgroup=name,
        line={"color": COLOURS[name], "dash": DASHES[name]},
        hovertemplate=(
            "FMR %{x:.3g}%<br>TMR %{y:.2f}% [%{customdata[0]:.2f}, %{customdata[1]:.2f}]"
        ),
    )


def _scale_buttons() -> dict:
    """A menu of the page that changes the scale of the FMR axis."""
    scales = {
        "log FMR": {"xaxis.type": "log", "xaxis.range": [-1, 2]},
        "linear FMR": {"xaxis.type": "linear", "xaxis.range": [0, 100]},
    }
    buttons = [
        {"label": label, "method": "relayout", "args": [change]} for label, change in scales.items()
    ]
    return {
        "type": "buttons",
        "direction": "right",
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": 1.32,
        "yanchor": "top",
        "font": {"size": 11},
    }


def confusion(table4: Figures, printed: dict) -> go.Figure:
    """Heat maps of the counts: on the left ours, the mean of the draws; on the right the one draw
    that the paper prints.
    """
    panels = {
        (1, 1): ("photo", table4["plain"]),
        (1, 2): ("the paper, without distortion", printed["plain"]),
        (2, 1): ("template", table4["template"]),
        (2, 2): ("the paper, with distortion", printed["template"]),
        (3, 1): ("another photo", table4["plain_again"]),
    }
    grid = make_subplots(
        rows=3,
        cols=2,
        subplot_titles=[title for title, _ in panels.values()],
        vertical_spacing=0.13,
        horizontal_spacing=0.14,
    )
    figure = style(grid, 620)
    for (row, column), (_, counts) in panels.items():
        figure.add_trace(_counts(counts), row=row, col=column)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure.update_annotations(font_size=12)


def _counts(counts: Figures) -> go.Heatmap:
    """Rows: who logs in; columns: the answer. A count that is not there is left blank. counts:
    numbers, or summaries with a `mean`.
    """
    values = [
        [_count(counts.get("tp")), _count(counts.get("fn"))],
        [_count(counts.get("fp")), _count(counts.get("tn"))],
    ]
    text = [list(map(_count_text, row)) for row in values]
    return go.Heatmap(
        z=values,
        x=["let in", "refused"],
        y=["genuine", "impostor"],
        text=text,
        texttemplate="%{text}",
        textfont={"size": 14},
        zmin=0,
        colorscale=[[0, "rgba(59, 130, 246, .06)"], [1, "rgba(59, 130, 246, .6)"]],
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
    )


def _count(value) -> float | None:
    return value["mean"] if isinstance(value, dict) else value


def _count_text(count: float | None) -> str:
    return "" if count is None else f"{count:,.0f}"


# distances


KINDS = {
    "real_generated": ("picture and its template", "#ea580c"),
    "real_real": ("two pictures", "#3b82f6"),
    "generated_generated": ("two templates", "#0d9488"),
}


def table3(rows: list[Figures], printed: dict[str, tuple[float, float, float]]) -> go.Figure:
    """Mean squared errors, a line a class: filled is ours, open is what the paper prints. printed:
    class -> three distances as KINDS.
    """
    figure = blank(
        120 + 25 * len(rows),
        xaxis_title="mean squared error",
        yaxis_autorange="reversed",
        margin_t=64,
    )
    labels = [row["class"].replace("_", " ") for row in rows]
    papers = [printed.get(row["class"], (None, None, None)) for row in rows]
    for place, (kind, (words, colour)) in enumerate(KINDS.items()):
        hover = f"{words}: %{{x:.3f}}"
        shared = {"y": labels, "mode": "markers", "name": words, "legendgroup": kind}
        figure.add_scatter(
            x=[row["mse"][kind] for row in rows],
            marker={"size": 9, "color": colour},
            hovertemplate=hover + "<extra>ours</extra>",
            **shared,
        )
        figure.add_scatter(
            x=[distances[place] for distances in papers],
            showlegend=False,
            marker={"size": 9, "color": colour, "symbol": "circle-open"},
            hovertemplate=hover + "<extra>the paper</extra>",
            **shared,
        )
    return figure.update_yaxes(tickfont_size=11, type="category")


# Figure 12


def alpha_series(series: list[SeriesPoint]) -> go.Figure:
    """Above: how far the picture moves (MSE) for how far the embedding does, a point a margin;
    below: what that costs in EER.
    """
    figure = style(make_subplots(rows=2, vertical_spacing=0.2), 660)
    alphas = [point.alpha for point in series]
    figure.add_scatter(
        x=[point.embedding_error for point in series],
        y=[point.mse for point in series],
        text=[f"α {alpha:g}" for alpha in alphas],
        mode="lines+markers+text",
        textposition="bottom right",
        line={"color": COLOURS["genuine"]},
        marker={"size": 9},
        cliponaxis=False,
        name="generator",
        showlegend=False,
        hovertemplate="embedding distance %{x:.3f}<br>MSE %{y:.3f}<extra>%{text}</extra>",
        row=1,
        col=1,
    )
    _add_eer(figure, alphas, series)
    figure.update_xaxes(title="mean squared embedding distance", rangemode="tozero", row=1)
    figure.update_xaxes(title="margin α", row=2)
    figure.update_yaxes(title="MSE", row=1)
    return figure.update_yaxes(title="EER, %", rangemode="tozero", row=2)


def _add_eer(figure: go.Figure, alphas: list[float], series: list[SeriesPoint]) -> None:
    eer = 100 * np.array([point.eer for point in series])
    low, high = 100 * np.array([point.eer_ci95 for point in series]).T
    figure.add_scatter(
        x=alphas,
        y=eer,
        error_y={"array": high - eer, "arrayminus": eer - low, "thickness": 1.2},
        mode="lines+markers",
        name="EER, template",
        line={"color": COLOURS["template"]},
        marker={"size": 8, "symbol": "diamond"},
        hovertemplate="α %{x:g}: EER %{y:.2f}%",
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=alphas,
        y=[100 * point.plain_eer for point in series],
        mode="lines+markers",
        name="EER, photo",
        row=2,
        col=1,
        line={"color": COLOURS["plain"], "dash": DASHES["plain"]},
        hovertemplate="α %{x:g}: EER %{y:.2f}%",
    )
