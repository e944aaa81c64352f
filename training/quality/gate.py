"""Fit the quality gate on development people, judge it on test people: checkpoints/quality.json.

    photos -> made poor -> detector -> F(X), kept in the cache -> discriminant -> limit -> JSON

Test people have no say in the gate.

quality.json:
    gate            recogniser, kinds, weights, offsets, limit: what `ndcb.models.quality` reads
    untouched       {development, test}.{people, photos, refused}: whole photos, and the share of
                    them that the gate refuses
    people          number of test people whose photos were changed
    changes         name of a change -> found: share of the photos in which a face was found;
                    refused: share of those that the gate refuses; {plain, sealed}: shares of the
                    pairs of strangers that are accepted. One of a pair is a template; both are
                    changed alike. accepted: of the pairs that were found; with_gate: the same, if a
                    pair is not accepted where the gate refuses either photo; passing: of the pairs
                    that pass the gate (null: hardly any). Where hardly any face is found there is
                    nothing but `found`
    goal            kind of change -> the largest `with_gate` of plain and of sealed templates, as a
                    multiple of `accepted` of untouched photos; allowed, met
    alone           a measure -> kind of change -> the same of plain templates, if this measure were
                    the gate and refused as many untouched photos of development people
    one_person      {development, test}.{plain, sealed}.{number of photos}: people; refused: share
                    of sets of one person's photos; missed: share of sets whose last photo is a
                    stranger's; half_missed: share of sets of which half are
    identification  {one_template, two_templates}.{number of names}: named: share of strangers to
                    whom a search gives a name; predicted: 1 - (1 - FMR)^n, for n templates
"""

import json
from pathlib import Path

import numpy as np

from ndcb.core.files import write_whole
from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED
from ndcb.models import checkpoints
from ndcb.models.pipeline import pick_device
from ndcb.models.quality import FILE, Gate
from ndcb.models.recognisers import load_recogniser
from ndcb.vault.enrolment import MOST_PHOTOS
from training.evaluation import rounded
from training.provenance import commit, versions
from training.quality.fitting import fit, found_embeddings, short, untouched
from training.quality.judging import alone, judged, refused_share, worst
from training.quality.poor_photos import CHANGES, UNTOUCHED
from training.quality.seen_photos import Photos
from training.quality.strangers import Generators, identification, one_person


def measure(root: Path, people: int, file: Path | None = None, limit: int | None = None) -> Path:
    """Fit and judge the gate, and write the file. A run that was stopped goes on where it was.

    people: number of test people whose photos are made poor. limit: only so many people of each
    part, those with the most photos.
    """
    device = pick_device("auto")
    plain = checkpoints.load(DEFAULT_FACES, device=device)
    sealed = checkpoints.load(DEFAULT_SEALED, checkpoints.SEALED, device)
    recogniser = load_recogniser(plain.record["recogniser"], device)
    generators = Generators(plain, sealed, recogniser)
    development = Photos(root, "development", recogniser, MOST_PHOTOS, limit)
    test = Photos(root, "test", recogniser, MOST_PHOTOS, limit)

    gate, refused = fit(development, plain.record["recogniser"])
    chosen = np.sort(np.random.default_rng(0).permutation(test.first)[:people])
    changes = {change: judged(gate, generators, test, change, chosen) for change in CHANGES}
    found = {
        "people": len(chosen),
        "untouched": {
            "development": counted(development) | {"refused": refused},
            "test": counted(test) | {"refused": refused_share(gate, untouched(test))},
        },
        "goal": worst(changes),
        "changes": changes,
        "alone": alone(gate, development, generators, test, chosen),
        "one_person": {
            "development": one_persons(generators, development),
            "test": one_persons(generators, test),
        },
        "identification": identifications(generators, test),
    }
    head = {"device": str(device), "commit": commit(), "versions": versions()}
    file = file or checkpoints.FOLDER / FILE
    write_whole(file, as_text(rounded(head | found), gate))
    return file


def as_text(found: dict, gate: Gate) -> str:
    """Indented JSON, but with the weights of each kind in one line."""
    rows = [_in_a_line(row) for row in gate.weights.tolist()]
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


def _in_a_line(weights: list[float]) -> str:
    return ", ".join(f"{weight:.5g}" for weight in weights)


def counted(photos: Photos) -> dict:
    return {"people": len(photos.first), "photos": len(photos.files)}


def one_persons(generators: Generators, photos: Photos) -> dict:
    """What `one_person` in quality.json tells of a part."""
    seen = untouched(photos)
    probes = generators.probes(found_embeddings(seen))
    people = photos.people[seen.found]
    return {
        login: one_person(probes[login], people, threshold)
        for login, threshold in generators.thresholds.items()
    }


def identifications(generators: Generators, photos: Photos) -> dict:
    """Searches among people with one template each; and with two, for people with three photos."""
    seen = untouched(photos)
    threshold = generators.thresholds["plain"]
    firsts = photos.first[seen.found[photos.first]]
    single = generators.plain_references(photos, UNTOUCHED, firsts)[:, None]

    several = rows_of_three(photos, seen.found)
    templates = generators.plain_references(photos, UNTOUCHED, several[:, :2].ravel())
    double = templates.reshape(len(several), 2, -1)
    return {
        "one_template": identification(single, seen.embeddings[firsts], threshold),
        "two_templates": identification(double, seen.embeddings[several[:, 2]], threshold),
    }


def rows_of_three(photos: Photos, found: np.ndarray) -> np.ndarray:
    """(people, 3): the first three found photos of everybody who has as many."""
    people = np.unique(photos.people)
    rows = [np.flatnonzero((photos.people == person) & found)[:3] for person in people]
    return np.array([own for own in rows if len(own) == 3])
