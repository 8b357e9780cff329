"""Passwords: from the environment, a file of their own, or the configuration itself. Never printed."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ari_app.errors import ConfigError
from ari_app.settings import Settings

_ASTERISK_LINE = re.compile(r"^[ \t]*(?:password|secret)[ \t]*=>?[ \t]*(.*)$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"(?<!\\);.*")
_LARGEST = 65_536
"""Bytes of a password file that are looked at; nobody's password is longer."""


def with_passwords(settings: Settings, environ: Mapping[str, str]) -> tuple[Settings, list[ConfigError]]:
    """The settings with `ari_password` and `ami_password` filled in, and what is wrong with where they come from."""
    asterisk = settings.asterisk
    errors: list[ConfigError] = []
    found: dict[str, Any] = {}
    needed = {"ari": True, "ami": settings.recording.mode == "legs"}
    sources = {
        "ari": (asterisk.ari_password, asterisk.ari_password_file),
        "ami": (asterisk.ami_password, asterisk.ami_password_file),
    }
    for name, (password, file) in sources.items():
        key, variable = f"asterisk.{name}_password", f"OFFHOOK_{name.upper()}_PASSWORD"
        if environ.get(variable):
            found[f"{name}_password"] = environ[variable]
        elif password and file:
            errors.append(ConfigError("is given twice", f"keep it or {name}_password_file", key=key))
        elif file:
            try:
                found[f"{name}_password"] = read_secret(file)
            except ConfigError as error:
                error.key = f"{key}_file"
                errors.append(error)
        elif not password and needed[name]:
            instead = "" if name == "ari" else "; or set recording.mode to bridge, which does without"
            errors.append(ConfigError("is missing", f"set {name}_password_file, or {variable}{instead}", key=key))
    return replace(settings, asterisk=replace(asterisk, **found)), errors


def read_secret(file: Path) -> str:
    """The password in a file: Asterisk's ``password = …`` or ``secret = …`` line, else the first line."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST).decode()
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read ({error.strerror})", f"check that it exists and that we may read it: ls -l {file}"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not text", "put the password alone into it") from error
    line = _ASTERISK_LINE.search(text)
    password = _COMMENT.sub("", line[1]).replace("\\;", ";") if line else text.partition("\n")[0]
    if not password.strip():
        raise ConfigError(f"{file} holds no password", "put it on the first line")
    return password.strip()
