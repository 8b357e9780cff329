"""Which way audio travels (`media.transport`), by what the Asterisk at hand can do."""

import re
from collections.abc import Mapping
from typing import Literal

from ari_app.errors import AsteriskError, ModuleMissing
from ari_app.media.audiosocket import AudioSocketMedia
from ari_app.media.rtp import RtpMedia
from ari_app.media.transport import MediaKind
from ari_app.media.websocket import WebsocketMedia
from ari_app.settings import MediaSettings, TransportName

KindName = Literal["websocket", "audiosocket", "rtp"]

_MODULES: Mapping[KindName, tuple[str, ...]] = {
    "websocket": ("chan_websocket.so",),
    "audiosocket": ("res_audiosocket.so", "chan_audiosocket.so"),
    "rtp": ("chan_rtp.so",),
}
"""What must be loaded, in the order of preference: wideband first, and what Asterisk itself paces."""
_FIRST_WITH_MARKS = {20: 18, 22: 8, 23: 2}
"""Major version → first minor one whose chan_websocket can tell what was played (MARK_MEDIA). Later majors all can."""


def choose_kind(name: TransportName, loaded_modules: frozenset[str], asterisk_version: str) -> KindName:
    """The transport to use: the named one, or for ``auto`` the best that is there.

    Raises ModuleMissing, or AsteriskError when the named one needs a newer Asterisk.
    """
    if name != "auto":
        _check_modules(name, loaded_modules)
        if name == "websocket" and not _websocket_has_marks(asterisk_version):
            raise AsteriskError(
                f"chan_websocket of Asterisk {asterisk_version} cannot tell what was played",
                "upgrade to 20.18, 22.8, 23.2 or later, or set media.transport: auto",
            )
        return name
    for kind, modules in _MODULES.items():
        if loaded_modules.issuperset(modules) and (kind != "websocket" or _websocket_has_marks(asterisk_version)):
            return kind
    raise ModuleMissing(
        "Asterisk has none of chan_websocket.so, chan_audiosocket.so and chan_rtp.so loaded, so no audio can reach us",
        _load_remedy("chan_rtp.so"),
        module="chan_rtp.so",
    )


async def open_kind(name: KindName, media: MediaSettings, ari_url: str) -> MediaKind:
    """Set up the chosen transport. Raises MediaError when our address or port cannot be used."""
    if name == "websocket":
        return WebsocketMedia(ari_url)
    kind = (
        AudioSocketMedia(media.bind_host, media.audiosocket_port)
        if name == "audiosocket"
        else RtpMedia(media.bind_host)
    )
    await kind.start()
    return kind


def _check_modules(name: KindName, loaded_modules: frozenset[str]) -> None:
    for module in _MODULES[name]:
        if module not in loaded_modules:
            raise ModuleMissing(
                f"media.transport {name} needs {module}, which Asterisk has not loaded",
                f"{_load_remedy(module)}; or set media.transport: auto",
                module=module,
            )


def _load_remedy(module: str) -> str:
    return f"run `asterisk -rx 'module load {module}'` and put `load = {module}` into modules.conf"


def _websocket_has_marks(version: str) -> bool:
    """`version` as Asterisk says it, like ``22.10.1~dfsg-1`` or ``certified/22.8-cert1``; without numbers it is new."""
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None:
        return True
    major, minor = int(found[1]), int(found[2])
    return major > max(_FIRST_WITH_MARKS) or minor >= _FIRST_WITH_MARKS.get(major, 1_000)
