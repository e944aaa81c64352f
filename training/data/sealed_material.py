"""What every measurement of sealed templates starts from: each picture's template under a key of
its own, and where it points.
"""

import hashlib
from functools import cached_property

import numpy as np
import torch

from ndcb.core.tensors import quantise
from ndcb.generators.sealed import Directions
from ndcb.models.checkpoints import Checkpoint
from ndcb.vault.keys import rotation
from training.data.material import Material
from training.data.pictures import Pictures


class SealedMaterial(Material):
    """`Material` of a sealed generator: the template of picture i is made with key i of a set;
    another set has other keys.

    The keys of measurements are hashes of fixed words, so that figures can be had again. With
    `one_key` a set has one key for all.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        recogniser: torch.nn.Module,
        pictures: Pictures,
        keys: int = 0,
        one_key: bool = False,
    ):
        super().__init__(checkpoint, recogniser, pictures)
        self.keys, self.one_key = keys, one_key
        self.generator = checkpoint.model
        self.size = self.generator.config.directions
        self.directed = Directions(recogniser, self.generator).eval()

    def with_keys(self, keys: int, one_key: bool = False) -> "SealedMaterial":
        """The same pictures under other keys."""
        return SealedMaterial(self.checkpoint, self.recogniser, self.pictures, keys, one_key)

    def turns(self, rows: np.ndarray) -> np.ndarray:
        """R_k of each row's key, (len(rows), d, d), float32."""
        owners = np.zeros_like(rows) if self.one_key else rows
        known = {
            owner: rotation(
                hashlib.sha256(f"key of set {self.keys} for picture {owner}".encode()).digest(),
                self.size,
            )
            for owner in np.unique(owners)
        }
        return np.stack([known[owner] for owner in owners]).astype(np.float32)

    def directions(self, rows: np.ndarray) -> np.ndarray:
        """z(F(X)), (len(rows), d)."""
        return self._directions(self.real(rows))

    def targets(self, rows: np.ndarray) -> np.ndarray:
        """R_k z(F(X)), (len(rows), d): what each template is to say."""
        return turned(self.turns(rows), self.directions(rows))

    def said(self, rows: np.ndarray) -> np.ndarray:
        """z(F(T)), (len(rows), d): what each template says."""
        return self._directions(self.shifted(rows))

    def opened(self, rows: np.ndarray) -> np.ndarray:
        """R_k^-1 z(F(T)), (len(rows), d): what who has the key sees. Its distance to z(F(X')) is
        what `verify` computes of a probe X'.
        """
        return turned(self.turns(rows).transpose(0, 2, 1), self.said(rows))

    @cached_property
    def test_directions(self) -> np.ndarray:
        """z(F(X)) of the test part."""
        return self.directions(self.test)

    @cached_property
    def test_opened(self) -> np.ndarray:
        """R_k^-1 z(F(T)) of the test part."""
        return self.opened(self.test)

    def _make(self, rows: np.ndarray) -> torch.Tensor:
        return quantise(self.generator(torch.from_numpy(self.targets(rows)).to(self.device))).cpu()

    @torch.inference_mode()
    def _directions(self, embeddings: np.ndarray) -> np.ndarray:
        return self.generator.direction(torch.from_numpy(embeddings).to(self.device)).cpu().numpy()

    def _kept(self, name: str, code: list, rows: np.ndarray, compute, what: str) -> np.ndarray:
        name = f"keys{self.keys}{'-one' if self.one_key else ''}-{name}"
        return super()._kept(name, [rotation, *code], rows, compute, what)


def turned(turns: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(n, d, d) and (n, d) -> (n, d)."""
    return np.einsum("nij,nj->ni", turns, directions)
