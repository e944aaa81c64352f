"""Templates kept in a database: enrol, verify (1:1), identify (1:N), revoke.

    name + photos -> faces -> templates -> rows        photo -> face -> embedding -> nearest template -> decision

Stored are the template (a PNG of 8 bits), a name, and what made it when; never the photo and never
its embedding F(X). F(T) is computed from the stored picture when it is compared, and is kept in
memory only. Nothing is logged.
"""

import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import torch
from PIL import Image
from sqlalchemy.exc import IntegrityError

from ndcb.core.distances import squared_euclidean
from ndcb.core.terms import DEFAULT_FACES, BadPicture, Decision, Face, UnknownName, UserError
from ndcb.models import quality
from ndcb.models.pipeline import Distorter, Models
from ndcb.vault.names import clean_name, digests_of, person_of
from ndcb.vault.one_person import check_one_person
from ndcb.vault.rows import Row, TemplateDatabase

MOST_PHOTOS = 5
CHUNK = 32
"""Templates read and embedded at once."""
Turns = Callable[[int], torch.Tensor | None]
KEPT_EMBEDDINGS = 20_000
"""F(T) kept in memory: 41 MB of FaceNet's 512 floats."""
SEALED = "It is sealed. Give its key."
DAMAGED = "Its {} is damaged; revoke the name and enrol it again."


@dataclass(frozen=True)
class Match(Decision):
    """The decision about the nearest template."""

    skipped: tuple[str, ...] = ()
    """A sentence for each template that could not be compared: damaged, or made by a generator that
    is not there.
    """
    compared: tuple[tuple[str, int], ...] = ()
    """(generator, how many of its templates were compared)."""


@dataclass(frozen=True)
class Entry:
    """A name that is enrolled."""

    name: str
    time: str
    """UTC, such as 2025-01-31T08:30:00Z."""
    generator: str
    recogniser: str
    templates: int
    quality: tuple[str, ...] = ()
    """Of each template's photo, in order: good, or what is wrong with it (`ndcb.models.quality`),
    or unchecked; unknown where the template cannot be read.
    """
    damaged: tuple[str, ...] = ()
    """A sentence for each template that cannot be compared."""


@dataclass(frozen=True)
class Sight:
    """A photo as the recogniser sees it."""

    picture: Image.Image
    """The aligned face, or the digit."""
    own: torch.Tensor = field(repr=False)
    """(m,): its embedding, or z of it where the generator is sealed."""
    quality: str
    """As in `Entry`."""


@dataclass(frozen=True)
class Stolen:
    """A template as a thief of the database has it."""

    name: str
    png: bytes = field(repr=False)
    generator: str
    recogniser: str
    time: str

    @property
    def picture(self) -> Image.Image:
        """Raises UserError where the PNG is damaged."""
        return open_png(self.png)


class Vault:
    """Enrolled templates at a place, matched by the models that made them.

    place: a file's path, or any URL of SQLAlchemy; `sqlite://` is a vault in memory, gone after
    `close`. `models` finds faces and loads the `Distorter` of a generator, as
    `ndcb.models.pipeline.Models` does; `generator` makes the new templates, with `polish_steps`
    (`ndcb.generators.polish`). A photo is a `Face` that was found already, or whatever
    `models.find` takes; of several faces its first counts. "Ann" and "ANN" are one name
    (`ndcb.vault.names`). Photos in which people cannot be told apart are refused
    (`ndcb.models.quality`), unless `any_quality` takes them; what was found is stored in the
    template's PNG. Methods may be called from several threads. Each raises UserError where the
    database cannot be used.
    """

    def __init__(
        self,
        place: str | os.PathLike,
        models: Models,
        generator: str = DEFAULT_FACES,
        polish_steps: int = 0,
        any_quality: bool = False,
    ):
        self.database = TemplateDatabase(place)
        self.models = models
        self.generator = generator
        self.polish_steps = polish_steps
        self.any_quality = any_quality
        self._embeddings = Embeddings(KEPT_EMBEDDINGS)

    @property
    def generators(self) -> Sequence[str]:
        """Those that make new templates."""
        return [self.generator]

    def enrol(self, name: str, photos: Sequence) -> Entry:
        """Store a template of each of one to five photos, all or none. Of a name's templates the
        nearest counts.

        A name that is enrolled is refused, so that nobody adds a face to another person's login:
        revoke it first. Raises UserError: that, no name, too many photos; PoorPhoto, NoFaceFound;
        BadPicture: also where the photos show two people, or the template would not be recognised.
        """
        name = self._free_name(name)
        distorter = self.models.distorter(self.generator)
        rows = self._new_rows(name, photos, distorter)
        self._add(name, rows)
        return new_entry(rows)

    def verify(self, name: str, photo, threshold: float | None = None) -> Match:
        """1:1: the photo against the nearest template of the name.

        threshold: a squared distance, for every template; None: the one in the record of the
        template's generator. Raises UserError: nobody of that name, no template that can be
        compared; BadPicture, NoFaceFound.
        """
        return self._nearest(photo, self._known_rows(name), threshold)[1]

    def identify(self, photo, threshold: float | None = None) -> tuple[str | None, Match]:
        """1:N: the name of the nearest template of all, None where even that is too far, and the
        decision about it.

        Distances of two recognisers do not compare: among several, the template that is furthest
        under its own threshold is nearest. The threshold is that of 1:1:
        `ndcb.results.thresholds.false_name_chance` says what that means here. Raises UserError: an
        empty vault, no template that can be compared; BadPicture, NoFaceFound.
        """
        rows = self.database.rows()
        if not rows:
            raise UserError("Nobody is enrolled yet. Enrol a person first.")
        self._embeddings.keep_only(rows)
        row, match = self._nearest(photo, rows, threshold)
        return (row.name if match.same else None), match

    def revoke(self, name: str) -> int:
        """Delete all templates of a name and say how many. Raises UserError: nobody of that name.

        SQLite's file is overwritten where they were; another database may keep them until its own
        clean-up.
        """
        name = clean_name(name)
        count = self.database.remove(self._all_rows(name))
        if not count:
            raise _unknown(name)
        return count

    def stolen(self) -> Sequence[Stolen]:
        """What a thief of the database sees: every template as it is stored, in the order of
        enrolment.
        """
        return [
            Stolen(row.name, png, row.generator, row.recogniser, row.time)
            for chunk in _chunks(self.database.rows())
            for row, png in self.database.pngs(chunk).items()
        ]

    def list(self) -> Sequence[Entry]:
        """All names in alphabetical order. Reads every picture and loads the models, so as to say
        which templates are damaged.
        """
        people: dict[str, list[Row]] = {}
        for row in (rows := self.database.rows()):
            people.setdefault(row.person, []).append(row)
        reasons, said = self._inspect(rows)
        entries = [_entry(own, reasons, said) for own in people.values()]
        return sorted(entries, key=lambda entry: (entry.name.casefold(), entry.name))

    def close(self) -> None:
        """Let go of the database and of all embeddings."""
        self.database.close()
        self._embeddings.keep_only(())

    def _free_name(self, name: str) -> str:
        """The name, cleaned. Raises UserError where it is enrolled: that saves the slow part; what
        decides is the unique constraint.
        """
        name = clean_name(name)
        if self.database.rows(name):
            raise _taken(name)
        return name

    def _add(self, name: str, rows: Sequence[dict]) -> None:
        try:
            self.database.add(rows)
        except IntegrityError:
            raise _taken(name) from None

    def _known_rows(self, name: str) -> Sequence[Row]:
        """Raises UserError: nobody of that name."""
        name = clean_name(name)
        rows = self.database.rows(name)
        if not rows:
            raise _unknown(name)
        return rows

    def _all_rows(self, name: str) -> Sequence[Row]:
        """Those with a damaged name, too: there the two columns differ."""
        name = clean_name(name)
        digests = set(digests_of(name))
        unsound = [row for row in self.database.rows() if not row.has_sound_name]
        damaged = [row for row in unsound if digests & {row.person, *digests_of(row.name)}]
        return [*dict.fromkeys([*self.database.rows(name), *damaged])]

    def _face(self, photo) -> Face:
        return photo if isinstance(photo, Face) else self.models.find(photo)[0]

    def _new_rows(
        self, name: str, photos: Sequence, distorter: Distorter, turns: Turns = lambda number: None
    ) -> Sequence[dict]:
        """A row a photo. turns: the number of a template, from 1 on -> the rotation (d, d) that its
        key gives.

        Raises what `enrol` does about photos.
        """
        if not 1 <= len(photos) <= MOST_PHOTOS:
            raise UserError(
                f"Give one to {MOST_PHOTOS} photos of a person; here are {len(photos)}."
            )
        sights = []
        for number, photo in enumerate(photos, 1):
            with _numbered(number, photos):
                sights.append(self._look(self._face(photo), distorter))
        owns = torch.stack([sight.own for sight in sights])
        what = "digit" if distorter.recogniser.image_shape[0] == 1 else "person"
        check_one_person(owns, distorter.generator.record["threshold"], what)
        rows = []
        for number, sight in enumerate(sights, 1):
            with _numbered(number, photos):
                png = _make_template(sight, distorter, self.polish_steps, turns(number))
            rows.append(_row(name, number, png, distorter))
        return rows

    def _look(self, face: Face, distorter: Distorter) -> Sight:
        """Raises PoorPhoto; UserError: another size than the distorter takes."""
        picture = fitting(face.image, distorter)
        seen = distorter.recognise([picture])
        ask = quality.verdict if self.any_quality else quality.check
        found = ask(face, seen[0], distorter.generator.record["recogniser"])
        return Sight(picture, distorter.to_compare(seen)[0], found)

    def _nearest(self, photo, rows: Sequence[Row], threshold: float | None) -> tuple[Row, Match]:
        face = self._face(photo)
        near: list[tuple[Row, float, float]] = []
        reasons: dict[Row, str] = {}
        for group, distorter in self._by_distorter(rows, reasons):
            if distorter.sealed:
                reasons |= _sentences(group, UserError(SEALED))
                continue
            limit = distorter.generator.record["threshold"] if threshold is None else threshold
            near += [
                (row, distance, limit)
                for row, distance in self._distances(face, group, distorter, reasons)
            ]
        skipped = tuple(reasons.values())
        if not near:
            raise UserError(
                skipped[0]
                if skipped
                else "The templates were revoked a moment ago. Enrol the person again."
            )
        row, distance, limit = min(near, key=lambda found: found[1] - found[2])
        counts = Counter(other.generator for other, _, _ in near)
        return row, Match(distance, limit, skipped, tuple(sorted(counts.items())))

    def _distances(
        self, face: Face, rows: Sequence[Row], distorter: Distorter, reasons: dict[Row, str]
    ) -> Iterator[tuple[Row, float]]:
        """The squared distance of every row that can be compared; for the others `reasons` gets a
        sentence.
        """
        try:
            fitting(face.image, distorter)
        except UserError as error:
            reasons |= _sentences(rows, error)
            return
        probe = self._look(face, distorter).own
        for chunk in _chunks(rows):
            embedded = self._embed(chunk, distorter, reasons)
            if embedded:
                yield from zip(
                    embedded, squared_euclidean(torch.stack([*embedded.values()]), probe).tolist()
                )

    def _embed(
        self, rows: Sequence[Row], distorter: Distorter, reasons: dict[Row, str]
    ) -> dict[Row, torch.Tensor]:
        """F(T) of every row that can be compared, each (m,)."""
        embedded = {row: known for row in rows if (known := self._embeddings.get(row)) is not None}
        pictures = self._pictures([row for row in rows if row not in embedded], distorter, reasons)
        if pictures:
            new = dict(zip(pictures, distorter.embed([*pictures.values()])))
            self._embeddings.add(new)
            embedded |= new
        return embedded

    def _pictures(
        self, rows: Sequence[Row], distorter: Distorter, reasons: dict[Row, str]
    ) -> dict[Row, Image.Image]:
        """The stored template of every row that can be compared."""
        pictures = {}
        for row, png in self.database.pngs(rows).items() if rows else ():
            try:
                pictures[row] = fitting(_sound_picture(row, png), distorter)
            except UserError as error:
                reasons |= _sentences([row], error)
        return pictures

    def _by_distorter(
        self, rows: Sequence[Row], reasons: dict[Row, str]
    ) -> Iterator[tuple[Sequence[Row], Distorter]]:
        """The rows of each generator that can be loaded; for the others `reasons` gets a
        sentence.
        """
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            groups.setdefault((row.generator, row.recogniser), []).append(row)
        for (generator, recogniser), group in groups.items():
            try:
                yield group, self._distorter(generator, recogniser)
            except UserError as error:
                reasons |= _sentences(group, error)

    def _distorter(self, generator: str, recogniser: str) -> Distorter:
        """What made a template. Raises UnknownName, BadCheckpoint; UserError: the generator has
        another recogniser now.
        """
        if "/" in generator:  # a path: what a database says must not lead into other folders
            raise UnknownName("checkpoint", generator, self.generators)
        given = {Path(one).name: one for one in self.generators}  # by a path, perhaps
        distorter = self.models.distorter(given.get(generator, generator))
        found = distorter.generator.record["recogniser"]
        if found != recogniser:
            raise UserError(
                f"It was made for the recogniser {recogniser!r}, and generator {generator!r} has"
                f" {found!r} now. Revoke the name and enrol it again."
            )
        return distorter

    def _inspect(self, rows: Sequence[Row]) -> tuple[dict[Row, str], dict[Row, str]]:
        """A sentence for every row that cannot be compared; of the others their photo's quality."""
        reasons: dict[Row, str] = {}
        said: dict[Row, str] = {}
        for group, distorter in self._by_distorter(rows, reasons):
            for chunk in _chunks(group):
                pictures = self._pictures(chunk, distorter, reasons)
                said |= {row: quality.read_note(picture) for row, picture in pictures.items()}
        return reasons, said


class Embeddings:
    """F(T) of at most `most` rows. A row holds its picture's SHA-256, so an id that the database
    uses again finds nothing here.
    """

    def __init__(self, most: int):
        self.most = most
        self._kept: dict[Row, torch.Tensor] = {}
        self._lock = threading.Lock()

    def get(self, row: Row) -> torch.Tensor | None:
        return self._kept.get(row)

    def add(self, new: dict[Row, torch.Tensor]) -> None:
        with self._lock:
            for row, embedding in new.items():
                if len(self._kept) >= self.most:
                    self._kept.popitem()  # the newest: a search goes through the rows in one order, and meets the oldest again first
                self._kept[row] = embedding.clone()

    def keep_only(self, rows: Sequence[Row]) -> None:
        """Forget the rows that are revoked."""
        alive = set(rows)
        with self._lock:
            self._kept = {row: embedding for row, embedding in self._kept.items() if row in alive}


def open_png(png: bytes) -> Image.Image:
    """Raises UserError: no PNG, cut off, or more pixels than a template can have."""
    try:
        picture = Image.open(io.BytesIO(png), formats=["PNG"])
        if picture.width * picture.height > 2**20:
            raise ValueError("too large")
        picture.load()
        return picture
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise UserError(DAMAGED.format("picture")) from error


def fitting(picture: Image.Image, distorter: Distorter) -> Image.Image:
    """The picture itself, if it has the size and channels that the distorter takes; else raises
    UserError.
    """
    channels, height, width = distorter.recogniser.image_shape
    mode = "RGB" if channels == 3 else "L"
    if (picture.mode, *picture.size) != (mode, width, height):
        raise UserError(
            f"Generator {distorter.generator.name!r} needs a picture of {width}x{height} pixels"
            f" {mode}; this one has {picture.width}x{picture.height} {picture.mode}."
        )
    return picture


@contextmanager
def _numbered(number: int, photos: Sequence) -> Iterator[None]:
    """A UserError of the block says which of several photos it is about."""
    try:
        yield
    except UserError as error:
        if len(photos) > 1:
            error.args = (f"Photo {number}: {error}",)
        raise


def _make_template(
    sight: Sight, distorter: Distorter, polish_steps: int, turn: torch.Tensor | None = None
) -> bytes:
    distorter.check_key(turn)
    turned = sight.own if turn is None else turn @ sight.own
    result = distorter.distort(sight.picture, turned, polish_steps)
    if not result.decision.same:
        raise BadPicture(
            "The template of this photo would not be recognised. Use another photo, from the front"
            " and in good light."
        )
    file = io.BytesIO()
    result.template.save(file, "PNG", pnginfo=quality.noted(sight.quality))
    return file.getvalue()


def _row(name: str, number: int, png: bytes, distorter: Distorter) -> dict:
    return {
        "person": person_of(name),
        "number": number,
        "name": name,
        "png": png,
        "sha256": hashlib.sha256(png).hexdigest(),
        "generator": distorter.generator.name,
        "recogniser": distorter.generator.record["recogniser"],
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _sound_picture(row: Row, png: bytes) -> Image.Image:
    """Raises UserError where the row is not what was stored."""
    if not isinstance(png, bytes) or hashlib.sha256(png).hexdigest() != row.sha256:
        raise UserError(DAMAGED.format("picture"))
    if not row.has_sound_name:
        raise UserError(DAMAGED.format("name"))
    return open_png(png)


def new_entry(rows: Sequence[dict]) -> Entry:
    """Of rows that were made now."""
    said = tuple(quality.read_note(open_png(row["png"])) for row in rows)
    shared = {key: rows[0][key] for key in ("name", "time", "generator", "recogniser")}
    return Entry(**shared, templates=len(rows), quality=said)


def _entry(rows: Sequence[Row], reasons: dict[Row, str], said: dict[Row, str]) -> Entry:
    first = next((row for row in rows if row not in reasons), rows[0])
    damaged = tuple(reasons[row] for row in rows if row in reasons)
    qualities = tuple(said.get(row, quality.UNKNOWN) for row in rows)
    return Entry(
        first.name, first.time, first.generator, first.recogniser, len(rows), qualities, damaged
    )


def _sentences(rows: Sequence[Row], error: UserError) -> dict[Row, str]:
    return {
        row: f"Template {row.number} of {row.name!r} cannot be compared: {error}" for row in rows
    }


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def _taken(name: str) -> UserError:
    return UserError(
        f"{name!r} is enrolled already. Revoke that name first, or choose another one."
    )


def _unknown(name: str) -> UserError:
    return UserError(f"Nobody is enrolled as {name!r}. Check the name, or enrol it first.")
