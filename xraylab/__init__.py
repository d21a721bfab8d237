"""XRayLab: train chest-radiograph classifiers, move the threshold, see what the network looked at."""

__version__ = "0.1.0"
