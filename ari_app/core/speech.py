"""From probabilities of speech to the caller's starts and stops of speaking. Pure.

::

    speech      ________██████████████████____████████_________________
    windows     . . . . # # # # # # # # # . . # # # # . . . . . . . . .
    events             ^   S              x     S       x
                       at  |              at    |       at
                           started              started again at once

    .  a window under `stop_probability`        #  a window of speech
    S  SpeechStarted, `min_speech_ms` after its `at` (a resumption: after its first window)
    x  SpeechStopped, two windows after its `at`

Over the agent, speech is believed on less evidence: see BargeInSettings.
Whether a stop is a pause or the end of the turn, the turn machine decides: it counts its silence from `at`.
"""

from ari_app.core.events import SpeechStarted, SpeechStopped
from ari_app.settings import BargeInSettings, VadSettings

WINDOW_SECONDS = 0.032
"""Length of the windows that the detector is told about: Silero's."""
SILENT_WINDOWS = 2
"""Windows under `stop_probability` that make a stop: a single one is often a plosive's closure."""
_EVIDENCE_OVER_AGENT = 1.0
"""Sum of the windows' probabilities from which speech over the agent is believed: two clear windows or five faint ones,
which are often breath or noise, and seldom the speech itself."""
RESUME_SECONDS = 0.6
"""Speech that comes this soon after a stop is believed at its first window: it is the caller going on, and the
endpoint's timer is running."""
ONSET_LAG = 0.024
"""Median by which Silero's first window of speech begins after the onset."""
OFFSET_LAG = 0.012
"""Median by which Silero's last window of speech ends after the offset."""
# Both lags were fitted on the 344 spoken English prompts of Asterisk through µ-law, against the first and last 10 ms
# frame that is louder than the prompt's level (95th percentile) minus 32 dB. What is left of the errors there: onset
# -35…+135 ms (5th to 95th percentile; soft first consonants are found late), offset -95…+60 ms, half within ±32 ms.


class SpeechDetector:
    """Hysteresis over windows: when the caller starts and stops speaking, in audio time."""

    def __init__(self, settings: VadSettings, over_agent: BargeInSettings) -> None:
        self._settings = settings
        self._over_agent = over_agent
        self._speaking = False
        self._silent_windows = 0
        self._speech_windows = 0
        self._evidence = 0.0  # sum of the probabilities of these windows
        self._onset = 0.0
        self._last_speech = float("-inf")

    @property
    def speaking(self) -> bool:
        """Whether the last event was a start."""
        return self._speaking

    def on_window(
        self, probability: float, end_at: float, *, over_agent: bool = False
    ) -> SpeechStarted | SpeechStopped | None:
        """Take the next window's probability and the audio time of its end; `over_agent`: the agent speaks."""
        if self._speaking:
            return self._while_speaking(probability, end_at)
        rule = self._over_agent if over_agent else self._settings
        if not self._goes_on(probability, end_at, rule.start_probability):
            return None
        if over_agent:
            return self._start(end_at) if self._evidence >= _EVIDENCE_OVER_AGENT else None
        resumes = end_at - WINDOW_SECONDS - self._last_speech <= RESUME_SECONDS
        shortest = 0 if resumes else self._settings.min_speech_ms
        return self._start(end_at) if self._speech_windows * WINDOW_SECONDS * 1000 >= shortest else None

    def _while_speaking(self, probability: float, end_at: float) -> SpeechStopped | None:
        if probability >= self._settings.stop_probability:
            self._last_speech = end_at
            self._silent_windows = 0
            return None
        self._silent_windows += 1
        if self._silent_windows < SILENT_WINDOWS:
            return None
        self._speaking = False
        self._speech_windows = 0
        return SpeechStopped(at=max(self._last_speech - OFFSET_LAG, self._onset))

    def _goes_on(self, probability: float, end_at: float, start_probability: float) -> bool:
        """Count a window of what may be speech; False when it is none."""
        enough_to_begin = probability >= start_probability
        enough_to_go_on = self._speech_windows > 0 and probability >= self._settings.stop_probability
        if not (enough_to_begin or enough_to_go_on):
            self._speech_windows = 0
            return False
        if self._speech_windows == 0:
            self._onset = max(end_at - WINDOW_SECONDS - ONSET_LAG, self._last_speech)
            self._evidence = 0.0
        self._speech_windows += 1
        self._evidence += probability
        return True

    def _start(self, end_at: float) -> SpeechStarted:
        self._speaking = True
        self._silent_windows = 0
        self._last_speech = end_at
        return SpeechStarted(at=self._onset)
