"""Publish copies of a SavedModel until killed, keeping the newest three.

python publications.py <SavedModel> <base>
"""

import shutil
import sys

from kgan.export.publish import publish

original, base = sys.argv[1:]


def write(folder, number):
    shutil.copytree(original, folder / "version")
    shutil.copy(f"{original}/saved_model.pb", folder / "digits.tflite")


while True:
    publish(write, base, keep=3)
