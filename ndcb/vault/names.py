"""A person's name: what it may hold, which spellings are one name, and its digest in a vault.

Two spellings are one name where Unicode's NFKC form and case folding make them equal. Joiners,
marks of direction and other invisible characters do not count, nor does the kind of space. So
"Ann", "ANN" and "Ａｎｎ" are one name. Letters of two scripts that look alike, such as Latin A and
Cyrillic А, make two names.
"""

import hashlib
import re
import unicodedata

from ndcb.core.terms import UserError

LONGEST_NAME = 64
"""Characters (Unicode code points)."""
JOINERS_AND_MARKS = "\u061c\u180e\u200c\u200d\u200e\u200f"
"""Invisible characters that names are written with: Arabic letter mark, Mongolian vowel separator,
ZWNJ, ZWJ, and the marks left-to-right and right-to-left. Characters that turn the text after them,
U+202A to U+202E and U+2066 to U+2069, are refused: they make a name look like another one."""
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
"""A region's flag, such as Scotland's: a black flag, then the region's code in tag characters.
These are allowed nowhere else."""
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000\U000e0001\U000e0100-\U000e0fff]"
)
"""Unicode's Default_Ignorable_Code_Point without the tags of flags; and Braille's blank."""
NEW_EMOJI = ("\U0001f000", "\U0001faff")
"""Unicode keeps this range for emoji: one that this Python does not know yet is allowed."""
UNNAMED = {
    "Cc": "a control character",
    "Cn": "not a character",
    "Co": "a private character",
    "Cs": "half a character",
}
"""What a character without a name is called, by its category."""


def clean_name(name: str) -> str:
    """Unicode NFC, no outer spaces, inner ones single.

    Raises UserError: empty, too long, nothing visible, or a character that no name has.
    """
    name = unicodedata.normalize("NFC", name.strip().strip("\ufeff").strip())
    name = re.sub(" +", " ", name)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise UserError(
            f"A name has 1 to {LONGEST_NAME} printable characters; this one has {len(name)}."
        )

    for character in FLAG.sub("", name):
        if not _is_allowed(character):
            raise UserError(
                f"A name cannot hold the character {_called(character)}. Write it without."
            )
    if not re.sub(r"\s", "", INVISIBLE.sub("", name)):
        raise UserError(
            f"A name needs a character that can be seen; here is only {_called(name[0])}. "
            "Write another one."
        )
    return name


def person_of(name: str) -> str:
    """SHA-256 of what the spellings of one name have in common."""
    return _digest(_folded(name))


def digests_of(name: str) -> tuple[str, str]:
    """What a vault may hold for this very spelling: `person_of`, and what older versions wrote.

    Those took NFC in place of NFKC, and joiners and kinds of space counted. For nearly all names
    both digests are equal.
    """
    older = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    return person_of(name), _digest(older)


def _folded(name: str) -> str:
    """Unicode's compatibility caseless match (D146), without what cannot be seen."""
    text = INVISIBLE.sub("", unicodedata.normalize("NFD", name)).casefold()
    text = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _is_allowed(character: str) -> bool:
    category = unicodedata.category(character)
    is_new_emoji = category == "Cn" and NEW_EMOJI[0] <= character <= NEW_EMOJI[1]
    is_allowed = character.isprintable() or character in JOINERS_AND_MARKS
    return is_allowed or category == "Zs" or is_new_emoji


def _called(character: str) -> str:
    kind = UNNAMED.get(unicodedata.category(character), "unnamed")
    return f"U+{ord(character):04X} ({unicodedata.name(character, kind)})"
