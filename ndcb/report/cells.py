"""The cells of tables, and tables as Markdown. Rates and shares come in [0, 1]."""

from collections.abc import Mapping


def table(header: list[str], rows: list[list[str]], align: str = "---") -> str:
    """Markdown; `align` is that of all columns but the first: `---`, or `---:` for the right."""
    rule = ["---", *[align] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def numbers_table(header: list[str], rows: list[list[str]]) -> str:
    """A table whose columns are aligned right but for the first."""
    return table(header, rows, "---:")


def details(title: str, text: str) -> str:
    """Markdown that is folded under a title."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def rate(value: float) -> str:
    return f"{value:.2%}"


def interval(edges: list[float]) -> str:
    """`[0.72%, 1.54%]`."""
    return f"[{rate(edges[0])}, {rate(edges[1])}]"


def small_interval(edges: list[float]) -> str:
    """`[0.72, 1.54]` in small print, in percent."""
    return f"<small>[{100 * edges[0]:.2f}, {100 * edges[1]:.2f}]</small>"


def small_counts(edges: list[float]) -> str:
    """`[880, 1,320]` in small print."""
    return f"<small>[{edges[0]:,.0f}, {edges[1]:,.0f}]</small>"


def rate_of(figures: Mapping, key: str) -> str:
    """A rate, and its interval where that was measured: `1.20% [0.72%, 1.54%]`."""
    edges = figures.get(f"{key}_ci95")
    return f"{rate(figures[key])} {interval(edges)}" if edges else rate(figures[key])


def rate_over_interval(value: float, edges: list[float]) -> str:
    """A rate, and under it its interval in small print."""
    return f"{rate(value)}<br>{small_interval(edges)}"


def points(drop: dict, between: str = " ") -> str:
    """A drop in percentage points with its 95 % interval in small print. drop: mean, ci95."""
    return f"{100 * drop['mean']:.2f}{between}{small_interval(drop['ci95'])}"


def plain_points(drop: dict, unit: str = "") -> str:
    """The same without small print: `1.12 [0.72, 1.54]`. unit: what is written after the mean."""
    low, high = drop["ci95"]
    return f"{100 * drop['mean']:.2f}{unit} [{100 * low:.2f}, {100 * high:.2f}]"
