"""Which Calven a data folder belongs to: the real one or a sandbox, for good.

Events that a sandbox took would count as delivered to Calven, and sample events would be posted as people's presence, if
one folder could serve both. So the first data that come or go decide, and the other kind is refused.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import LOOPBACK_HOSTS
from calven_pipeline.warehouse.database import WorkingDatabase


def check_home(database: WorkingDatabase, api_url: str) -> None:
    """Raise `SettingsError` where the folder belongs to the other kind of Calven."""
    belongs, is_sandbox = database.value("reference/home"), _is_sandbox(api_url)
    if belongs is not None and belongs != is_sandbox:
        was, now = ("a sandbox", "Calven") if belongs else ("Calven", "a sandbox")
        raise SettingsError(
            f"The data folder {database.state.parent} was filled from {was}, and CALVEN_API_URL now leads to {now}: "
            "what one has taken the other has not. Set CALVEN_DATA_DIR to another folder."
        )


def settle_home(database: WorkingDatabase, api_url: str) -> None:
    """Note, once, which kind the folder belongs to: with the first data that came from there or was taken there."""
    if database.value("reference/home") is None:
        database.run("reference/settle_home", {"is_sandbox": _is_sandbox(api_url)})


def _is_sandbox(api_url: str) -> bool:
    return urlsplit(api_url).hostname in LOOPBACK_HOSTS
