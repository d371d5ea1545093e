"""What the page Train live says beside a race."""

from explorer.experiment import Experiment
from explorer.figures.counts import counted, spread_of
from explorer.training.bands import shipped_of
from explorer.training.race import preset_changes, race_of
from explorer.ui.train import running as page


def test_the_table_of_other_seeds_has_each_number_under_its_name(monkeypatch):
    preset, _ = Experiment().with_changes(preset_changes("adding_100"))
    race, tables, captions = race_of(preset), [], []
    monkeypatch.setattr(page.st, "caption", captions.append)
    monkeypatch.setattr(page.st, "table", lambda columns, **_: tables.append(columns))
    page._other_seeds(race, "en")
    (columns,) = tables
    known = shipped_of(race)
    assert known is not None
    assert (
        f"{len(known.seeds)} other seeds" in captions[0]
        and f"{100 * known.covered:.0f}\u00a0%" in captions[0]
    )
    told = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    for row, name in zip(told, race.names, strict=True):
        assert row.pop("network").startswith(name.split()[0].upper()[:3])
        assert row == {
            "passed (95\u00a0% interval)": counted(*known.passed[name], "en"),
            "training steps": spread_of(known.steps[name], "en", ",.0f"),
            "CPU seconds": spread_of(known.seconds[name], "en", ".1f"),
        }
    assert len({tuple(column) for column in columns.values()}) == len(columns)
