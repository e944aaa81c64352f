"""What every thief of a database has: its templates, and the recogniser as anybody has it.

`ndcb.attacks.replay`, `ndcb.attacks.link` and `ndcb.attacks.restore` are what the thief does with
them. The keys are the service's and the person's. A distance that is told here is between pictures
that the thief has, never the vault's own.
"""

from dataclasses import dataclass, field

from PIL import Image

from ndcb.core.terms import DEFAULT_FACES, Decision, UnknownName
from ndcb.models.checkpoints import names
from ndcb.models.kinds import is_sealed
from ndcb.models.pipeline import Distorter, Models
from ndcb.results.thresholds import record


@dataclass(frozen=True)
class Trial:
    """The stolen template given as the probe."""

    against: str
    """What it is compared with."""
    decision: Decision


@dataclass(frozen=True)
class Theft:
    """A photo's template in a thief's hands, and what the thief tried."""

    generator: str
    photo: Image.Image
    template: Image.Image
    trials: tuple[Trial, ...]
    others: dict[str, Image.Image] = field(default_factory=dict)
    """What it was to be linked to: name -> picture."""


def tried(
    distorter: Distorter, stolen: Image.Image, against: dict[str, Image.Image]
) -> tuple[Trial, ...]:
    """The stolen template against every picture, by name.

    All are embedded in one batch, as a login embeds stored pictures.
    """
    probe, *references = distorter.embed([stolen, *against.values()])
    return tuple(
        Trial(name, distorter.decide(reference, probe))
        for name, reference in zip(against, references, strict=True)
    )


def recogniser_of(models: Models, generator: str) -> Distorter:
    """The plain recogniser of a template's generator, and its threshold. Raises UnknownName."""
    sealed = is_sealed(generator)
    plain = plain_generator(record(generator)["recogniser"]) if sealed else generator
    return models.distorter(plain)


def plain_generator(recogniser: str) -> str:
    """A generator for this recogniser that needs no key. Raises UnknownName.

    It is the default one, or else a bottleneck, where there is one.
    """
    alike = [name for name in names() if record(name).get("recogniser") == recogniser]
    if not alike:
        raise UnknownName("plain generator for the recogniser", recogniser, names())
    bottlenecks = [name for name in alike if record(name)["family"] == "bottleneck"]
    return DEFAULT_FACES if DEFAULT_FACES in alike else (bottlenecks or alike)[0]
