"""The figures as text: the table on the terminal, and the same in the documentation's blocks."""

import re

# A block: the marker, with the starts of the ids that it shows (none: all), and the fence below it.
BLOCK = re.compile(r"(<!-- BENCH( [^>]*?)? -->\n\n)(?:[^\n]+\n\n)?```\n(.*?)```\n", re.DOTALL)


def grouped(value):
    return "-" if value is None else f"{value:,}"


def ratio(peer, own):
    return f"{peer / own:.1f}x" if peer and own else ""


def is_met(row):
    """Whether a row reaches its aim; None where there is none, or no figure."""
    if row.get("aim") is None or row["instructions"] is None:
        return None
    return row["instructions"] <= row["aim"]


def header():
    return (f"{'id':<22}{'what':<47}{'instructions':>13}{'aim':>11}{'':<4}{'seL4':>11}{'':>7}"
            f"{'Linux':>14}{'':>8}").rstrip()


def line(row):
    own = row["instructions"]
    if own is None:
        return f"{row['id']:<22}not measured: {row['failed']}"
    met = {None: "", True: " yes", False: " no"}[is_met(row)]
    return (f"{row['id']:<22}{row['what']:<47}{own:>13,}{grouped(row.get('aim')):>11}{met:<4}"
            f"{grouped(row['sel4']):>11}{ratio(row['sel4'], own):>7}"
            f"{grouped(row['linux']):>14}{ratio(row['linux'], own):>8}").rstrip()


def text(rows):
    return "\n".join([header()] + [line(row) for row in rows])


def version(text):
    """The first number with dots in what a program says about itself."""
    match = re.search(r"\d+(\.\d+)+", text or "")
    return match.group(0) if match else "unknown"


def conditions_line(conditions):
    return (f"Measured on {conditions['measured'][:10]} with QEMU {version(conditions['qemu'])}, "
            f"{conditions['cpu']}, gcc {version(conditions['compiler'])}.")


def refreshed(document, report, order):
    """
    `document` with its blocks as `report` says, rows in `order`.  A row that was not measured this
    time keeps the line that it has.
    """
    rows = {row["id"]: row for row in report["rows"]}

    def block(match):
        starts = (match.group(2) or "").split()
        old = {kept.split()[0]: kept for kept in match.group(3).split("\n") if kept}
        lines = [header()]
        for name in order:
            if starts and not any(name.startswith(start) for start in starts):
                continue
            if rows.get(name, {}).get("instructions") is not None:
                lines.append(line(rows[name]))
            elif name in old:
                lines.append(old[name])
        return (match.group(1) + conditions_line(report["conditions"]) + "\n\n```\n"
                + "\n".join(lines) + "\n```\n")

    return BLOCK.sub(block, document)
