"""Every error the program raises on purpose, one sentence each.

* EdgeError
  * ProfileError
  * ScenarioError
  * QuestionError
  * ModelError
  * AudioError
    * SoundHung
  * EngineError
    * WorkerGone
  * StoreError
    * Expired
    * SealError

A message says what failed, where, and what to do about it, in one line. It never holds
a word of the customer.
"""


class EdgeError(Exception):
    """Never raised itself: catch it to catch everything below."""


class ProfileError(EdgeError):
    """A device profile cannot be used as it is written."""


class ScenarioError(EdgeError):
    """A scenario for demo or replay cannot be used as it is written."""


class QuestionError(EdgeError):
    """Recorded dialogues cannot be read as they are written."""


class ModelError(EdgeError):
    """A model file is missing, is not the one its manifest names, or computes wrongly."""


class AudioError(EdgeError):
    """Sound cannot be read, captured or played."""


class SoundHung(AudioError):
    """The sound server answers nothing, not even close(): the process must end without asking."""


class EngineError(EdgeError):
    """A recognizer, synthesizer, skill or encoder could not do its work."""


class WorkerGone(EngineError):
    """A child process died, hung past its hard limit, or does not speak its protocol."""


class StoreError(EdgeError):
    """The dialogue store cannot do what was asked."""


class Expired(StoreError):
    """The interaction is expired, forgotten or was never begun."""


class SealError(StoreError):
    """A sealed payload does not open; deliberately, it does not say why."""
