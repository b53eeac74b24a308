"""Does `preview` show what would become of a file, truly and legibly, without touching anything?"""

import datetime
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from calven_pipeline.cli import main
from calven_pipeline.errors import SourceProfileError
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.exports.ready import ready_names, ready_text
from calven_pipeline.previewing.heads import HEAD_BYTES
from calven_pipeline.project import samples_folder
from calven_pipeline.warehouse.snapshot import write_snapshot
from tests.sql.conftest import Pipeline
from tests.sql.workbook import workbook

SAMPLES = samples_folder()
LENEL = SAMPLES / "systems" / "lenel-onguard" / "events.csv"


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A data folder in use, only copied: one file was read, and the snapshot has users and places of the sample world."""
    data = tmp_path_factory.mktemp("used") / "data"
    shutil.copytree(SAMPLES, data, ignore=shutil.ignore_patterns("world", "systems"))
    shutil.rmtree(data / "exports")
    badges = data / "exports" / "badges"
    badges.mkdir(parents=True)
    shutil.copyfile(SAMPLES / "exports" / "badges" / "2026-11-03.csv", badges / "2026-11-03.csv")
    pipeline = Pipeline(data)
    world = {
        name: json.loads((SAMPLES / "world" / f"{name}.json").read_text()) for name in ("users", "locations", "desks")
    }
    pipeline.users((user["userId"], user["email"]) for user in world["users"])
    pipeline.locations(location["locationId"] for location in world["locations"])
    pipeline.desks((desk["deskId"], desk["zoneId"], desk["levelId"]) for desk in world["desks"])
    for location in world["locations"]:
        extra = json.dumps({"locationName": location["locationName"], "timeZone": location["timeZone"]})
        pipeline.database.connection.execute(
            "update locations set extra = ? where location_id = ?", [extra, location["locationId"]]
        )
    pipeline.stage()
    pipeline.database.run("validation/refresh_known_users")
    pipeline.validate()
    write_snapshot(pipeline.database, data)
    pipeline.close()
    shutil.copyfile(SAMPLES / "exports" / "badges" / "2026-11-02.csv", badges / "2026-11-02.csv")
    return data


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working folder, no setting, a wide screen."""
    for name in list(os.environ):
        if name.startswith(("CALVEN_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CALVEN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run the command: exit code, what was printed, and the error's only line."""

    def call(*arguments):
        before = dict(os.environ)
        exit_code = main(["preview", *map(str, arguments)])
        assert dict(os.environ) == before
        out, err = capsys.readouterr()
        assert err.count("\n") == (1 if exit_code else 0), err
        return exit_code, out, err.strip()

    return call


def plain(text):
    """Without the breaks of a table's cells."""
    return " ".join(text.split())


def everything(folder):
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_a_badge_file_with_problems(run, folder, used):
    """In the drop folder, so its source is known by its pattern. A run that holds the working database does not matter."""
    data = shutil.copytree(used, folder / "data")
    (data / "state" / "pipeline.duckdb").write_bytes(b"of somebody who is writing it")
    before = everything(folder)
    exit_code, out, _ = run(data / "exports" / "badges" / "2026-11-02.csv", "--rows", "12")
    assert exit_code == 0
    assert everything(folder) == before
    assert re.search(r"^2026-11-02.csv  878 bytes · csv · utf-8 · separator , · 16 rows$", out, re.MULTILINE)
    assert "source badges · its `files` match" in out
    assert re.search(r"Badge +source_user_id +B-1001", out)
    assert "2 rows hold events that earlier files held" in out
    assert "The first 12 of 16 rows, in Europe/Athens" in out
    first = r" 1 +2026-11-02 07:58:00 +B-1001 +Main door/in +duplicate *\n +05:58:00 UTC +→person-01@sandbox.example +→Harbour office +earlier_file"
    assert re.search(first, out)
    assert (
        dict(re.findall(r"^ (\w+) +(\d+) +[a-z]+", out, re.MULTILINE)).items()
        >= {"pending": "4", "ignored": "1", "duplicate": "3", "rejected": "8"}.items()
    )
    told = plain(out)
    assert "line 10: not in the people table: B-2001" in told
    assert "line 12: not in the places table: Side door/in" in told
    assert "add a line to people.csv" in told
    assert re.search(r"^ +13 +12 +02/11/2026 08:45, B-1007 *$", out, re.MULTILINE), (
        "a malformed line with its number in the file"
    )
    assert "Add 1 person to people.csv." in told
    assert "Rehearse: set CALVEN_PUBLISH=dry-run in .env, then" in told.split("Look again with the same command.")[1]


def test_nothing_is_there_yet(run, folder):
    """No key, no profile, no people and places, no data folder: the ready profile is found, and the rest is shown."""
    exit_code, out, _ = run(LENEL)
    assert exit_code == 0
    assert list(folder.iterdir()) == []
    told = plain(out)
    assert "no source is for it: the ready profile lenel-onguard" in told
    assert "people.csv is not there yet" in told
    assert "People and places cannot be checked yet: there is no calven.duckdb." in told
    assert "not used: CARDNUM, SSNO, BADGEKEY, PANELNAME" in told
    assert "line 9: not listed under granted or ignored: EVDESCR = Local Grant" in told
    assert f"preview {LENEL} --suggest >> {folder / 'data' / 'sources.yaml'}" in told
    assert "000-00-0000" not in out, "a column that is not used is not shown"


def test_a_snapshot_that_names_nobody_tells_of_places_alone(run, folder, used, monkeypatch):
    """Nobody's address is in it, so nobody is called unknown; places are checked as ever. It says so."""
    data = shutil.copytree(used, folder / "data")
    monkeypatch.setenv("CALVEN_SNAPSHOT_PEOPLE", "keys")
    pipeline = Pipeline(data)
    write_snapshot(pipeline.database, data)
    pipeline.close()
    exit_code, out, _ = run(data / "exports" / "badges" / "2026-11-02.csv", "--rows", "12")
    assert exit_code == 0
    assert "People cannot be checked: CALVEN_SNAPSHOT_PEOPLE=keys leaves addresses out of calven.duckdb" in plain(out)
    assert "Places are those of 2026-10-01" in out
    assert "unknown_user" not in out
    assert "Harbour office" in out


def test_whoever_is_named_counts_as_known_before_the_first_pull(run, folder):
    shutil.copytree(LENEL.parents[1], folder / "data", ignore=shutil.ignore_patterns("*.xlsx"))
    exit_code, out, _ = run(LENEL)
    assert exit_code == 0
    assert "source lenel-onguard · the file has its columns" in out
    assert re.search(r"^ pending +4 ", out, re.MULTILINE)
    assert "unknown_user" not in out


def test_a_column_that_the_file_lacks(run, folder, used):
    data = shutil.copytree(used, folder / "data")
    profiles = data / "sources.yaml"
    profiles.write_text(profiles.read_text().replace("source_user_id: Badge", "source_user_id: Badges"))
    exit_code, out, err = run(data / "exports" / "badges" / "2026-11-02.csv")
    assert exit_code == 78
    assert re.search(r"Badges +MISSING +wanted by columns.source_user_id; did you mean Badge\?", out)
    assert "Mend source 'badges'" in out
    assert err.startswith("calven-pipeline preview: sources.yaml: source 'badges': `columns.source_user_id`")


def test_a_field_that_no_record_has(run, folder):
    """JSON has no header, so a field that is missing is no error; but somebody should see it."""
    data = folder / "data"
    (data / "exports").mkdir(parents=True)
    (data / "sources.yaml").write_text(
        "sources: [{name: desks, files: '*.jsonl', columns: {timestamp: at, user_email: who.mail, location_id: desk}}]"
    )
    (data / "exports" / "x.jsonl").write_text(
        '{"at": "2026-11-02T08:00:00Z", "who": {"email": "a@x.example"}, "desk": "d"}\n'
    )
    exit_code, out, _ = run(data / "exports" / "x.jsonl")
    assert exit_code == 0
    assert re.search(r"who.mail  not in the first rows +wanted by columns.user_email; did you mean who.email\?", out)
    assert "missing_user" in out


def test_a_source_that_is_asked_for(run, folder, used):
    data = shutil.copytree(used, folder / "data")
    file = folder / "elsewhere.csv"
    shutil.copyfile(data / "exports" / "badges" / "2026-11-03.csv", file)
    assert "source badges · as asked for" in run(file, "--source", "BADGES")[1]
    exit_code, _, err = run(file, "--source", "badge")
    assert exit_code == 64
    assert "no source 'badge' in sources.yaml, which has badges, desk-sensors, api-shaped" in err
    exit_code, _, err = run(file, "--source", "kisi")
    assert exit_code == 78
    assert "'created_at'" in err


@pytest.mark.parametrize("is_there", [True, False])
def test_suggest_prints_yaml_that_may_be_appended(run, folder, used, is_there):
    """A whole file where none is there yet; the shell has made an empty one by then."""
    data = folder / "data"
    data.mkdir()
    for name in ("people.csv", "places.csv", *(["sources.yaml", "calven.duckdb"] if is_there else [])):
        shutil.copyfile(used / name, data / name)
    with (data / "sources.yaml").open("a") as profiles:
        exit_code, out, _ = run(LENEL, "--suggest")
        profiles.write(out)
    assert exit_code == 0
    names = [profile.name for profile in load_profiles(data)]
    assert names == (["badges", "desk-sensors", "api-shaped", "lenel-onguard"] if is_there else ["lenel-onguard"])
    assert ("local_timezone: Europe/Athens       # as Calven's locations" in out) == is_there
    assert "put them into exports/lenel-onguard/" in out


def test_suggest_from_a_ready_profile_that_is_asked_for(run, folder):
    """Even where its columns do not fit yet."""
    (folder / "x.csv").write_text("Time,Badge\n2026-11-02 07:58,B-1\n")
    exit_code, out, _ = run("x.csv", "--suggest", "--source", "kisi")
    assert exit_code == 0
    assert "profile: kisi" in out
    assert run("x.csv", "--suggest", "--source", "hq")[0] == 64


def test_the_drop_folder_of_the_settings(run, folder, used, monkeypatch):
    data = shutil.copytree(used, folder / "data")
    shutil.move(data / "exports", folder / "dropped")
    monkeypatch.setenv("CALVEN_EXPORTS", str(folder / "dropped"))
    _, out, _ = run(folder / "dropped" / "badges" / "2026-11-02.csv")
    assert "source badges · its `files` match" in out
    monkeypatch.setenv("CALVEN_EXPORTS", "sftp://somebody@calven.invalid/exports")
    _, out, _ = run(folder / "dropped" / "badges" / "2026-11-02.csv")
    assert "source badges · the file has its columns" in out


def test_a_narrow_screen_and_awkward_values(run, folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (folder / "night.csv").write_text(
        "Time,Badge,Door,Result\n2026-11-02 07:58,[bold]B-1[/x],[red]Main,granted\n2026-11-02 07:59,B-2\n"
        + "".join(
            f"2026-11-02 08:{i:02},B-{i},{'Very long door name ' * 4}{i},{'granted' if i % 2 else 'denied'}\n"
            for i in range(20)
        )
    )
    exit_code, out, _ = run("night.csv")
    assert exit_code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert "[bold]B-1[/x]" in out
    assert "and 7 others" in out
    monkeypatch.setenv("COLUMNS", "50")
    _, out, _ = run("night.csv")
    assert max(map(len, out.splitlines())) <= 50
    assert re.search(
        r"^ +1   2026-11-02 07:58:00 +rejected *\n +\[bold\]B-1\[/x\] +unmapped_person *\n +\[red\]Main *$",
        out,
        re.MULTILINE,
    )


def test_what_is_long_is_cut_and_what_cannot_be_printed_stays_away(run, folder, monkeypatch):
    """An export may hold what moves the cursor, renames the window or turns text around."""
    monkeypatch.setenv("COLUMNS", "80")
    bad = "\x1b[31m\x07\x9b2J\u202e"
    more = f",x{bad}" + "".join(f",Additional column {i}" for i in range(59))
    row = f",{bad}{'B-1' * 100},{bad}{'Very long door name ' * 15},granted{',' * 60}"
    (folder / "night.csv").write_text(
        f"Time,Badge,Door,Result{more}\n2026-11-02 07:58{row}\n{bad}07:59,B-2,D,{bad}{',' * 60}\n2026-11-02 08:00,{bad}\n"
        + "".join(f"2026-11-02 07:0{i}{row}\n" for i in range(5))
    )
    exit_code, out, _ = run("night.csv", "--rows", "3")
    assert exit_code == 0
    assert "not used: x\ufffd[31m\ufffd\ufffd2J\ufffd, Additional column 0" in plain(out)
    assert "Additional column 10 and 48 others" in plain(out)
    assert len(out.splitlines()) < 80
    assert not re.search(r"(?m)→ *$|→ ", out)
    _, suggested, _ = run("night.csv", "--suggest")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*out, *suggested}


def test_words_that_are_not_known_count_nothing(run, folder):
    (folder / "nacht.csv").write_text(
        "Zeit,Ausweis,Tür,Ergebnis\n2026-11-02 07:58,1,A,Zutritt gewährt\n2026-11-02 07:59,2,A,Zutritt verwehrt\n"
    )
    exit_code, out, _ = run("nacht.csv")
    assert exit_code == 0
    assert re.search(
        r'^! Ergebnis says "Zutritt gewährt", "Zutritt verwehrt": which of it is presence\?', out, re.MULTILINE
    )
    assert "pending" not in out
    assert "not listed under granted or ignored: Ergebnis = Zutritt gewährt" in plain(out)


def test_a_list_in_brackets_cannot_be_appended_to(folder, capsys, monkeypatch):
    """It is said; and where the output goes into that very file, nothing is printed."""
    (folder / "data").mkdir()
    profiles = folder / "data" / "sources.yaml"
    profiles.write_text("# ours\nsources: [{name: x, files: '*.csv', columns: {}}]\n")
    assert main(["preview", str(LENEL), "--suggest"]) == 0
    out, err = capsys.readouterr()
    assert "- name: lenel-onguard" in out
    assert (err.count("\n"), "is written in flow style" in err) == (1, True)
    with profiles.open("a") as appended:
        monkeypatch.setattr("sys.stdout", appended)
        assert main(["preview", str(LENEL), "--suggest"]) == 64
    assert profiles.read_text().endswith("}]\n")


def test_an_empty_list_of_sources_is_named(run, folder):
    """`--suggest >> sources.yaml` that failed leaves an empty file."""
    (folder / "data").mkdir()
    (folder / "data" / "sources.yaml").write_text("")
    with pytest.raises(SourceProfileError, match=r"sources.yaml is empty: delete it, .* or write a source"):
        load_profiles(folder / "data")
    assert run(LENEL)[0] == 0, "and a preview guesses all the same"


def test_a_reader_that_goes_away():
    """As in `calven-pipeline profiles | head -1`, and likewise on every other screen."""
    read, write = os.pipe()
    os.close(read)
    program = "import sys; from calven_pipeline.cli import main; sys.exit(main(['profiles']))"
    done = subprocess.run([sys.executable, "-c", program], check=False, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_workbook_that_begins_with_a_summary(run, folder):
    """A sheet is suggested; a source with `sheet` and `skip_lines` of its own finds its columns; and midnights are asked about."""
    day, clock = datetime.date(2026, 11, 2), datetime.time(7, 58)
    events = [
        ["Report"],
        ["Date", "Time", "Badge", "Door", "Event"],
        *([day, clock, f"B-{i}", "Main", "Access granted"] for i in range(3)),
    ]
    (folder / "doors.xlsx").write_bytes(workbook(Summary=[["Report"], [30.0]], Events=events))
    exit_code, out, _ = run("doors.xlsx")
    assert (exit_code, "sheet Events · 3 rows" in out, "midnight" in out) == (0, True, False)
    assert re.search(r"^ +1 +2026-11-02 07:58:00 +B-0 +Main ", out, re.MULTILINE)
    data = folder / "data"
    data.mkdir()
    _, suggested, _ = run("doors.xlsx", "--suggest")
    assert "timestamp: [Date, Time]" in suggested
    assert re.search(r"sheet: Events .*\n +skip_lines: 1 ", suggested)
    (data / "sources.yaml").write_text(suggested.replace("timestamp: [Date, Time]", "timestamp: Date"))
    _, out, _ = run("doors.xlsx")
    assert "source doors · the file has its columns" in out
    assert (
        "! All times shown are midnight: does another column tell the time of day?\n! Time looks like a time of day"
        in out
    )
    (data / "sources.yaml").write_text(suggested)
    log = [["At", "Badge"], ["2026-11-02 23:00", "B-1"]]
    (folder / "log.xlsx").write_bytes(workbook(Log=log, Events=events))
    _, out, _ = run("log.xlsx")
    assert "sheet Events · 3 rows\nsource doors · the file has its columns" in out
    assert "The sheets 'Log', 'Events' all hold times" in run("log.xlsx", "--suggest")[1]
    (data / "sources.yaml").write_text(re.sub("sheet: Events.*", "", suggested))
    exit_code, out, _ = run("doors.xlsx")
    assert (exit_code, "sheets Summary, Events: does `sheet` name the right one?" in out) == (78, True)
    (folder / "words.xlsx").write_bytes(workbook(Summary=[["Report"]], Notes=[["a", "b"], ["x", "y"]]))
    assert 'on no sheet (it has "Summary", "Notes")' in run("words.xlsx")[2]


def test_a_footer_is_odd_and_the_order_of_day_and_month_is_asked(run, folder):
    """One row of twelve says nothing of the profile, two of twelve may."""
    lines = ["Time,Badge,Door,Result", *(f"0{i % 9 + 1}/11/2026 07:58,B-{i},Main,granted" for i in range(11))]
    (folder / "night.csv").write_text("\n".join([*lines, "Total: 11,,,granted\n"]))
    _, out, _ = run("night.csv")
    assert "Look at line 13: no time can be read there." in plain(out)
    assert "! Is '01/11/2026' day first? No value decides." in out
    (folder / "night.csv").write_text("\n".join([*lines, "Total: 11,,,granted", "End,,,granted\n"]))
    assert "Check `timestamp_format` and `timezone` of source" in plain(run("night.csv")[1])


def test_what_is_packed_and_what_is_long(run, folder):
    rows = "Time,Badge,Door,Result\n" + "2026-11-02 07:58,B-1,Main,granted\n" * (HEAD_BYTES // 34 + 10)
    with zipfile.ZipFile("night.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.csv", rows)
        archive.writestr("a.csv", rows)
    exit_code, out, _ = run("night.zip")
    assert exit_code == 0
    assert out.startswith("night.zip/a.csv")
    assert "The archive holds 2 files; this is the first by name." in out
    assert "cut at a line end. Counts are of the head alone." in plain(out)
    assert int(re.search(r"([\d,]+) rows$", out, re.MULTILINE)[1].replace(",", "")) == HEAD_BYTES // 34
    assert "source night" in out


def garbage():
    """Files that no one should drop, with what is said of them."""
    random.seed(5)
    return {
        "random.csv": (random.randbytes(3000), "no text"),
        "random.xlsx": (random.randbytes(3000), "its name says xlsx"),
        "scan.pdf": (b"%PDF-1.7\n\0", "a PDF"),
        "empty.csv": (b"", "no rows"),
        "header.csv": (b"Time,Badge,Door\n", "no rows"),
        "words.txt": (b"nothing, of, interest\nat, all, here\n", "looks like a time"),
        "cut.json": (b'[{"a": 1', "not whole JSON at line 1"),
        "deep.json": (b"[" * 100_000, "not whole JSON"),
        "bad.gz": (b"\x1f\x8b\x08\0rubbish", "cut or damaged"),
        "bad.zip": (b"PK\x03\x04rubbish", "cut or damaged"),
        "nothing.csv.gz": (gzip.compress(b""), "no rows"),
        "old.xls": (b"\xd0\xcf\x11\xe0" * 100, "old Excel file"),
    }


@pytest.mark.parametrize("arguments", [[], ["--suggest"]])
def test_no_input_ends_in_a_traceback(run, folder, arguments):
    for name, (content, told) in garbage().items():
        (folder / name).write_bytes(content)
        exit_code, out, err = run(name, *arguments)
        assert (exit_code, out) == (65, ""), name
        assert told in err, name
    for name in ("missing.csv", ".", "/dev/zero"):
        assert run(name, *arguments)[0] == 65


def test_a_data_folder_with_broken_profiles(run, folder):
    (folder / "data").mkdir()
    (folder / "data" / "sources.yaml").write_text("sources:\n- {name: x, files: '*.csv', colums: {}}\n")
    exit_code, _, err = run(LENEL)
    assert exit_code == 78
    assert "did you mean 'columns'?" in err
    assert run(LENEL, "--suggest")[0] == 0, "which is how to mend them"


@pytest.mark.parametrize("rows", ["0", "-1", "many", "100000"])
def test_a_wrong_number_of_rows(rows, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["preview", "x.csv", f"--rows={rows}"])
    assert stopped.value.code == 64
    assert "--rows" in capsys.readouterr().err


# profiles


def test_profiles_lists_them_and_prints_one(capsys):
    assert main(["profiles"]) == 0
    out = capsys.readouterr().out
    assert tuple(re.findall(r"^ ([a-z][a-z0-9-]+) ", out, re.MULTILINE)[1:]) == ready_names()
    assert main(["profiles", "Kisi"]) == 0
    assert capsys.readouterr().out == ready_text("kisi")
    assert main(["profiles", "kissi"]) == 64
    assert "did you mean 'kisi'?" in capsys.readouterr().err
