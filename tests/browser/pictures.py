"""The pictures of Dagster's UI in the README, taken anew: `uv run --group browser python -m tests.browser.pictures`.

A company's twelve days of badge exports, one run a day, on the sandbox; the last run is started from the UI. Dagster is
told that the earlier runs were on earlier days. LOOK at what it wrote: it cannot tell whether a picture is any good.
"""

import io
import os
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from calven_pipeline.project import project_folder
from tests.browser.clicking import WIDTH, browsing
from tests.browser.serving import Served, dg_dev, laid_out

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator

    from tests.browser.clicking import Person

DAYS = 12
DOORS = ("Main door", "Level 1 door", "Zone 3 door")
ZONE = ZoneInfo("Europe/Athens")  # of the badge readers
MOST_BYTES = 300_000
MARGIN = 12


def main() -> None:
    """Write the pictures to `.readme/`, or to the folder that is named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else project_folder() / ".readme"
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, laid_out(Path(temporary) / "calven", BATCH_SIZE="10") as served:
        lay_days(served)
        with dg_dev(served.project) as served.url:
            take(served.url, folder)


def lay_days(served: Served) -> None:
    """One run a day, each of another export; the export of today waits."""
    from dagster._core.test_utils import freeze_time

    from calven_pipeline.definitions import defs

    os.chdir(served.project)
    os.environ.update(served.variables())
    last_morning = datetime.now(UTC).replace(hour=6, minute=30)
    with dg.DagsterInstance.from_config(str(served.project)) as instance:
        job = defs().resolve_job_def("presence_pipeline")
        for day in range(DAYS - 1, 0, -1):
            with freeze_time(last_morning - timedelta(days=day)):
                result = job.execute_in_process(instance=instance, raise_on_error=False)
            assert result.success
            add_badges(served.data_dir / "exports" / "badges" / f"day-{DAYS - day:02}.csv", day)


def add_badges(path: Path, seed: int) -> None:
    """A badge export of the last hours, with a few rows that nobody mapped."""
    draw = random.Random(f"badges {seed}")
    now = datetime.now(ZONE)
    lines = []
    for _ in range(draw.randint(35, 85)):
        seen = now - timedelta(minutes=draw.randint(5, 600))
        badge = "B-2002" if draw.random() < 0.04 else f"B-100{draw.randint(1, 8)}"
        result = "denied" if draw.random() < 0.05 else "granted"
        lines.append(f"{seen:%d/%m/%Y %H:%M},{badge},{draw.choice(DOORS)},in,Access {result}")
    path.write_text("\n".join(["Time,Badge,Reader,Direction,Result", *lines]) + "\n")


def take(url: str, folder: Path) -> None:
    with browsing(url) as person:
        assert person.materialize_all() == "Success", person.log()
        run = person.page.url
        person.page.goto(run)  # without what lay over it
        take_run(person, folder / "run.png")
        person.open_asset("published_presence", tab="Checks")
        person.page.get_by_text("books_balance").first.click()
        person.see("Evaluation result")
        save(person, folder / "checks.png")
        person.open_asset("rejections")
        save(person, folder / "what-to-do.png", box_of(person.read_markdown("what_to_do").locator("table"), margin=16))
    with browsing(url, width=1900, height=1400) as person:  # room for all of it at a size that can be read
        take_graph(person, folder / "asset-graph.png")
    with browsing(url, height=945) as person:
        take_plots(person, folder / "plots.png")


def take_run(person: "Person", path: Path) -> None:
    """The steps over time, without the log below."""
    person.see("Succeeded")
    person.icon("expand_arrows").click()
    person.page.mouse.move(0, 0)
    save(person, path, {"x": 0, "y": 0, "width": WIDTH, "height": 540})


def take_plots(person: "Person", path: Path) -> None:
    """The first numbers of every run."""
    person.open_asset("published_presence")
    person.button("Plots").click()
    person.page.locator("canvas").first.wait_for()
    person.page.get_by_text("Metadata", exact=True).first.evaluate("heading => heading.scrollIntoView()")
    person.page.mouse.move(0, 0)
    save(person, path)


def take_graph(person: "Person", path: Path) -> None:
    """All groups open, nothing beside it."""
    person.open("Lineage")
    person.button("Hide navigation").click()
    person.icon("panel_show_right").click()
    person.page.locator("foreignObject", has_text="analytics").first.wait_for()
    person.page.keyboard.press("Alt+KeyE")  # opens all groups
    person.page.locator("foreignObject", has_text="published_presence").first.wait_for()
    person.page.reload()  # it fits the window then
    person.see("published_presence")
    person.page.mouse.move(0, 0)
    save(person, path, box_of(person.page.locator("foreignObject"), MARGIN))


def box_of(things: "Locator", margin: int) -> "FloatRect":
    """Where all of them are, and a margin."""
    things.first.wait_for()
    boxes = [box for thing in things.all() if (box := thing.bounding_box())]
    left, top = (min(box[side] for box in boxes) - margin for side in ("x", "y"))
    right = max(box["x"] + box["width"] for box in boxes) + margin
    bottom = max(box["y"] + box["height"] for box in boxes) + margin
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def save(person: "Person", path: Path, clip: "FloatRect | None" = None) -> None:
    """What is seen, once it has stopped moving: at most `WIDTH` pixels wide, in 256 colours."""
    from PIL import Image

    image = Image.open(io.BytesIO(still(person, clip))).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    # Means of colours alone paint lilac grey; refined, the worst pixel of a picture is near enough.
    image.quantize(256, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {image.width} x {image.height}, {size // 1000} kB")
    assert size < MOST_BYTES, path


def still(person: "Person", clip: "FloatRect | None") -> bytes:
    """The first picture that is the same half a second later; what counts seconds never is, so not for ever."""
    before = person.page.screenshot(clip=clip)
    for _ in range(10):
        person.page.wait_for_timeout(500)
        now = person.page.screenshot(clip=clip)
        if now == before:
            break
        before = now
    return before


if __name__ == "__main__":
    main()
