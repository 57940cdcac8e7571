"""The record types that the demo tells, in the order in which they are written."""

from trainstack.demo.apple import category, quantity

WEIGHT = quantity("BodyMass", "kg", 2)
BODY_FAT = quantity("BodyFatPercentage", "%", 4)
HEART_RATE = quantity("HeartRate", "count/min", 0)
OXYGEN = quantity("OxygenSaturation", "%", 2)
BLOOD_PRESSURE_HIGH = quantity("BloodPressureSystolic", "mmHg", 0)
BLOOD_PRESSURE_LOW = quantity("BloodPressureDiastolic", "mmHg", 0)
RESPIRATION = quantity("RespiratoryRate", "count/min", 1, created_after_s=1_800)
STEPS = quantity("StepCount", "count", 0, created_after_s=660)
DISTANCE_ON_FOOT = quantity("DistanceWalkingRunning", "km", 5, created_after_s=660)
DISTANCE_BY_BIKE = quantity("DistanceCycling", "km", 5)
DISTANCE_SWUM = quantity("DistanceSwimming", "m", 1)
STROKES = quantity("SwimmingStrokeCount", "count", 0)
BASAL_ENERGY = quantity("BasalEnergyBurned", "kcal", 3, created_after_s=3_660)
ACTIVE_ENERGY = quantity("ActiveEnergyBurned", "kcal", 3, created_after_s=660)
FLOORS = quantity("FlightsClimbed", "count", 0, created_after_s=660)
EXERCISE_TIME = quantity("AppleExerciseTime", "min", 0, created_after_s=660)
STAND_TIME = quantity("AppleStandTime", "min", 0, created_after_s=660)
RESTING_HEART_RATE = quantity("RestingHeartRate", "count/min", 0)
VO2MAX = quantity("VO2Max", "mL/min\u00b7kg", 2)
WALKING_HEART_RATE = quantity("WalkingHeartRateAverage", "count/min", 0)
AUDIO = quantity("EnvironmentalAudioExposure", "dBASPL", 3, created_after_s=1_860)
WALKING_SPEED = quantity("WalkingSpeed", "km/hr", 2)
WALKING_STEP = quantity("WalkingStepLength", "cm", 0)
RUNNING_STRIDE = quantity("RunningStrideLength", "m", 2)
RUNNING_OSCILLATION = quantity("RunningVerticalOscillation", "cm", 1)
RUNNING_CONTACT = quantity("RunningGroundContactTime", "ms", 0)
RUNNING_POWER = quantity("RunningPower", "W", 0)
RUNNING_SPEED = quantity("RunningSpeed", "km/hr", 3)
HEART_RATE_RECOVERY = quantity("HeartRateRecoveryOneMinute", "count/min", 1)
WRIST_TEMPERATURE = quantity("AppleSleepingWristTemperature", "degC", 3)
DAYLIGHT = quantity("TimeInDaylight", "min", 0, created_after_s=660)
CYCLING_SPEED = quantity("CyclingSpeed", "km/hr", 3)
CYCLING_POWER = quantity("CyclingPower", "W", 0)
CYCLING_CADENCE = quantity("CyclingCadence", "count/min", 0)
EFFORT = quantity("WorkoutEffortScore", "appleEffortScore", 0)
SLEEP = category("SleepAnalysis", created_after_s=1_200)
STAND_HOUR = category("AppleStandHour", created_after_s=3_660)
MINDFUL = category("MindfulSession")
HANDWASHING = category("HandwashingEvent")
HRV = quantity("HeartRateVariabilitySDNN", "ms", 4, created_after_s=64)

ALL = (
    WEIGHT, BODY_FAT, HEART_RATE, OXYGEN, BLOOD_PRESSURE_HIGH, BLOOD_PRESSURE_LOW, RESPIRATION, STEPS,
    DISTANCE_ON_FOOT, DISTANCE_BY_BIKE, DISTANCE_SWUM, STROKES, BASAL_ENERGY, ACTIVE_ENERGY, FLOORS, EXERCISE_TIME,
    STAND_TIME, RESTING_HEART_RATE, VO2MAX, WALKING_HEART_RATE, AUDIO, WALKING_SPEED, WALKING_STEP, RUNNING_STRIDE,
    RUNNING_OSCILLATION, RUNNING_CONTACT, RUNNING_POWER, RUNNING_SPEED, HEART_RATE_RECOVERY, WRIST_TEMPERATURE,
    DAYLIGHT, CYCLING_SPEED, CYCLING_POWER, CYCLING_CADENCE, EFFORT, SLEEP, STAND_HOUR, MINDFUL, HANDWASHING, HRV,
)  # fmt: skip
