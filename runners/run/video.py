"""Pictures as MP4 and GIF, which are whole or not there."""

from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from runners.run.film import RATE
from runners.store.files import RunError, write_atomically
from trpo.types import Array

PACKAGES = ("av",)
GIF_FRAMES = (30, 30, 40)  # milliseconds, as GIF counts in hundredths of a second: 30 a second


def require() -> None:
    """Raise RunError unless the packages are installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise RunError(f"a video needs {' and '.join(missing)}: pip install '.[video]'")


def write(path: Path, pictures: Iterator[Array]) -> list[Path]:
    """Write `path` with the suffixes .mp4 and .gif, from pictures (H, W, 3) uint8 of one size.

    Raises:
        RunError: it cannot be written.
    """
    film = BytesIO()
    flat = _flat(_filmed(film, pictures))
    first = next(flat)
    rest = list(flat)
    durations = list(islice(cycle(GIF_FRAMES), 1 + len(rest)))
    gif = BytesIO()
    first.save(
        gif, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, optimize=False
    )
    files = {path.with_suffix(".mp4"): film, path.with_suffix(".gif"): gif}
    try:
        for name, data in files.items():
            write_atomically(name, data.getvalue())
    except OSError as error:
        raise RunError(f"cannot write to {path.parent}: {error.strerror}") from error
    return list(files)


def _filmed(film: BytesIO, pictures: Iterator[Array]) -> Iterator[Array]:
    """The pictures, each of which goes into an MP4 as it passes; both sides become even."""
    import av

    with av.open(film, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            height, width = (side - side % 2 for side in picture.shape[:2])
            if not stream.codec_context.is_open:
                stream.height, stream.width = height, width
            even = np.ascontiguousarray(picture[:height, :width])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            yield even
        file.mux(stream.encode())


def _flat(pictures: Iterator[Array]) -> Iterator[Image.Image]:
    """The same with 256 colours each."""
    for picture in pictures:
        image = Image.fromarray(picture)
        yield image.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
