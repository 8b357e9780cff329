"""What no single value shows: files that must exist, values that must agree, texts that the dialplan will read."""

import os
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

from ari_app.errors import ConfigError
from ari_app.settings import AgentSettings, Settings, TurnSettings, endpoints

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
"""What can be an argument of Stasis() as it is."""
_TARGET = re.compile(r"\+?[0-9*#]{1,40}|[\w.@-]{1,80},[\w.*#+@-]{1,80},(?:[1-9][0-9]*|[A-Za-z_][\w-]*)", re.ASCII)
"""A number, or ``context,exten,priority``; nothing in it means anything to the dialplan."""


def cross_check(settings: Settings) -> list[ConfigError]:
    """Every such mistake, without lines. Looks at the file system, writes nothing."""
    return [
        *_asterisk(settings),
        *_models(settings),
        *_turns(settings),
        *_folders(settings),
        *_agents(settings),
    ]


def _asterisk(settings: Settings) -> Iterator[ConfigError]:
    asterisk = settings.asterisk
    try:
        url = urlsplit(asterisk.ari_url)
        good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        good = False
    if not good:
        yield ConfigError(
            f"{asterisk.ari_url!r} is no URL", "for example http://127.0.0.1:8088", key="asterisk.ari_url"
        )
    elif url.path.rstrip("/").endswith("/ari"):
        yield ConfigError("ends in /ari", f"write {asterisk.ari_url.rstrip('/')[:-4]}", key="asterisk.ari_url")
    if not _NAME.fullmatch(asterisk.app):
        yield ConfigError("is no name for Stasis()", "use letters, digits, . _ and - only", key="asterisk.app")


def _models(settings: Settings) -> Iterator[ConfigError]:
    stt, llm, tts, vad = settings.stt.model, settings.llm.model, settings.tts.model, settings.vad.model
    if not os.path.isdir(stt):
        yield ConfigError(f"no folder {stt}", "give the folder of a CTranslate2 Whisper model", key="stt.model")
    if not os.path.isfile(llm):
        yield ConfigError(f"no file {llm}", "give a GGUF file", key="llm.model")
    if not os.path.isfile(tts):
        yield ConfigError(f"no file {tts}", "give a Piper voice (.onnx)", key="tts.model")
    elif not os.path.isfile(f"{tts}.json"):
        yield ConfigError(f"no file {tts}.json", "put the voice's .onnx.json beside it", key="tts.model")
    judge = settings.turn.judge_model
    if judge is not None and not os.path.isfile(judge):
        yield ConfigError(f"no file {judge}", "give a smart-turn v3 ONNX file", key="turn.judge_model")
    if vad is not None and not os.path.isfile(vad):
        yield ConfigError(f"no file {vad}", "give a Silero ONNX file, or leave the key out", key="vad.model")


def _turns(settings: Settings) -> Iterator[ConfigError]:
    vad, llm = settings.vad, settings.llm
    if vad.stop_probability >= vad.start_probability:
        yield ConfigError(
            f"{vad.stop_probability} is not lower than start_probability ({vad.start_probability})",
            "speech must stop at a lower probability than it starts at",
            key="vad.stop_probability",
        )
    yield from _endpoints(AgentSettings(), settings.turn, "turn")
    if settings.barge_in.hold_ms > settings.barge_in.max_hold_ms:
        yield ConfigError(
            f"{settings.barge_in.hold_ms} is more than max_hold_ms ({settings.barge_in.max_hold_ms})",
            "the words decide before the hold is given up",
            key="barge_in.hold_ms",
        )
    room = min(llm.context_tokens, llm.conversation_tokens)
    if llm.max_reply_tokens >= room:
        yield ConfigError(
            f"{llm.max_reply_tokens} tokens do not fit {room} (context_tokens, conversation_tokens)",
            "lower it, or raise them",
            key="llm.max_reply_tokens",
        )


def _endpoints(agent: AgentSettings, turn: TurnSettings, key: str) -> Iterator[ConfigError]:
    """Shortest ≤ usual ≤ longest, with the agent's own in place of the general ones."""
    shortest, usual, longest = endpoints(agent, turn)
    if not shortest <= usual <= longest:
        yield ConfigError(
            f"endpoint_min_ms {shortest}, endpoint_ms {usual}, endpoint_max_ms {longest} are not in rising order",
            "a complete utterance ends sooner than others, words that trail off later",
            key=f"{key}.endpoint_ms",
        )


def _folders(settings: Settings) -> Iterator[ConfigError]:
    if settings.recording.mode != "off":
        yield from _writable(settings.recording.folder, "recording.folder", "-g asterisk -m 2770")
    url = settings.store.url
    if url.startswith("sqlite:///") and url.removeprefix("sqlite:///"):
        database = Path(url.removeprefix("sqlite:///").partition("?")[0])
        yield from _writable(database.parent, "store.url", "-m 750")
    elif not re.match(r"postgresql(\+\w+)?://[^/]*/.", url):
        yield ConfigError(
            "is no SQLite or PostgreSQL URL",
            "for example sqlite:////var/lib/offhook/offhook.sqlite or postgresql+psycopg://user:password@host/offhook",
            key="store.url",
        )


def _writable(folder: Path, key: str, install_options: str) -> Iterator[ConfigError]:
    make = f"sudo install -d -o $(id -un) {install_options} {folder}"
    if not os.path.lexists(folder):
        yield ConfigError(f"no folder {folder}", make, key=key)
    elif not os.path.isdir(folder):
        yield ConfigError(f"{folder} is not a folder", "move it away, or choose another", key=key)
    elif os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield ConfigError(f"{folder} is on a read-only file system", "choose another folder", key=key)
    elif not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        yield ConfigError(f"{folder} is not writable for us", make, key=key)


def _agents(settings: Settings) -> Iterator[ConfigError]:
    if not settings.agents:
        yield ConfigError("there is no agent", "describe at least one; offhook.example.yaml shows how", key="agents")
    for name, agent in settings.agents.items():
        key = f"agents.{name}"
        if not _NAME.fullmatch(name):
            yield ConfigError("the dialplan cannot name it", "use letters, digits, . _ and - only", key=key)
        if not agent.prompt.strip():
            yield ConfigError("is empty", "say who the agent is and what it does", key=f"{key}.prompt")
        if (agent.endpoint_min_ms, agent.endpoint_ms, agent.endpoint_max_ms) != (None, None, None):
            yield from _endpoints(agent, settings.turn, key)
        yield from _transfers(agent, f"{key}.transfers")
        yield from _phrases(agent, f"{key}.phrases", settings.turn.reprompts)


def _transfers(agent: AgentSettings, key: str) -> Iterator[ConfigError]:
    for destination, target in agent.transfers.items():
        if not _TARGET.fullmatch(target):
            yield ConfigError(
                "is neither a number nor `context,exten,priority`",
                "for example 200 or from-internal,200,1; the characters $ { } & ; | are not allowed",
                key=f"{key}.{destination}",
            )


def _phrases(agent: AgentSettings, key: str, reprompts: int) -> Iterator[ConfigError]:
    """A phrase stands between the caller and silence, so none may be empty."""
    if reprompts and not agent.phrases.reprompts:
        yield ConfigError("is empty", "give at least one, or set turn.reprompts to 0", key=f"{key}.reprompts")
    for field in fields(agent.phrases):
        value = getattr(agent.phrases, field.name)
        texts = enumerate(value, 1) if isinstance(value, tuple) else [(0, value)]
        for index, text in texts:
            if not text.strip():
                where = f"{key}.{field.name}[{index}]" if index else f"{key}.{field.name}"
                yield ConfigError("is empty", "give a sentence, or leave the key out for the default", key=where)
