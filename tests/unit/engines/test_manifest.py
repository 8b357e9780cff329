"""The demo models are those that the manifest lists."""

import hashlib

import pytest
import yaml

from ari_app.settings import DEMO_MODELS, LlmSettings, SttSettings, TtsSettings

MANIFEST = yaml.safe_load((DEMO_MODELS.parent / "manifest.yaml").read_text())["demo"]


@pytest.mark.parametrize("part", MANIFEST)
def test_files_are_whole(part):
    folder, files = DEMO_MODELS / part, MANIFEST[part]["files"]
    assert {file.name for file in folder.iterdir()} - {"COPYING"} == set(files)
    for name, expected in files.items():
        content = (folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (expected["bytes"], expected["sha256"]), name


def test_the_defaults_are_the_demo_models():
    assert SttSettings().model == DEMO_MODELS / "stt"
    assert LlmSettings().model.name in MANIFEST["llm"]["files"]
    assert TtsSettings().model.name in MANIFEST["voice"]["files"]
    assert MANIFEST["voice"]["licence"] == "GPL-3.0-or-later"
    assert (DEMO_MODELS / "voice" / "COPYING").read_text().lstrip().startswith("GNU GENERAL PUBLIC LICENSE")
