"""Every error that Offhook raises on purpose.

::

    OffhookError                 message + remedy, one line each
    ├── ConfigError              a key of the YAML (with its line), or of the environment
    ├── AudioError               a WAV or a stream of samples that is not what it claims
    ├── ModelError               a model that is missing, corrupt, of another kind, or too much for this machine
    ├── EngineError              an engine that failed or was too slow while working
    ├── AsteriskError
    │   ├── AriUnreachable       no HTTP or websocket connection to ARI
    │   ├── AriRefused           wrong user, wrong password, missing rights
    │   ├── AriFailed            any other HTTP status; `.status`, and ARI's own words
    │   │   ├── AriNotFound      404: the object is gone (normal after a hang-up)
    │   │   └── AriConflict      409: wrong state (not in Stasis, already exists)
    │   ├── AriReplaced          another program subscribed with our application name
    │   ├── AmiUnreachable
    │   ├── AmiRefused           wrong secret, missing rights, or an action refused
    │   └── ModuleMissing        a module that Asterisk has not loaded; `.module`
    ├── MediaError
    │   └── FormatMismatch       a codec or rate other than the one agreed on
    ├── CapacityError            a measurement of the capacity that cannot be made or kept
    ├── PackageError             a Debian package that cannot be had or unpacked
    ├── RecordingError
    └── StoreError

Causes are kept (``raise … from error``). Printing one gives a single line: what is wrong, then the remedy.
"""


class OffhookError(Exception):
    """Base of all: `message` says what is wrong and names the thing, `remedy` says how to mend it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = " ".join(message.split())
        self.remedy = " ".join(remedy.split())
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} — {self.remedy}" if self.remedy else self.message


class ConfigError(OffhookError):
    """A mistake in the configuration; `key` is the dotted path, `line` counts from 1 (0: unknown)."""

    def __init__(self, message: str, remedy: str = "", *, key: str = "", line: int = 0) -> None:
        super().__init__(message, remedy)
        self.key = key
        self.line = line

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        key = f"{self.key}: " if self.key else ""
        return f"{where}{key}{super().__str__()}"


class AudioError(OffhookError):
    """Audio that cannot be used as it is."""


class ModelError(OffhookError):
    """A model that is missing, corrupt, not of the kind the engine needs, or that this machine cannot run."""


class EngineError(OffhookError):
    """An engine that failed, or did not answer in time, during a call."""


class AsteriskError(OffhookError):
    """Anything that Asterisk refused or did not answer."""


class AriUnreachable(AsteriskError):
    """No connection to ARI."""


class AriRefused(AsteriskError):
    """ARI answered 401 or 403."""


class AriFailed(AsteriskError):
    """ARI answered an HTTP error; the message holds ARI's own words."""

    def __init__(self, message: str, remedy: str = "", *, status: int) -> None:
        super().__init__(message, remedy)
        self.status = status


class AriNotFound(AriFailed):
    """404: the channel, bridge, variable or recording does not exist (any more)."""


class AriConflict(AriFailed):
    """409: the object is in another state, or one with that id exists."""


class AriReplaced(AsteriskError):
    """Another subscriber took our Stasis application's events."""


class AmiUnreachable(AsteriskError):
    """No connection to the manager interface."""


class AmiRefused(AsteriskError):
    """The manager interface refused the login or an action."""


class ModuleMissing(AsteriskError):
    """A module that Asterisk would need to load."""

    def __init__(self, message: str, remedy: str = "", *, module: str) -> None:
        super().__init__(message, remedy)
        self.module = module


class MediaError(OffhookError):
    """A media connection that could not be made or broke."""


class FormatMismatch(MediaError):
    """The other side sends or wants another codec or rate; nothing is played rather than garbled."""


class CapacityError(OffhookError):
    """A measurement of the capacity that cannot be made, read or written."""


class PackageError(OffhookError):
    """A Debian package that cannot be fetched or unpacked."""


class RecordingError(OffhookError):
    """A recording that cannot be written, joined or found."""


class StoreError(OffhookError):
    """The database of calls cannot be opened, migrated or written."""
