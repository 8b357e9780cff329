"""Engines of real size for the benchmarks: random weights at the shapes of real models, and words from a script.

What a figure shall tell is time, and that depends on shapes, not on what was learned. So the weights are random, and
the words, which then mean nothing, are replaced by those of a script after the work for them was done.
"""
