"""Makes the pictures of this folder with Pillow: what the readers and the resampling of src/media are tested against.

    python3 make_samples.py

Each sample is the same small drawing; `expected` files are Pillow's own pixels. Made with Pillow 13.0.0.
"""
import pathlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent


def drawing(width, height):
    """Smooth colours, an edge, a little noise: something that every filter treats differently."""
    y, x = np.mgrid[0:height, 0:width]
    out = np.zeros((height, width, 3), np.float64)
    out[..., 0] = 255 * x / max(width - 1, 1)
    out[..., 1] = 255 * y / max(height - 1, 1)
    out[..., 2] = 127 + 127 * np.sin(x / 3.0) * np.cos(y / 4.0)
    out[height // 3 : height // 2, width // 4 : width // 2] = (250, 240, 10)
    out += np.random.default_rng(7).normal(0, 6, out.shape)
    return Image.fromarray(out.clip(0, 255).astype(np.uint8), "RGB")


def main():
    picture = drawing(37, 23)
    picture.save(HERE / "drawing.png")

    filters = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
    for name, kind in filters.items():
        picture.resize((17, 41), kind).save(HERE / f"drawing_17x41_{name}.png")
    picture.resize((64, 32), Image.LANCZOS).save(HERE / "drawing_64x32_lanczos.png")
    picture.resize((9, 5), Image.LANCZOS).save(HERE / "drawing_9x5_lanczos.png")
    # The middle of the picture with the aspect ratio 1, as `--fit cover` takes it.
    picture.resize((16, 16), Image.LANCZOS, box=(7, 0, 30, 23)).save(HERE / "drawing_cover_16x16.png")

    # Colour types of PNG.
    picture.convert("L").save(HERE / "gray.png")
    picture.convert("1").save(HERE / "bits.png")
    picture.quantize(11).save(HERE / "palette.png")
    picture.quantize(11).convert("RGB").save(HERE / "palette_expected.png")
    alpha = picture.copy()
    alpha.putalpha(picture.convert("L"))
    alpha.save(HERE / "alpha.png")
    Image.fromarray((np.asarray(picture.convert("L")).astype(np.uint16) * 257)).save(HERE / "gray16.png")

    # JPEG: smooth, so that the differences between decoders stay small.
    smooth = drawing(37, 23).resize((74, 46), Image.BICUBIC).resize((37, 23), Image.BOX)
    for name, options in {
        "444": dict(subsampling=0),
        "420": dict(subsampling=2),
        "progressive": dict(subsampling=0, progressive=True),
    }.items():
        smooth.save(HERE / f"{name}.jpg", quality=95, **options)
    smooth.convert("L").save(HERE / "gray.jpg", quality=95)
    smooth.convert("CMYK").save(HERE / "cmyk.jpg", quality=95)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        smooth.save(HERE / f"turned_{orientation}.jpg", quality=95, subsampling=0, exif=exif)
        with Image.open(HERE / f"turned_{orientation}.jpg") as turned:
            ImageOps.exif_transpose(turned).save(HERE / f"turned_{orientation}_expected.png")
    for name in ("444", "420", "progressive"):
        with Image.open(HERE / f"{name}.jpg") as image:
            image.convert("RGB").save(HERE / f"{name}_jpg_expected.png")

    picture.save(HERE / "lossless.webp", lossless=True)
    alpha.save(HERE / "alpha.webp", lossless=True, exact=True)
    smooth.save(HERE / "lossy.webp", quality=95)
    with Image.open(HERE / "lossy.webp") as image:
        image.convert("RGB").save(HERE / "lossy_webp_expected.png")
    picture.save(HERE / "animated.webp", save_all=True, append_images=[picture.rotate(180)])
    picture.save(HERE / "animated.png", save_all=True, append_images=[picture.rotate(180)])


main()
