"""A way between two network namespaces that delays and loses packets, where the kernel has no netem: two TUN devices and this program.

lossy-way.py NAMESPACE ADDRESS/BITS NAMESPACE ADDRESS/BITS MTU DELAY_MS
Says "ready", then takes lines "loss PERCENT" on its standard input, and ends with it.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
TUNSETOFFLOAD = 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
# A packet, or many in one as a network card takes them, behind a header of ten bytes (virtio_net_hdr) that says how to cut it.
READ_BYTES_MAX = 10 + 65_536
# What is on its way in one direction, as a router's buffer: beyond it packets are lost at the tail.
QUEUED_BYTES_MAX = 16_000_000


def device(namespace, address, mtu):
    """Made in its namespace, and then kept by its descriptor: the process goes on to the next."""
    with open("/run/netns/" + namespace) as place:
        if ctypes.CDLL(None, use_errno=True).setns(place.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"way", IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    for words in (["addr", "add", address, "dev", "way"], ["link", "set", "way", "mtu", mtu, "txqueuelen", "5000", "up"], ["link", "set", "lo", "up"]):
        subprocess.run(["ip", *words], check=True)
    return tun


def lossless(ends, holds):
    """Where nothing is lost, packets go many at a time, for half of the work. Where some are, each is lost or not by itself."""
    for end in ends:
        fcntl.ioctl(end, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 if holds else 0)


def main():
    one, one_address, other, other_address, mtu, delay_ms = sys.argv[1:]
    ends = [device(one, one_address, mtu), device(other, other_address, mtu)]
    delay, loss = float(delay_ms) / 1_000, 0.0
    lanes = [collections.deque(), collections.deque()]
    queued = [0, 0]
    lossless(ends, True)
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        due = min((lane[0][0] for lane in lanes if lane), default=now + 1)
        readable, _, _ = select.select([*ends, sys.stdin], [], [], max(0, due - now))
        if sys.stdin in readable:
            words = sys.stdin.readline().split()
            if not words:
                return
            loss = float(words[1]) / 100
            lossless(ends, loss == 0)
        now = time.monotonic()
        for index, end in enumerate(ends):
            if end in readable:
                try:
                    for _ in range(256):
                        packet = os.read(end, READ_BYTES_MAX)
                        if random.random() >= loss and queued[index] < QUEUED_BYTES_MAX:
                            lanes[index].append((now + delay, packet))
                            queued[index] += len(packet)
                except BlockingIOError:
                    pass
            lane, to = lanes[index], ends[1 - index]
            while lane and lane[0][0] <= now:
                _, packet = lane.popleft()
                queued[index] -= len(packet)
                try:
                    os.write(to, packet)
                except BlockingIOError:
                    pass


main()
