"""Does a file tell by itself how it is to be read, and does the suggested source say so?"""

import datetime
import json
from pathlib import PurePosixPath

import pytest
import yaml

from calven_pipeline.exports.dialect import Dialect
from calven_pipeline.exports.encodings import UnreadableTextError
from calven_pipeline.exports.profiles import load_profiles
from calven_pipeline.previewing.guesses import guess_outcomes, guess_person, guess_place
from calven_pipeline.previewing.heads import HEAD_BYTES, take_head
from calven_pipeline.previewing.lines import Lines
from calven_pipeline.previewing.samples import sample_of
from calven_pipeline.previewing.suggest import Surroundings, as_yaml, fitting_profile, suggest
from calven_pipeline.previewing.times import formats_that_read, guess_time
from calven_pipeline.project import samples_folder
from tests.sql.workbook import workbook

SYSTEMS = samples_folder() / "systems"
TABLES = {"people.csv", "places.csv", "expected.csv"}
DAY = datetime.date(2026, 11, 2)
ATHENS = Surroundings("Europe/Athens")


@pytest.fixture
def looked(tmp_path):
    """The head and the sample of a file with that content."""

    def look(content, name="export.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        head = take_head(file, scratch)
        return head, sample_of(head)

    return look


@pytest.fixture
def suggested(looked, tmp_path):
    """The suggested source as it stands after `sources.yaml` was loaded, and its text."""

    def load(content, name="export.csv"):
        head, sample = looked(content, name)
        text = as_yaml(suggest(sample, head, ATHENS))
        (tmp_path / "sources.yaml").write_text(text)
        (tmp_path / "people.csv").write_text("source_user_id,user_email\n")
        (tmp_path / "places.csv").write_text("source_place,location_id,location_type\n")
        return load_profiles(tmp_path)[0], text

    return load


# What a file looks like


def rows(*lines):
    return "\n".join(lines) + "\n"


BODY = rows("Time;Porte;Numéro", "02/11/2026 07:58;Entrée;B-1", "13/11/2026 08:01;Étage 1;B-2")


@pytest.mark.parametrize(
    ("content", "stated", "shown"),
    [
        (BODY.encode(), None, "utf-8"),
        (b"\xef\xbb\xbf" + BODY.encode(), None, "utf-8 with a byte order mark"),
        (BODY.encode("utf-16"), None, "utf-16-le with a byte order mark"),
        (BODY.encode("utf-16-le"), "utf-16-le", "utf-16-le"),
        (BODY.encode("cp1252"), "windows-1252", "windows-1252"),
        (rows("Время;Дверь", "2026-11-02 07:58;Главный вход").encode("cp1251"), "windows-1251", "windows-1251"),
    ],
)
def test_encodings(looked, content, stated, shown):
    _, sample = looked(content)
    assert (sample.dialect.encoding, sample.encoding) == (stated, shown)
    assert sample.columns[0] in {"Time", "Время"}


@pytest.mark.parametrize(
    ("content", "columns", "delimiter", "skip_lines", "header"),
    [
        (rows("a,b,c", "1,2,3"), 3, None, 0, True),
        (rows('name,"when, exactly"', 'x,"1,5"', "y,2"), 2, None, 0, True),
        (rows("a^^b^^c", "1^^2, and more^^3"), 3, "^^", 0, True),
        (rows("a|b|c", "1|2|3"), 3, None, 0, True),
        (rows("Report of doors", "", "a;b;c", "1;2;3", "4;5;6"), 3, None, 2, True),
        (rows("Report of doors,,", "a,b,c", "1,2,3", "4,5,6"), 3, None, 1, True),
        (rows("2026-11-02 07:58,Main door,B-1", "2026-11-02 07:59,Main door,B-2"), 3, None, 0, False),
        (rows("Main door,in,granted", "Side door,in,granted", "Main door,out,denied"), 3, None, 0, False),
    ],
)
def test_separator_header_and_what_stands_above(looked, content, columns, delimiter, skip_lines, header):
    _, sample = looked(content)
    found = (len(sample.columns), sample.dialect.delimiter, sample.dialect.skip_lines, sample.dialect.header)
    assert found == (columns, delimiter, skip_lines, header)


def test_records_within_a_document(looked):
    events = [{"at": 1, "who": {"email": "a@x.example"}, "tags": [1]}, {"at": 2, "ok": True, "who": None}]
    _, sample = looked(json.dumps({"meta": [{"x": 1}], "data": {"events": events}}), "a.json")
    assert sample.dialect.records == "data.events"
    assert sample.values == {
        "at": ("1", "2"),
        "who.email": ("a@x.example", ""),
        "tags.0": ("1", ""),
        "ok": ("", "true"),
    }


def test_a_long_file_is_cut_at_a_line_end(looked):
    for encoding, width in (("utf-8", 1), ("utf-16", 2)):
        content = ("a,b\n" + "1,2\n" * (HEAD_BYTES // 4 // width + 1000)).encode(encoding)
        head, _ = looked(content)
        assert not head.is_whole
        assert HEAD_BYTES - 100 < head.path.stat().st_size <= HEAD_BYTES
        assert head.path.read_bytes().decode(encoding).endswith("1,2\n")


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"%PDF-1.7", "a.csv", "PDF"),
        (b"\xd0\xcf\x11\xe0" * 9, "a.xls", "old Excel"),
        (bytes(range(32)) * 50, "a.csv", "no text"),
        (b"a,b\n1,2\n", "a.xlsx", "its name says xlsx"),
        (b'[{"a": 1', "a.json", "not whole JSON at line 1"),
    ],
)
def test_what_is_no_export(looked, content, name, told):
    with pytest.raises(UnreadableTextError, match=told):
        looked(content, name)


def test_lines_of_rows_up_to_a_value_that_goes_on_below(looked):
    """A quote alone is no reason to know no line."""
    head, sample = looked(rows("at,who", '1,"a ""b"""', "", '2, "c,""d"', '3,5" door', '4,"e', 'f"', "5,g"))
    assert [Lines(head, sample).of_row(row) for row in range(1, 6)] == [2, 4, 5, 6, None]
    unquoted = Lines(head, sample, Dialect(quote="", skip_lines=1, header=False))
    assert [unquoted.of_row(row) for row in range(1, 6)] == [2, 4, 5, 6, 7]


# Times


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2026-11-02T07:58:00Z", "2026-11-02 07:58"], ("iso8601",)),
        (["02/11/2026 07:58", "13/11/2026 7:59"], ("%d/%m/%Y %H:%M",)),
        (["11/02/2026 07:58:01 AM", "11/13/2026 7:59:00 pm"], ("%m/%d/%Y %I:%M:%S %p",)),
        (["02.11.26 07:58", "30.11.26 07:58"], ("%d.%m.%y %H:%M",)),
        (["1793601481", "1793601482.5"], ("epoch_s",)),
        (["1793601481000"], ("epoch_ms",)),
        (["02-Nov-26 8:01:00 AM", "2026-11-02T07:58:00+02:00"], ("iso8601", "%d-%b-%y %I:%M:%S %p")),
        (["Main door", "7001"], ()),
    ],
)
def test_formats_that_read_all_values(values, formats):
    assert formats_that_read(values)[0] == formats


def test_the_day_is_asked_for_where_no_value_decides(looked):
    _, sample = looked(rows("when,badge", "02/11/2026 07:58,B-1", "03/11/2026 07:58,B-2"))
    guess = guess_time(sample)
    assert guess.formats == ("%d/%m/%Y %H:%M",)
    assert "write '%m/%d/%Y %H:%M'" in guess.question
    _, sample = looked(rows("when,badge", "02/11/2026 07:58,B-1", "13/11/2026 07:58,B-2"))
    assert guess_time(sample).question is None


def test_date_and_time_in_two_columns(looked):
    _, sample = looked(rows("Date, Time, Badge", "02/11/2026, 07:58, B-1", "13/11/2026, 8:01, B-2"))
    assert guess_time(sample).columns == ("Date", "Time")


@pytest.mark.parametrize("kind", ["sheet", "text"])
def test_a_date_with_a_midnight_of_its_own_is_half_a_time(looked, kind):
    """So sheets, and some databases, write a date; the time of day stands beside it."""
    table = [["Date", "Time", "Badge"], [DAY, datetime.time(7, 58), "B-1"], [DAY, datetime.time(8, 1, 30), "B-2"]]
    text = rows("Date,Time,Badge", "2026-11-02 00:00:00,07:58:00,B-1", "2026-11-02 00:00:00,08:01:30,B-2")
    _, sample = looked(workbook(S=table), "a.xlsx") if kind == "sheet" else looked(text)
    guess = guess_time(sample)
    formats = () if kind == "sheet" else ("%Y-%m-%d 00:00:00 %H:%M:%S",)
    assert (guess.columns, guess.formats, guess.question) == (("Date", "Time"), formats, None)
    _, sample = looked(workbook(S=[row[::2] for row in table]), "b.xlsx")
    assert "every event would be at midnight" in guess_time(sample).question


def test_a_badge_number_is_no_time(looked):
    _, sample = looked(rows("Card,Swipe time", "1793601481,2026-11-02 07:58", "1793601482,2026-11-02 07:59"))
    assert guess_time(sample).columns == ("Swipe time",)


# People, places, outcomes


def test_person_and_place_by_name(looked):
    _, sample = looked(rows("at,Site,Door name,Badge no,Company", "2026-11-02 07:58,HQ,Main,B-1,Acme"))
    assert guess_person(sample, ["at"]) == (("Badge no",), True)
    assert guess_place(sample, ["at"]) == ("Site", "Door name")
    _, sample = looked(rows("at;Name;Karten-Nr.", "2026-11-02 07:58;A;17-00301"))
    assert guess_person(sample, ["at"]) == (("Karten-Nr.",), True)


WORDS = {
    "granted": ["Access granted", "Valid card", "Authorized", "CardAdmitted", "door_ble_unlock_attempt_accepted", "Entry", "Host Grant - IN"],
    "ignored": [
        "Access denied", "Door forced", "Exit button", "Invalid card", "Unauthorized", "Unsuccessful", "Disallowed", "Abnormal",
        "Non-valid card", "Not yet granted", "Never authorised", "Access prohibited", "Entry forbidden", "Unable to open",
        "Permit expired", "Leaving", "Zutritt verweigert",
    ],
    "open": [
        "Egress granted", "Door unlocked by schedule", "Unlocked successfully",  "Unlocked", "Restricted area granted", "Granted, no entry", "Duress",
        "Normal", "Revalidated", "Zutritt gewährt",
    ],
}  # fmt: skip


def test_outcomes_by_their_words(looked):
    """A word within a word grants nothing, and neither does what says both; a door that stands open tells of nobody."""
    words = [word for listed in WORDS.values() for word in listed]
    _, sample = looked(rows("at;Badge;Result", *(f"2026-11-02 07:00;B-{i};{word}" for i, word in enumerate(words))))
    (guess,) = guess_outcomes(sample, ["at"])
    assert guess.column == "Result"
    assert {key: list(getattr(guess, key)) for key in WORDS} == WORDS


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Ergebnis": ["Zutritt gewährt", "Zutritt verweigert"]}, ("Ergebnis", (), ("Zutritt verweigert",), ("Zutritt gewährt",))),
        ({"Type": ["Card"], "Résultat": ["Oui", "Non"]}, ("Résultat", (), ("Non",), ("Oui",))),
        ({"status": ["0", "1"], "event_id": ["71", "72"], "Card type": ["a", "b"]}, ("status", (), (), ("0", "1"))),
        ({"Tulos": ["hyv", "hyl"], "Company": ["X", "Y"]}, ("Tulos", (), (), ("hyv", "hyl"))),
        ({"VIP": ["no", "yes"], "Esito": ["Sì", "Nulla"]}, ("Esito", (), (), ("Sì", "Nulla"))),
        ({"Message": [f"Badge holder {i} came through the main door" for i in range(5)]}, ("Message", (), (), ())),
    ],
)  # fmt: skip
def test_the_likeliest_column_where_no_word_is_known(looked, columns, expected):
    """So nothing counts until a person has written which words are presence."""
    table = [{"at": f"2026-11-02 07:0{i}", "Badge": f"B-{i}"} | {k: v[i % len(v)] for k, v in columns.items()} for i in range(6)]  # fmt: skip
    _, sample = looked(rows(";".join(table[0]), *(";".join(row.values()) for row in table)))
    (guess,) = guess_outcomes(sample, ["at"], ["Badge"])
    assert (guess.column, guess.granted, guess.ignored, guess.open) == expected


@pytest.mark.parametrize(
    ("name", "values", "granted", "ignored", "open_"),
    [
        ("direction", ["Entrada", "Salida"], ["Entrada"], ["Salida"], []),
        ("in_out", ["1", "2"], [], [], ["1", "2"]),
        ("Richtung", ["Kommen", "Pause"], ["Kommen"], [], ["Pause"]),
        ("Mouvement", ["Entrée", "Sortie", ""], ["Entrée"], ["Sortie"], [""]),
        ("Buchung", ["ein", "aus"], ["ein"], ["aus"], []),
        ("Direction", ["In"], ["In"], [], []),
        ("Door", ["Main door (In)", "Main door (Out)"], ["Main door (In)"], ["Main door (Out)"], []),
        ("Way", ["Entry", "Entry refused", "Exit"], ["Entry"], ["Exit"], ["Entry refused"]),
    ],
)
def test_directions_in_any_words(looked, name, values, granted, ignored, open_):
    """An exit is no presence, so a column of directions never vanishes."""
    lines = [f"2026-11-02 07:0{i},{('Granted', 'Denied')[i % 2]},{value}" for i, value in enumerate(values)]
    _, sample = looked(rows(f"at,Result,{name}", *lines))
    guesses = {guess.column: guess for guess in guess_outcomes(sample, ["at"])}
    found = guesses.pop(name)
    assert (list(found.granted), list(found.ignored), list(found.open)) == (granted, ignored, open_)
    assert list(guesses) == ["Result"]


def test_sentences_about_people_are_no_outcomes(looked):
    """They would put names into a profile."""
    texts = [f"Badge holder {i} was granted entry to Main hall" for i in range(5)]
    _, sample = looked(rows("at,text", *(f"2026-11-02 07:5{i},{text}" for i, text in enumerate(texts))))
    assert guess_outcomes(sample, ["at"]) == []


# The suggestion


def export_of(name):
    return next(path for path in (SYSTEMS / name).iterdir() if path.name not in TABLES)


@pytest.fixture(scope="module")
def written():
    """The sources of the samples as their owner wrote them."""
    return {profile.name: profile for profile in load_profiles(SYSTEMS)}


@pytest.fixture(scope="module")
def all_suggested(tmp_path_factory):
    """The sources that are suggested for the samples, loaded from one file; by name."""
    data = tmp_path_factory.mktemp("suggested")
    entries = []
    for name in sorted(path.name for path in SYSTEMS.iterdir() if path.is_dir()):
        tables = {f"{name}/{table}" for table in TABLES if (SYSTEMS / name / table).exists()}
        (data / name).mkdir()
        for table in tables:
            (data / table).write_bytes((SYSTEMS / table).read_bytes())
        head = take_head(export_of(name), data / name)
        below = PurePosixPath(name, export_of(name).name)
        suggestion = suggest(sample_of(head), head, Surroundings("Europe/Athens", frozenset(tables), below=below))
        entries.append(as_yaml(suggestion, is_entry=True))
    (data / "sources.yaml").write_text("sources:\n" + "\n".join(entries))
    return {profile.name: profile for profile in load_profiles(data)}


NETWORKS = {"cisco-spaces": "deviceLocationUpdate.ssid", "meraki-scanning": "ssid", "mist": "ssid"}


def test_every_sample_is_recognised(written, all_suggested):
    """What is printed loads, and reads its file as the profile that its owner wrote; fallback and network only the owner can know."""
    assert sorted(all_suggested) == sorted(written)
    for name, profile in written.items():
        own = {"fallback", "local_timezone", "sheet"}
        if name in NETWORKS:
            named = all_suggested[name].granted[NETWORKS[name]]
            assert named == ("name of your company's network",)
            profile.granted[NETWORKS[name]] = named
        assert all_suggested[name].model_dump(exclude=own) == profile.model_dump(exclude=own), name


def test_a_guess_loads_and_asks(suggested):
    """No ready profile has these columns; whatever the file cannot tell stands in the text as a question."""
    profile, text = suggested(
        rows(
            "Evènement;Horodatage;Porte;N° carte;Résultat",
            *(
                f"{i};0{i}/11/2026 07:58;Porte {i};000{i};{w}"
                for i, w in enumerate(["Access granted", "Access denied", "Sabotage"], 1)
            ),
        ).encode("cp1252")
    )
    assert profile.encoding == "windows-1252"
    assert dict(profile.columns) == {"timestamp": ("Horodatage",), "source_user_id": ("N° carte",), "place": ("Porte",)}
    assert profile.granted == {"Résultat": ("Access granted",)}
    assert profile.ignored == {"Résultat": ("Access denied",)}
    assert profile.timezone == "Europe/Athens"
    for question in ("day first?", '"Sabotage"', "check each line", "is this the time of the doors' clocks?"):
        assert question in text


def test_a_guess_that_knows_no_word_counts_nothing(suggested):
    """Words of presence, directions and networks wait for a person, who finds what was seen in a comment."""
    profile, text = suggested(
        rows(
            "Zeit,Ausweis,Tür,Ergebnis,in_out,ssid,",
            *(
                f"2026-11-02 07:5{i},00{i},Main,{result},{i % 2},{ssid},{i}"
                for i, (result, ssid) in enumerate(
                    [("Zutritt gewährt", "Visitors"), ("Zutritt abgelehnt", "Visitors"), ("Sabotage", "Office")]
                )
            ),
        )
    )
    assert profile.granted == {
        "Ergebnis": ("put the words of presence here",),
        "in_out": ("put the words for coming in here",),
        "ssid": ("name of your company's network",),
    }
    assert profile.ignored == {"Ergebnis": ("Zutritt abgelehnt",), "ssid": ("*guest*", "")}
    for told in ('Ergebnis says "Zutritt gewährt", "Sabotage"', 'in_out says "0", "1"', 'Seen: "Visitors", "Office".'):
        assert told in " ".join(text.replace("#", " ").split())


def test_a_column_without_a_name_names_nobody(suggested):
    profile, _ = suggested(rows("Time,Door,", "2026-11-02 07:58,Main,B-1", "2026-11-02 07:59,Side,B-2"))
    assert "" not in {theirs for names in profile.columns.values() for theirs in names}


@pytest.mark.parametrize(
    "awkward",
    ["yes", "null", "a: b", "# no", "- x", "'", '"', "*all", "tab\there", "[x]", "007", "é", "a\x85b", "\x1b[31mred"],
)
def test_any_name_or_value_survives_the_yaml(suggested, awkward):
    quoted = '"' + awkward.replace('"', '""') + '"'
    profile, _ = suggested(
        rows(f"Time,Badge,Door,Result,{quoted}", "2026-11-02 07:58,B-1,D,granted,x")
        + f"2026-11-02 07:59,B-2,{quoted},denied,y\n"
    )
    assert profile.granted == {"Result": ("granted",)}
    text = as_yaml(suggest_with(awkward))
    assert "\x1b" not in text
    assert yaml.safe_load(text)["sources"][0]["ignored"] == {awkward: [awkward]}


def suggest_with(awkward):
    from calven_pipeline.previewing.suggest import Line, Suggestion

    return Suggestion("x", (Line("name", "x"), Line("ignored", {awkward: [awkward]}, awkward)), None, (awkward,))


@pytest.mark.parametrize("content", ["", "a,b\n", "a,b\n1,x\n2,y\n"])
def test_nothing_to_guess_from(looked, content):
    head, sample = looked(content)
    assert fitting_profile(sample) is None
    with pytest.raises(UnreadableTextError, match="no source can be guessed"):
        suggest(sample, head, ATHENS)


@pytest.mark.parametrize(
    ("below", "files"),
    [
        (None, "export/*.csv"),
        ("badges/2026-11-02.csv", "badges/*.csv"),
        ("badges-2026-11-02.csv.gz", "badges*.csv.gz"),
        ("a [old]/x.csv", "a ?old]/*.csv"),
    ],
)
def test_files_by_where_the_export_lies(looked, below, files):
    head, sample = looked(rows("Time,Badge,Door", "2026-11-02 07:58,B-1,D"))
    path = PurePosixPath(below) if below else None
    suggestion = suggest(sample, head, Surroundings(below=path, sources=frozenset({"Export"})))
    assert suggestion.keys["files"].replace("export-2", "export") == files
    assert suggestion.name == "export-2"
