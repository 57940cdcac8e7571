"""What Zwift's files call a sport -> our sports: all of it happens indoors, in a virtual world."""

from __future__ import annotations

SPORTS: dict[str, str] = {
    "cycling": "cycling+stationary+virtual",
    "running": "running+stationary+virtual",
    "rowing": "rowing+stationary+virtual",
}
