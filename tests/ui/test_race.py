"""What the page Train live says beside a race."""

from explorer.experiment import Experiment
from explorer.training.bands import shipped_of
from explorer.training.race import preset_changes, race_of
from explorer.ui.train import running as page


def test_the_table_of_ten_seeds_has_each_number_under_its_name(monkeypatch):
    preset, _ = Experiment().with_changes(preset_changes("adding_100"))
    race, tables = race_of(preset), []
    monkeypatch.setattr(page.st, "caption", lambda text: None)
    monkeypatch.setattr(page.st, "table", lambda columns, **_: tables.append(columns))
    page._ten_seeds(race, "en")
    (columns,) = tables
    known = shipped_of(race)
    assert known is not None
    told = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row, name in zip(told, race.names, strict=True):
        (passed, of), (steps, most), (seconds, longest) = (
            known.passed[name], known.steps[name], known.seconds[name]
        )  # fmt: skip
        assert row.pop("network").startswith(name.split()[0].upper()[:3])
        assert row == {
            "passed": f"{passed} / {of}",
            "training steps: median / most": f"{steps:,} / {most:,}",
            "CPU seconds: median / most": f"{seconds:,} / {longest:,}",
        }
    assert len({tuple(column) for column in columns.values()}) == len(columns)
