from workouts.domain.coercion import Code, Warnings


def test_warnings_come_in_path_order_with_each_code_once_a_path():
    warnings = Warnings()
    for path in (
        "ftp",
        "workout.step_blocks[10].steps[0]",
        "workout.step_blocks[2].steps[0].intensity_targets[1]",
        "workout.step_blocks[2].completion_condition",
        "planned_date",
        "workout.sport",
        "workout.step_blocks[2].steps[0].intensity_targets[1]",
    ):
        warnings.add(Code.TOO_MANY_TARGETS, path, "once")

    assert [one.path for one in warnings.in_order()] == [
        "workout.sport",
        "workout.step_blocks[2].completion_condition",
        "workout.step_blocks[2].steps[0].intensity_targets[1]",
        "workout.step_blocks[10].steps[0]",
        "ftp",
        "planned_date",
    ]


def test_carried_tells_exact_adapted_and_dropped_steps_apart():
    warnings = Warnings()
    warnings.add(Code.RANGE_WIDENED, "workout.step_blocks[0].steps[1].intensity_targets[0]", "")
    warnings.add(Code.BLOCK_COMPLETION_UNSUPPORTED, "workout.step_blocks[1].completion_condition", "")
    warnings.add(Code.EXTRA_BLOCK_DROPPED, "workout.step_blocks[2]", "")
    warnings.drop("workout.step_blocks[2]")
    warnings.add(Code.SPORT_UNSUPPORTED, "workout.sport", "")
    paths = [
        "workout.step_blocks[0].steps[0]",
        "workout.step_blocks[0].steps[1]",
        "workout.step_blocks[0].steps[11]",
        "workout.step_blocks[1].steps[0]",
        "workout.step_blocks[2].steps[0]",
        "workout.step_blocks[21].steps[0]",
    ]

    assert warnings.carried(paths) == ("exact", "adapted", "exact", "adapted", "dropped", "exact")


def test_a_code_that_says_unsupported_is_a_loss_and_no_other():
    assert Code.SPORT_UNSUPPORTED.is_loss
    assert not Code.RANGE_WIDENED.is_loss
