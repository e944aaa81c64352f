"""The options of the vault's verbs: enrol, verify, identify, renew, revoke, list."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ndcb.cli.arguments import FalseMatchRate
from ndcb.core.terms import DEFAULT_FACES

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
Photo = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
Photos = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO...")]


@dataclass(frozen=True, kw_only=True)
class Kept:
    vault: str = "vault.sqlite"
    """The vault: a file's path, or a database's URL such as postgresql://user@host/database."""


@dataclass(frozen=True, kw_only=True)
class Modelled(Kept):
    generator: str = DEFAULT_FACES
    """Name of a checkpoint, or the path of its folder: it makes new templates. A stored template is
    compared by the generator that made it.
    """
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first of cuda, mps and cpu that is there."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    any_quality: bool = False
    """Take photos that are too blurred, dark or otherwise poor to tell people apart. Their
    templates say so."""


@dataclass(frozen=True, kw_only=True)
class Matched(Judged, Modelled):
    fmr: FalseMatchRate = None
    threshold: float | None = None
    """Accept under this squared distance, in place of --fmr."""


@dataclass(frozen=True, kw_only=True)
class KeyStored:
    keys: str = "keys.sqlite"
    """The key store of sealed templates: a file's path, or a database's URL. It lies apart from the
    vault."""


@dataclass(frozen=True, kw_only=True)
class Keyed(KeyStored):
    card: Path | None = None
    """The key card: its file or a picture of it. Where a card is made: the file to write, with a
    PNG to print beside it; default: NAME.card.json.
    """
    secret: Path | None = None
    """File with the service's secret, at least 32 random bytes."""


@dataclass(frozen=True, kw_only=True)
class Enrolling(Judged, Keyed):
    generator: str | None = None
    """Name of a checkpoint, or the path of its folder. Default: sface-bottleneck, and sface-sealed
    for sealed templates.
    """
    seal: Literal["passphrase", "card", "service"] | None = None
    """Seal the templates, each with a key of its own, from a passphrase (asked for, or the first
    line of the input), from a random secret on a key card, or from the service's secret.
    """
    polish: int = 0
    """Gradient steps on each template's pixels; they bring its embedding nearer to the photo's."""


@dataclass(frozen=True)
class Enrol(Enrolling, Modelled):
    """Store templates of one to five photos of a person under a name, all or none.

    Makes the vault if it is not there. A name that is enrolled is refused; revoke it first. "Ann"
    and "ANN" are one name. Prints one JSON object: name, time, generator, recogniser, templates
    (how many), quality (of each photo: good, or what is wrong with it, or unchecked), faces (how
    many were found in each photo); of sealed ones also seal, and card and card_picture where they
    were written. Photos that show two people are refused.

    Exit code: 0 stored; 1 a photo failed, and the line says why in "error"; 2 the name, the vault,
    a key or an option cannot be used.
    """

    name: Name
    """1 to 64 printable characters. Spellings are one name if they differ only in case, width,
    joiners or the kind of space."""
    photos: Photos
    """Picture files, each of the person's face; of a photo with several faces the largest
    counts.
    """


@dataclass(frozen=True)
class Renew(Enrolling, Modelled):
    """Replace all templates of a name by sealed ones under new keys, and destroy what belonged to
    the old keys.

    Takes the same kind of key as before unless --seal names another one. With --seal, plain
    templates become sealed ones. Prints what enrol prints.

    Exit code: 0 stored; 1 a photo failed, and the line says why in "error"; 2 the name, the vault,
    a key or an option cannot be used. Where it is not 0 the old templates stay.
    """

    name: Name
    """As it was enrolled."""
    photos: Photos
    """As for enrol."""


@dataclass(frozen=True)
class Verify(Keyed, Matched):
    """Is the face on the photo the person enrolled under the name? The nearest of the name's
    templates counts.

    Prints one JSON object: name, photo, faces (how many were found), accepted, squared_distance,
    threshold, fmr, and skipped where templates could not be compared. For sealed templates it
    leaves out all that tells a distance: name, photo, faces, accepted. A passphrase is asked for,
    or is the first line of the input.

    Exit code: 0 accepted; 1 refused, or the photo failed, and the line says why in "error"; 2 the
    name, the vault, a key or an option cannot be used.
    """

    name: Name
    """As it was enrolled."""
    photo: Photo
    """A picture file; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Identify(Matched):
    """Who of all that are enrolled is on the photo?

    Prints one JSON object a photo: photo, faces (how many were found), name (null where even the
    nearest template is too far), accepted, squared_distance, threshold, fmr, false_name_chance, and
    skipped where templates could not be compared.

    Each template is one more chance to be taken for somebody else. So the threshold is that of a
    false match rate (FMR) of at most 1 % / templates, and at most --fmr: the largest that the
    generator's record holds, of those from 1e-2 down to 1e-5. Where the vault is too large for the
    smallest one, that one counts, and false_name_chance shows it.

    false_name_chance says how likely this vault gives a stranger a name: 1 - (1 - FMR)^n, with the
    FMR of test people at the thresholds used, and n templates that were compared. They are taken
    for independent of each other, which makes the number rather too large. It is null where the
    rate was not measured.

    Exit code: 0 all accepted; 1 one was refused or failed, and its line says why in "error"; 2 the
    vault or an option cannot be used.
    """

    photos: Photos
    """Picture files; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Revoke(KeyStored, Kept):
    """Delete all templates of a name, and what belongs to their keys.

    Prints one JSON object: name, revoked (how many); of sealed ones also keys: destroyed, or
    unknown where the key store knows none. Exit code: 0 deleted; 2 the name, the vault or the key
    store cannot be used.
    """

    name: Name
    """As it was enrolled."""


@dataclass(frozen=True)
class List(Modelled):
    """List the names that are enrolled, in alphabetical order.

    Prints one JSON object a name: name, time (UTC), generator, recogniser, templates (how many),
    quality (of each template's photo, as enrol prints it; those of older programs are unchecked),
    and damaged where some cannot be compared. Exit code: 0; 1 where a template is damaged; 2 the
    vault or an option cannot be used.
    """
