"""The interval of a ratio of two rates, as Donner and Zou print it."""

import math


def ratio_interval(one, one_in, other, other_in):
    """Return the ends of the interval, from each rate and its own interval.

    Donner A, Zou GY (2012), Statistical Methods in Medical Research 21:347-359.
    """
    (low, high), (other_low, other_high) = one_in, other_in
    product = one * other
    below = product**2 - low * other_high * (2 * one - low) * (2 * other - other_high)
    above = product**2 - high * other_low * (2 * one - high) * (2 * other - other_low)
    return (
        (product - math.sqrt(below)) / (other_high * (2 * other - other_high)),
        (product + math.sqrt(above)) / (other_low * (2 * other - other_low)),
    )
