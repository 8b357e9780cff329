"""Where the engines will compute, and that all of them fit there: decided before anything is loaded."""

from ari_app.engines import llama_build, stt_build
from ari_app.engines.device import Candidate, choose
from ari_app.engines.memory import GPU_WORK_BYTES, PROCESS_BYTES, check_room, free_bytes, llm_bytes, speech_bytes
from ari_app.settings import Settings


def place(settings: Settings) -> frozenset[str]:
    """The engines that go on the GPU (``llm``, ``stt``). Raises ModelError when they cannot, or lack memory."""
    llm = llm_bytes(settings.llm.model, llama_build.kv_bytes(settings.llm.model, settings.llm.context_tokens))
    sizes = {"llm": llm, "stt": speech_bytes(settings.stt.model)}
    on_gpu: frozenset[str] = frozenset()
    if settings.device != "cpu":  # asking takes memory of a GPU
        found = {"llm": llama_build.find_gpu(), "stt": stt_build.find_gpu()}
        on_gpu = choose(
            settings.device, [Candidate(name, gpu, sizes[name] + GPU_WORK_BYTES) for name, gpu in found.items()]
        )
    beside = {"tts": speech_bytes(settings.tts.model), "the program": PROCESS_BYTES}
    check_room({name: size for name, size in sizes.items() if name not in on_gpu} | beside, free_bytes())
    return on_gpu
