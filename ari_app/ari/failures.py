"""Which of our errors an HTTP answer of ARI is, with ARI's own words and the remedy. Pure."""

import json
from urllib.parse import urlsplit

from ari_app.errors import AriConflict, AriFailed, AriNotFound, AriRefused, AriUnreachable, AsteriskError, ModuleMissing
from ari_app.settings import AsteriskSettings


def unreachable(settings: AsteriskSettings, cause: BaseException) -> AriUnreachable:
    """No HTTP answer at all: nobody listens there, or the connection broke or timed out."""
    why = str(cause) or type(cause).__name__
    return AriUnreachable(
        f"no answer from ARI at {settings.ari_url} ({why})",
        "start Asterisk, set enabled = yes and bindaddr, bindport in http.conf, and asterisk.ari_url to match",
    )


def failure(settings: AsteriskSettings, status: int, method: str, url: str, body: str) -> AsteriskError:
    """The error for an HTTP status of 400 and above; `body` is what came with it."""
    words = _words(body)
    path = urlsplit(url).path
    user = settings.ari_username
    match status:
        case 401:
            return AriRefused(
                f"ARI at {settings.ari_url} refused the user {user!r}: {words or 'Authentication required'}",
                f"make asterisk.ari_password the password of section [{user}] in ari.conf, or add that section and run:"
                " asterisk -rx 'module reload res_ari.so'",
            )
        case 403:
            return AriRefused(
                f"ARI at {settings.ari_url} refused {method} {path} to {user!r}: {words or 'Forbidden'}",
                f"set read_only = no in section [{user}] of ari.conf and run: asterisk -rx 'module reload res_ari.so'",
            )
        case 404 if words is None:  # Asterisk's web server answered, not ARI
            return ModuleMissing(
                f"there is no ARI at {settings.ari_url}: res_ari.so is not loaded or not enabled",
                "set enabled = yes in [general] of ari.conf, run: asterisk -rx 'module load res_ari.so', and check"
                " that asterisk.ari_url has the prefix of http.conf",
                module="res_ari.so",
            )
        case 404 if "/api-docs/" in path:
            return AriFailed(
                f"Asterisk has no {path}: {words}",
                "the folder rest-api of Asterisk's data directory (astdatadir) is missing: reinstall Asterisk's data",
                status=status,
            )
        case 404 if words == "Resource not found":
            module = f"res_ari_{_resource(path)}.so"
            return ModuleMissing(
                f"Asterisk has not loaded {module}",
                f"add load = {module} to modules.conf and run: asterisk -rx 'module load {module}'",
                module=module,
            )
        case 404:
            return AriNotFound(f"{method} {path}: {words}", status=status)
        case 400 if words and words.endswith("not found"):  # a channel that is gone, when it is put into a bridge
            return AriNotFound(f"{method} {path}: {words}", status=status)
        case 409:
            return AriConflict(f"{method} {path}: {words}", status=status)
        case 422 if words and "not in Stasis" in words:  # one that has left us, when it is put into a bridge
            return AriConflict(f"{method} {path}: {words}", status=status)
        case _:
            return AriFailed(f"{method} {path}: {words or f'HTTP {status}'}", status=status)


def _words(body: str) -> str | None:
    """ARI's own sentence, or None when the answer is not ARI's JSON."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        return None
    return str(message)


def _resource(path: str) -> str:
    """``channels`` of ``/prefix/ari/channels/1234``."""
    return path.partition("/ari/")[2].partition("/")[0]
