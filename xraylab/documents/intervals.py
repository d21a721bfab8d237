"""The one type that most documents share."""

Interval = tuple[float, float]  # lower and upper bound at 95 %
