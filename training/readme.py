"""Writes README.md's measured table from the checkpoints' records: python -m training.readme"""

from ndcb import checkpoints

README = checkpoints.FOLDER.parent / "README.md"
BEGIN, END = "<!-- measured: written by python -m training.readme -->", "<!-- /measured -->"


def table() -> str:
    """Every committed generator, then the recognisers they were trained against."""
    lines = ["| checkpoint | MSE | L1 | SSIM | squared embedding distance: mean, 95th percentile | EER plain | EER template | login threshold |",
             "|---|---|---|---|---|---|---|---|"]
    for name in checkpoints.names():
        record = checkpoints.load(name).record
        lines.append(_row(name, record["figures"], record["threshold"]))
    lines += ["", "| recogniser | EER on all test pairs |", "|---|---|"]
    for name in checkpoints.names(checkpoints.RECOGNISERS):
        record = checkpoints.load(name, checkpoints.RECOGNISERS).record
        lines.append(f"| `{name}` | {record['figures']['plain']['eer']:.2%} |")
    lines += ["", "| checkpoint | blank output | contours kept | only colours changed |", "|---|---|---|---|"]
    for name in checkpoints.names():
        failures = checkpoints.load(name).record["figures"]["failures"]
        lines.append(f"| `{name}` | {failures['blank']:.2f} | {failures['contours_kept']:.2f} | {failures['only_colours_changed']:.2f} |")
    return "\n".join(lines)


def _row(name: str, figures: dict, threshold: float) -> str:
    shift = figures["embedding_distance"]
    return (f"| `{name}` | {figures['mse']:.3f} | {figures['l1']:.3f} | {figures['ssim']:.2f} | {shift['mean']:.3f}, {shift['p95']:.3f} "
            f"| {figures['plain']['eer']:.2%} | {figures['template']['eer']:.2%} | {threshold:.3f} |")


def with_table(text: str) -> str:
    """The README's text with the table as the records have it now."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
