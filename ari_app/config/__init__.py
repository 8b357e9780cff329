"""The configuration file: `check` names every mistake in it, `load` gives its settings.

The only reader of YAML and of the environment. Looks at the file system, writes nothing.

Relative paths are relative to the file's own folder. Passwords may stand in files (`ari_password_file`,
`ami_password_file`) or in the environment (OFFHOOK_ARI_PASSWORD, OFFHOOK_AMI_PASSWORD), which wins over the file.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ari_app.config.checks import cross_check
from ari_app.config.overrides import Override
from ari_app.config.secrets import with_passwords
from ari_app.config.tree import TreeReader
from ari_app.errors import ConfigError
from ari_app.settings import Settings

__all__ = ["Override", "check", "load", "store_url"]

_SQLITE = "sqlite:///"


def load(path: Path, overrides: Sequence[Override] = (), *, without: Collection[str] = ()) -> Settings:
    """The settings of a configuration file, with `overrides` in place of what it says; mistakes in the sections
    `without` do not matter. Raises ConfigError: the first mistake, and how many more there are."""
    settings, errors = _read(path, os.environ, overrides)
    errors = _outside(errors, without)
    if errors:
        first, more = errors[0], len(errors) - 1
        if more:
            count = f"{more} more mistake{'s' if more > 1 else ''}: offhook check -c {path}"
            first.remedy = f"{first.remedy}; {count}" if first.remedy else count
        raise first
    return settings


def check(path: Path, overrides: Sequence[Override] = (), *, without: Collection[str] = ()) -> list[ConfigError]:
    """Every mistake of a configuration file, in the order of its lines; empty when `load` would succeed."""
    return _outside(_read(path, os.environ, overrides)[1], without)


def store_url(path: Path) -> str:
    """Only `store.url`, for who looks at calls: other mistakes, and passwords one may not read, do not matter then.

    Raises ConfigError.
    """
    settings, errors = _read(path, os.environ)
    for error in errors:
        if not error.key or error.key.startswith("store"):
            raise error
    return settings.store.url


def _outside(errors: Sequence[ConfigError], sections: Collection[str]) -> list[ConfigError]:
    return [error for error in errors if error.key.partition(".")[0] not in sections]


def _read(
    path: Path, environ: Mapping[str, str], overrides: Sequence[Override] = ()
) -> tuple[Settings, list[ConfigError]]:
    folder = path.expanduser().absolute().parent
    reader = TreeReader(folder)
    settings = Settings()
    text = _text(path.expanduser(), reader.errors)
    if text is not None:
        parsed = reader.read(text, Settings, overrides)
        if parsed is not None:  # else it is not even YAML: nothing more can be said
            settings = _anchored(parsed, folder)
            settings, unreadable = with_passwords(settings, environ)
            reader.errors += unreadable
            reader.errors += cross_check(settings)
    named = {error.key for error in reader.errors if error.line}
    errors = [error for error in reader.errors if error.line or error.key not in named]
    for error in errors:
        error.line = error.line or reader.lines.get(error.key.partition("[")[0], 0)
        if not error.line and any(_touches(override.key, error.key) for override in overrides):
            error.key = f"--set {error.key}"
    return settings, sorted(errors, key=lambda error: error.line)


def _touches(override: str, key: str) -> bool:
    """Whether one of the keys is the other, or below it."""
    key = key.partition("[")[0] + "."
    return key.startswith(f"{override}.") or f"{override}.".startswith(key)


def _text(path: Path, errors: list[ConfigError]) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        remedy = "give the right file with -c" if isinstance(error, FileNotFoundError) else "make it readable for us"
        errors.append(ConfigError(f"cannot be read ({error.strerror})", remedy))
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        errors.append(ConfigError("is not UTF-8 text", "save the file as UTF-8", line=line))
    return None


def _anchored(settings: Settings, folder: Path) -> Settings:
    """SQLAlchemy would take a relative SQLite path from the working folder; ours is the file's folder."""
    database, _, query = settings.store.url.removeprefix(_SQLITE).partition("?")
    if not settings.store.url.startswith(_SQLITE) or not database:
        return settings
    url = f"{_SQLITE}{folder / Path(database).expanduser()}" + (f"?{query}" if query else "")
    return replace(settings, store=replace(settings.store, url=url))
