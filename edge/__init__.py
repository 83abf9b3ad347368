"""The on-device runtime that gives a speech recognizer the context of the dialogue."""

__version__ = "26.11"
