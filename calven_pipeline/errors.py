"""Every exception that calven_pipeline raises, as one tree.

    CalvenPipelineError
    ├── TryAgainError                  trying the same again later may help
    │   ├── CalvenUnavailableError
    │   ├── UnreadableAnswerError
    │   ├── UndeliveredEventsError
    │   ├── DropFolderError
    │   └── WorkingDatabaseBusyError
    └── WillNotHelpError               somebody has to change something first
        ├── SettingsError
        ├── MissingKeyError
        ├── AuthenticationError
        ├── PermissionDeniedError
        ├── RefusedCallError
        ├── SourceProfileError
        ├── UnreadableExportError
        ├── ReferenceDataError
        ├── RequestError
        ├── SandboxError
        └── WorkingDatabaseError

A bad row is none of these: it is a rejection with a reason. Messages never hold a secret, a token or an address of a
person; each says what we were doing, to which thing, and what to do next.
"""

from __future__ import annotations


class CalvenPipelineError(Exception):
    """Something that calven_pipeline can name went wrong."""

    exit_code = 1


class TryAgainError(CalvenPipelineError):
    """The same call may succeed later."""

    exit_code = 75


class WillNotHelpError(CalvenPipelineError):
    """The same call will fail again until somebody changes something."""

    exit_code = 1


class CalvenUnavailableError(TryAgainError):
    """Calven could not be reached, or answered 429 or 5xx until the retries were used up."""


class UnreadableAnswerError(TryAgainError):
    """Calven answered, but not in the published shape, so the answer proves nothing."""


class UndeliveredEventsError(TryAgainError):
    """Some valid events are still waiting to be acknowledged by Calven."""


class DropFolderError(TryAgainError):
    """The drop folder is not there, could not be reached, or its answer broke off."""


class WorkingDatabaseBusyError(TryAgainError):
    """Another process holds the working database."""


class SettingsError(WillNotHelpError):
    """A setting is missing or has a value that cannot work."""

    exit_code = 78


class MissingKeyError(SettingsError):
    """The API key that this step needs is not set."""


class AuthenticationError(WillNotHelpError):
    """Calven refused the key (401)."""

    exit_code = 77


class PermissionDeniedError(WillNotHelpError):
    """The key is good, but its role does not allow the call (403)."""

    exit_code = 77


class RefusedCallError(WillNotHelpError):
    """Calven refused the call itself with a 4xx other than 401, 403, 408 and 429.

    `status` is the HTTP status, `detail` Calven's own words, cut short.
    """

    def __init__(self, message: str, *, status: int, detail: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


class SourceProfileError(WillNotHelpError):
    """`sources.yaml`, or a table that it names, cannot work."""

    exit_code = 78


class UnreadableExportError(WillNotHelpError):
    """An export file cannot be read as its source profile says.

    `source_file` is its path in the drop folder, or that of a folder that cannot be listed. `may_pass`: its rights or its
    disk are to blame, and when those are mended, nothing about the file changes.
    """

    exit_code = 65

    def __init__(self, message: str, *, source_file: str = "", may_pass: bool = False) -> None:
        super().__init__(message)
        self.source_file = source_file
        self.may_pass = may_pass


class ReferenceDataError(WillNotHelpError):
    """A warehouse answer was whole but cannot replace the table that we have."""

    exit_code = 65


class RequestError(WillNotHelpError):
    """What somebody asked to be replayed, dismissed, reported, exported or forgotten cannot be done as asked."""

    exit_code = 64


class SandboxError(WillNotHelpError):
    """The sandbox cannot start as asked."""

    exit_code = 78


class WorkingDatabaseError(WillNotHelpError):
    """The working database cannot be opened or written."""

    exit_code = 74
