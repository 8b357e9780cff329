"""The decoder of a Piper voice (VITS), which makes audio of latent frames, piece by piece. Blocking.

::

    latent frames  ▕▁▁▁▁▏▁▁▁▁▁▁▁▁▁▁▁▁▏▁▁▁▁▁▁▁▏
    first piece    ▕╌╌╌╌┄┄▏                        decoded: the piece's frames, and `reach` more on either side,
    second piece     ▕┄┄╌╌╌╌╌╌╌╌╌╌╌╌┄┄▏            whose audio is dropped
    third piece                    ▕┄┄╌╌╌╌╌╌╌▏

It is two thirds of a voice's work and nothing but convolutions (HiFi-GAN), so that no audio depends on frames further
away than the reach. How far that is, is measured: it differs between voices, and what was trained reaches less far
than what the layers could.
"""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ari_app.engines.onnx import load_onnx
from ari_app.engines.onnx_split import Node, split

Audio = NDArray[np.float32]

_TRIAL_FRAMES = 64
"""Latent frames, at least, with which the reach is measured: over twice that of Piper's widest decoder (14)."""
_UNHEARD = 1e-4
"""What frames beyond the reach may change of the audio, of full scale: -80 dB."""
_LEFT_OVER = 1.5
"""What is left of a sentence is one piece when it is at most so many pieces long."""


class Decoder:
    """The second half of a voice."""

    def __init__(self, onnx: onnxruntime.InferenceSession, seam: str, trial: dict[str, Audio]) -> None:
        """`trial` is what the first half hands over for a few words, in which `seam` are the latent frames,
        [1, width, frames]. Whatever fails with it is raised."""
        self._onnx = onnx
        self._seam = seam
        frames = trial[seam]
        frames = np.tile(frames, (1, 1, math.ceil(_TRIAL_FRAMES / frames.shape[2])))
        middle = frames.shape[2] // 2
        options = onnxruntime.RunOptions()

        def decoded(kept: slice) -> Audio:
            some = np.zeros_like(frames)
            some[:, :, kept] = frames[:, :, kept]
            return self._run(trial, some, options)

        whole = decoded(slice(None))
        self.hop, rest = divmod(len(whole), frames.shape[2])
        """Samples a frame."""
        if rest:
            raise ValueError(f"{frames.shape[2]} frames are {len(whole)} samples")
        changed_before = np.flatnonzero(np.abs(decoded(slice(0, middle)) - whole) > _UNHEARD)[0]
        changed_after = np.flatnonzero(np.abs(decoded(slice(middle, None)) - whole) > _UNHEARD)[-1]
        seam_at = middle * self.hop
        self.reach = math.ceil(max(seam_at - changed_before, changed_after + 1 - seam_at) / self.hop)
        """Frames on either side of a piece that its audio depends on."""
        if self.reach >= middle:
            raise ValueError("every sample depends on every frame")

    def pieces(
        self, encoded: dict[str, Audio], lengths: Iterator[int], options: onnxruntime.RunOptions
    ) -> Iterator[tuple[Audio, bool]]:
        """The audio of a sentence in pieces of about so many samples, each with whether it is the last."""
        frames = encoded[self._seam]
        begin, count = 0, frames.shape[2]
        while begin < count:
            length = max(1, next(lengths) // self.hop)
            end = begin + length if count - begin > _LEFT_OVER * length else count
            before = max(0, begin - self.reach)
            audio = self._run(encoded, frames[:, :, before : end + self.reach], options)
            yield audio[(begin - before) * self.hop :][: (end - begin) * self.hop], end == count
            begin = end

    def _run(self, encoded: dict[str, Audio], frames: Audio, options: onnxruntime.RunOptions) -> Audio:
        """What else the decoder wants (the speaker) is the same for all frames."""
        audio: Audio = self._onnx.run(None, encoded | {self._seam: frames}, options)[0]
        return audio.reshape(-1)


def load_halves(path: Path, threads: int) -> tuple[onnxruntime.InferenceSession, onnxruntime.InferenceSession, str]:
    """A voice's encoder, its decoder, and the name of the latent frames that go from one to the other.

    Piper's training code names the decoder's first layer `dec.conv_pre`, and so do its exports. Raises ValueError when
    there is none, and ModelError when a half cannot be loaded.
    """
    halves = split(path.read_bytes(), _is_first_layer)
    if halves is None:
        raise ValueError("no dec.conv_pre in its graph")
    with tempfile.TemporaryDirectory(prefix="offhook-") as folder:  # a session keeps bytes that it is given
        files = Path(folder, "encoder.onnx"), Path(folder, "decoder.onnx")
        for file, half in zip(files, (halves.first, halves.second), strict=True):
            file.write_bytes(half)
        encoder, decoder = (load_onnx(file, f"voice {path},", threads) for file in files)
    return encoder, decoder, halves.seam


def _is_first_layer(node: Node) -> bool:
    return node.kind == "Conv" and (
        node.name.endswith("/dec/conv_pre/Conv") or any(name.endswith("dec.conv_pre.weight") for name in node.inputs)
    )
