"""The bottleneck's decoder in a thief's hands: embedding -> the face, as far as it can be told."""

from ndcb.generators.bottleneck import Bottleneck


class Inverter(Bottleneck):
    """Embeddings (n, embedding), of length 1 -> pictures (n, 3, size, size) in [0, 1].

    Its carrier is mid-grey. It makes no templates.
    """
