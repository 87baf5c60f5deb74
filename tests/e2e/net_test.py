#!/usr/bin/env python3
"""
The network stack from outside: addresses, ping, TCP and UDP through a program of their own (echo),
connections that the guest makes, a driver and a stack that die under load, memory back afterwards.
"""
# timeout: 400

import os
import re
import socket
import sys
import threading
import time

import rotunda_vm

MIB = 1 << 20


class Ports:
    """Host ports that lead to the guest's echo (TCP and UDP 7) and relay (TCP 10)."""

    def __init__(self):
        self.echo = rotunda_vm.free_port()
        self.relay = rotunda_vm.free_port()

    def options(self):
        forward = (f"user,id=net0,ipv4=on,ipv6=on,"
                   f"hostfwd=tcp:127.0.0.1:{self.echo}-:7,hostfwd=udp:127.0.0.1:{self.echo}-:7,"
                   f"hostfwd=tcp:127.0.0.1:{self.relay}-:10")
        return ["-netdev", forward, "-device",
                "virtio-net-device,netdev=net0,bus=virtio-mmio-bus.0"]


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def exchange(port, data, greeting=b""):
    """Send `data` and shut the sending side, while taking in all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        def send():
            connection.sendall(greeting + data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        received = bytearray()
        while True:
            part = connection.recv(1 << 16)
            if not part:
                break
            received += part
        sender.join()
    return bytes(received)


def addresses_and_ping(vm, _ports):
    for pattern in (r"address 10\.0\.2\.15/24 by DHCP", r"address fec0::\S+ from a router"):
        vm.expect_ever(pattern, 30)  # they come in no certain order
    text = vm.command("net")
    check("10.0.2.15/24" in text and "fe80::" in text and "fec0::" in text, text)
    check("10.0.2.2" in text and "10.0.2.3" in text, "no gateway or no name server:\n" + text)
    check("4 sent, 4 answered" in vm.command("ping 10.0.2.2"), "no answer over IPv4")
    check("4 sent, 4 answered" in vm.command("ping fec0::2"), "no answer over IPv6")


def tcp_echo(_vm, ports):
    for size in (1, 1460, 100000, 4 * MIB):
        data = os.urandom(size)
        check(exchange(ports.echo, data) == data, f"an echo of {size} bytes came back changed")


def many_echoes(_vm, ports):
    wrong = []

    def one(i):
        data = bytes([i % 256]) * 20000
        if exchange(ports.echo, data) != data:
            wrong.append(i)

    # Not all at once: QEMU's user network listens with a backlog of one.
    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    check(not wrong, f"echoes {wrong} came back changed")


def udp_echo(_vm, ports):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", ports.echo))
        for i in range(200):
            data = os.urandom(1 + i * 7)
            s.send(data)
            check(s.recv(2048) == data, f"datagram {i} came back changed")


def connecting_out(_vm, ports):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve():
            connection, _ = server.accept()
            with connection:
                data = bytearray()
                while part := connection.recv(1 << 16):
                    data += part
                connection.sendall(bytes(data[::-1]))

        thread = threading.Thread(target=serve)
        thread.start()
        data = os.urandom(300000)
        back = exchange(ports.relay, data, f"10.0.2.2 {port}\n".encode())
        thread.join()
    check(back == data[::-1], "what the guest fetched is not what was served")


def driver_dies(vm, ports):
    """A connection lives on; what got lost is sent again."""
    with socket.create_connection(("127.0.0.1", ports.echo), 60) as connection:
        for _ in range(3):
            connection.sendall(b"before")
            check(connection.recv(6, socket.MSG_WAITALL) == b"before", "no echo")
            vm.command("restart virtio-net")
            connection.sendall(b"after")
            check(connection.recv(5, socket.MSG_WAITALL) == b"after", "no echo after the restart")
    end = time.monotonic() + 10
    while (noticed := vm.text.count("lost the network driver")) < 3:
        check(time.monotonic() < end, f"the stack noticed {noticed} of 3 deaths")
        vm.pump(0.1)
    check(noticed == 3, f"the stack noticed {noticed} deaths where there were 3")


def stack_dies(vm, ports):
    """Clients connect to the next stack and listen again."""
    vm.drain()
    vm.seen = len(vm.text)
    vm.send_line("restart net")
    vm.expect(r"address 10\.0\.2\.15/24 by DHCP", 30)  # before the prompt, or after it
    end = time.monotonic() + 30
    while True:
        vm.pump(0)
        try:
            if exchange(ports.echo, b"again") == b"again":
                return
        except OSError:
            pass
        check(time.monotonic() < end, "no echo after the stack's restart")
        time.sleep(0.2)


def memory_is_back(vm, _ports):
    """Nothing of the connections is left in the stack, once the last packets have died out."""
    end = time.monotonic() + 60
    while True:
        text = vm.command("net")
        packet = re.search(r"packet memory (.*?) of", text)
        held = re.search(r"receive buffers in use (\d+)", text)
        if held and held[1] == "0" and packet and re.fullmatch(r"\d+ B", packet[1]):
            break
        check(time.monotonic() < end, "memory did not come back:\n" + text)
        time.sleep(1)
    check("bad checksums 0," in text and "clients expelled 0" in text, text)


def static_addresses(image, ports):
    """What the boot arguments say goes, and nothing else is asked for."""
    arguments = ("net.address=10.0.2.20/24 net.gateway=10.0.2.2 net.dns=10.0.2.3 "
                 "net.address6=fec0::77/64 net.slaac=off")
    with rotunda_vm.Machine(image=image, network=False, options=ports.options(),
                            append=arguments) as vm:
        vm.wait_prompt()
        vm.expect_ever(r"address fec0::77/64 as configured", 30)
        check("4 sent, 4 answered" in vm.command("ping 10.0.2.2"), "no answer over IPv4")
        check("4 sent, 4 answered" in vm.command("ping fec0::2"), "no answer over IPv6")
        text = vm.command("net")
        check("10.0.2.20/24 (static)" in text and "fec0::77/64 (static)" in text, text)
        check("router)" not in text and "DHCP" not in text, text)


STEPS = (addresses_and_ping, tcp_echo, many_echoes, udp_echo, connecting_out, driver_dies,
         memory_is_back, stack_dies)


def main():
    ports = Ports()
    image = os.path.join(rotunda_vm.build_folder(), "rotunda-test.Image")
    machine = rotunda_vm.Machine(image=image, network=False, options=ports.options())
    with machine as vm:
        vm.wait_prompt()
        for step in STEPS:
            step(vm, ports)
            print(f"{step.__name__}: passed", flush=True)
        check("fault:" not in vm.text, "a domain has failed:\n" + vm.tail())
    static_addresses(image, Ports())
    print("static_addresses: passed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
