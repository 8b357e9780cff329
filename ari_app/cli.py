"""The command `offhook`: reads arguments, runs one verb, prints errors as one line each.

Exit status: 0 done, 1 it failed, 2 the configuration or the command line is wrong. The parts are imported by the verb
that needs them, so that ``offhook --help`` is quick.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ari_app import __version__
from ari_app.errors import ConfigError, OffhookError

if TYPE_CHECKING:
    from ari_app.config import Override
    from ari_app.settings import Settings

DEFAULT_CONFIG = Path("/etc/offhook/offhook.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.verb(options)
    except ConfigErrors as errors:
        for error in errors.errors:
            print(f"{options.config}: {error}", file=sys.stderr)
        return 2
    except ConfigError as error:
        print(f"{options.config}: {error}", file=sys.stderr)
        return 2
    except OffhookError as error:
        print(f"offhook: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


class ConfigErrors(Exception):
    """Several mistakes at once."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__(f"{len(errors)} mistakes in the configuration")
        self.errors = errors


def _run(options: argparse.Namespace) -> int:
    from ari_app import app, log

    log.setup(options.log_level, json=options.log_json)
    settings = _load(options.config)
    asyncio.run(app.run(settings, lambda line: print(f"offhook: {line}", file=sys.stderr, flush=True)))
    return 0


def _check(options: argparse.Namespace) -> int:
    settings = _load(options.config)
    print(f"{options.config}: good; agents: {', '.join(settings.agents)}")
    return 0


def _calls(options: argparse.Namespace) -> int:
    from ari_app import config, report

    url = options.store or config.store_url(options.config)
    return report.calls_command(url, options.id, as_json=options.json)


def _replay(options: argparse.Namespace) -> int:
    from ari_app import log
    from ari_app.replay import command

    log.setup(options.log_level)
    command.check_used(options.overrides)
    before = _load(options.config, without=command.UNUSED)
    settings = _load(options.config, options.overrides, without=command.UNUSED)
    return command.command(options.what, before, settings, options.overrides, agent=options.agent, as_json=options.json)


def _bench_capacity(options: argparse.Namespace) -> int:
    from ari_app import log
    from ari_app.capacity import command

    log.setup(options.log_level)
    settings = _load(options.config, without=command.UNUSED)
    wishes = command.Wishes(options.max_calls, options.seconds_per_step, options.target_ms, options.json)
    return command.command(settings, wishes)


def _demo(options: argparse.Namespace) -> int:
    from ari_app.demo import demo

    return demo.command(
        demo.Wishes(
            lines=tuple(options.lines),
            agent=options.agent,
            listen=options.listen,
            transport=options.transport,
            recording=options.recording,
            json=options.json,
            keep=options.keep,
        )
    )


def _load(path: Path, overrides: Sequence["Override"] = (), *, without: Sequence[str] = ()) -> "Settings":
    from ari_app import config

    errors = config.check(path, overrides, without=without)
    if errors:
        raise ConfigErrors(errors)
    return config.load(path, overrides, without=without)


def _override(text: str) -> "Override":
    from ari_app.config import Override

    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: write it as section.key=value")
    return Override(key.strip(), value)


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text}: give a whole number over 0")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="offhook", description="A voice agent that lives in the PBX.")
    parser.add_argument("--version", action="version", version=f"offhook {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    run = verbs.add_parser("run", help="run the agent until SIGTERM or Ctrl-C")
    run.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    run.add_argument("--log-json", action="store_true", help="one JSON object a line")
    run.set_defaults(verb=_run)

    check = verbs.add_parser(
        "check", help="name every mistake in the configuration file; asks neither Asterisk nor models"
    )
    check.set_defaults(verb=_check)

    calls = verbs.add_parser("calls", help="list calls, or show one with its transcript and timings")
    calls.add_argument("id", nargs="?", help="a call's id, or its unique beginning")
    calls.add_argument("--json", action="store_true", help="print JSON")
    calls.add_argument("--store", metavar="URL", help="the store, instead of the configuration's")
    calls.set_defaults(verb=_calls)

    replay = verbs.add_parser("replay", help="let a recorded caller talk with the agent, to try settings")
    replay.add_argument(
        "what", metavar="FILE.wav|CALL-ID", help="a caller's audio, or a call's id or its unique beginning"
    )
    replay.add_argument(
        "--set",
        type=_override,
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY=VALUE",
        help="another setting than the configuration's, for example turn.endpoint_ms=300; can be repeated",
    )
    replay.add_argument("--agent", metavar="NAME", help="who answers; default: the call's agent, or the first")
    replay.add_argument("--json", action="store_true", help="print JSON")
    replay.add_argument("--log-level", default="error", choices=("debug", "info", "warning", "error"))
    replay.set_defaults(verb=_replay)

    bench = verbs.add_parser("bench", help="measure this box")
    benches = bench.add_subparsers(title="what", required=True, metavar="WHAT")
    capacity = benches.add_parser(
        "capacity", help="how many calls at once the configured models answer in time; keeps the limit for `run`"
    )
    capacity.add_argument(
        "--max-calls", type=_positive, metavar="N", help="try no more than so many; default: llm.sequences"
    )
    capacity.add_argument(
        "--seconds-per-step", type=_positive, default=30, metavar="S", help="length of each try; default: 30"
    )
    capacity.add_argument(
        "--target-ms", type=_positive, metavar="MS", help="instead of capacity.target_gap_ms, to try another"
    )
    capacity.add_argument("--json", action="store_true", help="print JSON")
    capacity.add_argument("--log-level", default="error", choices=("debug", "info", "warning", "error"))
    capacity.set_defaults(verb=_bench_capacity)

    demo = verbs.add_parser("demo", help="place a real call to the agent on a private Asterisk")
    turns = demo.add_argument_group("the caller's turns, said in the order given")
    turns.add_argument("--wav", type=Path, action="append", dest="lines", metavar="FILE", help="a turn as audio")
    turns.add_argument("--text", action="append", dest="lines", metavar="LINE", help="a turn, synthesized")
    demo.set_defaults(lines=[])
    demo.add_argument("--agent", default="receptionist", metavar="NAME", help="the agent: receptionist or night")
    demo.add_argument("--listen", default="auto", choices=("auto", "direct", "snoop"))
    demo.add_argument("--transport", default="auto", choices=("auto", "websocket", "audiosocket", "rtp"))
    demo.add_argument("--recording", default="legs", choices=("legs", "bridge", "off"))
    demo.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="keep recording, store and logs there")
    demo.set_defaults(verb=_demo, config=DEFAULT_CONFIG)

    default = Path(os.environ.get("OFFHOOK_CONFIG", DEFAULT_CONFIG))
    for verb in (run, check, calls, replay, capacity):
        verb.add_argument("-c", "--config", type=Path, default=default, metavar="FILE", help=f"default: {default}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
