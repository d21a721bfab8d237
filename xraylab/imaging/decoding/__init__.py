"""
What runs inside a decoder: a process of its own, with limits, that unpacks the files of strangers.

- nothing outside of this package imports it; ``imaging.apart`` starts it as a program, with pipes
- it is built for hostile bytes: whatever a film does to it costs that film alone
"""
