#!/usr/bin/env python3
"""
The shell, driven over the serial console as a person would: editing, history, completion, every
verb, nonsense, pasted text, and switching the machine off.
"""
# timeout: 600

import glob
import os
import re
import sys

import console_runs
import rotunda_vm
from launcher_test import manifest_text
from rotunda_vm import plain

SHELL = os.path.join(rotunda_vm.ROOT, "userland", "shell")
VERB_FUNCTION = r"^void verb_(\w+)\(struct shell \*shell, int count, char \*\*arguments\)$"
# A row of help: verb, arguments, what it is for.
HELP_ROW = re.compile(r"  ([a-z]+)((?: [<\[]\S+)*) +(\S+(?: \S+)+)")
TOO_MANY = " x" * 9  # arguments of any verb but those that take as many as there are


def rows(text):
    """A printed table: its title line and its rows."""
    lines = [line for line in text.split("\n") if line.strip()]
    assert lines, "nothing was printed"
    return lines[0], lines[1:]


def find_row(text, word):
    """The row in which `word` stands as a word of its own."""
    for line in text.split("\n"):
        if re.search(rf"(^|\s){re.escape(word)}(\s|$)", line):
            return line
    raise AssertionError(f"no row with {word!r} in:\n{text}")


def assert_contains(text, pattern):
    assert re.search(pattern, text, re.MULTILINE), f"no {pattern!r} in:\n{text}"


def assert_alive(vm):
    answer = vm.command("echo alive and well")
    assert answer.strip() == "alive and well", f"echo answered {answer!r}"


def verbs_of_the_sources():
    found = set()
    for path in glob.glob(os.path.join(SHELL, "*.c")):
        with open(path, encoding="utf-8") as source:
            found.update(re.findall(VERB_FUNCTION, source.read(), re.MULTILINE))
    assert {"kill", "help"} <= found, found
    return found


def help_names_every_verb(vm):
    """Each with a text of its own, alone as in the list, and with the usage that it insists on."""
    listed = vm.command("help").split("\n")
    assert listed.pop().startswith("Keys: "), listed
    texts = {}
    for row in listed:
        match = HELP_ROW.fullmatch(row)
        assert match, f"no verb, arguments and text: {row!r}"
        verb, arguments, text = match.groups()
        assert vm.command(f"help {verb}") == row, f"help {verb} isn't {row!r}"
        if not arguments.endswith("..."):
            assert_contains(vm.command(verb + TOO_MANY),
                            rf"^usage: {verb}{re.escape(arguments)} ?$")
        assert text not in texts.values(), f"two verbs have the text {text!r}"
        texts[verb] = text
    assert set(texts) == verbs_of_the_sources(), set(texts) ^ verbs_of_the_sources()
    assert_contains(vm.command("help map"), r"map <domain>\|<address>")
    print(f"     {len(texts)} verbs, each with its usage")


def unknown_and_misused_verbs_are_explained(vm):
    assert_contains(vm.command("frobnicate"), r"no verb \"frobnicate\": try help")
    assert_contains(vm.command("handles"), r"usage: handles <domain>")
    assert_contains(vm.command("handles nosuch"), r"no domain \"nosuch\"")
    assert_contains(vm.command("fault nosuch"), r"no domain \"nosuch\"")
    assert_contains(vm.command("fault shell"), r"shell has had no fault: crashes shell tells")
    for verb in ("stop", "restart", "kill", "launch"):
        assert_contains(vm.command(f"{verb} app:App"), r"app:App .* nobody it: reboot starts")
    assert_contains(vm.command('echo "open'), r"double quote")
    assert_contains(vm.command("ping"), r"usage: ping")
    assert_contains(vm.command("help nosuch"), r"no verb")


def domains_are_listed_with_true_columns(vm):
    text = vm.command("domains")
    title, lines = rows(text)
    for word in ("id", "domain", "state", "asid", "cpu time", "switches", "memory", "restarts"):
        assert word in title, f"no column {word}"
    assert len(lines) >= 4, text
    for name in ("shell", "console", "net"):
        assert "running" in find_row(text, name)


def threads_are_listed(vm):
    text = vm.command("threads")
    assert_contains(text, r"running|ready|waits")
    shell = vm.command("threads shell")
    assert "shell" in find_row(shell, "shell")
    assert "net " not in shell.split("\n")[1]


def services_have_owners(vm):
    text = vm.command("services")
    assert "up" in find_row(text, "console:Tty")
    assert "net" in find_row(text, "net:Tcp")


def manifest_is_explained(vm):
    text = vm.command("why web net:Tcp")
    assert_contains(text, r"yes: the entry of web in the manifest has net:Tcp in `connects`")
    assert_contains(text, r"^net offers net:Tcp and is running; web has 1 connection to it")
    assert_contains(vm.command("why net net:Tcp"), r"net serves it itself")
    assert_contains(vm.command("why shell app:Inspect"), r"the launcher itself serves app:Inspect")
    assert_contains(vm.command("why web uart:Port"),
                    r"no: the entry of web in the manifest lacks uart:Port in `connects`, "
                    r"so it may not connect to it")
    assert_contains(vm.command("why web net"), r"lacks net in `launches`, so it may not launch or")
    assert_contains(vm.command("why shell web"), r"has app:Inspect in `connects`, so it may launch")
    assert_contains(vm.command("why web gpu:Disp"), r"no: nothing in the manifest is called gpu")
    assert_contains(vm.command("why nosuch net:Tcp"), r"no domain \"nosuch\"")
    assert_contains(vm.command("why web"), r"usage: why <domain> <service>")
    long = "gpu:Disp" * 5
    assert_contains(vm.command(f"why web {long}"), rf"no: nothing in the manifest is called {long}")
    assert_contains(vm.command(f"why nosuch {long}"), r"no domain \"nosuch\"")


def the_launcher_has_no_entry_to_explain(vm):
    """Everybody is born connected to app:App, which is the launcher."""
    assert vm.command("why web app:App") == (
        "yes: every domain is born with a connection to app:App, the launcher")
    assert vm.command("why app:App net:Tcp") == (
        "no: app:App is the launcher, which has no entry in the manifest and uses no service")
    assert vm.command("why app:App web") == (
        "yes: app:App is the launcher, which has no entry in the manifest and starts them all")
    assert_contains(vm.command("why app:App gpu:Disp"), r"no: nothing in the manifest is called")
    assert_contains(vm.command("why app:App app:Inspect"), r"app:App itself serves app:Inspect")


def decisions_are_kept(vm):
    text = vm.command("audit web")
    assert_contains(text, r"web +connect to +net:Tcp +\d+ +granted$")
    assert_contains(vm.command("audit"), r"net +offer +net:Tcp +1 +granted$")
    assert not re.search(r"^ *\S+ +net ", text, re.MULTILINE), f"not web's:\n{text}"
    assert_contains(vm.command("audit nosuch"), r"no domain \"nosuch\"")


# Properties of the manifest and what holds without them (docs/launcher.md), as `quotas` shows them.
QUOTAS = {"frames": 256, "objects": 64, "handles": 64, "threads": 4, "log-bytes": 16384,
          "connections": 32}


def entry(name):
    """What stands in the manifest about a domain."""
    return re.search(rf"^ {{8}}{name} {{$(.*?)^ {{8}}}};$", manifest_text([]), re.M | re.S)[1]


def entry_words(name, property):
    found = re.search(rf"^ +{property} = (.*);$", entry(name), re.M)
    return re.findall(r'"([^"]+)"', found[1]) if found else []


def entry_quota(name, what):
    found = re.search(rf"^ +quota-{what} = <(\w+)>;$", entry(name), re.M)
    return int(found[1], 0) if found else QUOTAS[what]


def quotas(vm):
    """By name: (has, may have) of each quota, and how many calls were denied."""
    title, lines = rows(vm.command("quotas"))
    assert re.split(r"  +", title) == ["domain", *(what.replace("-", " ") for what in QUOTAS),
                                       "denied"], title
    found = {}
    for line in lines:
        name, *cells, denied = line.split()
        found[name] = dict(zip(QUOTAS, (cell.split("/") for cell in cells))), int(denied)
    return found


def quotas_are_those_of_the_manifest(vm):
    found = quotas(vm)
    launcher, _ = found.pop("app:App")
    assert launcher["frames"][1] == launcher["connections"][1] == "all", launcher
    running = [line.split()[1] for line in rows(vm.command("domains"))[1] if " running " in line]
    assert ["app:App", *found] == running, f"{running} run, shown are {list(found)}"
    for name, (cells, denied) in found.items():
        wanted = [entry_quota(name, what) for what in QUOTAS]
        assert [int(limit) for _, limit in cells.values()] == wanted, f"{name}: {cells}"
        assert all(int(used) <= int(limit) for used, limit in cells.values()), f"{name}: {cells}"
        assert denied == 0, f"{name}: {denied} denied calls"


def quotas_count_what_other_verbs_list(vm):
    for name in ("web", "shell", "console"):
        cells, _ = quotas(vm)[name]
        used = {what: int(cell[0]) for what, cell in cells.items()}
        handles = [line for line in rows(vm.command(f"handles {name}"))[1] if "0x" in line]
        assert len(handles) == used["handles"], f"{name}: {handles}, {used}"
        assert len(rows(vm.command(f"threads {name}"))[1]) == used["threads"]
        told = "\n".join(vm.command(f"why {name} {to}") for to in entry_words(name, "connects"))
        found = sum(map(int, re.findall(r"has (\d+) connections? to it", told)))
        found += told.count("the launcher itself serves app:Inspect")  # the shell's own, one
        assert used["connections"] == found > 0, f"{name}: {found} are open, {used}"
        text = vm.command(f"quotas {name}")
        for what, (_, limit) in cells.items():
            assert_contains(text, rf"^{what.replace('-', ' ')} +\d+ +{limit}$")


def system_calls_are_named(vm):
    for name in ("virtio-net", "web", "shell", "console", "net"):
        text = re.sub(r"\n {4}", " ", vm.command(f"quotas {name}"))
        said = re.search(r"^system calls: (.*)$", text, re.M)[1].split(", ")
        assert sorted(said) == sorted(entry_words(name, "system-calls")), f"{name}: {said}"
        calls = re.search(r"^  one by one: (.*)$", text, re.M)[1].split(", ")
        assert ("portal_create" in calls) == (name != "shell"), calls
        assert ("interrupt_ack" in calls) == (name == "virtio-net"), calls
        assert ("log_read" in calls) == (name in ("shell", "console")), calls
        assert_contains(text, r"^denied calls: 0; a denied call is an error$")
    assert max(len(line) for line in vm.command("quotas shell").split("\n")) <= 80
    assert_contains(vm.command("quotas app:App"), r"^system calls: all$")
    assert_contains(vm.command("quotas nosuch"), r"no domain \"nosuch\": Tab lists the names")
    assert vm.command("quotas bench") == "bench isn't running"
    assert_contains(vm.command("quotas web net"), r"usage: quotas \[domain\]")
    assert_contains(vm.command("help quotas"), r"^  quotas \[domain\] +what domains have")


def handles_and_maps_of_a_domain_are_shown(vm):
    text = vm.command("handles shell")
    assert_contains(text, r"portal")
    assert_contains(text, r"segment")
    text = vm.command("map shell")
    _, lines = rows(text)
    assert any("r-x" in line for line in lines), "no text segment"
    assert any("rw-" in line for line in lines), "no data segment"
    assert not any("rwx" in line for line in lines), "something is writable and executable"
    address = re.search(r"0x[0-9a-f]+", lines[0]).group()
    owner = vm.command(f"map {address}")
    assert_contains(owner, r"is byte 0 of segment")
    assert_contains(owner, r"^  r.. +shell$")
    assert_contains(vm.command("map 0x1000"), r"belongs to nobody")
    for wrong in ("0xffffffffffffffffff", "0xg", "-1", "18446744073709551616"):
        assert vm.command(f"map {wrong}") == (
            f'no address "{wrong}": up to 64 bits, like 0x1000 or 4096')
    assert_contains(vm.command("map nosuch"), r"no domain \"nosuch\"")
    assert_contains(vm.command("map 0xffff000040000000"), r"belongs to the kernel")


def rings_and_interrupts_are_counted(vm):
    title, _ = rows(vm.command("rings"))
    for word in ("producer", "consumer", "fill", "wake-ups"):
        assert word in title, title
    text = vm.command("irqs")
    counts = [int(line.split()[-2].replace(",", "")) if line.split()[-1] in ("armed",) else 0
              for line in rows(text)[1]]
    assert max(counts) > 0, f"no interrupt has come:\n{text}"


def memory_adds_up(vm):
    text = vm.command("mem")
    frames = {}
    for line in rows(text)[1]:
        match = re.match(r"\s*(.+?)\s{2,}([\d,]+) ", line)
        if match:
            frames[match.group(1).strip()] = int(match.group(2).replace(",", ""))
    assert frames["free"] + frames["in use"] == frames["all"], frames
    parts = sum(frames[name] for name in ("kernel, archive", "segments", "tables",
                                          "kernel objects"))
    assert abs(parts - frames["in use"]) <= frames["in use"] // 50 + 16, frames


def network_is_shown_and_answers_pings(vm):
    text = vm.command("net")
    assert_contains(text, r"address +10\.0\.2\.15/24")
    assert_contains(text, r"listening +443|listening.*443")
    text = vm.command("ping 10.0.2.2 2", timeout=30)
    assert_contains(text, r"from 10\.0\.2\.2 in [\d.]+ ms")
    assert_contains(text, r"2 sent, 2 answered")


def ping_says_that_there_is_no_driver(vm):
    assert_contains(vm.command("stop virtio-net"), r"virtio-net is stopped")
    assert_contains(vm.command("ping 10.0.2.2 2", timeout=30), r"no network driver is there")
    assert_contains(vm.command("launch virtio-net"), r"virtio-net runs")
    text = vm.command("ping 10.0.2.2 2", timeout=30)
    assert_contains(text, r"2 sent, 2 answered")


def time_passes(vm):
    assert_contains(vm.command("uptime"), r"since power-on")
    assert_contains(vm.command("date"), r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC")


def log_is_shown_and_followed(vm):
    assert len(vm.command("log").split("\n")) > 5
    vm.send_line("log -f")
    vm.expect(r"\n")
    vm.drain(0.5)
    vm.send("q")
    vm.wait_prompt(5)


def top_shows_shares_until_q(vm):
    vm.send_line("top")
    vm.expect(r"CPUs? used", 10)
    vm.expect(r"CPUs? used", 10)
    vm.send("q")
    vm.wait_prompt(5)


def domains_stop_and_start(vm):
    assert_contains(vm.command("stop web"), r"web is stopped")
    assert "stopped" in find_row(vm.command("domains"), "web")
    assert_contains(vm.command("launch web"), r"web runs")
    assert "running" in find_row(vm.command("domains"), "web")
    assert_contains(vm.command("launch web"), r"runs already")
    assert_contains(vm.command("restart web"), r"web is restarted")
    assert_contains(vm.command("stop nosuch"), r"no domain \"nosuch\"")
    for name in ("shell", "console", "pl011"):
        assert_contains(vm.command("stop " + name), r"carries this conversation")
    vm.wait_https()


def who_does_not_run_is_named(vm):
    for verb in ("handles", "map", "threads", "kill", "stop"):
        assert vm.command(f"{verb} bench").startswith("bench isn't running")
    assert_contains(vm.command("threads nosuch"), r"no domain \"nosuch\"")


def kills_are_told(vm):
    """At once and later; what is no number of milliseconds is named."""
    for wrong in ("-1", "abc", "1e3", "86400001"):
        assert vm.command(f"kill pl031 {wrong}") == (
            f'"{wrong}" is no time to wait: 0 to 86400000 ms, which is a day')
    assert vm.command("kill pl031 86400000") == "pl031 will be killed in 86400000 ms"
    start = len(vm.text)
    assert vm.command("kill pl031 300") == "pl031 will be killed in 300 ms"
    vm.seen = start  # command() may have used up the line
    vm.expect(r"app:App: pl031: was killed", 10)
    assert_contains(vm.command("kill nosuch 5"), r"no domain \"nosuch\"")
    assert vm.command("kill pl061") == "pl061 is killed"
    assert_contains(vm.command("crashes"), r"pl061 +was killed")


def arguments_have_a_length(vm):
    fitting = "x" * 32
    assert vm.command(f"launch bench {fitting}x") == (
        "the argument has 33 characters: 32 at most")
    assert "bench runs" in vm.command(f"launch bench {fitting}")
    assert vm.command(f"bench {fitting}x") == "the argument has 33 characters: 32 at most"


def bench_measures_what_is_asked_for(vm):
    assert_contains(vm.command("bench portal_cross", timeout=60), r"^portal_cross_0w .* [\d,]+")
    assert_contains(vm.command("bench nosuch", timeout=60), r"no row's id starts with \"nosuch\"")
    assert_contains(vm.command("bench counter"), r"instruction counter \d+|counts no instructions")
    assert "running" in find_row(vm.command("domains"), "pl061")


def tab_completes_verbs_and_names(vm):
    vm.send("dom\t")
    vm.expect(r"rotunda> domains")
    vm.send("\r")
    vm.expect(r"asid")
    vm.wait_prompt()
    for verb in ("threads", "quotas"):
        vm.send(f"{verb} she\t")
        vm.expect(rf"rotunda> {verb} shell")
        vm.send("\r")
        vm.wait_prompt()


def history_and_editing_keys_work(vm):
    vm.command("echo first")
    vm.command("echo second")
    vm.send("\x1b[A\x1b[A\r")
    vm.expect(r"\nfirst\r?\n")
    vm.wait_prompt()
    vm.send("cho word\x01e\x05s\x7f!\r")
    vm.expect(r"\nword!\r?\n")
    vm.wait_prompt()
    vm.send("never run this\x03")
    vm.wait_prompt()
    vm.send("echo gone\x15echo kept\r")
    vm.expect(r"\nkept\r?\n")
    vm.wait_prompt()


def pasted_lines_lose_nothing(vm):
    count = 200
    start = len(vm.text)
    vm.send("".join(f"echo line {i} of the paste\r" for i in range(count)))
    vm.expect(rf"\nline {count - 1} of the paste\r?\n", 60)
    vm.wait_prompt()
    seen = re.findall(r"^line (\d+) of the paste$", plain(vm.text[start:]), re.MULTILINE)
    assert seen == [str(i) for i in range(count)], f"{len(seen)} lines came back"


def dumb_terminal_gets_no_control_sequences(vm):
    vm.command("terminal dumb")
    start = len(vm.text)
    vm.send("echo x\x7fyz\x1b[D!\r")
    vm.expect(r"\ny!z\r?\n")
    vm.wait_prompt()
    vm.command("clear")
    assert "\x1b" not in vm.text[start:], repr(vm.text[start:])
    vm.command("terminal ansi")


def random_bytes_do_no_harm(vm):
    console_runs.random_bytes(vm, seed=20, count=100000)


def lines_of_64_kib_are_refused(vm):
    console_runs.long_lines(vm, seed=21, count=6)


def reboot_starts_again(vm):
    vm.send_line("reboot")
    vm.expect(r"^Rotunda: EL", 60)  # the prompt is painted while the word is typed, too
    vm.wait_prompt(60)
    assert_alive(vm)


def poweroff_ends_the_machine(vm):
    vm.send_line("poweroff")
    assert vm.wait_exit(15) == 0


TESTS = [
    help_names_every_verb,
    unknown_and_misused_verbs_are_explained,
    domains_are_listed_with_true_columns,
    threads_are_listed,
    services_have_owners,
    manifest_is_explained,
    the_launcher_has_no_entry_to_explain,
    decisions_are_kept,
    quotas_are_those_of_the_manifest,
    quotas_count_what_other_verbs_list,
    system_calls_are_named,
    handles_and_maps_of_a_domain_are_shown,
    rings_and_interrupts_are_counted,
    memory_adds_up,
    network_is_shown_and_answers_pings,
    ping_says_that_there_is_no_driver,
    time_passes,
    log_is_shown_and_followed,
    top_shows_shares_until_q,
    domains_stop_and_start,
    who_does_not_run_is_named,
    kills_are_told,
    arguments_have_a_length,
    bench_measures_what_is_asked_for,
    tab_completes_verbs_and_names,
    history_and_editing_keys_work,
    pasted_lines_lose_nothing,
    dumb_terminal_gets_no_control_sequences,
    random_bytes_do_no_harm,
    lines_of_64_kib_are_refused,
    reboot_starts_again,
    poweroff_ends_the_machine,
]

if __name__ == "__main__":
    sys.exit(rotunda_vm.run_tests(TESTS))
