import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from workouts.formats.fit import FitFormat

RUN = Path(__file__).parent / "exporters/workouts/run.json"


def test_export_workout_prints_payload_and_warnings(tmp_path, capsys):
    athlete = tmp_path / "athlete.json"
    athlete.write_text('{"threshold_speed": 4.0}')

    call_command("export_workout", str(RUN), "--provider", "huawei", "--athlete", str(athlete), "--date", "2026-12-01")

    told = json.loads(capsys.readouterr().out)
    assert told["provider"] == "huawei"
    assert told["payload"]["name"] == "4 x 1 km 2026-12-01"
    assert told["coercion_warnings"][-1] == {
        "code": "planned_date_unsupported",
        "path": "planned_date",
        "message": "Huawei plans for no date: the course is on the device at once.",
    }


def test_export_workout_writes_a_file(tmp_path, capsys):
    output = tmp_path / "run.fit"

    call_command("export_workout", str(RUN), "--provider", "fit", "--output", str(output), "--date", "2026-12-01")

    told = json.loads(capsys.readouterr().out)
    assert told == {
        "provider": "fit",
        "payload": {"file": str(output), "bytes": output.stat().st_size},
        "coercion_warnings": [],
    }
    assert FitFormat().recognises(output.read_bytes())


def test_export_workout_prints_files_that_are_text(capsys):
    call_command("export_workout", str(RUN), "--provider", "intervals", "--date", "2026-12-01")

    assert json.loads(capsys.readouterr().out)["payload"].startswith("Warmup\n- Warm up 10m\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "This is no JSON"),
        ('{"name": "x", "sport": "chess", "step_blocks": []}', "sport: It should be 'running'"),
    ],
)
def test_export_workout_names_the_file_and_what_is_wrong_with_it(tmp_path, content, message):
    broken = tmp_path / "broken.json"
    broken.write_text(content)

    with pytest.raises(CommandError, match=message) as caught:
        call_command("export_workout", str(broken), "--provider", "garmin")

    assert str(caught.value).startswith(str(broken))


def test_export_workout_says_when_bytes_need_a_file(tmp_path):
    with pytest.raises(CommandError, match="--output FILE"):
        call_command("export_workout", str(RUN), "--provider", "fit", "--date", "2026-12-01")
    with pytest.raises(CommandError, match="No such file"):
        call_command("export_workout", str(tmp_path / "nowhere.json"), "--provider", "garmin")
