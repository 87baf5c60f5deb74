"""
Floods and frames that nobody should send, from the other end of the machine's cable (raw_peer.py),
while an honest client asks for a page over and over.  How much of each is the caller's choice.
"""

import collections
import math
import os
import random
import re
import statistics
import struct
import threading
import time

import raw_peer
import rotunda_vm
from honest import HONEST_SECONDS, HonestClient
from raw_peer import ACK, RST, SYN
from rotunda_vm import busy

REAPED_SECONDS = 30
SAMPLES = 1000  # of sequence numbers
NEAR = 4096  # what a guess may be off by; at 1,000 cookies of 29 bits, 0.05 guesses are right
PORTS = 40
ECHO_PORT, HTTPS_PORT = 7, 443
HOPELESS = 230  # of nmap's index: 259 is 32 bits of chance, 235 the 29 of a cookie
NMAP_SECONDS = 0.11  # between its samples
CLOSED_RATE = 60  # a second, of connections that their server closes
NO_TLS = b"GET / HTTP/1.0\r\n\r\n"
SHORT_FRAMES, SHORT_BYTES = 1000, 10  # of headers that are no whole ones
MSS_OPTION = struct.pack(">BBH", 2, 4, raw_peer.MSS)

Amounts = collections.namedtuple("Amounts", "frames flood_seconds connections")


class Peer:
    """A machine, the network around it, and somebody honest in it."""

    def __init__(self, vm, network):
        self.vm, self.network = vm, network
        self.rng = random.Random(4)
        self.honest = HonestClient(lambda: network.page(seconds=4 * HONEST_SECONDS),
                                   (TimeoutError, ConnectionResetError))

    def honest_until(self, thread):
        """Pages until the thread has ended, one at least; what is to be said of them."""
        self.honest.forget()
        while True:
            self.honest.page()
            if not thread.is_alive():
                return self.honest.verdict()

    def figure(self, pattern):
        found = re.search(pattern, text := self.vm.command("net"))
        assert found, f"no {pattern!r} in:\n{text}"
        return int(found[1].replace(",", ""))

    def wait_reaped(self):
        """No connection, no packet and no buffer is left; how long that took."""
        begin = time.monotonic()
        while True:
            text = self.vm.command("net")
            left = len(re.findall(r"^ *\d+  (?!listening)\w+ .*\b(?:443|80) ", text, re.M))
            if left == 0 and re.search(r"packet memory 0 B .* in use 0 of", text):
                return time.monotonic() - begin
            assert time.monotonic() - begin < REAPED_SECONDS * busy(), \
                f"{left} connections are left after {REAPED_SECONDS} s:\n{text}"
            time.sleep(0.5)

    def paced(self, count, per_second, send):
        """A thread that calls `send` so often."""
        def run():
            begin = time.monotonic()
            for number in range(count):
                ahead = begin + number / per_second - time.monotonic()
                if ahead > 0.002:
                    time.sleep(ahead)
                try:
                    send()
                except OSError:
                    return  # the machine has gone

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def forged_syn(self, source, port=HTTPS_PORT):
        self.network.send_tcp(source, self.rng.randrange(1024, 65536), port, SYN,
                              sequence=self.rng.getrandbits(32), options=MSS_OPTION)

    def elsewhere(self):
        """An address behind the gateway that isn't the honest client's."""
        return b"\x0b" + self.rng.randbytes(3)


def is_served(network):
    try:
        network.page(seconds=4 * HONEST_SECONDS)
    except (TimeoutError, ConnectionResetError):
        return False
    return True


def wait_until(is_so, what, seconds=REAPED_SECONDS):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what()
        time.sleep(0.1)


# What can be foreseen.

def difficulty(numbers):
    """nmap's index: how widely the steps from one number to the next are spread."""
    steps = [(b - a) & 0xffffffff for a, b in zip(numbers, numbers[1:])]
    steps = [min(step, (1 << 32) - step) for step in steps]
    deviation = statistics.pstdev(steps) / NMAP_SECONDS / max(1, math.gcd(*steps))
    return round(8 * math.log2(deviation)) if deviation > 1 else 0


def foreseen(numbers):
    """How many are near the last one, the last step's repetition or the mean step's."""
    count = 0
    for i in range(2, len(numbers)):
        last, step = numbers[i - 1], numbers[i - 1] - numbers[i - 2]
        mean = (numbers[i - 1] - numbers[0]) // (i - 1)
        for guess in (last, last + step, last + mean):
            off = (numbers[i] - guess) & 0xffffffff
            count += min(off, (1 << 32) - off) <= NEAR
    return count


def sequence_numbers(peer, count):
    return peer.network.sequence_numbers(raw_peer.packed("203.0.113.9"), HTTPS_PORT,
                                         range(1024, 1024 + count), 10, MSS_OPTION)


def assert_unforeseen(numbers, what):
    index, hits = difficulty(numbers), foreseen(numbers)
    print(f"     {len(numbers)} sequence numbers {what}: nmap's difficulty {index}, "
          f"{3 * (len(numbers) - 2)} guesses tried, {hits} right")
    assert index >= HOPELESS, f"nmap's difficulty is {index}"
    assert hits <= 3, f"{hits} of {len(numbers)} sequence numbers were foreseen"


def sequence_numbers_cannot_be_foreseen(peer, _amounts):
    assert_unforeseen(sequence_numbers(peer, SAMPLES), "in peace")
    for _ in range(300):
        peer.forged_syn(peer.elsewhere())
    sent = peer.figure(r"SYN cookies: ([\d,]+) sent")
    assert_unforeseen(sequence_numbers(peer, SAMPLES), "from cookies")
    cookies = peer.figure(r"SYN cookies: ([\d,]+) sent") - sent
    assert cookies >= SAMPLES // 2, f"only {cookies} of them were cookies"


def ports_cannot_be_foreseen(peer, _amounts):
    ports = peer.network.ports_taken(PORTS, 20)
    near = sum(abs(b - a) < 32 for a, b in zip(ports, ports[1:]))
    print(f"     {PORTS} ports, {len(set(ports))} different, {near} within 32 of the one before, "
          f"from {min(ports)} to {max(ports)}")
    assert len(set(ports)) >= PORTS - 3 and near <= 3
    assert max(ports) - min(ports) > 10000, "they come from a corner of the range"


# Floods.

def syn_floods_keep_nobody_out(peer, amounts):
    for rate in (1000, 4000):
        count = rate * amounts.flood_seconds
        honoured = peer.figure(r"SYN cookies: [\d,]+ sent, ([\d,]+) honoured")
        flood = peer.paced(count, rate, lambda: peer.forged_syn(peer.elsewhere()))
        said = peer.honest_until(flood)
        cookies = peer.figure(r"SYN cookies: [\d,]+ sent, ([\d,]+) honoured") - honoured
        assert cookies > 0, "nobody came in by a cookie: this was no flood"
        print(f"     {count} SYNs, {rate} a second: {said}, {cookies} by cookie")
    print(f"     all reaped after {peer.wait_reaped():.0f} s")


def syns_from_absent_neighbours_keep_nobody_out(peer, amounts):
    """The machine must ask for each one's hardware address, and nobody answers."""
    count = 1000 * amounts.flood_seconds
    # The gateway answers for .2 alone while this lasts.
    peer.network.is_present = lambda address: address == raw_peer.packed(raw_peer.GATEWAY)
    try:
        flood = peer.paced(count, 1000, lambda: peer.forged_syn(
            bytes([10, 0, 2, peer.rng.randrange(16, 255)])))
        said = peer.honest_until(flood)
    finally:
        peer.network.is_present = lambda address: True
    print(f"     {count} SYNs from neighbours that aren't there: {said}; "
          f"all reaped after {peer.wait_reaped():.0f} s")


def silent_connections_keep_nobody_out(peer, amounts):
    """Handshakes that somebody completes for addresses of his own, and then nothing."""
    begun = [0]

    def on_stranger(segment):
        if segment.flags & (SYN | ACK) == SYN | ACK:
            begun[0] += 1
            peer.network.send_tcp(segment.target, segment.port, segment.source_port, ACK,
                                  sequence=segment.acknowledged, acknowledged=segment.sequence + 1)

    pages = {}
    for rate in (100, 400):
        count, begun[0] = amounts.connections * rate // 100, 0
        with peer.network.strangers_go_to(on_stranger):
            flood = peer.paced(count, rate, lambda: peer.forged_syn(peer.elsewhere()))
            said = peer.honest_until(flood)
            wait_until(lambda: begun[0] >= count * 0.9 / busy(),
                       lambda: f"only {begun[0]} connections came about")
        pages[rate] = peer.honest.pages
        print(f"     {begun[0]} connections that say nothing, {rate} a second: {said}; "
              f"all reaped after {peer.wait_reaped():.0f} s")
    # In the same time; where a newcomer waits for its turn there are a seventh.
    assert pages[400] >= pages[100] / 5, pages


def closed_connections_keep_nobody_out(peer, amounts):
    """What is no TLS: the server says so and closes, and nobody acknowledges that.  In all more
    than the stack has places for."""
    begun = [0]

    def on_stranger(segment):
        if segment.flags & (SYN | ACK) == SYN | ACK:
            begun[0] += 1
            peer.network.send_tcp(segment.target, segment.port, segment.source_port, ACK,
                                  sequence=segment.acknowledged, acknowledged=segment.sequence + 1,
                                  data=NO_TLS)

    count = amounts.connections * CLOSED_RATE // 20
    with peer.network.strangers_go_to(on_stranger):
        flood = peer.paced(count, CLOSED_RATE, lambda: peer.forged_syn(peer.elsewhere()))
        said = peer.honest_until(flood)
    print(f"     {begun[0]} connections that are closed and hear no more, {CLOSED_RATE} a second: "
          f"{said}; all reaped after {peer.wait_reaped():.0f} s")
    assert begun[0] >= count * 0.9 / busy(), f"only {begun[0]} connections came about"


# Frames.

def samples(rng):
    """Frames as they should be, of each kind that the machine looks into."""
    here, there = raw_peer.packed(raw_peer.GUEST), b"\x0b" + rng.randbytes(3)
    sequence, port = rng.getrandbits(32), rng.choice((80, 443, 7, 9999))
    options = rng.choice((MSS_OPTION, b"\x03\x03\x07\x00", b"\x05\x0a" + rng.randbytes(10), b""))
    flags = rng.choice((SYN, ACK, SYN | ACK, RST, 1 | ACK, 0, 63))
    tcp = raw_peer.tcp_segment(there, rng.randrange(65536), port, flags, sequence=sequence,
                               data=rng.randbytes(rng.choice((0, 1, 100))), options=options)
    echo = b"\x08\x00\x00\x00" + rng.randbytes(40)
    datagram = struct.pack(">HHHH", rng.choice((53, 67, 500)), rng.choice((68, 7, 53)), 28, 0)
    words = raw_peer.ip_packet(there, 17, datagram + rng.randbytes(20))
    fragment = bytearray(raw_peer.ip_packet(there, rng.choice((1, 6, 17)), rng.randbytes(200)))
    fragment[6:8] = struct.pack(">H", rng.choice((0x2000, 0x2001, 0x1fff, 0x3fff, 0x0019)))
    fragment[10:12] = b"\0\0"
    fragment[10:12] = struct.pack(">H", raw_peer.checksum(bytes(fragment[:20])))
    v6_there = b"\xfe\x80" + bytes(8) + rng.randbytes(6)
    v6_here = b"\xff\x02" + bytes(13) + b"\x01"
    after = rng.choice((0, 6, 17, 43, 44, 58, 60, 59))
    v6_body = rng.choice((b"\x86", b"\x87", b"\x88", b"\x3a", b"\x2c")) + rng.randbytes(63)
    v6 = b"\x60\0\0\0" + struct.pack(">HBB", len(v6_body), after, 255) + v6_there + v6_here
    arp = b"\0\1\x08\0\6\4\0" + rng.choice((b"\1", b"\2")) + rng.randbytes(6) + there \
        + bytes(6) + here
    ip = raw_peer.ETHERNET_IP
    return [ip + raw_peer.ip_packet(there, 6, tcp), ip + raw_peer.ip_packet(there, 1, echo),
            ip + words, ip + bytes(fragment), b"\x86\xdd" + v6 + v6_body,
            raw_peer.ETHERNET_ARP + arp]


def mutate(rng, frame):
    frame = bytearray(frame)
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        at = rng.randrange(len(frame))
        way = rng.randrange(5)
        if way == 0:
            frame[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            frame[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff))
        elif way == 2:
            del frame[max(1, at):]
        elif way == 3:
            frame[at:at] = rng.randbytes(rng.choice((1, 4, 60)))
        else:
            frame[at:at + 2] = frame[:2]
    return bytes(frame[:1500])


def mended(frame):
    """With the header's checksum right again, so that more of it is looked at."""
    if frame[:2] != raw_peer.ETHERNET_IP or len(frame) < 22:
        return frame
    head = frame[2:12] + b"\0\0" + frame[14:22]
    return frame[:12] + struct.pack(">H", raw_peer.checksum(head)) + frame[14:]


def malformed_frames_harm_nobody(peer, amounts):
    before, sent = peer.vm.restarts(), 0
    peer.honest.forget()
    while sent < amounts.frames:
        for frame in samples(peer.rng):
            frame = mutate(peer.rng, frame)
            if peer.rng.random() < 0.7:
                frame = mended(frame)
            to = raw_peer.GUEST_MAC if peer.rng.random() < 0.9 else b"\xff" * 6
            peer.network.send_frame(to + raw_peer.GATEWAY_MAC + frame)
            sent += 1
        if sent % 1500 == 0:
            # Some frames were gratuitous ARP in the gateway's name.
            peer.honest.page()
    peer.honest.page()
    assert peer.vm.restarts() == before, f"somebody fell over:\n{peer.vm.command('domains')}"
    assert "fault:" not in peer.vm.text, peer.vm.tail()
    print(f"     {sent} frames: {peer.honest.verdict()}; "
          f"all reaped after {peer.wait_reaped():.0f} s")


def frames_too_short_leave_room_for_others(peer, _):
    """More than the card has buffers, while the machine has nothing to say itself."""
    for _ in range(SHORT_FRAMES):
        peer.network.send_frame(bytes(SHORT_BYTES))
    time.sleep(1)
    peer.honest.forget()
    peer.honest.page()
    print(f"     {SHORT_FRAMES} frames of {SHORT_BYTES} bytes: {peer.honest.verdict()}")


TESTS = [
    sequence_numbers_cannot_be_foreseen, ports_cannot_be_foreseen, syn_floods_keep_nobody_out,
    syns_from_absent_neighbours_keep_nobody_out, silent_connections_keep_nobody_out,
    closed_connections_keep_nobody_out, malformed_frames_harm_nobody,
    frames_too_short_leave_room_for_others,
]


def run_all(amounts):
    """Exit status for sys.exit."""
    wanted = rotunda_vm.wanted_tests()
    image = os.path.join(rotunda_vm.build_folder(), "rotunda-test.Image")
    if not os.path.exists(image):
        print(f"skipped: needs {image}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    with raw_peer.Network() as network, \
            rotunda_vm.Machine(image, network=False, options=network.options(),
                               append=raw_peer.GUEST_ARGUMENTS) as vm:
        vm.wait_prompt()
        vm.expect_ever(r"web: https on port", 60)
        # It says so before the stack has heard of it.
        wait_until(lambda: is_served(network), lambda: "nobody is served", rotunda_vm.BOOT_SECONDS)
        peer = Peer(vm, network)
        for test in TESTS:
            if not wanted or test.__name__ in wanted:
                result = rotunda_vm.run_test(lambda _, test=test: test(peer, amounts), vm,
                                             test.__name__)
                failed += result.error is not None
    return 1 if failed else 0
