"""`offhook demo`: a private Asterisk, an agent beside it, one real SIP call, and what came of it.

Writes to one folder only (`--keep`, else ``demo`` in the cache folder, which every run empties first).
"""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ari_app.core.speakable import speakable
from ari_app.demo.agent_process import AGENTS, AgentProcess, demo_config
from ari_app.demo.asterisk import PrivateAsterisk
from ari_app.demo.asterisk_install import default_cache_folder, find_or_fetch
from ari_app.demo.conversation import PHONE_RATE, Line, Spoken, converse, wav_line
from ari_app.demo.phone import Phone
from ari_app.engines.tts import PiperTts
from ari_app.errors import OffhookError
from ari_app.settings import DEMO_MODELS, PROJECT_ROOT, TtsSettings
from ari_app.store.reader import read_call, read_calls
from ari_app.store.records import StoredCall, TurnRecord

DEFAULT_LINES = tuple(f"booking-{number}.wav" for number in range(1, 8))
"""Opening hours, an appointment with name and number, a price, goodbye."""
SETTLE_S = 5.0
"""Longest wait for what happens after a call: its end, its recording, its channels' end."""


@dataclass(frozen=True)
class Wishes:
    """The arguments of the command."""

    lines: tuple[Path | str, ...] = ()
    """The caller's turns in order: WAV files, and texts to be synthesized."""
    agent: str = "receptionist"
    listen: str = "auto"
    transport: str = "auto"
    recording: str = "legs"
    json: Path | None = None
    keep: Path | None = None


def command(wishes: Wishes) -> int:
    """Run the demonstration; returns 0 when every line was answered and nothing was left behind."""
    out = Console(highlight=False, soft_wrap=True)
    folder = (wishes.keep or default_cache_folder() / "demo").absolute()
    _check(wishes, folder)
    lines = asyncio.run(_lines(wishes))
    if wishes.keep is None:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)

    install = find_or_fetch(progress=lambda line: out.print(f"  {line}", style="dim"))
    out.print(f"Starting Asterisk {install.version} and the agent …")
    with PrivateAsterisk(install) as pbx:
        sections = {
            "media": {"listen": wishes.listen, "transport": wishes.transport},
            "recording": {"mode": wishes.recording},
        }
        with AgentProcess(demo_config(pbx, folder, sections), folder) as agent:
            result = asyncio.run(_call(pbx, agent, wishes, lines, out))
        problems = _problems(result, lines, wishes)
    _report(result, problems, out)
    if wishes.json:
        wishes.json.write_text(json.dumps(result, indent=2) + "\n")
    if not problems:
        _next_steps(out)
    return 1 if problems else 0


def _check(wishes: Wishes, folder: Path) -> None:
    """Find what cannot work before anything is started. Raises OffhookError."""
    if wishes.agent not in AGENTS:
        raise OffhookError(f"the demonstration has no agent {wishes.agent!r}", f"choose one of {', '.join(AGENTS)}")
    if folder.exists() and not folder.is_dir():
        raise OffhookError(f"{folder} is not a folder", "give another one with --keep")
    if wishes.json and (wishes.json.is_dir() or not wishes.json.absolute().parent.is_dir()):
        raise OffhookError(f"{wishes.json} cannot be written", "give a file in a folder that exists with --json")


async def _lines(wishes: Wishes) -> list[Line]:
    """What the caller says; the demonstration's own conversation when nothing is wished for."""
    wanted = wishes.lines or [DEMO_MODELS / "callers" / name for name in DEFAULT_LINES]
    voice = PiperTts(TtsSettings())
    try:
        return [wav_line(one) if isinstance(one, Path) else await _text_line(voice, one) for one in wanted]
    finally:
        await voice.close()


async def _text_line(voice: PiperTts, text: str) -> Line:
    pcm = await voice.speak(speakable(text), PHONE_RATE)
    if not len(pcm):
        raise OffhookError(f"--text {text!r} holds nothing that can be said", "give words")
    return Line(text, pcm)


async def _call(
    pbx: PrivateAsterisk, agent: AgentProcess, wishes: Wishes, lines: Sequence[Line], out: Console
) -> dict[str, Any]:
    """Place the call, hold the conversation, wait for its end; returns what ``--json`` writes."""
    url = f"sqlite:///{agent.folder / 'offhook.sqlite'}"
    shown = 0

    async def tell(spoken: Spoken) -> None:
        nonlocal shown
        turns = [turn for turn in await asyncio.to_thread(_turns, url) if turn.number >= shown]
        shown += len(turns)
        _show(spoken, turns, out)

    async with Phone(pbx.sip_port) as phone:
        out.print(f"Calling {wishes.agent} (SIP, G.711) …\n")
        call = await phone.call(f"agent-{wishes.agent}")
        spoken = await converse(call, lines, tell)
        try:
            await asyncio.wait_for(call.ended.wait(), SETTLE_S)
        except TimeoutError:
            await call.hang_up()
        recording = agent.folder / "caller-side.wav"
        if wishes.recording != "off":
            call.save(recording)
    variables = await asyncio.to_thread(pbx.results, call.id)
    record = await asyncio.to_thread(_finished, url, variables.get("OFFHOOK_CALL_ID", ""))
    channels, bridges = await asyncio.to_thread(_left_behind, pbx)
    return {
        "asterisk": pbx.install.version,
        "turns": [_as_json(one, turns) for one, turns in zip(spoken, _by_line(record, spoken), strict=True)],
        "recording": record.end.recording if record and record.end else None,
        "variables": variables,
        "orphans": {"channels": channels, "bridges": bridges},
    }


def _by_line(record: StoredCall | None, spoken: Sequence[Spoken]) -> list[list[TurnRecord]]:
    """The stored turns that answer each line: a line is one turn, if the agent did not cut it in two."""
    turns = [turn for turn in record.turns if turn.caller_text] if record else []
    groups: list[list[TurnRecord]] = [[] for _ in spoken]
    for index, turn in enumerate(turns):
        if groups:
            groups[min(index, len(groups) - 1)].append(turn)
    return groups


def _as_json(spoken: Spoken, turns: Sequence[TurnRecord]) -> dict[str, Any]:
    stages = turns[-1].stages_ms if turns else {}
    return {
        "said": spoken.line.words,
        "heard": " ".join(turn.caller_text for turn in turns),
        "reply": " ".join(turn.agent_text for turn in turns),
        "gap_ms": None if spoken.gap_s is None else round(spoken.gap_s * 1000, 1),
        "endpoint_ms": stages.get("endpoint"),
        "stages_ms": stages,
    }


def _turns(url: str) -> Sequence[TurnRecord]:
    latest = read_calls(url, limit=1)
    return read_call(url, latest[0].start.id).turns if latest else ()


def _finished(url: str, call_id: str) -> StoredCall | None:
    """The call as stored, once it is complete; None for one that was refused."""
    if not any(call.start.id == call_id for call in read_calls(url, limit=1)):
        return None
    deadline = time.monotonic() + SETTLE_S
    while True:
        record = read_call(url, call_id)
        if record.end or time.monotonic() > deadline:
            return record
        time.sleep(0.05)


def _left_behind(pbx: PrivateAsterisk) -> tuple[int, int]:
    deadline = time.monotonic() + SETTLE_S
    while True:
        left = len(pbx.channels()), len(pbx.bridges())
        if left == (0, 0) or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _show(spoken: Spoken, turns: Sequence[TurnRecord], out: Console) -> None:
    for turn in turns:
        if turn.caller_text:
            out.print(f"[bold]caller[/]  {escape(turn.caller_text)}")
        out.print(f"[bold cyan]agent[/]   {escape(turn.agent_text)}{'  (interrupted)' if turn.interrupted else ''}")
        if turn.stages_ms:
            stages = "  ".join(f"{name} {value:.0f}" for name, value in turn.stages_ms.items())
            out.print(f"        [dim]ms after the last word: {stages}[/]")
    gap = "no answer" if spoken.gap_s is None else f"answered after {spoken.gap_s * 1000:.0f} ms"
    out.print(f"        [dim]{gap} at the caller's RTP[/]\n")


def _problems(result: dict[str, Any], lines: Sequence[Line], wishes: Wishes) -> list[str]:
    """What went wrong, in words."""
    problems = []
    if len(result["turns"]) < len(lines):
        problems.append(f"the call ended after {len(result['turns'])} of {len(lines)} lines")
    unanswered = (turn["said"] for turn in result["turns"] if turn["gap_ms"] is None or not turn["heard"])
    problems += [f"no answer to: {said}" for said in unanswered]
    status = result["variables"].get("OFFHOOK_STATUS", "none")
    if status in ("FAILED", "REFUSED", "none"):
        problems.append(f"the call ended with {status} ({result['variables'].get('OFFHOOK_REASON', 'no reason')})")
    if wishes.recording != "off" and not result["recording"]:
        problems.append("the call was not recorded")
    for kind, count in result["orphans"].items():
        if count:
            problems.append(f"{count} {kind} left behind in Asterisk")
    return problems


def _report(result: dict[str, Any], problems: Sequence[str], out: Console) -> None:
    status = result["variables"].get("OFFHOOK_STATUS", "none")
    out.print(f"Status {status}, reason {result['variables'].get('OFFHOOK_REASON', 'none')}")
    if result["recording"]:
        out.print(f"Recording (left the caller, right the agent): {result['recording']}")
    out.print(f"Left behind: {result['orphans']['channels']} channels, {result['orphans']['bridges']} bridges")
    for problem in problems:
        print(f"offhook demo: {problem}", file=sys.stderr)


def _next_steps(out: Console) -> None:
    out.print(
        "\nNext, with a real phone:\n"
        f"  1. Include the files of {PROJECT_ROOT / 'asterisk_conf'} in your Asterisk (its README says where).\n"
        f"  2. Copy {PROJECT_ROOT / 'offhook.example.yaml'}, set passwords, models and agents;\n"
        "     .venv/bin/offhook check -c FILE\n"
        "  3. .venv/bin/offhook run -c FILE, and one line in your dialplan:  Gosub(offhook,s,1(receptionist))\n"
        "Say your own lines to this one:  ./install.sh demo --text 'are you open on saturday' --text goodbye"
    )
