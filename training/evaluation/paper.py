"""The paper's own tables and figures, with its protocol, on pictures that no generator was trained
on unless a row says so.
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
"""Of people with fewer pictures none is drawn for Table 4."""
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
    """A row a class: mean distances of real and generated pictures, as mean squared error (`mse`)
    and as Eq. 12 is printed (`eq12`).

    MNIST: the digits of the test part. LFW: the ten people of test whose pictures are most, then
    the paper's ten, most of whom the generator was trained on (`part` says so).
    """
    return [
        {"class": str(label), "part": part, **_class_distances(material, rows)}
        for label, part, rows in _classes(material)
    ]


def _classes(material: Material):
    pictures = material.pictures
    if pictures.data == "mnist":
        return [
            (label, "test", material.test[material.labels == label])
            for label in np.unique(material.labels)
        ]
    known = [name for name in TABLE_3["lfw"] if name in set(pictures.labels)]
    rows = {
        name: np.flatnonzero(pictures.labels == name)
        for name in [*most_photographed(material.labels, 10), *known]
    }
    return [(name, pictures.part[rows[name][0]], rows[name]) for name in rows]


def most_photographed(labels: np.ndarray, count: int) -> list:
    """The classes with the most pictures, by name where equal."""
    return [
        label
        for label, _ in sorted(
            Counter(labels.tolist()).items(), key=lambda item: (-item[1], item[0])
        )[:count]
    ]


def _class_distances(material: Material, rows: np.ndarray) -> dict:
    """Pairs: each picture with its own template (real_generated), with the templates of the class's
    other pictures (real_generated_others), two pictures, two templates.
    """
    real = material.pictures.batch(rows).flatten(1).numpy()
    made = material.templates(rows).flatten(1).numpy()
    crossed, pixels = _gram_distances(real, made), real.shape[1]
    others, pairs = ~np.eye(len(rows), dtype=bool), np.triu_indices(len(rows), 1)
    sets = {
        "real_generated": np.diag(crossed),
        "real_generated_others": crossed[others],
        "real_real": _gram_distances(real, real)[pairs],
        "generated_generated": _gram_distances(made, made)[pairs],
    }
    return {
        "pictures": len(rows),
        "mse": {name: _mean(values / pixels) for name, values in sets.items()},
        "eq12": {name: _mean(np.sqrt(values) / pixels) for name, values in sets.items()},
    }


def _gram_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(len(a), len(b)) squared distances."""
    return np.maximum(0, np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T)


def _mean(values) -> float | None:
    return float(np.mean(values, dtype=np.float64)) if len(values) else None


# Table 4 and Figure 13: the mock login


def login_draw(material: Material, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(genuine, impostor) scores of one random choice of classes and photos, by what is enrolled.

    Three classes are enrolled with one photo each. 1,200 logins of their other photos should be let
    in, 1,200 of three other classes should not; a login's score is the distance to the nearest
    enrolled one. (Drawn with replacement where there are fewer photos.) plain: the photo; template:
    its template; plain_again: another photo of the same class, undistorted, which is what the
    paper's published code enrols for its "with distortion" rows.
    """
    chooser = np.random.default_rng(seed)
    classes = chooser.choice(_often_photographed(material), 6, replace=False)
    rows = [chooser.permutation(np.flatnonzero(material.labels == label)) for label in classes]
    enrolled, again = (np.array([own[k] for own in rows[:3]]) for k in (0, 1))
    genuine, impostor = (
        _logins(np.concatenate(pool), chooser) for pool in ([own[2:] for own in rows[:3]], rows[3:])
    )
    real = material.real_test
    references = {
        "plain": real[enrolled],
        "template": material.shifted_test[enrolled],
        "plain_again": real[again],
    }
    return {
        name: (_nearest(real[genuine], known), _nearest(real[impostor], known))
        for name, known in references.items()
    }


def _often_photographed(material: Material) -> list:
    counts = Counter(material.labels.tolist())
    return sorted(label for label in counts if counts[label] >= MIN_PICTURES)


def _logins(pool: np.ndarray, chooser) -> np.ndarray:
    return chooser.choice(pool, LOGINS, replace=len(pool) < LOGINS)


def _nearest(probes: np.ndarray, references: np.ndarray) -> np.ndarray:
    return np.stack([squared_distances(probes, reference) for reference in references]).min(0)


def table4(draws: list[dict]) -> dict:
    """By what is enrolled: precision, recall, F1 and the counts at the threshold with the best F1,
    over the draws.

    `mean`; `ci95` of that mean; `draws95`, the middle 95 % of single draws. Then how far F1 falls
    within a draw: `drop` of template against plain, and `drop_in_reference_code` of plain_again
    against plain, which compares nothing but two choices of photos.
    """
    found = {name: [best_f1(*draw[name], THRESHOLDS) for draw in draws] for name in draws[0]}
    rows = {
        name: {key: summary_of([one[key] for one in each]) for key in each[0]}
        for name, each in found.items()
    }
    f1 = {name: np.array([one["f1"] for one in each]) for name, each in found.items()}
    return rows | {
        "drop": summary_of(f1["plain"] - f1["template"]),
        "drop_in_reference_code": summary_of(f1["plain"] - f1["plain_again"]),
        "draws": len(draws),
        "logins": 2 * LOGINS,
    }


def summary_of(values) -> dict:
    mean, error = mean_and_error(values)
    return {
        "mean": mean,
        "ci95": [mean - 1.96 * error, mean + 1.96 * error],
        "draws95": interval(values),
    }


def figure13(draws: list[dict]) -> dict:
    """ROC by what is enrolled: at each `fmr` the true match rate of the draws, `mean`, `low` and
    `high` (middle 95 %).
    """
    curves = {
        name: np.stack([1 - det(*draw[name], ROC_FMR)[0] for draw in draws]) for name in draws[0]
    }
    return {"fmr": ROC_FMR.tolist()} | {
        name: {
            "mean": tpr.mean(0).tolist(),
            "low": np.percentile(tpr, 2.5, axis=0).tolist(),
            "high": np.percentile(tpr, 97.5, axis=0).tolist(),
        }
        for name, tpr in curves.items()
    }


# Figure 11: embeddings in three dimensions


def figure11(material: Material) -> list[dict]:
    """Three batches of three classes: which, and how much of the real embeddings' variance three
    dimensions show.
    """
    from sklearn.decomposition import PCA

    shown = most_photographed(material.labels, 9)
    batches = [shown[start : start + 3] for start in range(0, 9, 3)]
    return [
        {
            "classes": [str(label) for label in batch],
            "explained_variance": (
                PCA(3)
                .fit(material.real_test[np.isin(material.labels, batch)])
                .explained_variance_ratio_.tolist()
            ),
        }
        for batch in batches
        if len(batch) == 3
    ]
