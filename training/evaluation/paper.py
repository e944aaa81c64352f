"""The paper's own tables and figures, with its protocol.

The pictures are those of the test part, which no generator was trained on, unless a row says so.
"""

from collections import Counter

import numpy as np

from ndcb.core.metrics import best_f1, det, interval, mean_and_error
from ndcb.results.published import TABLE_3
from training.data.material import Material
from training.measure.record import squared_distances

THRESHOLDS = np.linspace(0, 4, 1000)
DRAWS = 100
LOGINS = 1200
MIN_PICTURES = 10
"""Classes with fewer pictures are not drawn for Table 4."""
ROC_FMR = np.unique(np.concatenate([[0], np.logspace(-3, -1, 21), np.linspace(0.1, 1, 19)]))


def paper(material: Material) -> dict:
    """`table3`, `table4`, `figure11`, `figure13`."""
    if len(_often_photographed(material)) < 6:
        return {
            "not_measured": f"the mock login needs six classes of at least {MIN_PICTURES} pictures"
        }
    draws = [login_draw(material, seed) for seed in range(DRAWS)]
    return {
        "table3": table3(material),
        "table4": table4(draws),
        "figure11": figure11(material),
        "figure13": figure13(draws),
    }


# Table 3: how far apart pictures are


def table3(material: Material) -> list[dict]:
    """For each class the mean distances of real and generated pictures.

    `mse`: mean squared error; `eq12`: Eq. 12 as it is printed. MNIST: the digits of the test part.
    LFW: the ten test people with the most pictures, then the paper's ten. The generator was trained
    on most of these; `part` says so.
    """
    classes = _digits(material) if material.pictures.data == "mnist" else _people(material)
    return [
        {"class": str(label), "part": part, **_class_distances(material, rows)}
        for label, part, rows in classes
    ]


def _digits(material: Material) -> list[tuple]:
    """(label, part, rows) of each digit."""
    return [
        (label, "test", material.test[material.labels == label])
        for label in np.unique(material.labels)
    ]


def _people(material: Material) -> list[tuple]:
    """(name, part, rows) of each person, nobody twice."""
    pictures = material.pictures
    papers_own = [name for name in TABLE_3["lfw"] if name in set(pictures.labels)]
    names = dict.fromkeys([*most_photographed(material.labels, 10), *papers_own])
    rows = {name: np.flatnonzero(pictures.labels == name) for name in names}
    return [(name, pictures.part[own[0]], own) for name, own in rows.items()]


def most_photographed(labels: np.ndarray, count: int) -> list:
    """The classes with the most pictures, by name where equal."""
    pictures = Counter(labels.tolist())
    return sorted(pictures, key=lambda label: (-pictures[label], label))[:count]


def _class_distances(material: Material, rows: np.ndarray) -> dict:
    """Mean distances of four kinds of pairs.

    real_generated: a picture and its own template; real_generated_others: a picture and the
    template of another one of the class; real_real: two pictures; generated_generated: two
    templates.
    """
    real = material.pictures.batch(rows).flatten(1).numpy()
    templates = material.templates(rows).flatten(1).numpy()
    pixels = real.shape[1]

    crossed = _squared_distances(real, templates)
    different, pairs = ~np.eye(len(rows), dtype=bool), np.triu_indices(len(rows), 1)
    squared = {
        "real_generated": np.diag(crossed),
        "real_generated_others": crossed[different],
        "real_real": _squared_distances(real, real)[pairs],
        "generated_generated": _squared_distances(templates, templates)[pairs],
    }
    return {
        "pictures": len(rows),
        "mse": {name: _mean(values / pixels) for name, values in squared.items()},
        "eq12": {name: _mean(np.sqrt(values) / pixels) for name, values in squared.items()},
    }


def _squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of every row of a and every row of b, (len(a), len(b))."""
    return np.maximum(0, np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T)


def _mean(values) -> float | None:
    return float(np.mean(values, dtype=np.float64)) if len(values) else None


# Table 4 and Figure 13: the mock login


def login_draw(material: Material, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(genuine, impostor) scores of one mock login, by what is enrolled.

    Three random classes are enrolled with one photo each. 1,200 logins with their other photos
    should be accepted, 1,200 with photos of three other classes should not. (Where there are fewer
    photos, they are drawn with replacement.) A login's score is the distance to the nearest
    reference. The reference is, in `plain`, the photo; in `template`, its template; in
    `plain_again`, another photo of the same class, not distorted: the paper's published code enrols
    that for its "with distortion" rows.
    """
    chooser = np.random.default_rng(seed)
    classes = chooser.choice(_often_photographed(material), 6, replace=False)
    rows = [chooser.permutation(np.flatnonzero(material.labels == label)) for label in classes]
    enrolled_classes, other_classes = rows[:3], rows[3:]

    enrolled = np.array([own[0] for own in enrolled_classes])
    again = np.array([own[1] for own in enrolled_classes])
    genuine = _logins(np.concatenate([own[2:] for own in enrolled_classes]), chooser)
    impostor = _logins(np.concatenate(other_classes), chooser)

    real = material.real_test
    references = {
        "plain": real[enrolled],
        "template": material.shifted_test[enrolled],
        "plain_again": real[again],
    }
    return {
        name: (_nearest(real[genuine], own), _nearest(real[impostor], own))
        for name, own in references.items()
    }


def _often_photographed(material: Material) -> list:
    counts = Counter(material.labels.tolist())
    return sorted(label for label in counts if counts[label] >= MIN_PICTURES)


def _logins(pool: np.ndarray, chooser: np.random.Generator) -> np.ndarray:
    return chooser.choice(pool, LOGINS, replace=len(pool) < LOGINS)


def _nearest(probes: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Each probe's squared distance to the nearest reference, (len(probes),)."""
    return np.stack([squared_distances(probes, reference) for reference in references]).min(0)


def table4(draws: list[dict]) -> dict:
    """By what is enrolled: precision, recall, F1 and the counts, at the threshold with the best F1.

    Each figure is summed up over the draws: see `summary_of`. `drop` is how far F1 falls within a
    draw from plain to template. `drop_in_reference_code` is the same from plain to plain_again: it
    compares nothing but two choices of photos.
    """
    rows, f1 = {}, {}
    for name in draws[0]:
        best = [best_f1(*draw[name], THRESHOLDS) for draw in draws]
        values = {key: np.array([one[key] for one in best]) for key in best[0]}
        rows[name] = {key: summary_of(own) for key, own in values.items()}
        f1[name] = values["f1"]
    return rows | {
        "drop": summary_of(f1["plain"] - f1["template"]),
        "drop_in_reference_code": summary_of(f1["plain"] - f1["plain_again"]),
        "draws": len(draws),
        "logins": 2 * LOGINS,
    }


def summary_of(values) -> dict:
    """`mean`; `ci95` of that mean; `draws95`: the middle 95 % of the values."""
    mean, error = mean_and_error(values)
    return {
        "mean": mean,
        "ci95": [mean - 1.96 * error, mean + 1.96 * error],
        "draws95": interval(values),
    }


def figure13(draws: list[dict]) -> dict:
    """ROC by what is enrolled: at each `fmr` the true match rate of the draws.

    `mean`; `low` and `high` are the ends of the middle 95 %.
    """
    found = {"fmr": ROC_FMR.tolist()}
    for name in draws[0]:
        true_match_rates = np.stack([1 - det(*draw[name], ROC_FMR)[0] for draw in draws])
        found[name] = {
            "mean": true_match_rates.mean(0).tolist(),
            "low": np.percentile(true_match_rates, 2.5, axis=0).tolist(),
            "high": np.percentile(true_match_rates, 97.5, axis=0).tolist(),
        }
    return found


# Figure 11: embeddings in three dimensions


def figure11(material: Material) -> list[dict]:
    """Three batches of three classes, and the share of variance that three dimensions show.

    The variance is that of the embeddings of the batch's photos.
    """
    from sklearn.decomposition import PCA

    shown = most_photographed(material.labels, 9)
    batches = [shown[start : start + 3] for start in range(0, 9, 3)]
    found = []
    for batch in batches:
        if len(batch) == 3:
            embeddings = material.real_test[np.isin(material.labels, batch)]
            explained = PCA(3).fit(embeddings).explained_variance_ratio_
            classes = [str(label) for label in batch]
            found.append({"classes": classes, "explained_variance": explained.tolist()})
    return found
