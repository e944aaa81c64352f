"""The templates that every visitor's vault holds from the start, and the samples to log in with.

All of these pictures may be shipped.
"""

from functools import cache, lru_cache

import numpy as np
from PIL import Image

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES, Face
from ndcb.faces import samples
from ndcb.models import checkpoints, examples
from ndcb.models.pipeline import Models
from ndcb.vault.vault import Vault

PORTRAIT = "Eileen Collins"
SAMPLE_DIGITS = (3, 8)


@lru_cache(maxsize=1)
def demonstration(models: Models) -> list[dict]:
    """The rows of a vault that nobody has used yet.

    They are made once: no visitor but the first waits for a generator.
    """
    vault = Vault("sqlite://", models)
    for name, face, generator in people():
        vault.generator = generator
        vault.enrol(name, [face])
    pngs = vault.database.pngs(vault.database.rows())
    vault.close()

    rows = []
    for row, png in pngs.items():
        columns = {key: value for key, value in vars(row).items() if key != "id"}
        rows.append({**columns, "png": png})
    return rows


def people() -> list[tuple[str, Face, str]]:
    """(name, face or digit, generator) of everybody in that vault."""
    there = checkpoints.names()
    everybody = []
    if DEFAULT_FACES in there:
        everybody.append((PORTRAIT, examples.portrait_face(), DEFAULT_FACES))
    for digit in SAMPLE_DIGITS if DEFAULT_DIGITS in there else ():
        drawn = Face(samples.digits()[digit], None, how="drawn")
        everybody.append((f"digit {digit}", drawn, DEFAULT_DIGITS))
    return everybody


@cache
def sample_pictures() -> list[tuple[Image.Image, str, str]]:
    """(picture, caption, generator): the portrait, and the digits.

    The digits are in other hands than those in the vault.
    """
    from sklearn.datasets import load_digits

    pictures = [(samples.portrait(), "portrait", DEFAULT_FACES)]
    for number, image in enumerate(load_digits().images[10:20]):
        grey = Image.fromarray(np.uint8(image / 16 * 255)).resize((160, 160), Image.BICUBIC)
        pictures.append((grey, f"a {number}", DEFAULT_DIGITS))
    there = checkpoints.names()
    return [sample for sample in pictures if sample[2] in there]
