"""Photos of a person -> templates, in rows that can be stored.

photos -> faces -> sights of one person, each good enough -> templates -> rows
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
from PIL import Image

from ndcb.core.terms import BadPicture, Face, UserError
from ndcb.models import quality
from ndcb.models.operating_points import operating_point
from ndcb.models.pipeline import Distorter, Distortion
from ndcb.vault.kept import weights_of
from ndcb.vault.names import person_of
from ndcb.vault.one_person import check_one_person
from ndcb.vault.seals import Turns
from ndcb.vault.sights import Sight, look

MOST_PHOTOS = 5
ONE_PERSON = "1%"
"""The FMR at which photos of one enrolment are compared: the loosest, since it costs more to refuse
two photos of their owner here than at a login."""
NOT_RECOGNISED = (
    "The template of this photo would not be recognised. Use another photo, from the front and in"
    " good light."
)


@dataclass(frozen=True)
class TemplateMaker:
    """Makes the templates of an enrolment with one generator."""

    distorter: Distorter
    find_face: Callable[[object], Face]
    """Photo -> the face that counts."""
    polish_steps: int = 0
    any_quality: bool = False

    def rows(
        self, name: str, photos: Sequence, turns: Turns = lambda number: None
    ) -> Sequence[dict]:
        """A row a photo. Raises what `ndcb.vault.vault.Vault.enrol` does about photos.

        Photos are of one person by the operating point ONE_PERSON; an older record has its
        threshold alone. A template is recognised by the default operating point.
        """
        if not 1 <= len(photos) <= MOST_PHOTOS:
            raise UserError(
                f"Give one to {MOST_PHOTOS} photos of a person; here are {len(photos)}."
            )
        sights = []
        for number, photo in enumerate(photos, 1):
            with _numbered(number, photos):
                sights.append(look(self.find_face(photo), self.distorter, self.any_quality))
        self._check_one_person(sights)

        rows = []
        for number, sight in enumerate(sights, 1):
            with _numbered(number, photos):
                result = self._distort(sight, turns(number))
                png = self.png(result.template, sight.quality)
                rows.append(self._row(name, number, png, result.template_embedding))
        return rows

    def png(self, template: Image.Image, said: str) -> bytes:
        """The template's file. said: of its photo's quality, as `Sight.quality`."""
        file = io.BytesIO()
        template.save(file, "PNG", pnginfo=quality.noted(said))
        return file.getvalue()

    def _distort(self, sight: Sight, turn: torch.Tensor | None) -> Distortion:
        """turn: (d, d), the rotation of a sealed template's key.

        Raises BadPicture: the template would not be recognised; UserError: no key.
        """
        self.distorter.check_key(turn)
        turned = sight.own if turn is None else turn @ sight.own
        result = self.distorter.distort(sight.picture, turned, self.polish_steps)
        if not result.decision.same:
            raise BadPicture(NOT_RECOGNISED)
        return result

    def _check_one_person(self, sights: Sequence[Sight]) -> None:
        """Raises BadPicture."""
        embeddings = torch.stack([sight.own for sight in sights])
        what = "digit" if self.distorter.recogniser.image_shape[0] == 1 else "person"
        record = self.distorter.generator.record
        point = operating_point(record, ONE_PERSON if "thresholds" in record else None)
        check_one_person(embeddings, point.threshold, what)

    def _row(self, name: str, number: int, png: bytes, embedding: torch.Tensor) -> dict:
        """As `TemplateDatabase.add` takes it. embedding: F(T), (m,)."""
        return {
            "person": person_of(name),
            "number": number,
            "name": name,
            "png": png,
            "sha256": hashlib.sha256(png).hexdigest(),
            "generator": self.distorter.generator.name,
            "recogniser": self.distorter.generator.record["recogniser"],
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "embedding": embedding,
            "weights": weights_of(self.distorter),
        }


@contextmanager
def _numbered(number: int, photos: Sequence) -> Iterator[None]:
    """A UserError of the block says which of several photos it is about."""
    try:
        yield
    except UserError as error:
        if len(photos) > 1:
            error.args = (f"Photo {number}: {error}",)
        raise
