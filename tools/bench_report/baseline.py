"""
The baseline: what each row came to when somebody last looked and agreed.

A file of JSON.  "rows" are the figures; "left_out" names the rows that nobody is held to, and why;
a row is in one of them.  "loose" gives more room, in percent, to rows that look for the worst of
something and so depend on what they hit.  "compiler" is what the figures were made with: another
one's code has other lengths, so then nothing is compared.
"""

import json

PERCENT = 3
LEAST = 2  # instructions; a small row moves by more than PERCENT with a single one


def load(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def slack(old, percent=PERCENT):
    return max(old * percent // 100, LEAST)


def compare(baseline, rows, compiler):
    """
    (problems, hints), each a list of lines.  `rows` are those of bench.json; a row of the baseline
    that is not among them was not asked for.
    """
    if compiler != baseline["compiler"]:
        return [], [f"not compared: the baseline was made by {baseline['compiler']}, "
                    f"this image by {compiler}"]
    problems, hints = [], []
    for row in rows:
        name, new = row["id"], row["instructions"]
        old = baseline["rows"].get(name)
        if name in baseline["left_out"]:
            continue
        if old is None:
            problems.append(f"{name}: {new} instructions, and not in the baseline")
        elif new is None:
            problems.append(f"{name}: {old} before, now not measured: {row['failed']}")
        elif new > old + slack(old, baseline["loose"].get(name, PERCENT)):
            change = f" ({100 * (new - old) / old:+.1f}%)" if old else ""
            problems.append(f"{name}: {old} -> {new} instructions{change}")
        elif new < old - slack(old, baseline["loose"].get(name, PERCENT)):
            hints.append(f"{name}: {old} -> {new} instructions, better")
    return problems, hints


def renewed(baseline, rows, compiler, order):
    """The baseline with the figures of `rows`; rows that were not measured keep theirs."""
    figures = {name: value for name, value in baseline["rows"].items() if name in order}
    figures.update({row["id"]: row["instructions"] for row in rows
                    if row["instructions"] is not None and row["id"] not in baseline["left_out"]})
    return {"compiler": compiler, "left_out": baseline["left_out"], "loose": baseline["loose"],
            "rows": {name: figures[name] for name in order if name in figures}}


def store(path, baseline):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(baseline, out, indent=1)
        out.write("\n")
