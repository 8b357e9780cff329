"""Loads ONNX models on onnxruntime: on the CPU, with threads of ours to count, and quiet."""

from pathlib import Path

import onnxruntime

from ari_app.errors import ModelError


def load_onnx(path: Path, what: str, threads: int = 1) -> onnxruntime.InferenceSession:
    """The model in a file that exists; `what` names it in the error. Raises ModelError when it cannot be loaded."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores are not ours alone
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no better base
        raise ModelError(f"{what} {path} cannot be loaded: {error}", "copy the file again") from error
