"""Train a model and leave its checkpoint, or measure one.

python -m training PRESET|COMMAND [overrides]. The same command goes on with a run that was stopped,
at any moment and however. Several GPUs: accelerate launch -m training PRESET.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from ndcb.core.paths import data_root
from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models import checkpoints
from training.memory import keep_freed_memory
from training.presets import (
    PRESETS,
    BottleneckTraining,
    EmbedderTraining,
    GeneratorTraining,
    SealedTraining,
    Training,
    smoke,
)


@dataclass(frozen=True, kw_only=True)
class Data:
    data: str | None = None
    """Folder that holds lfw_home/ and MNIST/. Default: NDCB_DATA, else a cache folder to which they
    are downloaded.
    """


@dataclass(frozen=True)
class Places(Data):
    """Where things are read and written."""

    out: Path | None = None
    """Folder of the run: its state, log.csv, curves.png, samples. Default: runs/PRESET. For smoke,
    the folder of its runs.
    """
    checkpoint: Path | None = None
    """Folder of the finished checkpoint. Default: checkpoints/PRESET; for smoke, in the run's
    folder.
    """


@dataclass(frozen=True)
class Job:
    training: Training
    places: Places = Places()


@dataclass(frozen=True)
class SmokeJob:
    places: Places = Places()


@dataclass(frozen=True)
class EvaluateJob(Data):
    checkpoints: tyro.conf.Positional[tuple[str, ...]]
    """Names of generators, or paths of their folders. The folder `evaluation` is written in each.
    Sealed generators have parts of their own, which `training.evaluation.sealed` lists.
    """
    what: tuple[str, ...] = ()
    """Only these parts: image, embedding_error, failures, failure_to_enrol, verification,
    curves, identification, groups, zoo, lfw_folds, paper, robustness, second_recogniser,
    other_recogniser, polish.
    """
    groups: Path | None = None
    """CSV file with the columns name and group: people whose error rates are measured apart. A name
    is a person's of LFW. Default: lfw_groups.csv in the folder of the data, where it is there.
    """


@dataclass(frozen=True)
class AttackJob(Data):
    checkpoints: tyro.conf.Positional[tuple[str, ...]]
    """Names of generators of faces that are evaluated, or paths of their folders. Their
    summary.json gets the key `attacks`.
    """
    steps: int = 800
    """Number of steps that each attacker learns. Only figures of the same number can be compared.
    """
    pictures: int = 1000
    """Number of test pictures that are restored."""


@dataclass(frozen=True)
class InverterJob(Data):
    recogniser: str = "facenet-casia-webface"
    """Recogniser whose embeddings it inverts: facenet-casia-webface or sface."""
    steps: int = 800
    """Number of steps that it learns, as in `attack`."""
    checkpoint: Path | None = None
    """Folder of the checkpoint. Default: checkpoints/inverter, of another recogniser than FaceNet
    checkpoints/inverter-RECOGNISER.
    """


@dataclass(frozen=True)
class ObjectivesJob(Data):
    steps: int = 100
    """Number of steps that each objective is trained, from the step at which the preset's own
    begins.
    """
    pictures: int = 400
    """Number of development people's pictures that are judged."""
    out: Path = Path("runs/objectives")
    """Folder of the runs, which go on from there."""


@dataclass(frozen=True)
class QualityJob(Data):
    people: int = 200
    """Number of test people whose photos are made poor, in every way."""


@dataclass(frozen=True)
class BenchmarkJob:
    out: Path = checkpoints.FOLDER / "benchmark.json"
    """File that the figures are written to."""
    what: tuple[str, ...] = ()
    """Only these parts; the others stay as they are: stages, training, start_up, page."""


@dataclass(frozen=True)
class ExampleJob:
    checkpoints: tyro.conf.Positional[tuple[str, ...]] = (DEFAULT_FACES,)
    """Names of committed generators of faces. The page shows the default generator's example."""


@dataclass(frozen=True)
class MeasureJob(Data):
    checkpoints: tyro.conf.Positional[tuple[str, ...]]
    """Names of committed checkpoints."""


def remeasure(job: MeasureJob) -> None:
    from ndcb.models.pipeline import pick_device
    from ndcb.models.recognisers import load_recogniser
    from training.data.pictures import load_pictures
    from training.measure.record import measure

    every = checkpoints.GENERATORS + checkpoints.SEALED + checkpoints.RECOGNISERS
    for name in job.checkpoints:
        checkpoint = checkpoints.load(name, every)
        record, recogniser = checkpoint.record, None
        if "recogniser" in record:
            recogniser = load_recogniser(record["recogniser"], pick_device("auto"))
        alignment = (recogniser or checkpoint.model).alignment
        pictures = load_pictures(record["data"]["name"], data_root(job.data), None, alignment)
        measure(checkpoints.FOLDER / name, pictures, recogniser)
        print(checkpoints.FOLDER / name)


def evaluate_all(job: EvaluateJob) -> None:
    from training.evaluation import evaluate

    for name in job.checkpoints:
        print(evaluate(name, data_root(job.data), job.what, job.groups))


def attack_all(job: AttackJob) -> None:
    from training.attacks.attack import attack

    for name in job.checkpoints:
        print(attack(name, data_root(job.data), job.steps, job.pictures))


def make_inverter(job: InverterJob) -> None:
    from training.attacks.attack import save_inverter

    print(save_inverter(data_root(job.data), job.recogniser, job.checkpoint, job.steps))


def compare_objectives(job: ObjectivesJob) -> None:
    from training.measure.objectives import compare

    print(compare(data_root(job.data), job.out, job.steps, job.pictures))


def fit_quality(job: QualityJob) -> None:
    from training.quality.gate import measure
    from training.quality.report import write

    print(write(measure(data_root(job.data), job.people)))


def make_examples(job: ExampleJob) -> None:
    from ndcb.models.examples import make_example

    for name in job.checkpoints:
        print(make_example(name))


def run_benchmark(job: BenchmarkJob) -> None:
    from training.benchmark.benchmark import benchmark

    benchmark(job.out, what=job.what)
    print(job.out)


def train(training: Training, places: Places, out: Path, checkpoint: Path) -> Path:
    from training.loops.bottleneck import train_bottleneck
    from training.loops.embedder import train_embedder
    from training.loops.generator import train_generator
    from training.loops.sealed import train_sealed

    trainers = {
        EmbedderTraining: train_embedder,
        GeneratorTraining: train_generator,
        BottleneckTraining: train_bottleneck,
        SealedTraining: train_sealed,
    }
    return trainers[type(training)](training, data_root(places.data), out, checkpoint)


COMMANDS = {
    "evaluate": (
        "Measure generators in full: the paper's tables and the field's.",
        EvaluateJob(()),
        evaluate_all,
    ),
    "attack": (
        "Restore photos from templates as a thief would, and measure how often they are accepted.",
        AttackJob(()),
        attack_all,
    ),
    "inverter": (
        "Train the attacker that restores faces from embeddings, and save it for the page.",
        InverterJob(),
        make_inverter,
    ),
    "objectives": (
        "Compare objectives against transfer to other recognisers, in the training of"
        " faces-bottleneck.",
        ObjectivesJob(),
        compare_objectives,
    ),
    "quality": (
        "Fit the gate against poor photos; measure it, mixed enrolments and searches.",
        QualityJob(),
        fit_quality,
    ),
    "benchmark": (
        "Measure time and memory of every stage and preset, as ratios to FaceNet's own.",
        BenchmarkJob(),
        run_benchmark,
    ),
    "example": (
        "Distort the bundled portrait: what the page shows before any model is loaded.",
        ExampleJob(),
        make_examples,
    ),
    "measure": (
        "Renew the threshold and the figures in the records of committed checkpoints.",
        MeasureJob(()),
        remeasure,
    ),
}
"""Name -> its help, a job with its defaults, and the function that does the job."""


def jobs() -> dict:
    """Name of every preset and command -> (its help, a job with its defaults)."""
    known = {name: (f"Train {name}.", Job(training)) for name, training in PRESETS.items()}
    return known | {
        "smoke": (smoke.__doc__, SmokeJob()),
        **{name: (words, job) for name, (words, job, _) in COMMANDS.items()},
    }


def run(job) -> None:
    for _, command, do in COMMANDS.values():
        if isinstance(job, type(command)):
            return do(job)
    if isinstance(job, SmokeJob):
        runs = job.places.out or Path("runs")
        for training in smoke():
            out = runs / training.preset
            print(train(training, job.places, out, job.places.checkpoint or out / "checkpoint"))
        return
    out = job.places.out or Path("runs") / job.training.preset
    checkpoint = job.places.checkpoint or checkpoints.FOLDER / job.training.preset
    print(train(job.training, job.places, out, checkpoint))


def main(arguments: list[str] | None = None) -> int:
    job = tyro.extras.overridable_config_cli(
        jobs(),
        prog="python -m training",
        description=__doc__,
        args=arguments,
        config=(tyro.conf.OmitArgPrefixes,),
    )
    keep_freed_memory()
    try:
        run(job)
        return 0
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from what is done", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
