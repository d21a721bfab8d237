"""The type of an interval, which most documents share."""

Interval = tuple[float, float]  # lower and upper bound at 95 %
