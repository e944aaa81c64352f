"""Fit a quality gate for each recogniser on development people, judge it on test people.

    photos -> made poor -> detector -> F(X), kept in the cache -> discriminant -> limit -> JSON

Test people have no say in the gate. The detector looks at each changed photo once, for all
recognisers.

checkpoints/quality/<recogniser>.json:
    recogniser      its name
    generators      {plain, sealed}: name, sha256; threshold: the default operating point's, for
                    pairs of strangers; enrolment: that of ONE_PERSON, for the photos of one
                    enrolment. A recogniser without a sealed generator has plain figures alone
    gate            recogniser, kinds, weights, offsets, limit: what `ndcb.models.quality` reads
    untouched       {development, test}.{people, photos, refused}: whole photos, and the share of
                    them that the gate refuses
    strangers       {plain, sealed}: pairs of all test people's first photos, untouched. people;
                    matches: how many are accepted; accepted: their share
    people          number of test people whose photos were changed
    changes         name of a change -> found: share of the photos in which a face was found;
                    refused: share of those that the gate refuses; {plain, sealed}: shares of the
                    pairs of strangers that are accepted. One of a pair is a template; both are
                    changed alike. accepted: of the pairs that were found; with_gate: the same, if a
                    pair is not accepted where the gate refuses either photo; matches: how many
                    those are; low, high: its 95 % interval; passing: of the pairs that pass the
                    gate (null: hardly any). Where hardly any face is found there is nothing but
                    `found`
    goal            allowed, met, and kinds: kind of change -> the change and login with the largest
                    `with_gate`; times: that as a multiple of `strangers`; low, high, matches
    alone           a measure -> kind of change -> the same of plain templates, if this measure were
                    the gate and refused as many untouched photos of development people
    one_person      {development, test}.{plain, sealed}.{number of photos}: people; refused: share
                    of sets of one person's photos; missed: share of sets whose last photo is a
                    stranger's; half_missed: share of sets of which half are
    identification  {one_template, two_templates}.{number of names}: fmr: the level of the search's
                    threshold (null: an older record, which has one threshold); named: share of
                    strangers to whom a search gives a name; predicted: 1 - (1 - FMR)^n, for n
                    templates; named_at_one_to_one: `named` under the threshold of 1:1
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ndcb.core.files import write_whole
from ndcb.models import checkpoints
from ndcb.models.pipeline import pick_device
from ndcb.models.quality import FOLDER, Gate
from ndcb.models.recognisers import load_recogniser
from ndcb.vault.enrolment import MOST_PHOTOS, ONE_PERSON
from training.evaluation import rounded
from training.provenance import commit, versions
from training.quality.fitting import fit, found_embeddings, short, untouched
from training.quality.judging import alone, goal, judged, refused_share, strangers, unit_of
from training.quality.poor_photos import CHANGES, UNTOUCHED
from training.quality.seen_photos import Photos
from training.quality.strangers import Generators, identification, one_person

GENERATORS = {
    "facenet-casia-webface": ("faces-bottleneck", "faces-sealed"),
    "sface": ("sface-bottleneck", "sface-sealed"),
}
"""Recogniser -> its plain generator, and its sealed one, which may not be there."""


def measure(
    root: Path,
    people: int,
    folder: Path | None = None,
    limit: int | None = None,
    recognisers: Sequence[str] = tuple(GENERATORS),
) -> Path:
    """Fit and judge the gates, and write their files. A run that was stopped goes on where it was.

    people: number of test people whose photos are made poor. limit: only so many people of each
    part, those with the most photos. recognisers: the keys of GENERATORS that are judged; the rows
    in the cache are of all of them, so that several calls can share them.
    """
    device = pick_device("auto")
    folder = folder or checkpoints.FOLDER / FOLDER
    networks = {name: load_recogniser(name, device) for name in GENERATORS}
    development, test = (
        Photos(root, part, networks, MOST_PHOTOS, limit) for part in ("development", "test")
    )
    head = {"device": str(device), "commit": commit(), "versions": versions()}

    for name in recognisers:
        generators = load_generators(name, networks[name])
        gate, found = judge(name, generators, development.by(name), test.by(name), people)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{name}.json", as_text(rounded(head | found), gate))
    return folder


def load_generators(recogniser: str, network: torch.nn.Module) -> Generators:
    """Those of a recogniser; without the sealed one where it has none."""
    device = next(network.parameters()).device
    plain, sealed = GENERATORS[recogniser]
    has_sealed = sealed in checkpoints.names(checkpoints.SEALED)
    return Generators(
        checkpoints.load(plain, device=device),
        network,
        checkpoints.load(sealed, checkpoints.SEALED, device) if has_sealed else None,
    )


def judge(
    name: str, generators: Generators, development: Photos, test: Photos, people: int
) -> tuple[Gate, dict]:
    """A recogniser's gate, and its figures."""
    gate, refused = fit(development, name)
    chosen = np.sort(np.random.default_rng(0).permutation(test.first)[:people])
    base = strangers(generators, test)
    changes = {change: judged(gate, generators, test, change, chosen) for change in CHANGES}
    unit = unit_of(base["plain"])
    return gate, {
        "recogniser": name,
        "generators": described(generators),
        "people": len(chosen),
        "untouched": {
            "development": counted(development) | {"refused": refused},
            "test": counted(test) | {"refused": refused_share(gate, untouched(test))},
        },
        "strangers": base,
        "goal": goal(changes, base),
        "changes": changes,
        "alone": alone(gate, development, generators, test, chosen, unit),
        "one_person": {
            "development": one_persons(generators, development),
            "test": one_persons(generators, test),
        },
        "identification": identifications(generators, test),
    }


def described(generators: Generators) -> dict:
    """What `generators` tells, above."""
    logins, enrolments = generators.thresholds(), generators.thresholds(ONE_PERSON)
    return {
        login: {
            "name": generator.name,
            "sha256": generator.record["sha256"],
            "threshold": logins[login],
            "enrolment": enrolments[login],
        }
        for login, generator in generators.of_login.items()
    }


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
    """What `one_person` tells of a part, above."""
    seen = untouched(photos)
    probes = generators.probes(found_embeddings(seen))
    people = photos.people[seen.found]
    return {
        login: one_person(probes[login], people, threshold)
        for login, threshold in generators.thresholds(ONE_PERSON).items()
    }


def identifications(generators: Generators, photos: Photos) -> dict:
    """Searches among people with one template each; and with two, for people with three photos."""
    seen = untouched(photos)
    made_by = generators.plain.name, generators.plain.record
    firsts = photos.first[seen.found[photos.first]]
    single = generators.plain_references(photos, UNTOUCHED, firsts)[:, None]

    several = rows_of_three(photos, seen.found)
    templates = generators.plain_references(photos, UNTOUCHED, several[:, :2].ravel())
    double = templates.reshape(len(several), 2, -1)
    return {
        "one_template": identification(single, seen.embeddings[firsts], *made_by),
        "two_templates": identification(double, seen.embeddings[several[:, 2]], *made_by),
    }


def rows_of_three(photos: Photos, found: np.ndarray) -> np.ndarray:
    """(people, 3): the first three found photos of everybody who has as many."""
    people = np.unique(photos.people)
    rows = [np.flatnonzero((photos.people == person) & found)[:3] for person in people]
    return np.array([own for own in rows if len(own) == 3])
