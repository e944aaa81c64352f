"""The quality gate, learned from development people, judged on test people.

    photos -> made poor -> detector -> F(X), kept in the cache -> discriminant -> limit -> JSON

The limit is set so that at most REFUSED of the development people's untouched photos are refused,
each judged by a discriminant that has not seen its person. Test people have no say in it.

quality.json:
    gate            recogniser, kinds, weights, offsets, limit: what `ndcb.models.quality` reads
    untouched       {development, test}.{people, photos, refused}: whole photos, and which share of
                    them the gate refuses
    people          test people whose photos were changed
    changes         name of a change -> found, refused: shares of the photos, and of those found;
                    {plain, sealed}.{accepted, with_gate, passing}: which share of the pairs of
                    strangers is accepted: of the pairs that were found; the same, where none is in
                    which the gate refuses a photo; of the pairs that pass the gate (null: hardly
                    any). Both photos are changed alike, and one of them is a template. Where hardly
                    any face is found there is nothing but `found`
    goal            kind of change -> the largest `with_gate` of plain and of sealed templates, in
                    units of `accepted` of untouched photos; allowed, met
    alone           a measure -> kind of change -> the same of plain templates, were this measure
                    the gate, and were it to refuse as many untouched photos of development people
    one_person      {development, test}.{plain, sealed}.{number of photos}: people; refused: sets of
                    one person's photos; missed: sets whose last photo is a stranger's; half_missed:
                    sets of which half are
    identification  {one_template, two_templates}.{number of names}: named: strangers to whom a
                    search gives a name; predicted: 1 - (1 - FMR)^n, for n templates
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ndcb.core.files import write_whole
from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED
from ndcb.models import checkpoints
from ndcb.models.pipeline import pick_device
from ndcb.models.quality import FILE, Gate
from ndcb.models.recognisers import load_recogniser
from ndcb.vault.enrolment import MOST_PHOTOS
from training.evaluation import rounded
from training.quality.poor_photos import CHANGES, HARMLESS, TAUGHT, UNTOUCHED, kind_of
from training.quality.seen_photos import MEASURES, Photos, Seen
from training.quality.strangers import Compared, Generators, identification, one_person, squared
from training.runs import commit, versions

REFUSED = 0.008
"""Share of the development people's untouched photos that may be refused; the goal allows 0.01."""
ALLOWED = 3.0
"""The goal: poor photos let in at most so many times as many strangers as untouched ones."""
FOLDS = 5
FEWEST = 20
"""Photos that have to be found, or to pass, before a rate among them is told."""


def measure(root: Path, people: int, file: Path | None = None, limit: int | None = None) -> Path:
    """Fit and judge the gate, and write the file. A run that was stopped goes on where it was.

    people: test people whose photos are made poor. limit: only so many people of each part, those
    with the most photos.
    """
    device = pick_device("auto")
    plain = checkpoints.load(DEFAULT_FACES, device=device)
    sealed = checkpoints.load(DEFAULT_SEALED, checkpoints.SEALED, device)
    recogniser = load_recogniser(plain.record["recogniser"], device)
    generators = Generators(plain, sealed, recogniser)
    development, test = (
        Photos(root, part, recogniser, MOST_PHOTOS, limit) for part in ("development", "test")
    )

    gate, refused = fit(development, plain.record["recogniser"])
    chosen = some(test, people)
    changes = {change: judged(gate, generators, test, change, chosen) for change in CHANGES}
    found = {
        "people": len(chosen),
        "untouched": {
            "development": about(development) | {"refused": refused},
            "test": about(test) | {"refused": refused_share(gate, untouched(test))},
        },
        "goal": worst(changes),
        "changes": changes,
        "alone": alone(gate, development, generators, test, chosen),
        "one_person": {
            part: one_persons(generators, photos)
            for part, photos in (("development", development), ("test", test))
        },
        "identification": identifications(generators, test),
    }
    head = {"device": str(device), "commit": commit(), "versions": versions()}
    file = file or checkpoints.FOLDER / FILE
    write_whole(file, as_text(rounded(head | found), gate))
    return file


def as_text(found: dict, gate: Gate) -> str:
    """JSON to read, but for the weights: a line for each kind."""
    rows = [", ".join(f"{weight:.5g}" for weight in row) for row in gate.weights.tolist()]
    kept = {
        "recogniser": gate.recogniser,
        "limit": gate.limit,
        "kinds": list(gate.kinds),
        "offsets": [short(offset) for offset in gate.offsets.tolist()],
    }
    head = json.dumps(found, indent=1).removesuffix("\n}")
    tail = json.dumps({"gate": kept | {"weights": "ROWS"}}, indent=1).removeprefix("{\n")
    weights = "[\n   [" + "],\n   [".join(rows) + "]\n  ]"
    return f"{head},\n{tail}\n".replace('"ROWS"', weights)


# the gate


def fit(photos: Photos, recogniser: str) -> tuple[Gate, float]:
    """The gate, and the share of these people's untouched photos that it refuses.

    Each photo is judged by a gate that has not seen its person.
    """
    good = untouched(photos)
    owners = np.unique(photos.people, return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(owners.max() + 1)[owners] % FOLDS
    scores = np.empty(len(owners))
    for fold in range(FOLDS):
        held_out = folds == fold
        gate = taught(photos, ~held_out, recogniser)
        scores[held_out] = worst_scores(gate, good.embeddings[held_out])

    scores = scores[good.found]
    limit = float(np.quantile(scores, 1 - REFUSED, method="higher"))
    gate = taught(photos, np.ones(len(owners), bool), recogniser)
    return replace(gate, limit=limit), float((scores > limit).mean())


def taught(photos: Photos, chosen: np.ndarray, recogniser: str) -> Gate:
    """A gate without a limit, from these photos; changed are only the first ones of each person."""
    firsts = photos.first
    changed = {
        change: of(photos.seen(change, firsts), chosen[firsts]) for change in (*HARMLESS, *TAUGHT)
    }
    changed[UNTOUCHED] = of(untouched(photos), chosen)
    good = np.concatenate([changed.pop(change) for change in HARMLESS])
    return discriminant(good, changed, recogniser)


def of(seen: Seen, chosen: np.ndarray | bool) -> np.ndarray:
    """F(X) of these photos, as far as a face was found."""
    return seen.embeddings[seen.found & chosen]


def discriminant(good: np.ndarray, poor: dict[str, np.ndarray], recogniser: str) -> Gate:
    """A gate without a limit, from F(X), (n, m), of good photos and of each change.

    Linear discriminant analysis: one covariance for all classes, shrunk as Ledoit and Wolf have it.
    Every class counts as equally likely.
    """
    classes = [good, *poor.values()]
    labels = np.repeat(np.arange(len(classes)), [len(one) for one in classes])
    priors = np.full(len(classes), 1 / len(classes))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=priors)
    model.fit(np.concatenate(classes), labels)
    weights = model.coef_[1:] - model.coef_[0]
    offsets = model.intercept_[1:] - model.intercept_[0]
    kinds = tuple(TAUGHT[change] for change in poor)
    return Gate(recogniser, kinds, as_stored(weights), as_stored(offsets), float("inf"))


def as_stored(values: np.ndarray) -> torch.Tensor:
    """With the digits that the file keeps."""
    return torch.from_numpy(np.vectorize(short)(values)).float()


def short(value: float) -> float:
    """Five significant digits: more than any score means."""
    return float(f"{value:.5g}")


def worst_scores(gate: Gate, embeddings: np.ndarray) -> np.ndarray:
    """(n,): the score that decides."""
    return gate.scores(torch.from_numpy(embeddings)).max(1).values.numpy()


# what it does


def untouched(photos: Photos) -> Seen:
    return photos.seen(UNTOUCHED, np.arange(len(photos.files)))


def about(photos: Photos) -> dict:
    return {"people": len(photos.first), "photos": len(photos.files)}


def some(photos: Photos, people: int) -> np.ndarray:
    """Rows of the first photo of so many people, drawn once."""
    chooser = np.random.default_rng(0)
    return np.sort(chooser.permutation(photos.first)[:people])


def refused_share(gate: Gate, seen: Seen) -> float:
    return float((worst_scores(gate, of(seen, True)) > gate.limit).mean())


def judged(
    gate: Gate, generators: Generators, photos: Photos, change: str, rows: np.ndarray
) -> dict:
    """Of photos of different people after a change: see `changes` above."""
    seen = photos.seen(change, rows)
    line = {"found": float(seen.found.mean())}
    if seen.found.sum() < FEWEST:
        return line
    passes = worst_scores(gate, seen.embeddings) <= gate.limit
    line["refused"] = float((~passes[seen.found]).mean())
    compared = generators.compared(photos, change, rows)
    return line | {
        name: rates(one, generators.thresholds[name], seen.found, passes)
        for name, one in compared.items()
    }


def rates(compared: Compared, threshold: float, found: np.ndarray, passes: np.ndarray) -> dict:
    """Shares of the pairs of different photos."""
    accepted = compared.distances < threshold
    there, both_pass = both(found), both(found & passes)
    left = int((found & passes).sum())
    return {
        "accepted": float(accepted[there].mean()),
        "with_gate": float((accepted & both_pass)[there].mean()),
        "passing": float(accepted[both_pass].mean()) if left >= FEWEST else None,
    }


def both(chosen: np.ndarray) -> np.ndarray:
    """(n,) -> (n, n), bool: two different photos, both of them chosen."""
    return np.outer(chosen, chosen) & ~np.eye(len(chosen), dtype=bool)


def worst(changes: dict) -> dict:
    """`goal` above."""
    found: dict[str, float] = {}
    for change, line in changes.items():
        for name in ("plain", "sealed"):
            if change != UNTOUCHED and name in line:
                times = line[name]["with_gate"] / changes[UNTOUCHED][name]["accepted"]
                found[kind_of(change)] = max(found.get(kind_of(change), 0.0), times)
    return found | {"allowed": ALLOWED, "met": max(found.values()) <= ALLOWED}


# one measure alone


def alone(
    gate: Gate, development: Photos, generators: Generators, test: Photos, rows: np.ndarray
) -> dict:
    """What each measure would keep out, were it to refuse as many untouched photos."""
    good = untouched(development)
    measures = poorness(gate, development)
    limits = {
        name: np.quantile(measure(good)[good.found], 1 - REFUSED)
        for name, measure in measures.items()
    } | {"discriminant": gate.limit}
    found: dict[str, dict[str, float]] = {name: {} for name in measures}
    base = 0.0
    for change in CHANGES:
        seen = test.seen(change, rows)
        if seen.found.sum() < FEWEST:
            continue
        references = generators.plain_references(test, change, rows)
        near = squared(references, seen.embeddings) < generators.thresholds["plain"]
        there = both(seen.found)
        if change == UNTOUCHED:
            base = near[there].mean()
            continue
        for name, measure in measures.items():
            passes = measure(seen) <= limits[name]
            times = (near & both(passes))[there].mean() / base
            kinds = found[name]
            kinds[kind_of(change)] = max(kinds.get(kind_of(change), 0.0), float(times))
    return found


def poorness(gate: Gate, development: Photos) -> dict[str, Callable[[Seen], np.ndarray]]:
    """Name -> a number that grows as photos get poorer."""
    centres = {
        change: of(development.seen(change, development.first), True).mean(0)
        for change in ("blurred 4", "dark 0.12")
    }
    nearness = {
        f"nearness to the mean of {kind_of(change)} faces": lambda seen, centre=centre: (
            seen.embeddings @ (centre / np.linalg.norm(centre))
        )
        for change, centre in centres.items()
    }
    plain = {name: lambda seen, name=name: -seen.measures[name] for name in MEASURES}
    return plain | nearness | {"discriminant": lambda seen: worst_scores(gate, seen.embeddings)}


# one enrolment, and a search


def one_persons(generators: Generators, photos: Photos) -> dict:
    seen = untouched(photos)
    probes = generators.probes(of(seen, True))
    people = photos.people[seen.found]
    return {
        name: one_person(probes[name], people, threshold)
        for name, threshold in generators.thresholds.items()
    }


def identifications(generators: Generators, photos: Photos) -> dict:
    """Of people with one template each; and of those with three photos, two of them enrolled."""
    seen = untouched(photos)
    threshold = generators.thresholds["plain"]
    firsts = photos.first[seen.found[photos.first]]
    single = generators.plain_references(photos, UNTOUCHED, firsts)[:, None]
    found = {"one_template": identification(single, seen.embeddings[firsts], threshold)}

    several = several_rows(photos, seen.found)
    both_templates = generators.plain_references(photos, UNTOUCHED, several[:, :2].ravel())
    pairs = both_templates.reshape(len(several), 2, -1)
    probes = seen.embeddings[several[:, 2]]
    return found | {"two_templates": identification(pairs, probes, threshold)}


def several_rows(photos: Photos, found: np.ndarray) -> np.ndarray:
    """(people, 3): rows of three photos of everybody who has as many."""
    own = [
        np.flatnonzero((photos.people == person) & found)[:3] for person in np.unique(photos.people)
    ]
    return np.array([rows for rows in own if len(rows) == 3])
