"""Graphs of stand-ins over a list of channel counts, by kind of model.

Every function takes (net, channels, depths, option), adds the layers and declares the output. What ``option`` means is
stated in each.
"""
