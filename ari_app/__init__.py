"""Offhook: a voice agent that lives in the PBX."""

__version__ = "0.1.0"
