#!/usr/bin/env python3
"""What `holobiont replay` must find in this folder, computed a second time and apart from it.

Reads the rates, organism.toml and orders.toml, models the members' lives under the replay clock,
computes the index and the correlations of the program `cross-feed` in whole numbers, and prints
ten days of it. `golden.json` is that output: `python3 cross_feed.py | diff - golden.json`.
"""

import csv
import json
import tomllib
from collections import deque
from datetime import date
from math import isqrt
from pathlib import Path

HERE = Path(__file__).resolve().parent
EPOCH = date(1970, 1, 1)
FINE = 10**12  # ratios, their mean and the index, inside
COARSE = 10**8  # values, and what is published

DAYS = {
    "1999-01-04": "the first day",
    "2000-01-04": "one year on",
    "2005-01-03": "TRL has retired, TRY joins",
    "2005-04-04": "the first day with a ratio for the seven that joined on 2005-04-01",
    "2008-12-10": "ISK's first day without a rate: held, then closed with its value carried",
    "2009-01-09": "ISK's carry is over",
    "2018-02-07": "ISK is back, and has its first ratio",
    "2022-03-02": "RUB's first day without a rate: held, then closed without it",
    "2026-01-02": "BGN has retired",
    "2026-10-30": "the last day",
}
WATCHED = ("USD", "JPY", "BGN", "GBP", "CHF", "ISK", "RUB", "TRL", "TRY", "CNY", "ZAR")


def divide(numerator, denominator):
    """The quotient, rounded half to even."""
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


def root(number):
    """The square root, rounded to the nearest whole number (there are no ties)."""
    floor = isqrt(number)
    return floor + (number - floor * floor > floor)


def fixed(text):
    whole, _, fraction = text.partition(".")
    return int(whole) * COARSE + int(fraction.ljust(8, "0"))


def decimal(number):
    sign, number = "-" if number < 0 else "", abs(number)
    return f"{sign}{number // COARSE}.{number % COARSE:08}"


class Member:
    def __init__(self, name, policy, window, last_clock):
        self.name, self.policy, self.last_clock = name, policy, last_clock
        # Its life: absent, live (which here includes late), carried, skipped, catching-up, retired.
        self.status, self.closed = "absent", None
        self.moved, self.quiet, self.kept_up = False, 0, 0
        # What the program knows.
        self.value, self.fresh, self.base = None, False, None
        self.pairs = deque(maxlen=window)

    def enter(self, status):
        """A member that stops counting begins anew, if ever, with what it says from then on."""
        self.status = status
        if not self.counts():
            self.value = self.base = None
            self.pairs.clear()

    def counts(self):
        return self.status in ("live", "carried")

    def correlation(self):
        """Pearson's, over a full window."""
        count = len(self.pairs)
        if count < self.pairs.maxlen:
            return None
        xs, ys = zip(*self.pairs)
        sxx = count * sum(x * x for x in xs) - sum(xs) ** 2
        syy = count * sum(y * y for y in ys) - sum(ys) ** 2
        sxy = count * sum(x * y for x, y in self.pairs) - sum(xs) * sum(ys)
        if sxx <= 0 or syy <= 0:
            return None
        rounded = divide(divide(sxy * 10**6, root(sxx)) * 10**2, root(syy))
        return max(-COARSE, min(COARSE, rounded))


class Program:
    """The program `cross-feed`: told of statuses before a cut's records, then of every close."""

    def __init__(self, members):
        self.members, self.index = members, 100 * FINE

    def close(self, rates):
        for name, value in rates.items():
            self.members[name].value, self.members[name].fresh = value, True
        ratios = {}
        for member in self.members.values():
            if member.counts() and member.base is not None:
                ratio = divide(member.value * FINE, member.base)
                if FINE // 10 <= ratio <= FINE * 10:
                    ratios[member.name] = ratio
                else:
                    member.pairs.clear()
        weights = {name: self.members[name].policy["weight"] for name in ratios}
        total = sum(weights.values())
        mean = divide(sum(weights[n] * r for n, r in ratios.items()), total) if total else FINE
        self.index = divide(self.index * mean, FINE)
        for name, ratio in ratios.items():
            if self.members[name].fresh:
                self.members[name].pairs.append((ratio - FINE, mean - FINE))

    def report(self, clock):
        counted = {n: m for n, m in self.members.items() if m.counts() and m.value is not None}
        day = date.fromordinal(EPOCH.toordinal() + clock).isoformat()
        lines = {}
        for member in (counted[name] for name in WATCHED if name in counted):
            kept = "carried" if member.status == "carried" else "kept"
            correlation = member.correlation()
            lines[member.name] = {
                "value": decimal(member.value),
                "standing": "fresh" if member.fresh else kept,
                "correlation": None if correlation is None else decimal(correlation),
            }
        index = decimal(divide(self.index, FINE // COARSE))
        return {"date": day, "why": DAYS[day], "clock": clock, "index": index,
                "counted": len(counted), "members": lines}

    def settle(self):
        for member in self.members.values():
            member.base = member.value if member.counts() else None
            member.fresh = False


class Replay:
    """The replay clock: for every day with rates one vote that takes them, then one tick."""

    def __init__(self, members, halt_below):
        self.members, self.halt_below = members, halt_below
        self.program, self.watermark = Program(members), -1
        self.waiting, self.reports = deque(), []

    def day(self, clock, rates):
        self.waiting.append((clock, rates))
        for name in rates:
            member = self.members[name]
            member.closed, member.moved = clock, True
            if member.status == "carried":
                raise SystemExit(f"{name} returns while it is carried: not modelled here")
            back = {"absent": "live", "skipped": "catching-up"}
            member.status = back.get(member.status, member.status)
        self.cut()
        for member in self.members.values():
            self.tick(member)
        self.cut()

    def tick(self, member):
        member.quiet = 0 if member.moved else member.quiet + 1
        at_watermark = member.closed is not None and member.closed >= self.watermark
        member.kept_up = member.kept_up + 1 if at_watermark else 0
        member.moved = False
        policy = member.policy
        if member.status in ("live", "catching-up") and member.quiet >= policy["stall_after"]:
            carries = policy["on_stall"] == "carry"
            if not carries and policy["on_stall"] != "skip":
                raise SystemExit(f"{member.name} would stop the organism: not modelled here")
            member.enter("carried" if carries else "skipped")
        elif member.status == "catching-up" and member.kept_up >= policy["recover_after"]:
            member.status = "live"

    def cut(self):
        """Takes every waiting day up to the least day that a live member has closed."""
        watermark = min(m.closed for m in self.members.values() if m.status == "live")
        if watermark <= self.watermark:
            return
        self.watermark = watermark
        for member in self.members.values():
            age, policy = watermark - (member.closed or 0), member.policy
            if member.status == "carried" and age > policy["carry_for"]:
                if policy["then"] != "skip":
                    raise SystemExit(f"{member.name} would stop the organism: not modelled here")
                member.enter("skipped")
        if sum(m.policy["weight"] for m in self.members.values() if m.counts()) < self.halt_below:
            raise SystemExit(f"day {watermark}: below the floor's halt, not modelled here")
        while self.waiting and self.waiting[0][0] <= watermark:
            clock, rates = self.waiting.popleft()
            self.program.close(rates)
            if date.fromordinal(EPOCH.toordinal() + clock).isoformat() in DAYS:
                self.reports.append(self.program.report(clock))
            self.program.settle()
        for member in self.members.values():
            if member.last_clock is not None and member.last_clock <= watermark:
                member.enter("retired")


def main():
    organism = tomllib.loads((HERE / "organism.toml").read_text())
    orders = tomllib.loads((HERE / "orders.toml").read_text())["order"]
    last_clocks = {o["member"]: o["last_clock"] for o in orders if o["action"] == "retire"}
    window = organism["program"]["settings"].get("window", 60)
    members = {}
    for member in organism["member"]:
        policy = {"weight": 1, **organism["policy"], **member["policy"]}
        name, last_clock = member["name"], last_clocks.get(member["name"])
        members[name] = Member(name, policy, window, last_clock)
    with open(HERE / "eurofxref-hist.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file)]
    replay = Replay(members, organism["floor"]["halt_below"])
    for row in reversed(rows):
        clock = (date.fromisoformat(row["Date"]) - EPOCH).days
        replay.day(clock, {n: fixed(row[n]) for n in members if row[n] not in ("", "N/A")})
    print(json.dumps(replay.reports, indent=2))


main()
