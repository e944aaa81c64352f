"""Templates kept in a database: enrol, verify (1:1), identify (1:N), renew, revoke.

    name + photos -> faces -> templates -> rows
    photo -> face -> embedding -> nearest template -> decision

Stored are the template (a PNG of 8 bits), a name, what made it when, and F(T), which follows from
the template (`ndcb.vault.kept`); never the photo and never its embedding F(X). Nothing is logged.
A sealed template is opened with a key that is not in the vault (`ndcb.vault.seals`).
"""

import os
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED, Face, UserError
from ndcb.models.operating_points import check_name
from ndcb.models.pipeline import Models
from ndcb.vault.enrolment import TemplateMaker
from ndcb.vault.entries import Entry, entries, new_entry
from ndcb.vault.gallery import Gallery
from ndcb.vault.key_card import KeyCard
from ndcb.vault.key_store import KeyStore
from ndcb.vault.matching import Match, Probe, nearest, opens
from ndcb.vault.names import clean_name
from ndcb.vault.rows import Row, TemplateDatabase
from ndcb.vault.seals import NewSecret, Seal, Secret, new_card, new_seal
from ndcb.vault.search import search
from ndcb.vault.templates import CHUNK, Embeddings, Stolen, StoredTemplates, chunks

KEPT_EMBEDDINGS = 20_000
"""F(T) kept in memory in full precision: 41 MB of FaceNet's 512 floats."""
NO_KEYS = "A sealed template needs the key store: open the vault with it."
ONE_PLACE = "The keys must not lie beside the templates. Name another place for the key store."
NO_SEAL = (
    "The key store knows nothing of the template of {!r}. Name the key store that was used at"
    " enrolment; if it is lost, the template is too: renew it with a photo, or revoke the name."
)
NOT_SEALED = "The template of {!r} is plain: no key belongs to it. Log in without one."
MAKES_PLAIN = "Generator {!r} makes plain templates. Name one that seals, such as {!r}."
CHANGED = "{!r} was changed at the same moment. Try once more."
TAKEN = "{!r} is enrolled already. Revoke that name first, or choose another one."
UNKNOWN = "Nobody is enrolled as {!r}. Check the name, or enrol it first."


class Vault:
    """Enrolled templates in a database, matched by the models that made them.

    database: a file's path, or any URL of SQLAlchemy; `sqlite://` is in memory, gone after `close`.
    keys: the key store of sealed templates, another such place; None: plain templates only.
    `models` finds faces and loads the `Distorter` of a generator, as `ndcb.models.pipeline.Models`
    does. `generator` makes new plain templates and `sealed_generator` new sealed ones, both with
    `polish_steps` (`ndcb.generators.polish`). fmr: the operating point of every login, a key of
    `ndcb.models.operating_points.NAMED`; None: the default. Templates of a generator whose record
    is of an older program cannot be compared at a named one.

    A photo is a `Face` that was found already, or whatever `models.find` takes; of several faces
    the first counts. "Ann" and "ANN" are one name (`ndcb.vault.names`). Photos in which people
    cannot be told apart are refused (`ndcb.models.quality`), unless `any_quality` takes them; the
    template's PNG holds what was found. Methods may be called from several threads. Each raises
    UserError where a database cannot be used; the constructor where `fmr` is another name.
    """

    def __init__(
        self,
        database: str | os.PathLike,
        models: Models,
        keys: str | os.PathLike | None = None,
        *,
        generator: str = DEFAULT_FACES,
        sealed_generator: str = DEFAULT_SEALED,
        polish_steps: int = 0,
        any_quality: bool = False,
        fmr: str | None = None,
    ):
        check_name(fmr)
        self.database = TemplateDatabase(database)
        self._keys = None if keys is None else KeyStore(keys)
        if self._keys and self._keys.is_at(self.database):
            raise UserError(ONE_PLACE)
        self.models = models
        self.generator, self.sealed_generator = generator, sealed_generator
        self.polish_steps, self.any_quality, self.fmr = polish_steps, any_quality, fmr
        self._embeddings = Embeddings(KEPT_EMBEDDINGS)
        self._gallery = Gallery(self.database, self._embeddings)
        self._upgraded: int | None = -1
        """The newest template that was looked at for a missing embedding; None: none is missing."""

    @property
    def keys(self) -> KeyStore:
        """Raises UserError: the vault was opened without one."""
        if self._keys is None:
            raise UserError(NO_KEYS)
        return self._keys

    def enrol(self, name: str, photos: Sequence) -> Entry:
        """Store a template of each of one to five photos, all or none.

        A login is compared with the nearest. A name that is enrolled is refused, so that nobody
        adds a face to another person's login: revoke it first. Raises UserError: that, no name, too
        many photos; PoorPhoto, NoFaceFound; BadPicture: also where the photos show two people, at
        an FMR of 1 %, or the template would not be recognised at the default operating point.
        """
        name = self._free_name(name)
        rows = self._maker(self.generator).rows(name, photos)
        self._add(name, rows)
        return new_entry(rows)

    def enrol_sealed(
        self, name: str, photos: Sequence, secret: NewSecret = None
    ) -> tuple[Entry, KeyCard | None]:
        """Store a sealed template of each photo, each turned by a key of its own, all or none.

        secret: where the keys come from; None: a new random one, on the card that comes back and is
        nowhere else. Raises what `enrol` does; UserError: no key store.
        """
        keys, name = self.keys, self._free_name(name)
        seal, card, rows = self._seal(name, photos, secret)
        keys.add(seal, _digests(rows))
        try:
            self._add(name, rows)
        except BaseException:
            keys.destroy(seal.enrolment)
            raise
        return new_entry(rows), card

    def verify(self, name: str, photo, threshold: float | None = None) -> Match:
        """1:1: the photo against the nearest plain template of the name.

        threshold: a squared distance, for every template; None: the vault's operating point of the
        template's generator. Raises UserError: nobody of that name, no template that can be
        compared; PoorPhoto, BadPicture, NoFaceFound.
        """
        stored = self._stored(self._known_rows(name))
        return nearest(self._probe(photo, threshold), stored)[1]

    def verify_sealed(
        self, name: str, photo, secret: Secret, threshold: float | None = None
    ) -> bool:
        """1:1: is the photo the person of one of the name's sealed templates?

        A wrong passphrase is answered as another face is. No distance is told: whoever tries photos
        could follow it. threshold: as in `verify`. Raises what `verify` does; UserError: the name's
        templates are plain, the key store is missing or does not know them, the generator's record
        does not tell the vault's operating point; BadKey: another kind of secret, or a card of
        another enrolment or version.
        """
        rows, seals = self._sealed_rows(name)
        secrets = seals[rows[0].sha256][0].secrets(secret)
        return opens(self._probe(photo, threshold), self._stored(rows), seals, secrets)

    def identify(self, photo, threshold: float | None = None) -> tuple[str | None, Match]:
        """1:N: the name of the nearest plain template, and the decision about it.

        The name is None where even the nearest is too far. Distances of two recognisers do not
        compare: among several, the template that is furthest under its own threshold is nearest.
        threshold: a squared distance, for every template; None: of the template's generator that of
        `ndcb.models.operating_points.for_search`, by the vault's `fmr` and by how many templates
        can be compared, of all generators together. Where they are more than the record's smallest
        level allows, `ndcb.results.thresholds.false_name_chance` says what that means. Raises
        UserError: an empty vault, no template that can be compared; PoorPhoto, BadPicture,
        NoFaceFound.
        """
        row, match = search(self._probe(photo, threshold), self._gallery, self._stored)
        return (row.name if match.same else None), match

    def renew(
        self, name: str, photos: Sequence, secret: NewSecret = None
    ) -> tuple[Entry, KeyCard | None]:
        """Replace all templates of the name, plain ones too, by sealed ones under new keys.

        The old keys' salts are destroyed. secret: as in `enrol_sealed`; the same passphrase or
        service's secret gives new keys. Raises what `enrol_sealed` does; UserError: nobody of that
        name, or somebody changed it at the same moment. Who asks for this is not checked, as with
        `revoke`.
        """
        keys, old = self.keys, self._known_rows(name)
        name = clean_name(name)
        before = next((seal for seal, _ in self._seals(old).values()), None)
        seal, card, rows = self._seal(name, photos, secret, before)
        keys.add(seal, _digests(rows))
        replaced = False
        try:
            replaced = self.database.replace(old, rows)
        finally:
            if not replaced:
                keys.forget(_digests(rows))
        if not replaced:
            raise UserError(CHANGED.format(name))
        keys.destroy(seal.enrolment, but=seal.version)
        return new_entry(rows), card

    def revoke(self, name: str) -> int:
        """Delete all templates of a name and say how many. Raises UserError: nobody of that name.

        What belongs to their keys is destroyed first, so that nobody can open a copy of a template
        any more; without the key store it stays there. SQLite's file is overwritten where the rows
        were; another database may keep them until its own clean-up.
        """
        name = clean_name(name)
        self.destroy_keys(name)
        count = self.database.remove(self.database.all_rows(name))
        if not count:
            raise UserError(UNKNOWN.format(name))
        return count

    def destroy_keys(self, name: str) -> bool:
        """False where there is no key store, or it knows nothing of the name's templates."""
        if self._keys is None:
            return False
        seals = self._seals(self.database.all_rows(clean_name(name)))
        enrolments = {seal.enrolment for seal, _ in seals.values()}
        for enrolment in enrolments:
            self._keys.destroy(enrolment)
        return bool(enrolments)

    def source(self, name: str) -> str | None:
        """passphrase, card or service; None where the name's templates are plain.

        Raises what `verify_sealed` does about the name.
        """
        if not self._stored(self._known_rows(name)).sealed():
            return None
        rows, seals = self._sealed_rows(name)
        return seals[rows[0].sha256][0].source

    def stolen(self) -> Sequence[Stolen]:
        """What a thief of the database sees: every stored template, in the order of enrolment."""
        return [
            Stolen(row.name, png, row.generator, row.recogniser, row.time)
            for chunk in chunks(self.database.rows())
            for row, png in self.database.pngs(chunk).items()
        ]

    def list(self) -> Sequence[Entry]:
        """All names in alphabetical order.

        Reads every picture and loads the models, so as to say which templates are damaged.
        """
        return entries(self._stored(self.database.rows()))

    def close(self) -> None:
        """Let go of the databases and of all embeddings."""
        self.database.close()
        if self._keys:
            self._keys.close()
        self._embeddings.keep_only(())
        self._gallery.forget()
        self._upgraded = -1

    # names and their rows

    def _free_name(self, name: str) -> str:
        """The name, cleaned. Raises UserError: it is enrolled.

        Asking here saves the slow part; what decides is the unique constraint.
        """
        name = clean_name(name)
        if self.database.rows(name):
            raise UserError(TAKEN.format(name))
        return name

    def _add(self, name: str, rows: Sequence[dict]) -> None:
        """Raises UserError: somebody else has enrolled the name since."""
        try:
            stored = self.database.add(rows)
        except IntegrityError:
            raise UserError(TAKEN.format(name)) from None
        embeddings = [row["embedding"] for row in rows]
        self._embeddings.add(dict(zip(stored, embeddings, strict=True)))
        self._upgrade()

    def _upgrade(self) -> None:
        """Keep F(T) beside some templates of an older version, which lack it."""
        if self._upgraded is None:
            return
        with suppress(UserError):  # the enrolment is done; the next one goes on
            rows = self.database.without_kept(self._upgraded, CHUNK)
            self.database.keep(self._stored(rows).to_keep(rows))
            self._upgraded = rows[-1].id if len(rows) == CHUNK else None

    def _known_rows(self, name: str) -> Sequence[Row]:
        """Raises UserError: nobody of that name."""
        name = clean_name(name)
        rows = self.database.rows(name)
        if not rows:
            raise UserError(UNKNOWN.format(name))
        return rows

    # templates and the models that make them

    def _maker(self, generator: str) -> TemplateMaker:
        distorter = self.models.distorter(generator)
        return TemplateMaker(distorter, self._face, self.polish_steps, self.any_quality)

    def _face(self, photo) -> Face:
        return photo if isinstance(photo, Face) else self.models.find(photo)[0]

    def _probe(self, photo, threshold: float | None) -> Probe:
        return Probe(self._face(photo), threshold, self.any_quality, self.fmr)

    def _stored(self, rows: Sequence[Row]) -> StoredTemplates:
        generators = [self.sealed_generator, self.generator]
        return StoredTemplates(rows, self.database, self.models, generators, self._embeddings)

    # seals

    def _seal(
        self, name: str, photos: Sequence, secret: NewSecret, before: Seal | None = None
    ) -> tuple[Seal, KeyCard | None, Sequence[dict]]:
        """The seal, its card, and the rows of the templates. before: the seal that is renewed."""
        maker = self._maker(self.sealed_generator)
        if not maker.distorter.sealed:
            raise UserError(MAKES_PLAIN.format(self.sealed_generator, DEFAULT_SEALED))
        seal = new_seal(secret.source if secret else "card", before)
        card = None if secret else new_card(seal, name)
        turns = seal.turns(seal.secret(secret or card), maker.distorter)
        return seal, card, maker.rows(name, photos, turns)

    def _seals(self, rows: Sequence[Row]) -> dict[str, tuple[Seal, int]]:
        """As `KeyStore.seals`. Raises UserError: no key store."""
        return self.keys.seals([row.sha256 for row in rows])

    def _sealed_rows(self, name: str) -> tuple[Sequence[Row], dict[str, tuple[Seal, int]]]:
        """The name's sealed rows that the key store knows, and their seals."""
        rows = self._stored(self._known_rows(name)).sealed()
        if not rows:
            raise UserError(NOT_SEALED.format(clean_name(name)))
        seals = self._seals(rows)
        known = [row for row in rows if row.sha256 in seals]
        if not known:
            raise UserError(NO_SEAL.format(clean_name(name)))
        return known, seals


def _digests(rows: Sequence[dict]) -> Sequence[str]:
    return [row["sha256"] for row in rows]
