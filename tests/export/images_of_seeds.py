"""Print the bytes of a conditional SavedModel's images of class 1, as hexadecimal digits.

python images_of_seeds.py <folder> <seed> ...
"""

import sys

import tensorflow as tf

loaded = tf.saved_model.load(sys.argv[1])
seeds = tf.constant([int(seed) for seed in sys.argv[2:]], tf.int64)
images = loaded.signatures["generate"](seed=seeds, label=tf.ones_like(seeds, tf.int32))["images"]
print(images.numpy().tobytes().hex())
