"""A vault some of whose templates are sealed: T = D(R_k z(X)), where the key k is not in it.

    name + photo + secret -> key -> rotation R_k -> template and salt, each into its own database
    name + photo + secret -> key -> R_k z(photo) against z(template) -> yes or no

**Without k, T says nothing of X.** For a uniform key, R_k is uniform over all rotations; so for any
unit vector z(X), R_k z(X) is uniform
on the sphere. T is a function of R_k z(X) alone, so T is distributed alike whoever X is, and
templates under independent keys are independent of each other. This is a one-time pad's secrecy,
whatever a thief computes, as far as ChaCha20 and HKDF are not told from chance, and as long as the
secret is: a passphrase is as secret as it is hard to guess, and who has stolen both stores and a
photo of the person can try guesses at home. It says nothing of how many templates there are, when
they were made, of whose names, and how good their photos were: that is written beside them.

What is still possible: who has the key, and the template, has z(X), a leaked embedding. Who has a
photo of the person, and the key, logs in. Who has taken over the service sees photos and secrets as
they come. And who polishes a template (`polish_steps`) keeps T a function of R_k z(X), so nothing
changes.
"""

import os

import torch

from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED, UserError
from ndcb.models.pipeline import Distorter, Models
from ndcb.vault.key_store import KeyStore, Seal, Secret, new_card, new_seal
from ndcb.vault.keys import KeyCard, Passphrase, ServiceSecret, rotation
from ndcb.vault.names import clean_name
from ndcb.vault.rows import Row
from ndcb.vault.vault import Entry, Turns, Vault, new_entry

ONE_PLACE = "The keys must not lie beside the templates. Name another place for the key store."
NO_SEAL = (
    "The key store knows nothing of the template of {!r}. Name the key store that was used at"
    " enrolment; if it is lost, the template is too: renew it with a photo, or revoke the name."
)


class SealedVault(Vault):
    """Templates at `place`, what belongs to their keys at `keys`; both as in `Vault`, and never the
    same.

    `generator` makes plain templates, `sealed_generator` sealed ones. Nothing here tells a
    distance: whoever tries photos could follow it.
    """

    def __init__(
        self,
        place: str | os.PathLike,
        keys: str | os.PathLike,
        models: Models,
        generator: str = DEFAULT_FACES,
        sealed_generator: str = DEFAULT_SEALED,
        polish_steps: int = 0,
        any_quality: bool = False,
    ):
        super().__init__(place, models, generator, polish_steps, any_quality)
        self.keys = KeyStore(keys)
        if _same_place(self.database.engine.url, self.keys.engine.url):
            raise UserError(ONE_PLACE)
        self.sealed_generator = sealed_generator

    @property
    def generators(self) -> list[str]:
        return [self.sealed_generator, self.generator]

    def enrol_sealed(
        self, name: str, photos: list, secret: Passphrase | ServiceSecret | None = None
    ) -> tuple[Entry, KeyCard | None]:
        """Store a sealed template of each of one to five photos, each turned by a key of its own,
        all or none.

        secret: where the keys come from; None: a new random one, on the card that comes back and is
        nowhere else. Raises what `enrol` does.
        """
        name = self._free_name(name)
        seal = new_seal(secret.source if secret else "card")
        card = None if secret else new_card(seal, name)
        rows = self._sealed_rows(name, photos, seal, secret or card)
        self.keys.add(seal, [row["sha256"] for row in rows])
        try:
            self._add(name, rows)
        except BaseException:
            self.keys.destroy(seal.enrolment)
            raise
        return new_entry(rows), card

    def verify_sealed(
        self, name: str, photo, secret: Secret, threshold: float | None = None
    ) -> bool:
        """1:1: is the photo the person of one of the name's sealed templates? A wrong passphrase is
        answered as another face is.

        threshold: as in `verify`. Raises what `verify` does; UserError: the name's templates are
        plain, or the key store does not know them; BadKey: another kind of secret, a card of
        another enrolment or version.
        """
        rows, seals = self._sealed(name)
        seal = seals[rows[0].sha256][0]
        opened = seal.secrets(secret)
        face = self._face(photo)
        reasons: dict[Row, str] = {}
        accepted, compared = False, False
        for group, distorter in self._by_distorter(rows, reasons):
            limit = distorter.generator.record["threshold"] if threshold is None else threshold
            direction = self._look(face, distorter).own
            turns = [_turns(seal, one, distorter) for one in opened]
            for row, reference in self._embed(group, distorter, reasons).items():
                compared = True
                turned = [turn(seals[row.sha256][1]) @ direction for turn in turns]
                accepted |= any(bool((one - reference).square().sum() < limit) for one in turned)
        if not compared:
            raise UserError(next(iter(reasons.values())))
        return accepted

    def renew(
        self, name: str, photos: list, secret: Passphrase | ServiceSecret | None = None
    ) -> tuple[Entry, KeyCard | None]:
        """Put templates under new keys in the place of all that the name has, plain ones too, and
        destroy the old keys' salts.

        secret: as in `enrol_sealed`; the same passphrase or service's secret gives new keys. Raises
        what `enrol_sealed` does; UserError: nobody of that name, or somebody changed it at the same
        moment. Who asks for this is not checked, as with `revoke`.
        """
        old = self._known_rows(name)
        name = clean_name(name)
        before = next(
            (seal for seal, _ in self.keys.seals([row.sha256 for row in old]).values()), None
        )
        seal = new_seal(secret.source if secret else "card", before)
        card = None if secret else new_card(seal, name)
        rows = self._sealed_rows(name, photos, seal, secret or card)
        self.keys.add(seal, [row["sha256"] for row in rows])
        replaced = False
        try:
            replaced = self.database.replace(old, rows)
        finally:
            if not replaced:
                self.keys.forget([row["sha256"] for row in rows])
        if not replaced:
            raise UserError(f"{name!r} was changed at the same moment. Try once more.")
        self.keys.destroy(seal.enrolment, but=seal.version)
        return new_entry(rows), card

    def revoke(self, name: str) -> int:
        """`Vault.revoke`, and before it all that belongs to the name's keys is destroyed: a copy of
        a template opens to nobody any more.
        """
        self.destroy_keys(name)
        return super().revoke(name)

    def destroy_keys(self, name: str) -> bool:
        """False where the key store knows nothing of the name's templates."""
        enrolments = {
            seal.enrolment
            for seal, _ in self.keys.seals([row.sha256 for row in self._all_rows(name)]).values()
        }
        for enrolment in enrolments:
            self.keys.destroy(enrolment)
        return bool(enrolments)

    def source(self, name: str) -> str | None:
        """passphrase, card or service; None where the name's templates are plain. Raises what
        `verify_sealed` does about the name.
        """
        rows = self._known_rows(name)
        if not any(self._is_sealed(row) for row in rows):
            return None
        rows, seals = self._sealed(name)
        return seals[rows[0].sha256][0].source

    def close(self) -> None:
        super().close()
        self.keys.close()

    def _sealed_rows(self, name: str, photos: list, seal: Seal, secret: Secret) -> list[dict]:
        distorter = self._sealed_distorter()
        return self._new_rows(name, photos, distorter, _turns(seal, seal.secret(secret), distorter))

    def _sealed_distorter(self) -> Distorter:
        distorter = self.models.distorter(self.sealed_generator)
        if not distorter.sealed:
            raise UserError(
                f"Generator {self.sealed_generator!r} makes plain templates. Name one that seals,"
                f" such as {DEFAULT_SEALED!r}."
            )
        return distorter

    def _sealed(self, name: str) -> tuple[list[Row], dict[str, tuple[Seal, int]]]:
        """The name's sealed rows that the key store knows, and their seals."""
        rows = [row for row in self._known_rows(name) if self._is_sealed(row)]
        if not rows:
            raise UserError(
                f"The template of {clean_name(name)!r} is plain: no key belongs to it. Log in"
                " without one."
            )
        seals = self.keys.seals([row.sha256 for row in rows])
        known = [row for row in rows if row.sha256 in seals]
        if not known:
            raise UserError(NO_SEAL.format(clean_name(name)))
        return known, seals

    def _is_sealed(self, row: Row) -> bool:
        try:
            return self._distorter(row.generator, row.recogniser).sealed
        except UserError:  # made by what is not there: `verify` says so
            return False


def _turns(seal: Seal, secret: bytes, distorter: Distorter) -> Turns:
    size = distorter.generator.model.config.directions
    return lambda number: torch.from_numpy(rotation(seal.key(secret, number), size)).float()


def _same_place(one, other) -> bool:
    def place(url):
        in_memory = url.database in (None, "", ":memory:")
        return (
            None
            if in_memory
            else (
                os.path.realpath(url.database)
                if url.get_backend_name() == "sqlite"
                else url.set(password=None)
            )
        )

    return place(one) is not None and place(one) == place(other)
