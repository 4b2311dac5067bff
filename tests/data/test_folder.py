import os
import re
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from kgan import models
from kgan.data import from_folder


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def test_a_flat_folder_gives_unlabelled_images_in_the_order_of_their_names(tmp_path):
    for name, level in (("b.png", 2), ("a.png", 1), ("c.bmp", 3)):
        write(tmp_path / name, np.full((4, 5), level))
    images = from_folder(tmp_path)
    assert images.image_shape == (4, 5, 1)
    np.testing.assert_array_equal(images.images[:, 0, 0, 0], [1, 2, 3])
    assert images.labels is None
    assert images.name == tmp_path.name


def test_pixels_are_exact(tmp_path):
    pixels = noise(6, 5, 3)
    write(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(from_folder(str(tmp_path)).images, pixels[np.newaxis])


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path):
    for name, level in (("dogs/a.png", 4), ("cats/b.png", 2), ("cats/a.png", 1), ("eels/a.png", 5)):
        write(tmp_path / name, np.full((2, 2), level))
    images = from_folder(tmp_path)
    assert images.class_names == ("cats", "dogs", "eels")
    assert images.num_classes == 3
    np.testing.assert_array_equal(images.images[:, 0, 0, 0], [1, 2, 4, 5])
    np.testing.assert_array_equal(images.labels, [0, 0, 1, 2])


def test_many_images_keep_their_order(tmp_path):
    # More images than are decoded ahead.
    for number in range(200):
        write(tmp_path / f"{number:03}.png", np.full((2, 2), number))
    np.testing.assert_array_equal(from_folder(tmp_path).images[:, 0, 0, 0], np.arange(200))


@pytest.mark.parametrize(
    "name", ["a.png", "a.PNG", "a.jpg", "a.Jpg", "a.jpeg", "a.JPEG", "a.webp", "a.bmp", "a.BMP"]
)
def test_every_extension_counts_in_any_letter_case(tmp_path, name):
    write(tmp_path / name, np.full((8, 8, 3), [200, 100, 50]))
    images = from_folder(tmp_path)
    # JPEG and WebP lose a little, even of a flat colour.
    np.testing.assert_allclose(images.images, np.full((1, 8, 8, 3), [200, 100, 50]), atol=3)


def test_other_files_and_hidden_ones_are_ignored(tmp_path):
    write(tmp_path / "a.png", [[1, 2]])
    write(tmp_path / ".hidden.png", [[3, 4]])
    write(tmp_path / ".hidden" / "b.png", [[5, 6]])
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "README.txt").write_text("Not an image.")
    np.testing.assert_array_equal(from_folder(tmp_path).images, [[[[1], [2]]]])


def test_one_colour_image_makes_all_of_them_colour_images(tmp_path):
    grey, colour = noise(4, 4), noise(4, 4, 3)
    write(tmp_path / "a.png", grey)
    write(tmp_path / "b.png", colour)
    images = from_folder(tmp_path).images
    np.testing.assert_array_equal(images[0], np.repeat(grey[..., np.newaxis], 3, axis=-1))
    np.testing.assert_array_equal(images[1], colour)


def test_channels_can_be_asked_for(tmp_path):
    write(tmp_path / "a.png", noise(4, 4))
    write(tmp_path / "b.png", noise(4, 4, 3))
    assert from_folder(tmp_path, channels=1).image_shape == (4, 4, 1)


def test_images_of_several_sizes_are_resized_on_request(tmp_path):
    write(tmp_path / "a.png", noise(9, 7))
    write(tmp_path / "b.png", noise(5, 12))
    assert from_folder(tmp_path, image_size=4).images.shape == (2, 4, 4, 1)
    assert from_folder(tmp_path, crop=5).images.shape == (2, 5, 5, 1)


@pytest.fixture
def many(tmp_path):
    """A folder of two classes, of 100 images of a few pixels each."""
    for number in range(200):
        write(tmp_path / "ab"[number % 2] / f"{number}.png", [[number, 0]])
    return tmp_path


def levels(images):
    return set(images.images[:, 0, 0, 0].tolist())


def test_about_a_tenth_is_held_out_and_every_image_is_in_one_split(many):
    training, held_out = from_folder(many, split="train"), from_folder(many, split="test")
    # 20 expected, with a standard deviation of 4.2.
    assert 8 < len(held_out) < 32
    assert levels(training) | levels(held_out) == levels(from_folder(many))
    assert len(training) + len(held_out) == 200
    for images in (training, held_out):
        np.testing.assert_array_equal(images.images[:, 0, 0, 0] % 2, images.labels)
    assert held_out.class_names == ("a", "b")
    assert (training.name, held_out.name) == (f"{many.name} train", f"{many.name} test")


def test_an_image_stays_in_its_split_whatever_else_there_is_and_wherever_the_folder(many):
    held_out = levels(from_folder(many, split="test"))
    gone = [path for path in many.glob("*/*.png") if int(path.stem) < 100]
    for path in gone:
        path.unlink()
    moved = many.rename(many.with_name("moved"))
    kept = levels(from_folder(moved, split="test"))
    assert kept == {level for level in held_out if level >= 100}


def test_both_splits_have_the_channels_of_all_images(many):
    name = next(iter(levels(from_folder(many, split="test"))))
    write(many / "ab"[name % 2] / f"{name}.png", noise(1, 2, 3))
    assert from_folder(many, split="train").image_shape == (1, 2, 3)
    assert from_folder(many, split="test").image_shape == (1, 2, 3)


def test_a_split_that_is_none_or_empty(tmp_path):
    message = (
        "A split of a folder is 'train', or 'test' for the tenth that is held out. Received: "
        "'train[:5]'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_folder(tmp_path, split="train[:5]")
    write(tmp_path / "a.png", noise(2, 2))
    message = (
        f"None of the 1 images in {tmp_path} is in the split 'test'. Expected: some dozens of "
        "images, of which about one in ten is held out. Add images, or hold out others."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_folder(tmp_path, split="test")


def test_images_beyond_the_memory_limit_go_to_the_disk(tmp_path):
    pixels = np.stack([noise(8, 8, seed=seed) for seed in range(3)])
    for index, image in enumerate(pixels):
        write(tmp_path / f"{index}.png", image)
    images = from_folder(tmp_path, memory_limit=100)
    assert isinstance(images.images, np.memmap)
    np.testing.assert_array_equal(images.images[..., 0], pixels)


def test_of_an_animation_the_first_frame_is_used(tmp_path):
    frames = [Image.fromarray(np.array([[0, level]], np.uint8)) for level in (10, 200)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(from_folder(tmp_path).images, [[[[0], [10]]]])


def test_photographs_are_turned_upright(tmp_path):
    pixels = noise(2, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(from_folder(tmp_path).images[0, ..., 0], np.rot90(pixels, -1))


@pytest.mark.parametrize(("peak", "bits"), [(4095, 12), (200, 8), (4096, None)])
def test_pictures_of_16_bits_without_large_values_are_warned_of(tmp_path, peak, bits):
    for name, values in (("a.png", [[0, 7]]), ("b.png", [[peak, 1]])):
        Image.fromarray(np.array(values, np.uint16)).save(tmp_path / name)
    told = (
        f"The pictures of 16 bits come out nearly black: their largest value is {peak} of 65535, "
        f"in {tmp_path}/b.png. If they hold values of {bits} bits, multiply them by "
        f"{2 ** (16 - (bits or 16))} and save them anew."
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        from_folder(tmp_path)
    faint = [str(each.message) for each in caught if "16 bits" in str(each.message)]
    assert faint == ([told] if bits else [])


def test_pictures_of_16_bits_in_colour_are_warned_of_too(tmp_path):
    # Pillow writes none: a header and one pixel, (16 x 256, 0, 0) or (15 x 256, 0, 0).
    def chunk(name, data):
        content = name + data
        return struct.pack(">I", len(data)) + content + struct.pack(">I", zlib.crc32(content))

    for red in (16, 15):
        header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
        pixels = zlib.compress(bytes([0, red, *[0] * 11]))
        parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
        if red == 16:
            assert from_folder(tmp_path).images[0, 0, 0].tolist() == [16, 0, 0]
    with pytest.warns(UserWarning, match="their largest value is 4095 of 65535, in .*a.png"):
        from_folder(tmp_path)


def test_broken_links_are_skipped_and_counted(tmp_path):
    write(tmp_path / "cats" / "a.png", noise(2, 2))
    for link in ("cats/b.png", "cats/c.jpg", "dogs"):
        (tmp_path / link).symlink_to(tmp_path / "nowhere")
    (tmp_path / "cats" / "d.png").symlink_to(tmp_path / "cats" / "a.png")
    told = f"3 broken links in {tmp_path} were skipped, such as {tmp_path}/dogs. Mend or remove"
    with pytest.warns(UserWarning, match=re.escape(told)):
        images = from_folder(tmp_path)
    assert (len(images), images.class_names) == (2, ("cats",))


@pytest.mark.parametrize("name", [b"caf\xe9", b"\x1b[31mred"])
def test_a_class_whose_name_cannot_be_written_is_refused_before_a_picture_is_read(tmp_path, name):
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    (folder / "a.png").write_text("Not an image.")
    told = f"without control characters. Received: {folder.name!a}. Rename the class"
    with pytest.raises(ValueError, match=re.escape(told)):
        from_folder(tmp_path)


def test_a_folder_may_have_a_name_that_is_no_text(tmp_path):
    write(tmp_path / os.fsdecode(b"caf\xe9") / "a.png", noise(2, 2))
    assert from_folder(tmp_path / os.fsdecode(b"caf\xe9")).name == "caf?"


def test_a_program_of_another_kind_is_not_started(tmp_path, monkeypatch):
    # Pillow gives an EPS, whatever its name, to Ghostscript.
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    )
    assert Image.open(tmp_path / "a.png").format == "EPS"
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/a.png cannot be read: cannot id")):
        from_folder(tmp_path)


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "photos" / "a.png", noise(2, 2))
    assert len(from_folder("~/photos")) == 1


def test_a_missing_folder(tmp_path):
    message = f"There is no folder {tmp_path}/nowhere. Check the path."
    with pytest.raises(FileNotFoundError, match=re.escape(message)):
        from_folder(tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_folder(tmp_path):
    path = write(tmp_path / "a.png", noise(2, 2))
    message = f"{path} is a file. Expected: a folder of images."
    with pytest.raises(NotADirectoryError, match=re.escape(message)):
        from_folder(path)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "nothing"),
        (["b.gif", "a.txt"], "a.txt, b.gif"),
        ([f"{number}.npy" for number in range(6)], "0.npy, 1.npy, 2.npy, 3.npy, 4.npy, ..."),
    ],
)
def test_a_folder_without_images(tmp_path, names, found):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="There are no images") as error:
        from_folder(tmp_path)
    assert str(error.value) == (
        f"There are no images in {tmp_path}. Expected: files with the extension .png, .jpg, .jpeg, "
        f".webp or .bmp. Found: {found}."
    )


def test_a_class_folder_without_images(tmp_path):
    write(tmp_path / "cats" / "a.png", noise(2, 2))
    write(tmp_path / "dogs" / "deeper" / "a.png", noise(2, 2))
    with pytest.raises(ValueError, match="There are no images") as error:
        from_folder(tmp_path)
    assert str(error.value) == (
        f"There are no images in {tmp_path}/dogs. Expected: files with the extension .png, .jpg, "
        ".jpeg, .webp or .bmp. Found: deeper/."
    )


def test_images_beside_class_folders(tmp_path):
    write(tmp_path / "a.png", noise(2, 2))
    write(tmp_path / "cats" / "a.png", noise(2, 2))
    with pytest.raises(ValueError, match="beside folders") as error:
        from_folder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} holds images (such as a.png) beside folders (such as cats). Expected: only "
        "images, or only one folder of images per class. Move the images into a folder of their "
        "class, or the folders elsewhere."
    )


def test_folders_inside_a_class_folder_are_not_skipped_silently(tmp_path):
    write(tmp_path / "cats" / "a.png", noise(2, 2))
    write(tmp_path / "cats" / "more" / "b.png", noise(2, 2))
    with pytest.raises(
        ValueError, match=re.escape(f"{tmp_path}/cats holds images (such as a.png)")
    ):
        from_folder(tmp_path)


@pytest.mark.parametrize("name", ["b.png", "b.jpg", "b.webp", "b.bmp"])
def test_a_truncated_image_is_named(tmp_path, name):
    write(tmp_path / "a.png", noise(32, 32))
    path = write(tmp_path / name, noise(32, 32))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="Replace it, or remove it from the folder") as error:
        from_folder(tmp_path)
    assert str(error.value).startswith(f"{path} ")


def test_a_file_that_is_no_image_is_named(tmp_path):
    write(tmp_path / "a.png", noise(32, 32))
    (tmp_path / "b.png").write_text("Not an image.")
    message = (
        f"{tmp_path}/b.png cannot be read: cannot identify image file '{tmp_path}/b.png'. "
        "Replace it, or remove it from the folder."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        from_folder(tmp_path)


def test_an_image_too_large_to_be_true_is_named(tmp_path, monkeypatch):
    write(tmp_path / "a.png", noise(32, 32))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}/a.png cannot be read: ")):
        from_folder(tmp_path)


def test_images_of_several_sizes(tmp_path):
    write(tmp_path / "a.png", noise(9, 7))
    write(tmp_path / "b.png", noise(9, 7))
    write(tmp_path / "c.png", noise(5, 12))
    with pytest.raises(ValueError, match="several sizes") as error:
        from_folder(tmp_path)
    assert str(error.value) == (
        "The images have several sizes. Expected: one size (height, width), or image_size to "
        f"resize them to. Received: (9, 7) in image {tmp_path}/a.png, (5, 12) in image "
        f"{tmp_path}/c.png. Pass image_size=5, for example."
    )


def test_the_size_to_resize_to_fits_every_family(tmp_path):
    write(tmp_path / "a.png", noise(9, 11))
    write(tmp_path / "b.png", noise(12, 10))
    with pytest.raises(ValueError, match="several sizes") as error:
        from_folder(tmp_path)
    (size,) = re.findall(r"Pass image_size=(\d+), for example", str(error.value))
    images = from_folder(tmp_path, image_size=int(size))
    models.dcgan_discriminator(images.image_shape, width=1)


def test_an_image_smaller_than_the_crop_is_named(tmp_path):
    write(tmp_path / "a.png", noise(9, 9))
    write(tmp_path / "b.png", noise(5, 12))
    message = f"{tmp_path}/b.png: crop=(8, 8) is larger than the image, which has the size (5, 12)."
    with pytest.raises(ValueError, match=re.escape(message)):
        from_folder(tmp_path, crop=8)


def test_nothing_is_read_with_wrong_arguments(tmp_path):
    with pytest.raises(ValueError, match="image_size must be"):
        from_folder(tmp_path / "nowhere", image_size=0)
