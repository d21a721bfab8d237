"""torchvision, imported here alone, without torch's compiler, which only a layer of its detectors uses."""

from xraylab.later import later

LATER = ("torch._dynamo.utils",)

with later(*LATER):
    import torchvision

__all__ = ["LATER", "torchvision"]
