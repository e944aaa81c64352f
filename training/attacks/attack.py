"""Attack a generator as the thief of its database would: python -m training attack NAME.

Three attackers restore photos (`attacks.attackers`). The generator's own recogniser and others
judge what they restore (`attacks.figures`). The figures go into
checkpoints/NAME/evaluation/summary.json under `attacks`; `evaluation` says what its keys mean.
report.md gets a section. attacks/*.png show what is restored of the bundled portrait, which is in
the public domain. No picture of a data set is written there.
"""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from ndcb.attacks.thief import plain_generator
from ndcb.core.files import write_whole
from ndcb.core.tensors import to_tensor
from ndcb.core.terms import UserError
from ndcb.faces.detectors import Detector
from ndcb.faces.samples import portrait
from ndcb.generators import make_templates
from ndcb.generators.inverter import Inverter
from ndcb.models import checkpoints
from ndcb.models.checkpoints import Checkpoint
from ndcb.models.pipeline import pick_device
from ndcb.models.recognisers import load_recogniser
from ndcb.report.names import JUDGES, judge_key
from ndcb.results import evaluations
from training.attacks.attackers import (
    BUDGET,
    Attacker,
    inversion,
    restoration,
    train_inverter,
    train_restorer,
)
from training.attacks.figures import (
    FMR,
    Judge,
    chance,
    chosen_of,
    face_found,
    figures,
    judges_of,
    keys,
)
from training.attacks.pictures import write_pictures
from training.data.material import Material
from training.data.pictures import load_pictures
from training.evaluation import field, files, report, rounded, with_goals
from training.measure.judges import others_of
from training.presets import Schedule
from training.provenance import commit, versions

FACENET = "facenet-casia-webface"
PICTURES = 1000
"""So many test pictures are restored, the first of a fixed shuffle."""


def attack(name: str, root: Path, steps: int = BUDGET.steps, pictures: int = PICTURES) -> Path:
    """Attack a checkpoint, by name or path, and write the figures; returns its evaluation's folder.

    Trainings and embeddings are kept as they come, so a stopped attack goes on. Raises UserError:
    not a generator of faces, or not evaluated with these weights; KeyboardInterrupt where it was
    stopped.
    """
    started, code = time.perf_counter(), commit()
    checkpoint, folder = generator_of_faces(name), checkpoints.folder_of(name) / "evaluation"
    _evaluated(folder, checkpoint.record["sha256"], name)
    material, detector = material_of(checkpoint, root), Detector()
    attackers = trained(material, replace(BUDGET, steps=steps))
    found = measured(material, attackers, detector, folder, pictures)
    write_pictures(folder / "attacks", shown(material, attackers, detector))
    head = {
        "steps": steps,
        "batch": BUDGET.batch,
        "seed": BUDGET.seed,
        "device": str(material.device),
        "seconds": {
            "restoration": attackers["restoration"].seconds,
            "embedding_inversion": attackers["embedding_inversion"].seconds,
            "total": time.perf_counter() - started,
        },
        "commit": code,
        "versions": versions(),
    }
    merge(folder, material.checkpoint.record["sha256"], name, rounded(head | found))
    return folder


def save_inverter(
    root: Path, recogniser: str = FACENET, folder: Path | None = None, steps: int = BUDGET.steps
) -> Path:
    """Save the network that inverts embeddings as a checkpoint, for the page; returns its folder.

    It is trained where it is not in the cache. Its figures are those of the attack on test
    pictures. folder: None is that of the committed one. Raises UserError: no recogniser of faces,
    or one without a generator; KeyboardInterrupt where it was stopped.
    """
    code = commit()
    load_recogniser(recogniser)  # an unknown one is said as such
    material = material_of(generator_of_faces(plain_generator(recogniser)), root)
    config = inversion(material.pictures.alignment, replace(BUDGET, steps=steps))
    attacker = train_inverter(material, config)
    judges, chosen = judges_of(material, others_of(recogniser)), chosen_of(material, PICTURES)
    found = figures(material, "embedding_inversion", attacker, judges, chosen)

    model = Inverter(attacker.model.config)
    model.load_state_dict(attacker.model.state_dict())
    record = {
        "label": f"Faces: inverter of bare embeddings by {JUDGES[judge_key(recogniser)]}",
        "training": asdict(config.schedule),
        "seed": config.schedule.seed,
        "steps": steps,
        "device": str(material.device),
        "commit": code,
        "versions": versions(),
        "data": material.pictures.description(),
        "recogniser": recogniser,
        "figures": rounded(found),
    }
    name = "inverter" if recogniser == FACENET else f"inverter-{recogniser}"
    folder = folder or checkpoints.FOLDER / name
    checkpoints.save(folder, model, record)
    return folder


def generator_of_faces(name: str) -> Checkpoint:
    """Raises UserError: a generator of digits; what `checkpoints.load` does."""
    checkpoint = checkpoints.load(name, device=pick_device("auto"))
    data = checkpoint.record["data"]["name"]
    if data != "lfw":
        raise UserError(
            f"checkpoint {checkpoint.name} was trained on {data}; only generators of LFW's faces"
            " are attacked."
        )
    return checkpoint


def material_of(checkpoint: Checkpoint, root: Path) -> Material:
    record = checkpoint.record
    recogniser = load_recogniser(record["recogniser"], pick_device("auto"))
    pictures = load_pictures("lfw", root, record["training"]["limit"], recogniser.alignment)
    return Material(checkpoint, recogniser, pictures)


def trained(material: Material, schedule: Schedule) -> dict[str, Attacker]:
    """What each thief restores with.

    A thief who has F as well as the template uses the network that learned from embeddings.
    """
    alignment = material.pictures.alignment
    restorer = train_restorer(material, restoration(alignment, schedule))
    inverter = train_inverter(material, inversion(alignment, schedule))
    return {
        "restoration": restorer,
        "template_inversion": inverter,
        "embedding_inversion": inverter,
    }


def measured(
    material: Material, attackers: dict[str, Attacker], detector: Detector, folder: Path, count: int
) -> dict:
    """All figures of the attacks on `count` test pictures, but not those of the trainings."""
    chosen = chosen_of(material, count)
    judges = judges_of(material, others_of(material.recogniser_name))
    found = {
        name: figures(material, name, attacker, judges, chosen)
        for name, attacker in attackers.items()
    }
    return found | {
        "chance": chance(material, judges, chosen),
        "second_recogniser": second_recogniser(material, folder),
        "face_found": face_found(material, detector),
        "pictures": len(chosen),
        "fmr": FMR,
        "thresholds": thresholds(judges),
    }


def _evaluated(folder: Path, sha256: str, name: str) -> dict:
    """The summary that the attacks are added to. Raises UserError: not of these weights."""
    path = folder / "summary.json"
    summary = json.loads(path.read_text()) if path.exists() else {}
    if summary.get("sha256") != sha256:
        raise UserError(
            f"checkpoint {name} has no evaluation of these weights yet; run: python -m training"
            f" evaluate {name}"
        )
    return summary


def merge(folder: Path, sha256: str, name: str, attacks: dict) -> None:
    """Put the attacks into summary.json as it is now, and renew report.md.

    All other keys stay as they are. Each file is written whole or not at all.
    """
    summary = with_goals(_evaluated(folder, sha256, name) | {"attacks": attacks})
    files.write(folder, summary, {})
    write_whole(folder / "report.md", report.report(summary))


def second_recogniser(material: Material, folder: Path) -> dict | None:
    """dlib's figures on the templates themselves; None without dlib.

    They are the evaluation's, or measured now where it lacks them.
    """
    found = evaluations.read_folder(folder).second_recogniser
    if "name" not in found:
        found = field.second_recogniser(material)
    return found if "name" in found else None


def thresholds(judges: list[Judge]) -> dict:
    return dict.fromkeys(keys(judges)) | {judge.name: judge.threshold for judge in judges}


@torch.inference_mode()
def shown(
    material: Material, attackers: dict[str, Attacker], detector: Detector
) -> dict[str, torch.Tensor]:
    """The portrait, its template and what each attacker restores: name -> (1, 3, side, side)."""
    face, recogniser = detector(portrait())[0], material.recogniser
    photo = to_tensor([face.aligned(material.pictures.alignment)])
    given = photo.to(material.device)
    embedding = recogniser(given)
    template = make_templates(material.checkpoint.model, recogniser, given, embedding)
    read = {
        "restoration": template,
        "template_inversion": recogniser(template),
        "embedding_inversion": embedding,
    }
    restored = {name: attacker(read[name]) for name, attacker in attackers.items()}
    return {"photo": photo, "template": template} | restored
