#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every peer against every case of traffic, in turns (A B C A B C ...), one table.

For each case and peer: the median of the rounds, lowest and highest, the ratio to the
floor (the median of the rounds' ratios), and what a frame costs over the floor.
"""
import argparse, json, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ONE = os.path.join(HERE, "one.sh")
BUSY = "NOISY: others had our core in every window"


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-p", "--peers", default="none xdp-tx lb-arr nft-hash nft-persist", help="names, or paths of .sh files")
    p.add_argument("-x", "--extra", default="", help="more peers, added to the list")
    p.add_argument("-c", "--cases", default="udp:1000 ack:1000 udp:100000 ack:100000 syn:0",
                   help="KIND:FLOWS; FLOWS 0: every frame a new flow")
    p.add_argument("-n", "--rounds", type=int, default=5)
    p.add_argument("-s", "--secs", type=float, default=0.5, help="length of one window")
    p.add_argument("-t", "--tries", type=int, default=8, help="windows tried for one that others left alone")
    p.add_argument("-f", "--floor", default="xdp-tx", help="the peer that ratios refer to")
    p.add_argument("--json", help="write every window to this file")
    return p.parse_args()


def windows(peer, a):
    """One dict for each case, of one turn of this peer."""
    p = subprocess.run([ONE, "run", peer, str(a.secs), a.cases], env=dict(os.environ, TRIES=str(a.tries)),
                       stdout=subprocess.PIPE, text=True)
    if p.returncode:
        sys.exit(f"{peer}: could not be measured")
    for line in p.stdout.splitlines():
        kind, flows, rate, _, gen, soft = line.split()
        yield {"peer": peer, "case": f"{kind}:{flows}", "rate": float(rate), "quiet": float(gen) + float(soft) > 0.94}


def measure(a):
    # an arm behind the name, as other rigs write it, is always the first one here
    peers = [p.removesuffix(":1") for p in (a.peers + " " + a.extra).split()]
    taken = []
    subprocess.run([ONE, "up"], check=True)
    try:
        for r in range(a.rounds):
            for peer in peers:
                taken += [dict(w, round=r) for w in windows(peer, a)]
            print(f"round {r + 1}/{a.rounds}", file=sys.stderr)
    finally:
        subprocess.run([ONE, "down"])
    return peers, taken


def row(peer, mine, floor):
    rates = [w["rate"] for w in mine if w["quiet"]] or [w["rate"] for w in mine]
    middle = statistics.median(rates)
    ratios = [w["rate"] / floor[w["round"]] for w in mine if floor.get(w["round"])]
    ratio = f"{statistics.median(ratios):6.2f}" if ratios else "     -"
    over = f"{1e9 / middle - 1e9 / statistics.median(floor.values()):7.0f}" if floor and middle else "      -"
    name = os.path.basename(peer).removesuffix(".sh")
    spread = f"[{min(rates) / 1e6:.2f}-{max(rates) / 1e6:.2f}]"
    noisy = "" if any(w["quiet"] for w in mine) else "  " + BUSY
    return f"  {name:18s}{middle / 1e6:6.2f} {spread:>14s} {ratio} {over} {len(rates)}{noisy}"


def main():
    a = arguments()
    subprocess.run(["make", "-s", "-C", HERE], check=True)
    peers, taken = measure(a)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(taken, f)
    print(f"windows of {a.secs} s; Mpps median [min-max], ratio to {a.floor}, ns per frame over it")
    for case in a.cases.split():
        print(f"\n{case:12s}{'Mpps':>14s} {'[min-max]':>14s} {'ratio':>6s} {'+ns':>7s} windows")
        of = {p: [w for w in taken if w["case"] == case and w["peer"] == p] for p in peers}
        floor = {w["round"]: w["rate"] for w in of.get(a.floor, [])}
        for peer in peers:
            print(row(peer, of[peer], floor))


main()
