"""Moved to `umbral_chat.model.depth`; this name goes with 0.3."""

from umbral_chat._moved import moved

__getattr__ = moved(__name__, "umbral_chat.model.depth")
