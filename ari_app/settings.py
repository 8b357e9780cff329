"""Every setting of Offhook: its name, unit, default and meaning. config.py reads them from YAML.

Pure data: nothing here opens a file. A field's docstring is its documentation; bounds and choices stand in `metadata`
and are checked by config.py.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

TransportName = Literal["auto", "websocket", "audiosocket", "rtp"]
ListenMode = Literal["auto", "direct", "snoop"]
RecordingMode = Literal["legs", "bridge", "off"]
Device = Literal["auto", "cpu", "cuda"]
Judge = Literal["silence", "text", "smart-turn"]

PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""The checkout or release folder, which holds asterisk_conf/ and models/ beside this package."""
DEMO_MODELS = PROJECT_ROOT / "models" / "demo"


def between(default: Any, low: float, high: float) -> Any:
    """A field with a numeric default that must lie in low…high."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class AsteriskSettings:
    """Where Asterisk is and how to log in."""

    ari_url: str = "http://127.0.0.1:8088"
    """Base URL of Asterisk's HTTP server, with its prefix if it has one, without ``/ari``."""
    ari_username: str = "offhook"
    """Section name in ari.conf."""
    ari_password: str = field(default="", repr=False)
    """Password in ari.conf. Better kept in `ari_password_file`."""
    ari_password_file: Path | None = None
    """A file whose first line is the password (or Asterisk's ``password = …`` line)."""
    app: str = "offhook"
    """Name of the Stasis application: the first argument of ``Stasis()`` in the dialplan."""
    ami_host: str = "127.0.0.1"
    """Address of the manager interface, which records the legs and sets the results."""
    ami_port: int = between(5038, 1, 65535)
    """TCP port of the manager interface."""
    ami_username: str = "offhook"
    """Section name in manager.conf."""
    ami_password: str = field(default="", repr=False)
    """Secret in manager.conf. Better kept in `ami_password_file`."""
    ami_password_file: Path | None = None
    """A file whose first line is the secret (or Asterisk's ``secret = …`` line)."""


@dataclass(frozen=True)
class MediaSettings:
    """How audio travels between Asterisk and us."""

    transport: TransportName = "auto"
    """``auto`` takes websocket where Asterisk has chan_websocket loaded, else audiosocket, else rtp."""
    listen: ListenMode = "auto"
    """``direct`` hears the caller on the media channel, ``snoop`` by a snoop channel of its own; ``auto`` is direct
    while caller and agent are alone."""
    bind_host: str = "127.0.0.1"
    """Our address for audiosocket and rtp: where Asterisk connects or sends to."""
    audiosocket_port: int = between(0, 0, 65535)
    """TCP port of our AudioSocket listener; 0 takes a free one."""


@dataclass(frozen=True)
class VadSettings:
    """Voice activity detection (Silero)."""

    model: Path | None = None
    """A Silero v5 or v6 ONNX file; unset takes the one inside the faster-whisper package."""
    start_probability: float = between(0.5, 0.05, 0.99)
    """Probability from which a window counts as speech."""
    stop_probability: float = between(0.35, 0.01, 0.95)
    """Probability under which a window of running speech counts as silence."""
    min_speech_ms: int = between(96, 32, 1000)
    """Speech shorter than this never starts an utterance (clicks)."""


@dataclass(frozen=True)
class SttSettings:
    """Speech to text (faster-whisper)."""

    model: Path = DEMO_MODELS / "stt"
    """Folder of a CTranslate2 Whisper model."""
    language: str = "en"
    """Language code given to a multilingual model."""
    compute_type: str = "int8"
    """CTranslate2's compute type."""
    workers: int = between(0, 0, 16)
    """Worker threads, one core each; 0: as many as the machine's cores suggest (engines/cores.py)."""
    min_window_ms: int = between(3000, 500, 30000)
    """Shortest window shown to Whisper; shorter audio is followed by silence. 30000 is what Whisper was trained on."""
    min_log_probability: float = between(-0.45, -5.0, 0.0)
    """Mean log-probability under which a transcript is rejected as not understood. Whisper models from the field do
    well with -1.0."""
    max_no_speech: float = between(0.8, 0.0, 1.0)
    """No-speech probability over which a transcript is rejected."""


@dataclass(frozen=True)
class LlmSettings:
    """Language model (llama.cpp)."""

    model: Path = DEMO_MODELS / "llm" / "lakeside.gguf"
    """GGUF file; its chat template is used."""
    context_tokens: int = between(8192, 512, 1_048_576)
    """Size of the one context that all calls share."""
    conversation_tokens: int = between(4096, 256, 1_048_576)
    """Most that one call may have of it; longer ones lose their oldest turns. A long one slows the others down, which
    have to step over its tokens: 20,000 by half, 4,000 by a tenth."""
    sequences: int = between(16, 1, 64)
    """Conversations that fit at once; one more call is refused."""
    threads: int = between(0, 0, 256)
    """ggml threads; 0: as many as the machine's cores and the model suggest (engines/cores.py)."""
    max_reply_tokens: int = between(200, 8, 4096)
    """A reply is cut after this many tokens."""
    temperature: float = between(0.0, 0.0, 2.0)
    """0 is greedy."""


@dataclass(frozen=True)
class TtsSettings:
    """Text to speech (Piper)."""

    model: Path = DEMO_MODELS / "voice" / "demo-en.onnx"
    """Voice file; its ``.onnx.json`` lies beside it."""
    threads: int = between(0, 0, 16)
    """onnxruntime threads; 0: as many as the machine's cores suggest (engines/cores.py). The language model rests while
    a clause is made, so they are free."""
    length_scale: float = between(1.0, 0.3, 3.0)
    """Over 1 speaks slower."""


@dataclass(frozen=True)
class TurnSettings:
    """When it is whose turn."""

    endpoint_ms: int = between(400, 100, 3000)
    """Silence after the caller's last speech that ends the turn, when the words do not tell."""
    endpoint_min_ms: int = between(240, 100, 3000)
    """The same after a complete utterance."""
    endpoint_max_ms: int = between(1200, 100, 10_000)
    """The same after words that trail off: "my number is", "and", digits that come in groups."""
    judge: Judge = "text"
    """Who tells whether an utterance is complete: ``silence`` nobody (always `endpoint_ms`), ``text`` the words so far,
    ``smart-turn`` the words and an acoustic model."""
    judge_model: Path | None = None
    """A smart-turn v3 ONNX file; unset takes the one inside the pipecat-ai package, which the extra ``smart-turn``
    installs."""
    partial_ms: int = between(500, 0, 10_000)
    """How often, at most, the words so far are transcribed while the caller speaks, so that the model reads along; 0:
    never."""
    speculate: int = between(3, 0, 20)
    """In how many pauses of one turn a reply is prepared before the turn has ended; 0: never."""
    filler_ms: int = between(2000, 0, 60_000)
    """Wait for a reply's first audio after which a filler is said; 0: none."""
    max_speech_ms: int = between(60_000, 2000, 300_000)
    """A turn longer than this is transcribed in parts of this length."""
    digit_gap_ms: int = between(1500, 300, 10_000)
    """Pause after a key press that ends an entry; ``#`` ends it at once."""
    no_input_ms: int = between(8000, 1000, 120_000)
    """Silence after the agent's last word before it asks again."""
    reprompts: int = between(2, 0, 10)
    """How often it asks again before it says goodbye."""
    reply_timeout_ms: int = between(10_000, 1000, 120_000)
    """Longest wait for a transcript, for a reply's first audio and for more of its text; then the agent apologises and
    gives the call back."""


@dataclass(frozen=True)
class BargeInSettings:
    """How the caller interrupts the agent."""

    enabled: bool = True
    """Off: the agent always finishes."""
    start_probability: float = between(0.12, 0.02, 0.99)
    """Probability from which a window counts as speech over the agent: lower than `vad.start_probability`, because a
    hold costs less than an interruption that is noticed late."""
    min_speech_ms: int = between(112, 32, 2000)
    """Speech over the agent of at least this length holds it: it pauses, until words tell whether it shall stop."""
    hold_ms: int = between(250, 50, 5000)
    """So long after the beginning of a hold the words so far decide: a backchannel ("uh-huh") lets the agent go on."""
    max_hold_ms: int = between(2500, 200, 30_000)
    """Noise that gives no words holds the agent no longer than this."""
    protect_ms: int = between(0, 0, 10_000)
    """Speech in the first moments of what the agent says does not hold it."""


@dataclass(frozen=True)
class RecordingSettings:
    """Recording of calls."""

    mode: RecordingMode = "legs"
    """``legs``: one stereo WAV, caller left, agent right. ``bridge``: Asterisk's mono mix. ``off``: no audio is written
    anywhere."""
    folder: Path = Path("/var/lib/offhook/recordings")
    """Where recordings go; Asterisk's user and ours must both be able to write there."""


@dataclass(frozen=True)
class AgiSettings:
    """The FastAGI server that menus call (agi/)."""

    host: str = "127.0.0.1"
    """Address it listens on."""
    port: int = between(4573, 0, 65535)
    """TCP port, as in ``AGI(agi://127.0.0.1:4573/escalate)``; 0 takes a free one."""


@dataclass(frozen=True)
class MetricsSettings:
    """The web server for Prometheus (``/metrics``) and for health checks (``/healthz``)."""

    enabled: bool = True
    """Off: no server, no port."""
    host: str = "127.0.0.1"
    """Address it listens on. Whoever reaches it can read it."""
    port: int = between(9464, 0, 65535)
    """TCP port; 0 takes a free one."""


@dataclass(frozen=True)
class StoreSettings:
    """Calls, turns and results."""

    url: str = "sqlite:////var/lib/offhook/offhook.sqlite"
    """SQLAlchemy URL; ``sqlite:///`` or ``postgresql+psycopg://``."""


@dataclass(frozen=True)
class CapacitySettings:
    """How many calls are taken at once; one more is given back to the dialplan before it is answered."""

    calls: int = between(0, 0, 64)
    """A number is the admin's word. 0: what ``offhook bench capacity`` has measured, without it a careful estimate; and
    fewer while callers wait longer than `target_gap_ms`."""
    target_gap_ms: int = between(800, 100, 10_000)
    """The longest that 95 of 100 answers may take, beyond the silence that ends the caller's turn. With that silence
    (`turn.endpoint_ms`) it is 1.2 s: more, and callers ask whether anybody is there."""
    file: Path = Path("/var/lib/offhook/capacity.json")
    """Where the measurement is kept."""


@dataclass(frozen=True)
class Phrases:
    """Fixed sentences, synthesized at start-up so that they never wait and never fail."""

    reprompts: tuple[str, ...] = ("Are you still there?", "I am still here. How can I help you?")
    """Asked in turn after silence."""
    not_understood: str = "Sorry, I did not catch that. Could you say it again?"
    """After speech without understandable words, or an empty reply of the model."""
    goodbye: str = "I cannot hear you, so I will end the call now. Goodbye."
    """After the last reprompt."""
    time_is_up: str = "I am sorry, our time is up. Goodbye."
    """At the maximum duration."""
    apology: str = "I am sorry, something went wrong. One moment, please."
    """When an engine fails; the dialplan takes over after it."""
    cannot_transfer: str = "I am sorry, I cannot connect you there."
    """When the model names a destination that is not configured."""
    fillers: tuple[str, ...] = ("One moment, please.",)
    """Said in turn when a reply takes longer than `turn.filler_ms`."""


@dataclass(frozen=True)
class AgentSettings:
    """One agent: who it is, what it says and what it may do."""

    prompt: str = "You are the phone receptionist of Lakeside Clinic. Answer in one or two short spoken sentences."
    """System prompt."""
    greeting: str = "Lakeside Clinic, how can I help you?"
    """First words, said as soon as the call is answered."""
    disclosure: str = ""
    """Said before the greeting, to its end: nothing interrupts it. For example "This call is recorded."."""
    language: str = "en"
    """Language of the agent."""
    transfers: dict[str, str] = field(default_factory=dict)
    """Names the model may transfer to → what OFFHOOK_TRANSFER_TO shall hold (``context,exten,priority`` or a number).
    Without any, the agent has no transfer tool."""
    max_seconds: int = between(900, 5, 86_400)
    """Longest call with the agent."""
    endpoint_ms: int | None = between(None, 100, 3000)
    """Instead of `turn.endpoint_ms`, for this agent."""
    endpoint_min_ms: int | None = between(None, 100, 3000)
    """Instead of `turn.endpoint_min_ms`, for this agent."""
    endpoint_max_ms: int | None = between(None, 100, 10_000)
    """Instead of `turn.endpoint_max_ms`, for this agent."""
    phrases: Phrases = field(default_factory=Phrases)
    """Fixed sentences."""


@dataclass(frozen=True)
class Settings:
    """The whole configuration file."""

    device: Device = "auto"
    """Where speech recognition and language model compute: ``auto`` on a CUDA GPU as far as there is one and its memory
    holds them, ``cuda`` only there, or Offhook does not start, ``cpu`` never. The voice stays on the processor."""
    asterisk: AsteriskSettings = field(default_factory=AsteriskSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    vad: VadSettings = field(default_factory=VadSettings)
    stt: SttSettings = field(default_factory=SttSettings)
    llm: LlmSettings = field(default_factory=LlmSettings)
    tts: TtsSettings = field(default_factory=TtsSettings)
    turn: TurnSettings = field(default_factory=TurnSettings)
    barge_in: BargeInSettings = field(default_factory=BargeInSettings)
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    agi: AgiSettings = field(default_factory=AgiSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    capacity: CapacitySettings = field(default_factory=CapacitySettings)
    agents: dict[str, AgentSettings] = field(default_factory=dict)
    """By name, as the dialplan calls them. At least one."""


def endpoints(agent: AgentSettings, turn: TurnSettings) -> tuple[int, int, int]:
    """Shortest, usual and longest end-of-turn silence of an agent, in ms."""
    return (
        agent.endpoint_min_ms or turn.endpoint_min_ms,
        agent.endpoint_ms or turn.endpoint_ms,
        agent.endpoint_max_ms or turn.endpoint_max_ms,
    )
