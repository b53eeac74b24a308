"""Which Calven a data folder belongs to: the real one or a sandbox, for good.

Events that a sandbox took would count as delivered to Calven, and sample events would be posted as people's presence, if
one folder could serve both. So the first call decides, and a call to the other kind is refused.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from calven_pipeline.errors import SettingsError
from calven_pipeline.settings import LOOPBACK_HOSTS
from calven_pipeline.warehouse.database import WorkingDatabase


def claim_home(database: WorkingDatabase, api_url: str) -> None:
    """Note that the folder belongs to that kind of Calven; raises `SettingsError` where it belongs to the other kind."""
    is_sandbox = urlsplit(api_url).hostname in LOOPBACK_HOSTS
    belongs = database.value("reference/home")
    if belongs is None:
        database.run("reference/settle_home", {"is_sandbox": is_sandbox})
    elif belongs != is_sandbox:
        was, now = ("a sandbox", "Calven") if belongs else ("Calven", "a sandbox")
        raise SettingsError(
            f"The data folder {database.state.parent} was filled from {was}, and CALVEN_API_URL now leads to {now}: "
            "what one has taken the other has not. Set CALVEN_DATA_DIR to another folder."
        )
