#!/usr/bin/env python3
"""Two hundred schedules over five years, computed by a program that shares nothing with Windlass: Python's zoneinfo and
arithmetic on dates. Run: python3 slots.py > ../vectors/five-years.txt; --check compares that file with what it says. The
zone data must be of the version that the file names, the one that `chrono-tz` carries; `PYTHONTZPATH` chooses another
than the system's.

First line: zone data, first year, calendars, in JSON. Then, after a line of JSON a schedule, a line a year that has slots, in
UTC: the year, then the times of day, each with its dates. Dates are MMDD: `0105-0109` is every day, `0105-0202/7` every
seventh. A time whose dates are those of the one before has `=`. A time with `!` and words has notes, and after `<` the local
times that it stands for, where these are not its own. Nothing is thinned: every slot of every schedule stands here."""
import calendar as cal, itertools, json, os, random, re, sys, zoneinfo
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

U = timezone.utc
DAYS = "mon tue wed thu fri sat sun".split()
QUARTZ_DAYS = "sun mon tue wed thu fri sat".split()
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
UNITS = dict(s=1, m=60, h=3600, d=86400)
FIRST, YEARS = 2025, 5


def span(text):
    return timedelta(seconds=sum(int(n) * UNITS[u] for n, u in re.findall(r"(\d+)([smhd])", text)))


def listed(x):
    return x if isinstance(x, list) else [x]


def local(at, zone):
    return at.astimezone(zone).replace(tzinfo=None)


def minute(wall):
    return wall.isoformat(timespec="minutes")


def utc(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- days -------------------------------------------------------------------------------------------------------------
def is_open(c, d):
    if d.isoformat() in c.get("open", {}):
        return True
    return d.isoformat() not in c.get("closed", {}) and DAYS[d.weekday()] not in c.get("weekend", ["sat", "sun"])


def settle(s, c, wall):
    """Where a nominal time is to run, with what was decided; None where it is dropped. A blackout has no say in it."""
    rule = s.get("closed_day", "run")
    if rule == "run" or is_open(c, wall.date()):
        return wall, []
    if rule == "skip":
        return None
    for i in range(1, 32):
        w = wall + timedelta(i if rule == "next_open" else -i)
        if is_open(c, w.date()):
            return w, ["moved"]
    return None


# --- rules ------------------------------------------------------------------------------------------------------------
def field(text, lo, hi, names=(), base=0):
    out = set()
    for part in text.lower().split(","):
        body, _, step = part.partition("/")
        for i, n in enumerate(names):
            body = body.replace(n, str(i + base))
        if body in "*?":
            a, b = lo, hi
        elif "-" in body:
            a, b = map(int, body.split("-"))
        else:
            a = int(body)
            b = hi if step else a
        out |= set(range(a, b + 1, int(step or 1)))
    return out


def pattern_names(dom, mon, dow, d, quartz):
    last = cal.monthrange(d.year, d.month)[1]
    ok_dom = ok_dow = True
    if d.month not in field(mon, 1, 12, MONTHS, 1):
        return False
    if dom == "L":
        ok_dom = d.day == last
    elif dom == "LW":
        x = date(d.year, d.month, last)
        while x.weekday() > 4:
            x -= timedelta(1)
        ok_dom = d == x
    elif dom not in "*?":
        ok_dom = d.day in field(dom, 1, 31)
    both, dw = dow.startswith("+"), dow.lstrip("+")
    if dw not in "*?":
        if "#" in dw:
            n, k = map(int, dw.split("#"))
            ok_dow = d.isoweekday() % 7 == n % 7 and (d.day - 1) // 7 + 1 == k
        elif quartz:
            ok_dow = d.isoweekday() % 7 + 1 in field(dw, 1, 7, QUARTZ_DAYS, 1)
        else:
            ok_dow = d.isoweekday() % 7 in {x % 7 for x in field(dw, 0, 7, QUARTZ_DAYS)}
    if not quartz and not both and dom not in "*?" and dw not in "*?":
        return ok_dom or ok_dow
    return ok_dom and ok_dow


def below_a_day(s):
    f = (s.get("cron") or s.get("quartz") or "").split()
    clock = f[:2] if "cron" in s and len(f) == 5 else f[:3]
    return any(c in x for x in clock for c in "*/-")


def month_day(m, c, first):
    days = [date(first.year, first.month, i) for i in range(1, cal.monthrange(first.year, first.month)[1] + 1)]
    clamp = m.get("clamp", True)
    if "day" in m:
        k = len(days) if m["day"] == "last" else m["day"]
        return days[min(k, len(days)) - 1] if k <= len(days) or clamp else None
    if "nth" in m:
        x, k = [d for d in days if DAYS[d.weekday()] == m["weekday"]], m["nth"]
        return x[k - 1 if k > 0 else k] if abs(k) <= len(x) else None
    x, k = [d for d in days if is_open(c, d)], m["business_day"]
    if abs(k) <= len(x):
        return x[k - 1 if k > 0 else k]
    return (x[-1 if k > 0 else 0]) if x and clamp else None


def walls(s, c, lo, hi):
    out, d = [], lo

    def on(d, times):
        out.extend(datetime.combine(d, time.fromisoformat(t)) for t in listed(times))

    while d <= hi:
        if "daily" in s:
            on(d, s["daily"]["at"])
        elif "weekly" in s:
            w, ref = s["weekly"], date.fromisoformat(s.get("start", "1970-01-05"))
            week = (d - timedelta(d.weekday()) - (ref - timedelta(ref.weekday()))).days // 7
            if DAYS[d.weekday()] in w["days"] and week % w.get("every", 1) == 0:
                on(d, w["at"])
        elif "monthly" in s and d.day == 1 and d.month in s["monthly"].get("months", range(1, 13)):
            hit = month_day(s["monthly"], c, d)
            if hit:
                on(hit, s["monthly"]["at"])
        elif "cron" in s or "quartz" in s:
            q = "quartz" in s
            f = (s.get("cron") or s.get("quartz")).split()
            f = ["0"] + f if len(f) == 5 else f
            if (len(f) < 7 or d.year in field(f[6], 1970, 2199)) and pattern_names(f[3], f[4], f[5], d, q):
                out += [datetime.combine(d, time(h, m, x)) for h in field(f[2], 0, 23) for m in field(f[1], 0, 59) for x in field(f[0], 0, 59)]
        d += timedelta(1)
    return sorted(set(out))


# --- instants ---------------------------------------------------------------------------------------------------------
def instants(wall, zone, gap, fold):
    a, b = (wall.replace(tzinfo=zone, fold=f).utcoffset() for f in (0, 1))
    early, late = (wall - a).replace(tzinfo=U), (wall - b).replace(tzinfo=U)
    if a == b:
        return [(early, [])]
    if a > b:
        first, second = (early, ["fold_first"]), (late, ["fold_second"])
        return dict(first=[first], second=[second], both=[first, second])[fold]
    if gap != "next":
        return [(early, ["gap_shift"])] if gap == "shift" else []
    lo, hi = late, early
    while hi - lo > timedelta(seconds=1):
        middle = (lo + (hi - lo) // 2).replace(microsecond=0)
        lo, hi = (middle, hi) if middle.astimezone(zone).utcoffset() == a else (lo, middle)
    return [(hi, ["gap_next"])]


def bound(v, zone):
    return utc(v) if len(v) > 10 else instants(datetime.combine(date.fromisoformat(v), time()), zone, "next", "first")[0][0]


def beats(s, c, zone, lo, hi, excluded):
    i = s["interval"] if isinstance(s["interval"], dict) else {"every": s["interval"]}
    every, zero = span(i["every"]), bound(i.get("anchor") or s.get("start") or "1970-01-01T00:00:00Z", zone)
    at = zero + every * ((lo - zero) // every)
    while at < hi:
        day = local(at, zone).date()
        if not excluded(local(at, zone)) and (s.get("closed_day") != "skip" or is_open(c, day)):
            yield at, local(at, zone), []
        at += every


def times(s, c, zone, lo, hi, excluded):
    sub = below_a_day(s)
    gap, fold = s.get("gap", "skip" if sub else "next"), s.get("fold", "both" if sub else "first")
    first = (local(lo, zone).date() - timedelta(35)).replace(day=1)
    named = [w for w in walls(s, c, first, local(hi, zone).date() + timedelta(35)) if not excluded(w)]
    placed = [(w, settle(s, c, w)) for w in named]
    placed += [(datetime.fromisoformat(x), (datetime.fromisoformat(x), ["included"])) for x in s.get("include", [])]
    for nominal, place in placed:
        for at, notes in instants(place[0], zone, gap, fold) if place else []:
            yield at, nominal, place[1] + notes


def slots(s, c, lo, hi):
    zone, found = ZoneInfo(s["zone"]), {}
    out = set(s.get("exclude", []))
    excluded = lambda w: w.date().isoformat() in out or (w.second == 0 and minute(w) in out)
    for at, nominal, notes in (beats if "interval" in s else times)(s, c, zone, lo, hi, excluded):
        found.setdefault(at, []).append((nominal, notes))
    lo = max(lo, bound(s["start"], zone)) if "start" in s else lo
    hi = min(hi, bound(s["end"], zone)) if "end" in s else hi
    for at in sorted(t for t in found if lo <= t < hi):
        covers = sorted({nominal for nominal, _ in found[at]})
        notes = sorted({note for _, notes in found[at] for note in notes}) + (["merged"] if len(covers) > 1 else [])
        yield at, [] if covers == [local(at, zone)] else [minute(w) for w in covers], notes


# --- what is asked ----------------------------------------------------------------------------------------------------
ZONES = """UTC Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Chisinau Europe/Istanbul Atlantic/Azores
America/New_York America/Chicago America/Los_Angeles America/Phoenix America/Havana America/Santiago America/Asuncion
America/St_Johns America/Nuuk America/Scoresbysund America/Sao_Paulo America/Tijuana America/Caracas America/Miquelon
Asia/Kolkata Asia/Kathmandu Asia/Tokyo Asia/Tehran Asia/Jerusalem Asia/Beirut Asia/Gaza Asia/Famagusta Africa/Cairo
Africa/Casablanca Africa/El_Aaiun Africa/Lagos Australia/Sydney Australia/Lord_Howe Australia/Adelaide Australia/Eucla
Pacific/Auckland Pacific/Chatham Pacific/Easter Pacific/Norfolk Pacific/Apia Pacific/Kiritimati Antarctica/Troll""".split()
CRONS = """*/30_2_*_*_* 0_*/6_*_*_* 15_1-3_*_*_1-5 30_2,14_*_*_* 0_9_13_*_5 0_9_13_*_+5 0_9_LW_*_* 0_3_L_*_* 0_9_*_*_1#2
0_1_*_*_7 30_0_2_*_*_* 20_1_1,15_*_* 45_23_31_12_* 0_0_29_2_* 59_1_*_mar,oct_sun 5_4_*/3_*_* 0_12_1-7_*_+mon""".split()
QUARTZ = """0_0_9_?_*_1 0_0_9_13_*_FRI 0_0_9_1_1_?_2028 0_30_2_?_*_MON-FRI 0_*/20_1_?_*_1 10_0_0,12_1_*/2_? 0_0_3_?_3,10_SUN
0_15_10_15_*_?_2026-2028""".split()


def calendars(r):
    out = []
    for weekend in (["sat", "sun"], ["fri", "sat"], ["sun"]):
        day = lambda: date(FIRST, 1, 1) + timedelta(r.randrange(YEARS * 365))
        closed = {day().isoformat(): "holiday" for _ in range(70)}
        week = day()
        closed.update({(week + timedelta(i)).isoformat(): "closed" for i in range(40)})
        opened = {day().isoformat(): "worked" for _ in range(15)}
        dark = []
        for _ in range(6):
            begin = datetime.combine(day(), time(r.randrange(24), r.choice([0, 30])))
            end = begin + timedelta(hours=r.choice([1, 5, 30, 200]))
            dark.append({"from": minute(begin), "to": minute(end), "reason": "freeze"})
        out.append(dict(weekend=weekend, closed=dict(sorted(closed.items())), open=dict(sorted(opened.items())), blackout=dark))
    return out


def schedule(r, n):
    clock = lambda: f"{r.choice([0, 1, 2, 3, 6, 12, 23]):02}:{r.choice([0, 15, 30, 59]):02}"
    at = lambda: clock() if r.random() < 0.6 else sorted({clock() for _ in range(3)})
    form, s = ["daily", "weekly", "monthly", "interval", "cron", "quartz", "monthly", "cron"][n % 8], {}
    if form == "daily":
        s["daily"] = {"at": at()}
    elif form == "weekly":
        s["weekly"] = {"days": [d for d in DAYS if r.random() < 0.4] or ["sun"], "at": at(), "every": r.choice([1, 1, 2, 3])}
    elif form == "monthly":
        m = r.choice([{"day": r.choice([1, 29, 30, 31, "last"])}, {"nth": r.choice([1, 2, 4, 5, -1]), "weekday": r.choice(DAYS)},
                      {"business_day": r.choice([1, 3, 23, -1, -2, -23])}])
        s["monthly"] = dict(m, at=at(), clamp=r.random() < 0.7)
        if r.random() < 0.3:
            s["monthly"]["months"] = sorted(r.sample(range(1, 13), 4))
    elif form == "interval":
        s["interval"] = {"every": r.choice(["5h", "6h", "24h", "36h", "7d", "10h30m", "13d"])}
        if r.random() < 0.5:
            s["interval"]["anchor"] = f"2025-0{r.randrange(1, 10)}-11T0{r.randrange(10)}:20:00Z"
    else:
        s[form] = r.choice(CRONS if form == "cron" else QUARTZ).replace("_", " ")
    s["zone"] = ZONES[(n * 7 + n // 45) % len(ZONES)]
    if form != "interval" and r.random() < 0.4:
        s["gap"] = r.choice(["next", "shift", "skip"])
    if form != "interval" and r.random() < 0.4:
        s["fold"] = r.choice(["first", "second", "both"])
    calendar = r.randrange(3) if r.random() < 0.6 else None
    if calendar is not None:
        s["closed_day"] = r.choice(["skip", "run"] if form == "interval" else ["skip", "run", "previous_open", "next_open"])
    day = lambda: (date(FIRST, 1, 1) + timedelta(r.randrange(YEARS * 365))).isoformat()
    if r.random() < 0.2:
        s["start"] = f"{FIRST}-0{r.randrange(1, 10)}-1{r.randrange(10)}"
    if r.random() < 0.2:
        s["end"] = f"{FIRST + 4}-0{r.randrange(1, 10)}-1{r.randrange(10)}" + r.choice(["", "T10:00:00Z"])
    if r.random() < 0.3:
        s["exclude"] = sorted({day() if r.random() < 0.7 else f"{day()}T{clock()}" for _ in range(24)})
    if form != "interval" and r.random() < 0.3:
        s["include"] = sorted({f"{day()}T{clock()}" for _ in range(12)})
    return s, calendar


def dates(days):
    """Dates of one year in order, as runs of equal steps; two dates are no run."""
    out, i = [], 0
    while i < len(days):
        j, step = i, (days[i + 1] - days[i]).days if i + 1 < len(days) else 0
        while j + 1 < len(days) and (days[j + 1] - days[j]).days == step:
            j += 1
        if j - i < 2:
            j = i
        out.append(f"{days[i]:%m%d}" + (f"-{days[j]:%m%d}" if j > i else "") + (f"/{step}" if j > i and step > 1 else ""))
        i = j + 1
    return ",".join(out)


def told(rows):
    years = {}
    for at, covers, notes in rows:
        word = f"{at:%H%M}" + (f"{at:%S}" if at.second else "")
        if covers or notes:
            word += "!" + ",".join(notes) + ("<" + ",".join(covers) if covers else "")
        years.setdefault(at.year, {}).setdefault(word, []).append(at.date())
    for year, times in sorted(years.items()):
        words, last = [], None
        for word, days in sorted(times.items()):
            said = dates(days)
            words += [word, "=" if said == last else said]
            last = said
        yield f"{year} {' '.join(words)}"


def other_data(message):
    """Ends with a status of its own: what is wrong is the machine."""
    print(message, file=sys.stderr)
    sys.exit(75)


def zone_data():
    """The version of the zone data, beside the data that is used."""
    for folder in zoneinfo.TZPATH:
        try:
            return next(open(os.path.join(folder, "tzdata.zi"))).split()[-1]
        except (OSError, StopIteration):
            pass
    other_data(f"no zone data with a tzdata.zi in {zoneinfo.TZPATH}: install tzdata, or set PYTHONTZPATH")


def lines():
    r = random.Random(2025)
    days = calendars(r)
    yield json.dumps(dict(zone_data=zone_data(), first=FIRST, calendars=days))
    lo, hi = datetime(FIRST, 1, 1, tzinfo=U), datetime(FIRST + YEARS, 1, 1, tzinfo=U)
    for n in range(200):
        s, c = schedule(r, n)
        yield json.dumps(dict(schedule=s, calendar=c))
        yield from told(slots(s, days[c] if c is not None else {}, lo, hi))


def check():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vectors", "five-years.txt")
    committed = open(path).read().splitlines()
    meant = json.loads(committed[0])["zone_data"]
    if zone_data() != meant:
        other_data(f"the lists are of zone data {meant}, this machine has {zone_data()}: set PYTHONTZPATH to data of {meant}")
    for n, (one, other) in enumerate(itertools.zip_longest(committed, lines()), 1):
        if one != other:
            sys.exit(f"five-years.txt, line {n}: committed is\n{one}\ncomputed is\n{other}")
    print(f"{len(committed)} lines are those of zoneinfo {meant}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        print("\n".join(lines()))
