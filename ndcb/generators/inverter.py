"""The bottleneck's decoder in a thief's hands: embedding -> a face, as far as the embedding tells
it.
"""

from ndcb.generators.bottleneck import Bottleneck


class Inverter(Bottleneck):
    """Embedding (n, embedding), of length 1 -> picture (n, 3, 160, 160) in [0, 1]; its carrier is
    mid-grey. Makes no templates.
    """
