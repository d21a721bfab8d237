"""
Have films decoded apart: in processes with limits, so that a hostile file can't harm the program.

- ``decoders()`` is the pool of this process; it starts decoders when they are first needed
- a decoder that crashes, hangs or takes too much memory costs the film that it was reading, with a sentence
- an answer is JSON that is checked against a schema, and raw pixels; nothing is ever unpickled
- a decoder that a film has taken over could still answer wrongly for films that come later
"""

from xraylab.imaging.apart.pool import Decoders, decoders

__all__ = ["Decoders", "decoders"]
