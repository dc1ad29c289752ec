"""Levels with hysteresis, and alerts that are said once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from plimsoll.documents import DocumentError, format_instant, parse_instant, refuse
from plimsoll.live.alerts.rules import AlertRule, AlertRules

Said = Literal["raised", "repeated", "cleared"]


@dataclass(frozen=True)
class Alert:
    """Something to say. `key` is what the stars of the rule's reading stood for, `number` counts its raises there, so
    `id` is the same whenever the same events are played; `since` is when it was raised."""

    rule: str
    key: str
    said: Said
    number: int
    time: datetime
    since: datetime
    severity: str
    reading: str
    value: float | None
    level: float
    repeat: int = 0

    @property
    def id(self) -> str:
        """One name for each thing said."""
        tail = f":{self.repeat}" if self.said == "repeated" else ""
        return f"{self.rule}:{self.key}:{self.number}:{self.said}{tail}"

    @property
    def words(self) -> str:
        """One line."""
        what = "gone" if self.value is None else f"{self.value:.6g}"
        where = f" {self.key}" if self.key else ""
        return f"{self.severity}: {self.rule}{where} {self.said}, {what} against {self.level:g}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        times = {"time": format_instant(self.time), "since": format_instant(self.since)}
        return {
            "schema": "plimsoll.alert",
            "schema_version": 1,
            "id": self.id,
            **vars(self),
            **times,
            "words": self.words,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Alert:
        """The alert of `to_dict`."""
        own = {k: v for k, v in content.items() if k not in ("schema", "schema_version", "id", "words")}
        return cls(**own | {"time": parse_instant(own["time"]), "since": parse_instant(own["since"])})


@dataclass(frozen=True)
class _Place:
    """Of one rule and key: raised or not, since when the value is beyond the other level, and what was last said."""

    raised: bool = False
    turning: datetime | None = None
    since: datetime | None = None
    number: int = 0
    said: datetime | None = None
    repeat: int = 0


class AlertWatch:
    """Applies rules to readings, one after the other in time; what is raised is not raised again until it was cleared.

    A value that is missing (`None`) says nothing and changes nothing: neither does it raise, nor does it clear. A key
    that has gone from the readings is inside every level. The same readings give the same alerts. Raises
    `DocumentError` where the path of a rule leads nowhere; one that did lead somewhere has gone.
    """

    def __init__(self, rules: AlertRules) -> None:
        self.rules = rules
        self._led: set[str] = set()
        self._places: dict[tuple[str, str], _Place] = {}

    @property
    def standing(self) -> dict[str, dict[str, datetime]]:
        """What is raised now: by rule and key, since when."""
        found: dict[str, dict[str, datetime]] = {}
        for (rule, key), place in sorted(self._places.items()):
            if place.raised and place.since is not None:
                found.setdefault(rule, {})[key] = place.since
        return found

    def look(self, readings: Mapping[str, Any], time: datetime) -> list[Alert]:
        """Readings as `Readings.to_dict()` gives them, of `time`; the alerts to be said."""
        found: list[Alert] = []
        for rule in self.rules.rules:
            # a subject that was not read this time has no news
            if readings.get(rule.reading.partition(".")[0]) is None:
                continue
            try:
                values = dict(_values(readings, rule))
            except DocumentError:
                # the rest of the rules must not fall silent with it
                if rule.name not in self._led:
                    raise
                values = {}
            self._led.add(rule.name)
            known = {key for name, key in self._places if name == rule.name}
            for key in sorted(known | values.keys()):
                found += self._one(rule, key, values.get(key), key in values, time)
        return found

    def restore(self, alerts: Iterable[Alert]) -> None:
        """Stand where the alerts that were said have left it: after a restart nothing is said twice.

        What a rule said that is no longer among the rules is forgotten: nothing would ever clear it.
        """
        known = {rule.name for rule in self.rules.rules}
        for one in alerts:
            if one.rule not in known:
                continue
            since = None if one.said == "cleared" else one.since
            place = _Place(one.said != "cleared", None, since, one.number, one.time, one.repeat)
            self._places[one.rule, one.key] = place

    def _one(self, rule: AlertRule, key: str, value: float | None, there: bool, time: datetime) -> list[Alert]:
        place = self._places.get((rule.name, key), _Place())
        if value is None and there:
            return []
        if place.raised:
            turned = value is None or rule.inside(value)
            wait = rule.clear_seconds
        else:
            turned = value is not None and rule.beyond(value)
            wait = rule.hold_seconds
        turning = (place.turning or time) if turned else None
        now = replace(place, turning=turning)
        said: Said | None = None
        if turning is not None and (time - turning).total_seconds() >= wait:
            if place.raised:
                said, now = "cleared", replace(now, raised=False, turning=None, said=time, repeat=0)
            else:
                said = "raised"
                now = replace(now, raised=True, turning=None, since=time, number=place.number + 1, said=time, repeat=0)
        elif place.raised and _due(rule, place, time):
            said, now = "repeated", replace(now, said=time, repeat=place.repeat + 1)
        if now == _Place():
            self._places.pop((rule.name, key), None)
        else:
            self._places[rule.name, key] = now
        if said is None:
            return []
        since = now.since
        assert since is not None
        level = rule.clear_at if said == "cleared" else rule.raise_at
        return [
            Alert(rule.name, key, said, now.number, time, since, rule.severity, rule.reading, value, level, now.repeat)
        ]


def _due(rule: AlertRule, place: _Place, time: datetime) -> bool:
    hours = rule.repeat_hours
    return hours is not None and place.said is not None and (time - place.said).total_seconds() >= 3600.0 * hours


def _values(readings: Mapping[str, Any], rule: AlertRule) -> Iterator[tuple[str, float | None]]:
    """Each key that the stars of a path stand for, joined by a slash, and the number there."""
    parts = rule.reading.split(".")

    def walk(here: Any, at: int, keys: tuple[str, ...]) -> Iterator[tuple[str, float | None]]:
        if at == len(parts):
            if here is None or isinstance(here, int | float):
                yield "/".join(keys), None if here is None else float(here)
                return
            raise refuse(f"rules.{rule.name}.reading", rule.reading, "a path to a number")
        name = parts[at]
        if here is None:
            return
        if name == "*" and isinstance(here, Mapping):
            for key in sorted(here):
                if not rule.only or key in rule.only:
                    yield from walk(here[key], at + 1, (*keys, key))
            return
        if isinstance(here, Mapping) and name in here:
            yield from walk(here[name], at + 1, keys)
        # under a star a market may lack a side
        elif "*" not in parts[:at]:
            allowed = ", ".join(map(str, here)) if isinstance(here, Mapping) else "the end of the path"
            raise refuse(f"rules.{rule.name}.reading", ".".join(parts[: at + 1]), allowed)

    yield from walk(readings, 0, ())
