"""Typed settings, read from the environment (and `.env`) once per process.

The environment wins over `.env`. Empty values count as unset. Secrets are `SecretStr`: they never print.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from calven_pipeline.errors import MissingKeyError, SettingsError

REMOTE_SCHEMES = frozenset({"s3", "sftp"})
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
OWNER = re.compile(r"team:\S+|\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")  # nothing that Dagster refuses


class AuthMethod(StrEnum):
    """How a key proves itself to Calven; fixed when Calven issues the key."""

    HMAC = "hmac"
    CLIENT_SECRET = "client_secret"  # noqa: S105 - the name of a method, not a secret
    BASIC = "basic"


class KeyRole(StrEnum):
    """What we use a key for, and so which role of Calven's it needs."""

    WAREHOUSE = "warehouse"
    EVENTS = "events"


class PublishMode(StrEnum):
    """Whether valid events are posted (`live`), or everything is done but the POST (`dry-run`)."""

    LIVE = "live"
    DRY_RUN = "dry-run"


class SnapshotPeople(StrEnum):
    """Whether analysts read people's names and addresses (`named`), or only ids that stand for them (`keys`)."""

    NAMED = "named"
    KEYS = "keys"


class Key(BaseModel):
    """One API key id with its secret."""

    model_config = ConfigDict(frozen=True)

    id: str
    secret: SecretStr


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http(s) address such as https://api.calven.com")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password")
    if parts.query or parts.fragment or parts.port == 0:
        raise ValueError("must be an address alone, such as https://api.calven.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("plain http would show keys and people to the network: use https (http is for loopback only)")
    return url.rstrip("/")


def _exports_location(location: str) -> str:
    scheme, is_remote, _ = location.partition("://")
    if not is_remote:
        return location
    if scheme not in REMOTE_SCHEMES:
        raise ValueError("must be a folder, s3://bucket/prefix or sftp://user@host:port/path")
    parts = urlsplit(location)
    if parts.password is not None:
        raise ValueError("must not hold a password: use a key in ~/.ssh, or CALVEN_EXPORTS_OPTIONS")
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            f"must be an address alone, such as {scheme}://{'bucket' if scheme == 's3' else 'user@host'}/path"
        )
    return location.rstrip("/")


def _webhook(address: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(address.get_secret_value())
    except ValueError:  # whose text quotes the address
        parts = urlsplit("")
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("must be an https address")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        raise ValueError("plain http would show alerts to the network: use https (http is for loopback only)")
    return address


def _web_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address alone, such as http://dagster.example:3000")
    return address.rstrip("/")


def _postgres(address: SecretStr) -> SecretStr | None:
    if address.get_secret_value().lower() == "none":
        return None
    if address.get_secret_value().partition("://")[0] not in {"postgresql", "postgres"}:
        raise ValueError("must be an address such as postgresql://dagster:secret@db.example:5432/dagster")
    return address


def _owners(names: object) -> object:
    if not isinstance(names, str):
        return names
    return tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))


def _json_object(value: SecretStr) -> SecretStr:
    try:
        options = json.loads(value.get_secret_value())
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise ValueError('must be a JSON object, such as {"key_filename": "/home/me/.ssh/id_exports"}')  # noqa: TRY004 - pydantic takes no TypeError
    return value


class DataFolder(BaseSettings):
    """The one setting that is needed where nothing else is: Dagster's storage lies in it."""

    model_config = SettingsConfigDict(
        env_prefix="CALVEN_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
    )

    data_dir: Annotated[Path, AfterValidator(Path.expanduser)] = Path("data")

    @classmethod
    def load(cls) -> Self:
        """Read the environment and `.env`; raises `SettingsError` that names every variable that cannot work."""
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"CALVEN_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
            )
            raise SettingsError(f"Settings cannot work: {problems}") from None


class HistorySettings(DataFolder):
    """Where Dagster's history is kept and for how long: `dagster_postgres_url` is a database, None the data folder.

    The word `none` is None, so that the environment can overrule a `.env`.
    """

    dagster_postgres_url: Annotated[SecretStr, AfterValidator(_postgres)] | None = None
    history_days: int = Field(default=90, ge=1)


class AlertSettings(DataFolder):
    """Where alerts go, and the address of the UI that they link to.

    Apart from `Settings`: what cannot work here must not fail a run.
    """

    alert_webhook: Annotated[SecretStr, AfterValidator(_webhook)] | None = None
    ui_url: Annotated[str, AfterValidator(_web_address)] | None = None


class SnapshotSettings(DataFolder):
    """What analysts are given, who may read it, and whether as Parquet too.

    `snapshot_group` is a group of this machine, None for the owner alone; `parquet` is a folder, relative to the data
    folder, None for no Parquet.
    """

    snapshot_people: SnapshotPeople = SnapshotPeople.NAMED
    snapshot_group: str | None = None
    parquet: Annotated[Path, AfterValidator(Path.expanduser)] | None = None

    @field_validator("snapshot_people", mode="before")
    @classmethod
    def _small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


class ReportSettings(DataFolder):
    """What the report shows: how many local days, and from how many people on a group is counted rather than hidden."""

    report_days: int = Field(default=28, ge=1, le=3660)
    report_smallest_group: int = Field(default=5, ge=1)


def variable(name: str) -> str:
    """A variable of the environment that somebody named; raises `SettingsError` where it is not set, or empty."""
    text = os.environ.get(name, "").strip()
    if not text:
        raise SettingsError(
            f"The environment variable {name} is not set. Set it where the run starts, and launch again."
        )
    return text


class RetentionSettings(DataFolder):
    """For how many days rows are kept after the local day that they are of; None for as long as the data folder is."""

    retention_days: int | None = Field(default=None, ge=1)

    def first_day_kept(self, now: datetime) -> date | None:
        """Rows of local days before this one go, in UTC from `now`, which is aware; None where all are kept."""
        return now.astimezone(UTC).date() - timedelta(days=self.retention_days) if self.retention_days else None


class CatalogSettings(DataFolder):
    """What the UI shows beside our own words: `asset_owners` are e-mail addresses, or teams as `team:name`, each once.

    What Dagster would refuse is among them, so that it takes nothing from the others; see `OWNER`.
    """

    asset_owners: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_owners)] = ()


class CheckSettings(DataFolder):
    """When a check warns: `rejection_rate_limit` is a share of the rows that say presence, `reference_max_age_hours` a pull's age."""

    rejection_rate_limit: float = Field(default=0.2, ge=0, le=1)
    reference_max_age_hours: float = Field(default=36, gt=0, le=87600, allow_inf_nan=False)  # ten years


class ExportSettings(DataFolder):
    """Where exports are dropped, and when one counts as finished.

    `exports` is a folder or a remote address (`s3://`, `sftp://`), None for `exports` under the data folder;
    `exports_options` is a JSON object for the library that reaches it; `settle_seconds` is how long a file must not have
    changed before it is read.
    """

    exports: Annotated[str, AfterValidator(_exports_location)] | None = None
    exports_options: Annotated[SecretStr, AfterValidator(_json_object)] | None = None
    settle_seconds: float = Field(default=2.0, ge=0, le=600)


class Settings(ExportSettings):
    """Everything that a deployment may set, with the defaults that the README lists."""

    api_url: Annotated[str, AfterValidator(_safe_url)] = "https://api.calven.com"
    region: str = Field(default="usce1", pattern=r"^[A-Za-z0-9-]+$")
    auth: AuthMethod = AuthMethod.HMAC
    api_key: str | None = None
    api_secret: SecretStr | None = None
    warehouse_api_key: str | None = None
    warehouse_api_secret: SecretStr | None = None
    events_api_key: str | None = None
    events_api_secret: SecretStr | None = None
    warehouse_path: str = Field(default="/v1/analytics", pattern=r"^(/[A-Za-z0-9._~-]+)*/?$")
    publish: PublishMode = PublishMode.LIVE
    concurrency: int = Field(default=8, ge=1, le=64)
    batch_size: int = Field(default=100, ge=1, le=100)

    @field_validator("auth", "publish", mode="before")
    @classmethod
    def _small_letters(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    def key_for(self, role: KeyRole) -> Key:
        """The key for this role, or the one key for everything; raises `MissingKeyError` where there is neither."""
        pairs = {
            f"CALVEN_{role.upper()}_API": (getattr(self, f"{role}_api_key"), getattr(self, f"{role}_api_secret")),
            "CALVEN_API": (self.api_key, self.api_secret),
        }
        for name, (key_id, secret) in pairs.items():
            if key_id and secret:
                return Key(id=key_id, secret=secret)
            if key_id or secret:
                missing = f"{name}_SECRET" if key_id else f"{name}_KEY"
                raise MissingKeyError(f"{missing} is not set, but its other half is: set both.")
        raise MissingKeyError(
            f"CALVEN_{role.upper()}_API_KEY (or CALVEN_API_KEY) is not set, with its secret. "
            "No key yet? `uv run calven-pipeline sandbox` prints one that works against the sandbox."
        )
