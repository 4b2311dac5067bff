"""Replicas: what an objective needs to be the same on one device and on several."""

from kgan.backend import global_mean

__all__ = ["global_mean"]
