"""benchmark.json as Markdown."""

START_WORDS = {"page": "the page, to its first answer", "help": "`python -m ndcb --help`"}


def table(figures: dict) -> str:
    """From the JSON's content alone."""
    one, many = sorted(next(iter(figures["stages"].values())), key=int)
    stages = [
        _stage_row(name, entry[one], entry[many], int(many))
        for name, entry in figures["stages"].items()
    ]
    presets = [
        f"| `{name}` | {entry['batch']} | {_brief(entry['per_second'])} |"
        f" {_brief(entry['rate_ratio'])} |"
        for name, entry in figures["training"].items()
    ]
    starts = [
        f"| {START_WORDS[name]} | {_brief(entry['milliseconds']['median'] / 1000)} |"
        f" {_brief(entry['ratio'])} |"
        for name, entry in figures["start_up"].items()
    ]
    stages_head = (
        f"| stage | one face: ms (ratio) | batch of {many}: ms a face (ratio) |"
        f" memory of one, of {many}: MB |"
    )
    lines = [f"Measured on: {_machine(figures)}."]
    lines += ["", stages_head, "|---|---|---|---|", *stages]
    lines += ["", "| preset | batch | pictures per second | ratio |", "|---|---|---|---|", *presets]
    lines += ["", "| start | seconds | ratio |", "|---|---|---|", *starts]
    return "\n".join(lines + _page_rows(figures))


def _page_rows(figures: dict) -> list[str]:
    if "page" not in figures:
        return []
    entry, memory = figures["page"], figures["goals"]["page_memory_under_4_gb"]
    return [
        "",
        "| the page | |",
        "|---|---|",
        (
            f"| {entry['visitors']} visitors distort a photo at once: templates a second |"
            f" {_brief(entry['per_second'])} |"
        ),
        (
            "| ratio to the same calls made directly, in one process |"
            f" {_brief(entry['rate_ratio'])} |"
        ),
        (
            f"| most memory after its {len(entry['endpoints'])} endpoints were called and"
            f" {entry['events']} events of its tabs caused | {memory['measured']:.0f} MB (goal:"
            f" under {memory['goal']}; {'met' if memory['met'] else 'not met'}) |"
        ),
    ]


def _machine(figures: dict) -> str:
    machine = figures["device"]
    return (
        f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores, torch"
        f" {figures['versions']['torch']} on {machine['device']} ({machine['torch_threads']}"
        " threads)"
    )


def _stage_row(name: str, one: dict, many: dict, count: int) -> str:
    alone, each = one["milliseconds"]["median"], many["milliseconds"]["median"] / count
    return (
        f"| {name} | {_brief(alone)} ({_brief(one['ratio'])}) | {_brief(each)}"
        f" ({_brief(many['ratio'])}) | {one['memory_mb']:.0f}, {many['memory_mb']:.0f} |"
    )


def _brief(value: float) -> str:
    """Three significant digits."""
    return f"{float(f'{value:.3g}'):g}" if value >= 0.001 else "<0.001"
