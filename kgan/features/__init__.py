"""Extractors: what turns images into the features and classes that measures compare."""

from kgan.features.by_name import get
from kgan.features.classifier import classifier_model
from kgan.features.classifier import train_classifier
from kgan.features.extractor import Extractor
from kgan.features.extractor import Features
from kgan.features.imagenet import imagenet
from kgan.features.inception import inception
from kgan.features.shipped import digits
from kgan.features.shipped import fashion

__all__ = [
    "Extractor",
    "Features",
    "classifier_model",
    "digits",
    "fashion",
    "get",
    "imagenet",
    "inception",
    "train_classifier",
]
