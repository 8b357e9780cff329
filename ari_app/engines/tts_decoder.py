"""The part of a Piper voice (VITS) that makes audio of frames, piece by piece. Blocking.

::

    text encoder    once a sentence; frames of 12 ms come out
    flow            on the frames that the first piece needs, then on all
    decoder         ▕╌╌╌╌┄┄▏                        on a piece's frames and some more on either side,
                      ▕┄┄╌╌╌╌╌╌╌╌╌╌╌╌┄┄▏            whose audio is dropped
                                    ▕┄┄╌╌╌╌╌╌╌▏

The decoder (HiFi-GAN) is two thirds of a voice's work, the flow most of the rest. Both are nothing but convolutions, so
that what comes out depends on no frame further away than their reach. How far that is, is measured: it differs between
voices, and what was trained reaches less far than what the layers could.
"""

import math
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ari_app.engines.onnx import load_onnx
from ari_app.engines.onnx_split import Node, split

Audio = NDArray[np.float32]
Values = dict[str, NDArray[np.float32]]
"""What one part of a graph hands over to the next, by name. Frames are the last axis."""

_UNHEARD = 1e-4
"""What frames beyond the reach may change, of the highest peak: -80 dB."""
_TRIAL_FRAMES = 80
"""The reach is measured with so many: over twice that of Piper's flow (32), and more than that of its decoders (14)."""
_LEFT_OVER = 1.5
"""What is left of a sentence is one piece when it is at most so many pieces long."""


class Stage:
    """Convolutions: a graph that can be run on some of a sentence's frames."""

    def __init__(self, onnx: onnxruntime.InferenceSession, trial: Values, frames: int) -> None:
        """`trial` is what the graph is given for a sentence of so many frames. Raises ValueError when what comes out
        depends on frames that are half of them away, or further; and whatever the graph raises."""
        self._onnx = onnx
        self._inputs = [value.name for value in onnx.get_inputs()]
        self._outputs = [value.name for value in onnx.get_outputs()]
        self._by_frame = [name for name in self._inputs if trial[name].shape[-1] == frames]
        self.reach = frames  # until it is known
        """Frames on either side of a stretch on which it depends."""
        options = onnxruntime.RunOptions()
        whole = self._trial(trial, options)
        self.hop, rest = divmod(whole.shape[-1], frames)
        """Steps that come out for every frame."""
        if rest:
            raise ValueError(f"{frames} frames become {whole.shape[-1]} steps")
        middle = frames // 2
        least = _UNHEARD * float(np.abs(whole).max())
        before, after = (
            np.flatnonzero(np.abs(self._trial(trial, options, kept) - whole).max(axis=0) > least)
            for kept in (slice(0, middle), slice(middle, frames))
        )
        at = middle * self.hop
        self.reach = math.ceil(max(at - before[0], after[-1] + 1 - at) / self.hop)
        if self.reach >= middle:
            raise ValueError("every step depends on every frame")

    def run(self, values: Values, begin: int, end: int, options: onnxruntime.RunOptions) -> Values:
        """What comes out for the frames from `begin` to `end`."""
        before = max(0, begin - self.reach)
        stretch = slice(before, end + self.reach)
        given = {name: values[name][..., stretch] if name in self._by_frame else values[name] for name in self._inputs}
        made = self._onnx.run(self._outputs, given, options)
        skipped, count = (begin - before) * self.hop, (end - begin) * self.hop
        return {name: value[..., skipped : skipped + count] for name, value in zip(self._outputs, made, strict=True)}

    def _trial(self, trial: Values, options: onnxruntime.RunOptions, kept: slice = slice(None)) -> NDArray[np.float32]:
        """What comes out first, [width, steps], when only some of the frames are `kept` and the others are silent."""
        given = {name: trial[name] for name in self._inputs}
        for name in self._by_frame:
            given[name] = np.zeros_like(trial[name])
            given[name][..., kept] = trial[name][..., kept]
        made: NDArray[np.float32] = self._onnx.run(self._outputs, given, options)[0]
        return made.reshape(-1, made.shape[-1])


class Decoder:
    """All that comes after the text encoder."""

    def __init__(
        self,
        frames: str,
        flow: onnxruntime.InferenceSession,
        decoder: onnxruntime.InferenceSession,
        trial: Values,
    ) -> None:
        """`trial` is what the text encoder hands over for a second or more, with as many frames as `frames` has.
        Raises as `Stage` does."""
        self._frames = frames
        options, all_frames = onnxruntime.RunOptions(), trial[frames].shape[-1]
        count = min(all_frames, _TRIAL_FRAMES)
        trial = {name: value[..., :count] if value.shape[-1] == all_frames else value for name, value in trial.items()}
        self.flow = Stage(flow, trial, count)
        self.decoder = Stage(decoder, trial | self.flow.run(trial, 0, count, options), count)

    def pieces(
        self, encoded: Values, lengths: Iterator[int], options: onnxruntime.RunOptions
    ) -> Iterator[tuple[Audio, bool]]:
        """The audio of a sentence in pieces of about so many samples, each with whether it is the last."""
        begin, count, ready = 0, encoded[self._frames].shape[-1], 0
        latent: Values = {}
        while begin < count:
            length = max(1, next(lengths) // self.decoder.hop)
            end = begin + length if count - begin > _LEFT_OVER * length else count
            needed = min(count, end + self.decoder.reach)
            if needed > ready:
                first_alone = not ready and needed + self.flow.reach < count / 2
                ready = needed if first_alone else count
                latent = self.flow.run(encoded, 0, ready, options)
            [audio] = self.decoder.run(encoded | latent, begin, end, options).values()
            yield audio.reshape(-1), end == count
            begin = end


def load_parts(
    path: Path, threads: int
) -> tuple[onnxruntime.InferenceSession, str, onnxruntime.InferenceSession, onnxruntime.InferenceSession]:
    """A voice's text encoder, which of its outputs the frames are, its flow and its decoder.

    Known by the names of weights in Piper's training code, which its exports keep. Raises ValueError when they are not
    there, and ModelError when a part cannot be loaded.
    """
    decoder = split(path.read_bytes(), _takes(r"dec\.conv_pre\.weight"))
    flow = split(decoder.first, _takes(r"flow\.flows\.\d+\.pre\.weight")) if decoder else None
    if not (decoder and flow):
        raise ValueError("its graph does not show a flow and a decoder")
    with tempfile.TemporaryDirectory(prefix="offhook-") as folder:  # a session keeps bytes that it is given
        sessions = []
        for name, part in (("encoder", flow.first), ("flow", flow.second), ("decoder", decoder.second)):
            file = Path(folder, f"{name}.onnx")
            file.write_bytes(part)
            sessions.append(load_onnx(file, f"{name} of voice {path},", threads))
    return sessions[0], flow.seam, sessions[1], sessions[2]


def _takes(weight: str) -> Callable[[Node], bool]:
    """Whether a node is the convolution that has this weight."""
    return lambda node: node.kind == "Conv" and any(re.search(rf"(^|\.){weight}$", name) for name in node.inputs)
