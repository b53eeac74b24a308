"""Pulling users, locations and desks from the sandbox: what replaces the old table, and what does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina

from calven_pipeline.api import CalvenClient
from calven_pipeline.errors import PermissionDeniedError, ReferenceDataError, TryAgainError
from calven_pipeline.reference.pull import Pull, pull_reference
from calven_pipeline.sandbox import SandboxServer
from calven_pipeline.sandbox.world import World
from calven_pipeline.settings import AuthMethod, Settings
from calven_pipeline.warehouse.database import WorkingDatabase, open_working_database

DESK = {"deskId": "D-1", "zoneId": "Z-1", "levelId": "L-1"}


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Tries follow each other at once, two at most."""
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox whose world a test may replace."""
    with SandboxServer(world=world()) as sandbox:
        yield sandbox


@pytest.fixture
def database(tmp_path: Path) -> Iterator[WorkingDatabase]:
    """An empty working database."""
    with open_working_database(tmp_path) as database:
        yield database


def world(users: list[dict[str, Any]] | None = None, desks: list[dict[str, Any]] | None = None) -> World:
    """A world of one office."""
    return World.of(
        some_users(10) if users is None else users, [{"locationId": "O-1"}], [DESK] if desks is None else desks
    )


def some_users(count: int) -> list[dict[str, Any]]:
    """Users with the published fields."""
    return [{"userId": f"U-{n}", "email": f"user-{n}@sandbox.example", "status": "active"} for n in range(count)]


def pull(sandbox: SandboxServer, database: WorkingDatabase, resource: str, **options: Any) -> Pull:
    """One pull, with the key that may only read."""
    settings = Settings(
        api_url=sandbox.url,
        warehouse_api_key="sandbox-warehouse",
        warehouse_api_secret="sandbox-warehouse-secret",
        **options.pop("settings", {}),
    )
    with CalvenClient(settings) as client:
        return pull_reference(client, database, resource, **options)


def table(database: WorkingDatabase, sql: str) -> list[tuple]:
    """Rows of the working database."""
    return database.connection.execute(sql).fetchall()


def test_published_fields_become_columns_and_the_rest_is_kept(
    sandbox: SandboxServer, database: WorkingDatabase
) -> None:
    """Fields that nobody has named stay in `extra`, nested ones and nulls included."""
    user = {
        "userId": "U-1", "userName": "u", "email": "u@sandbox.example", "firstName": None, "lastName": "Uno",
        "status": "active", "onboarded": True, "primaryGroupId": None, "primaryLocationId": "O-1",
        "badge": {"numbers": [1, 2]}, "nickname": None,
    }  # fmt: skip
    sandbox.set_world(world([user]))
    assert pull(sandbox, database, "users").row_count == 1
    ((extra,),) = table(database, "select extra from users")
    assert json.loads(extra) == {"badge": {"numbers": [1, 2]}, "nickname": None}
    assert table(database, "select user_id, user_name, email, first_name, last_name, status, onboarded from users") == [
        ("U-1", "u", "u@sandbox.example", None, "Uno", "active", True)
    ]


def test_a_pull_replaces_the_last_one(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """Users who came and went are in and out; pulling twice gives the same table."""
    pull(sandbox, database, "users")
    sandbox.set_world(world([*some_users(12)][2:]))
    for _ in range(2):
        pull(sandbox, database, "users")
        assert table(database, "select count(*), min(user_id) from users") == [(10, "U-10")]


@pytest.mark.parametrize(("left", "refused"), [(0, True), (4, True), (5, False)])
def test_an_answer_that_lost_over_half_of_the_rows_is_refused(
    sandbox: SandboxServer, database: WorkingDatabase, left: int, refused: bool
) -> None:
    """The old table stays, the error says both numbers and what to do; half of the rows is enough."""
    pull(sandbox, database, "users")
    sandbox.set_world(world(some_users(left)))
    if refused:
        with pytest.raises(ReferenceDataError, match="allow_shrink"):
            pull(sandbox, database, "users")
        assert table(database, "select count(*) from users") == [(10,)]
        assert pull(sandbox, database, "users", allow_shrink=True).row_count == left
    assert pull(sandbox, database, "users", allow_shrink=True).row_count == left
    assert table(database, "select count(*) from users") == [(left,)]


def test_a_page_that_comes_over_and_over_is_no_company(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """As many objects as before, of few people: refused each time, also where the table was cut meanwhile."""
    pull(sandbox, database, "users")
    sandbox.set_world(world(some_users(3) * 4))
    for left in (10, 10, 3, 0):
        database.connection.execute(
            "delete from users where user_id not in (select user_id from users limit ?)", [left]
        )
        with pytest.raises(
            ReferenceDataError, match="3 users in 12 objects, the last pull had 10; the old table stays"
        ):
            pull(sandbox, database, "users")
        assert table(database, "select count(*) from users") == [(left,)]
    assert pull(sandbox, database, "users", allow_shrink=True).row_count == 3


def test_a_first_pull_that_is_empty_is_refused(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """A company without desks exists; one has to say so, once."""
    sandbox.set_world(world(desks=[]))
    with pytest.raises(ReferenceDataError, match="no desks at all"):
        pull(sandbox, database, "desks")
    assert pull(sandbox, database, "desks", allow_shrink=True).row_count == 0
    assert pull(sandbox, database, "desks").row_count == 0


@pytest.mark.parametrize("fault", ["truncate", "html", "wrong-shape=object", "empty", "reset-mid-body"])
def test_an_answer_that_is_not_one_whole_array_is_refused(
    sandbox: SandboxServer, database: WorkingDatabase, fault: str
) -> None:
    """Could not read is not the same as read and empty: the old table stays."""
    pull(sandbox, database, "users")
    sandbox.set_faults([f"{fault}:on=warehouse"])
    with pytest.raises(TryAgainError) as caught:
        pull(sandbox, database, "users")
    assert "users" in str(caught.value).lower()
    assert table(database, "select count(*) from users") == [(10,)]


def test_an_object_without_an_id_is_refused(
    sandbox: SandboxServer, database: WorkingDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then these are not the users that we asked for; here the locations come instead."""
    pull(sandbox, database, "users")
    with monkeypatch.context() as server:
        server.setitem(sandbox.world.answers, "users", sandbox.world.answers["locations"])
        with pytest.raises(ReferenceDataError, match="1 of 1 objects without an id"):
            pull(sandbox, database, "users")
    assert table(database, "select count(*) from users") == [(10,)]


def test_an_id_that_comes_twice_stays_once(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """In capitals and in small letters it is the same id."""
    sandbox.set_world(world(desks=[DESK, {**DESK, "deskId": "d-2"}, {**DESK, "deskId": "D-2"}]))
    pulled = pull(sandbox, database, "desks")
    assert (pulled.row_count, pulled.doubled) == (2, 1)


def test_a_key_that_may_only_post_is_told_so(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """The error names the role that is missing."""
    keys = {"warehouse_api_key": "sandbox-events", "warehouse_api_secret": "sandbox-events-secret"}
    settings = Settings(api_url=sandbox.url, **keys)
    with CalvenClient(settings) as client, pytest.raises(PermissionDeniedError, match="Data Warehouse"):
        pull_reference(client, database, "users")


@pytest.mark.parametrize("auth", list(AuthMethod))
def test_every_way_to_authenticate_reads(sandbox: SandboxServer, database: WorkingDatabase, auth: AuthMethod) -> None:
    """HMAC, client secret and Basic."""
    key = "sandbox-warehouse-basic" if auth is AuthMethod.BASIC else "sandbox-warehouse"
    settings = Settings(api_url=sandbox.url, auth=auth, api_key=key, api_secret=f"{key}-secret")
    with CalvenClient(settings) as client:
        assert pull_reference(client, database, "locations").row_count == 1


def test_nothing_is_left_on_disk(sandbox: SandboxServer, database: WorkingDatabase) -> None:
    """The answer is a file only while it is read."""
    pull(sandbox, database, "users")
    assert list((database.state / "pulls").iterdir()) == []
