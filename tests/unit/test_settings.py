"""Does every setting work as the settings table says, from the environment and from `.env`?"""

import os
from datetime import date, datetime

import pytest

from calven_pipeline.errors import MissingKeyError, SettingsError
from calven_pipeline.settings import DataFolder, KeyRole, RetentionSettings, Settings

SECRET = "secret-that-must-not-show"
DEFAULTS = {
    "CALVEN_API_URL": "https://api.calven.com",
    "CALVEN_REGION": "usce1",
    "CALVEN_AUTH": "hmac",
    "CALVEN_API_KEY": "None",
    "CALVEN_API_SECRET": "None",
    "CALVEN_WAREHOUSE_API_KEY": "None",
    "CALVEN_WAREHOUSE_API_SECRET": "None",
    "CALVEN_EVENTS_API_KEY": "None",
    "CALVEN_EVENTS_API_SECRET": "None",
    "CALVEN_WAREHOUSE_PATH": "/v1/analytics",
    "CALVEN_DATA_DIR": "data",
    "CALVEN_EXPORTS": "None",
    "CALVEN_EXPORTS_OPTIONS": "None",
    "CALVEN_SETTLE_SECONDS": "2.0",
    "CALVEN_PUBLISH": "live",
    "CALVEN_CONCURRENCY": "8",
    "CALVEN_BATCH_SIZE": "100",
}
OTHERS = {
    "CALVEN_API_URL": "https://calven.example",
    "CALVEN_REGION": "euwe1",
    "CALVEN_AUTH": "client_secret",
    "CALVEN_API_KEY": "k",
    "CALVEN_API_SECRET": SECRET,
    "CALVEN_WAREHOUSE_API_KEY": "wk",
    "CALVEN_WAREHOUSE_API_SECRET": SECRET,
    "CALVEN_EVENTS_API_KEY": "ek",
    "CALVEN_EVENTS_API_SECRET": SECRET,
    "CALVEN_WAREHOUSE_PATH": "/v2/warehouse",
    "CALVEN_DATA_DIR": "/srv/calven",
    "CALVEN_EXPORTS": "sftp://exports@files.example:2222/out",
    "CALVEN_EXPORTS_OPTIONS": '{"key_filename": "/srv/key"}',
    "CALVEN_SETTLE_SECONDS": "7.5",
    "CALVEN_PUBLISH": "dry-run",
    "CALVEN_CONCURRENCY": "64",
    "CALVEN_BATCH_SIZE": "1",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder and no setting in the environment."""
    for name in os.environ:
        if name.startswith("CALVEN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(settings):
    """Every setting as text, secrets laid open."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        f"CALVEN_{name.upper()}": str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)
        for name, value in values.items()
    }


def problem_of(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value)


def test_defaults():
    """Nothing has to be set but keys; and there is no setting that the table does not list."""
    assert shown(Settings.load()) == DEFAULTS


@pytest.mark.parametrize("name", OTHERS)
def test_each_is_read_from_the_environment(monkeypatch, name):
    monkeypatch.setenv(name, OTHERS[name])
    assert shown(Settings.load()) == DEFAULTS | {name: OTHERS[name]}


def test_each_is_read_from_the_env_file(folder):
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in OTHERS.items()) + "OTHER_TOOL=1\n")
    assert shown(Settings.load()) == OTHERS


def test_the_environment_wins_over_the_env_file(folder, monkeypatch):
    (folder / ".env").write_text("CALVEN_REGION=euwe1\nCALVEN_AUTH=basic\n")
    monkeypatch.setenv("CALVEN_REGION", "apse2")
    settings = Settings.load()
    assert (settings.region, settings.auth) == ("apse2", "basic")


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_value_is_an_unset_one(folder, monkeypatch, name):
    """As in `CALVEN_REGION=` of a template that nobody filled in."""
    (folder / ".env").write_text(f"{name}=\n")
    monkeypatch.setenv(name, "")
    assert shown(Settings.load()) == DEFAULTS


def test_what_stands_around_a_value_does_not_count(monkeypatch):
    """A secret read from a file often brings its line end along."""
    monkeypatch.setenv("CALVEN_API_KEY", " k ")
    monkeypatch.setenv("CALVEN_API_SECRET", f"{SECRET}\n")
    monkeypatch.setenv("CALVEN_PUBLISH", " Dry-Run")
    monkeypatch.setenv("CALVEN_API_URL", "https://calven.example/ ")
    settings = Settings.load()
    key = settings.key_for(KeyRole.EVENTS)
    assert (key.id, key.secret.get_secret_value()) == ("k", SECRET)
    assert (settings.publish, settings.api_url) == ("dry-run", "https://calven.example")


def test_a_home_folder_may_be_written_short(monkeypatch):
    monkeypatch.setenv("HOME", "/home/analyst")
    monkeypatch.setenv("CALVEN_DATA_DIR", "~/calven")
    assert str(Settings.load().data_dir) == "/home/analyst/calven"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CALVEN_API_URL", "calven", "must be an http(s) address"),
        ("CALVEN_API_URL", "ftp://calven.example", "must be an http(s) address"),
        ("CALVEN_API_URL", f"https://user:{SECRET}@calven.example", "must not hold a user name or password"),
        ("CALVEN_API_URL", f"https://calven.example/?key={SECRET}", "must be an address alone"),
        ("CALVEN_API_URL", "https://calven.example:port", "Port"),
        ("CALVEN_API_URL", "http://calven.example", "plain http"),
        ("CALVEN_API_URL", "http://127.0.0.1.calven.example", "plain http"),
        ("CALVEN_API_URL", "http://10.0.0.7:8787", "plain http"),
        ("CALVEN_REGION", "us ce1\nx-evil: 1", "pattern"),
        ("CALVEN_AUTH", SECRET, "'hmac', 'client_secret' or 'basic'"),
        ("CALVEN_WAREHOUSE_PATH", "v1/analytics", "pattern"),
        ("CALVEN_WAREHOUSE_PATH", "/v1/../admin?x", "pattern"),
        ("CALVEN_PUBLISH", "yes", "'live' or 'dry-run'"),
        ("CALVEN_CONCURRENCY", "0", "greater than or equal to 1"),
        ("CALVEN_CONCURRENCY", "65", "less than or equal to 64"),
        ("CALVEN_CONCURRENCY", "many", "integer"),
        ("CALVEN_BATCH_SIZE", "101", "less than or equal to 100"),
        ("CALVEN_BATCH_SIZE", "0", "greater than or equal to 1"),
        ("CALVEN_EXPORTS", "ftp://files.example/out", "s3://bucket/prefix or sftp://"),
        ("CALVEN_EXPORTS", f"sftp://me:{SECRET}@files.example/out", "must not hold a password"),
        ("CALVEN_EXPORTS", "s3://", "such as s3://bucket"),
        ("CALVEN_EXPORTS_OPTIONS", SECRET, "must be a JSON object"),
        ("CALVEN_EXPORTS_OPTIONS", f'["{SECRET}"]', "must be a JSON object"),
        ("CALVEN_SETTLE_SECONDS", "-1", "greater than or equal to 0"),
        ("CALVEN_SETTLE_SECONDS", "601", "less than or equal to 600"),
    ],
)
def test_a_value_that_cannot_work_is_one_line_with_its_name(monkeypatch, name, value, told):
    """Said without the value: it may be a secret that slipped into the wrong line."""
    problem = problem_of(monkeypatch, name, value)
    assert problem.startswith(f"Settings cannot work: {name}: ")
    assert told in problem
    assert "\n" not in problem
    assert SECRET not in problem


def test_every_value_that_cannot_work_is_named_at_once(monkeypatch):
    monkeypatch.setenv("CALVEN_CONCURRENCY", "many")
    problem = problem_of(monkeypatch, "CALVEN_PUBLISH", "yes")
    assert "CALVEN_CONCURRENCY" in problem
    assert "CALVEN_PUBLISH" in problem


@pytest.mark.parametrize("url", ["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787"])
def test_plain_http_is_for_loopback(monkeypatch, url):
    monkeypatch.setenv("CALVEN_API_URL", url)
    assert Settings.load().api_url == url


def test_secrets_do_not_print():
    settings = Settings(api_key="k", api_secret=SECRET, events_api_key="e", events_api_secret=SECRET)
    assert SECRET not in f"{settings} {settings!r} {settings.key_for(KeyRole.EVENTS)!r}"
    assert SECRET not in settings.model_dump_json()


# Keys


@pytest.mark.parametrize("role", KeyRole)
def test_the_one_key_serves_every_role(role):
    assert Settings(api_key="k", api_secret="s").key_for(role).id == "k"


def test_a_role_has_its_own_key_where_there_is_one():
    settings = Settings(api_key="k", api_secret="s", events_api_key="e", events_api_secret="es")
    assert settings.key_for(KeyRole.EVENTS).id == "e"
    assert settings.key_for(KeyRole.EVENTS).secret.get_secret_value() == "es"
    assert settings.key_for(KeyRole.WAREHOUSE).id == "k"


@pytest.mark.parametrize(
    ("set_", "missing"),
    [
        ({"events_api_key": "e"}, "CALVEN_EVENTS_API_SECRET"),
        ({"events_api_secret": SECRET}, "CALVEN_EVENTS_API_KEY"),
        ({"api_key": "k"}, "CALVEN_API_SECRET"),
        ({"api_secret": SECRET}, "CALVEN_API_KEY"),
        ({"events_api_key": "e", "api_key": "k", "api_secret": SECRET}, "CALVEN_EVENTS_API_SECRET"),
    ],
)
def test_half_a_key_is_none_and_never_completed_from_another(set_, missing):
    """An events key with the secret of the one key would be refused, and nobody would see why."""
    with pytest.raises(MissingKeyError) as caught:
        Settings(**set_).key_for(KeyRole.EVENTS)
    assert str(caught.value).startswith(f"{missing} is not set")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("role", KeyRole)
def test_a_missing_key_names_the_variable_and_the_way_to_the_sandbox(role):
    with pytest.raises(MissingKeyError) as caught:
        Settings().key_for(role)
    assert str(caught.value).startswith(f"CALVEN_{role.upper()}_API_KEY (or CALVEN_API_KEY) is not set")
    assert "uv run calven-pipeline sandbox" in str(caught.value)


def test_the_data_folder_is_known_even_where_other_settings_cannot_work(monkeypatch):
    """Dagster's storage lies in it: a wrong address must not keep the UI from starting."""
    monkeypatch.setenv("CALVEN_API_URL", "nonsense")
    monkeypatch.setenv("CALVEN_DATA_DIR", "elsewhere")
    assert str(DataFolder.load().data_dir) == "elsewhere"


def test_the_first_day_kept_is_counted_in_utc(monkeypatch):
    """As retention does; without the setting all days are kept."""
    now = datetime.fromisoformat("2026-03-31T00:30+02:00")
    assert RetentionSettings.load().first_day_kept(now) is None
    monkeypatch.setenv("CALVEN_RETENTION_DAYS", "30")
    assert RetentionSettings.load().first_day_kept(now) == date(2026, 2, 28)
