"""Relative dates against one clock: what ``last 7 days``, ``this week`` and ``older than 3 days`` stretch over.

The clock is given, never asked: equal inputs give equal ranges.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache

from worklint.record import frozen

UNITS = ("minutes", "hours", "days", "weeks", "months", "years")
CALENDAR_UNITS = ("days", "weeks", "months", "years")
"""Units that ``this`` takes."""
_LAST_MOMENT = time(23, 59, 59, 999999)
_FIXED = {"minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}


@frozen
class Clock:
    """The day and the moment at the place where the list is read, and its zone, where that is known."""

    today: date
    now: datetime
    zone: str | None = None


@frozen
class Stretch:
    """A stretch of time; both ends belong to it. ``overflow``: it was cut where the calendar ends."""

    low: datetime
    high: datetime
    overflow: bool = False


def clock_at(today: date, now: datetime | None, zone: str | None = None, home: str | None = None) -> Clock:
    """Return the clock of a list read in ``zone``; a ``now`` without offset is one of the zone ``home``.

    Without ``now`` it is noon: what only asks for days does not depend on it.
    """
    if now is None:
        return Clock(today, datetime.combine(today, time(12)))
    if now.tzinfo is None and home:
        now = now.replace(tzinfo=_zone(home))
    if now.tzinfo is not None and zone:
        now = now.astimezone(_zone(zone))
    now = now.replace(tzinfo=None)
    return Clock(now.date(), now, zone or home)


@cache
def _zone(name: str) -> tzinfo:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def unit_of(word: str) -> str | None:
    """Return the unit that a word names, in the plural; ``None`` for no unit."""
    word = word.lower()
    return word if word in UNITS else f"{word}s" if f"{word}s" in UNITS else None


def shift(moment: datetime, count: int, unit: str) -> datetime:
    """Return the same clock time ``count`` units later; months and years end on the last day where there is none.

    Raises:
        OverflowError: where the calendar has no such day.
    """
    if unit in _FIXED:
        return moment + timedelta(seconds=count * _FIXED[unit])
    months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "years" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"there is no year {year}")
    return moment.replace(year=year, month=month + 1, day=min(moment.day, _days(year, month + 1)))


def _days(year: int, month: int) -> int:
    if month == 12:
        return 31
    return (date(year, month + 1, 1) - timedelta(days=1)).day


def within(clock: Clock, direction: str, count: int, unit: str) -> Stretch:
    """Return what ``within last COUNT UNIT``, ``next …`` and ``this UNIT`` stretch over."""
    if direction == "this":
        return _this(clock.today, unit)
    try:
        if unit in ("minutes", "hours") and clock.zone:
            return _elapsed(clock.now, -count if direction == "last" else count, unit, _zone(clock.zone))
        other = shift(clock.now, -count if direction == "last" else count, unit)
    except OverflowError:
        if direction == "last":
            return Stretch(datetime.min, clock.now, True)
        return Stretch(clock.now, datetime.max, True)
    return Stretch(other, clock.now) if direction == "last" else Stretch(clock.now, other)


def _elapsed(now: datetime, count: int, unit: str, zone: tzinfo) -> Stretch:
    """Return what the clock reads in so many minutes or hours that pass, even if it is put forward or back in them.

    An hour that comes twice is in the stretch as soon as one of the two is: what is stored does not tell them apart.
    """
    here = now.replace(tzinfo=zone).astimezone(UTC)
    first, last = sorted((here, here + timedelta(seconds=count * _FIXED[unit])))
    low, high = (moment.astimezone(zone).replace(tzinfo=None, fold=0) for moment in (first, last))
    if _offset(first, zone) > _offset(last, zone):
        before, after = first, last
        while after - before > timedelta(seconds=1):
            middle = before + (after - before) / 2
            before, after = (middle, after) if _offset(middle, zone) == _offset(first, zone) else (before, middle)
        back = after.astimezone(zone).replace(tzinfo=None, fold=0, microsecond=0)
        low, high = min(low, back), max(high, back + (_offset(first, zone) - _offset(last, zone)))
    return Stretch(low, high)


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _this(today: date, unit: str) -> Stretch:
    first = last = today
    if unit == "weeks":
        # Monday comes first; the first and the last week of the calendar are shorter.
        first = date.fromordinal(max(1, today.toordinal() - today.weekday()))
        last = date.fromordinal(min(date.max.toordinal(), today.toordinal() - today.weekday() + 6))
    elif unit == "months":
        first, last = today.replace(day=1), today.replace(day=_days(today.year, today.month))
    elif unit == "years":
        first, last = date(today.year, 1, 1), date(today.year, 12, 31)
    return Stretch(datetime.combine(first, time()), datetime.combine(last, _LAST_MOMENT))


def day_of(clock: Clock, word: str) -> date:
    """Return the day that ``today``, ``yesterday`` or ``tomorrow`` names."""
    step = {"yesterday": -1, "tomorrow": 1}.get(word, 0)
    return date.fromordinal(min(max(1, clock.today.toordinal() + step), date.max.toordinal()))


def next_day(day: date, step: int) -> date | None:
    """Return the day after (``step`` 1) or before (-1), ``None`` at the end of the calendar."""
    ordinal = day.toordinal() + step
    return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None


def day_text(day: date) -> str:
    """Return a day as a DA value (PS3.5 6.2)."""
    return f"{day.year:04}{day.month:02}{day.day:02}"


def time_text(moment: datetime) -> str:
    """Return the clock time as a TM value, with a fraction only where there is one."""
    text = f"{moment.hour:02}{moment.minute:02}{moment.second:02}"
    return f"{text}.{moment.microsecond:06}" if moment.microsecond else text


def moment_text(moment: datetime) -> str:
    """Return a moment as a DT value without offset."""
    return day_text(moment.date()) + time_text(moment)
