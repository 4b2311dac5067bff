"""The FID paper's InceptionV3 as an extractor: the one that may say FID and KID."""

import os

from kgan._utils.checks import check_image_shape
from kgan.features.extractor import Extractor
from kgan.features.inception_network import inception_network
from kgan.features.inception_weights import FILES
from kgan.features.inception_weights import are_fid_tensors
from kgan.features.inception_weights import put_tensors
from kgan.features.inception_weights import read_tensors

# The graph's classes; ImageNet's 1,000 are among them.
_NUM_CLASSES = 1008
# 256 images of 299 x 299 would take 5 GB on their way through.
_BATCH = 32


def inception(path: str | os.PathLike, image_shape: tuple[int, int, int]) -> Extractor:
    """The InceptionV3 of the FID paper, with the tensors of a file.

    Images in [-1, 1] become pixels (the 256 levels of a stored image), are resized to 299 x 299 as
    TensorFlow 1 did, and go through the graph of 2015-12-05 to its layer pool_3: 2,048 features,
    with which a Frechet distance is the FID and a kernel distance the KID. So only that graph's
    tensors are taken.

    kgan ships no weights. These files hold them: classify_image_graph_def.pb, which TensorFlow
    published (inside inception-2015-12-05.tgz), and .npz archives of the same tensors. Of
    pt_inception-2015-12-05-6726825d.pth, the copy for pytorch-fid and torch-fidelity, make an .npz
    where torch is installed: `state = torch.load(path, weights_only=True)`, then
    `numpy.savez("inception.npz", **{name: value.numpy() for name, value in state.items()})`.

    Args:
        path: one of these files.
        image_shape: (height, width, 3) of the images, of any height and width.

    Returns:
        An Extractor of the name "inception". With the class weights of the graph it has
        probabilities of 1,008 classes too, from logits without bias, for the Inception Score; an
        .npz without them has none.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, incomplete or of another kind, if its tensors are not
            the FID paper's, or if the images are not red, green and blue.

    Example:
        >>> extractor = kgan.features.inception("classify_image_graph_def.pb", (32, 32, 3))
        >>> extractor(images).features.shape
        (10000, 2048)

    Reference:
        Heusel et al. 2017, arXiv 1706.08500; Binkowski et al. 2018, arXiv 1801.01401; Salimans et
        al. 2016, arXiv 1606.03498.
    """
    check_image_shape(image_shape)
    if image_shape[2] != 3:
        raise ValueError(
            "The FID paper's InceptionV3 takes images with 3 channels: red, green and blue. "
            f"Received: image_shape={tuple(image_shape)}. It has seen colour photographs only, and "
            "an FID of grey images means nothing, not even with the channel repeated. Use "
            "kgan.features.digits() for digits, or train an extractor on your own labelled images "
            "with kgan.features.train_classifier."
        )
    tensors = read_tensors(path)
    num_classes = _NUM_CLASSES if "softmax/kernel" in tensors else None
    model = inception_network(tuple(image_shape), num_classes)
    put_tensors(model, tensors)
    if not are_fid_tensors(tensors):
        raise ValueError(
            f"The tensors of {os.fspath(path)!r} fit InceptionV3 but are not those of the FID "
            "paper (the graph of 2015-12-05, in float32). Features of another training, such as "
            "torchvision's or keras.applications', make numbers that compare with no FID. Expected "
            f"one of: {FILES}. For a measure of another name, give any model to "
            "kgan.features.Extractor."
        )
    return Extractor(model, "inception", batch_size=_BATCH)
