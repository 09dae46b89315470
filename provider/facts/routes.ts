import { z } from "zod";
import { readJson } from "./links";
import type { Answers, Question } from "./question";

/** Addresses of a network that the kernel treats alike, and what ip(8) says of the way to them and back. */
export interface Leg {
  readonly first: string;
  readonly last: string;
  /** Of a packet that this host sends to the first of them: `192.168.1.3 from 192.168.1.1 dev eno2 uid 0`. */
  readonly out: string;
  /** Of one that comes from there by the interface of that network: `local 192.168.1.1 from 192.168.1.3 dev lo`. */
  readonly back: string;
}

/** An Ethernet address that somebody gave an IPv4 address for good, so that nobody is asked for it. */
export interface FixedNeighbour {
  readonly address: string;
  readonly interface: string;
  readonly mac: string;
}

/** How node 0 and the machines of its network find each other, which no question that it asks itself meets. */
export interface Routes {
  readonly legs: readonly Leg[];
  readonly fixed: readonly FixedNeighbour[];
  /** By interface, and of `all`: which questions for this host's own addresses are not answered (arp_ignore). */
  readonly ignored: ReadonlyMap<string, number>;
}

/**
 * Whatever routes, rules of policy routing and rp_filter there are, the kernel decides; it is asked of each address at which one
 * of them begins, and of each that is the first after one.
 */
const askKernel = String.raw`use strict; use warnings;
my ($own, $cidr) = @ARGV;
my ($nic) = qx(ip -4 -o address show to $own) =~ /^\d+: (\S+)/ or exit;
sub number { return unpack 'N', pack 'C4', split /\./, shift }
sub range { my ($net, $length) = split m{/}, shift; my $size = 2 ** (32 - ($length // 32)); my $at = number($net); return ($at - $at % $size, $size) }
my ($first, $size) = range($cidr);
my %edge = map { ($_ => 1) } $first, $first + 1, $first + $size - 1;
for (split /\n/, qx(ip -4 route show table all root $cidr; ip -4 rule show)) {
    for my $each (/(\d+(?:\.\d+){3}(?:\/\d+)?)/g) {
        my ($at, $many) = range($each);
        $edge{$_} = 1 for grep { $first < $_ && $_ < $first + $size } $at, $at + $many;
    }
}
my @edges = sort { $a <=> $b } keys %edge;
splice @edges, 200 if @edges > 200;
for my $n (1 .. $#edges - 1) {
    my ($one, $last) = map { join '.', unpack 'C4', pack 'N', $_ } $edges[$n], $edges[$n + 1] - 1;
    next if $one eq $own;
    my @said = map { s/\s+/ /gr } scalar qx(ip -4 route get $one from $own 2>&1), scalar qx(ip -4 route get $own from $one iif $nic 2>&1);
    print join("\t", $one, $last, @said), "\n";
}`;

const neighbourList = z.array(
  z.looseObject({ dst: z.string().optional(), dev: z.string().optional(), lladdr: z.string().optional() }),
);

export const fixedNeighbours = "routes.neighbours";

/** What is asked about the way between an address of this host and the network that it is in. */
export function routeQuestions(address: string, cidr: string): Readonly<Record<string, Question>> {
  return {
    "routes.legs": { ask: "run", argv: ["perl", "-e", askKernel, address, cidr] },
    [fixedNeighbours]: { ask: "run", argv: ["ip", "-j", "-4", "neighbour", "show", "nud", "permanent"] },
    "routes.arpIgnore": {
      ask: "run",
      argv: ["grep", "-rH", "[1-9]", "--include=arp_ignore", "/proc/sys/net/ipv4/conf"],
    },
  };
}

/** What the answers say; nothing where it was not asked. */
export function readRoutes(answers: Answers): Routes | undefined {
  const legs = answers.ran("routes.legs");
  if (legs === undefined) return undefined;
  const { value = [] } = readJson("ip neighbour show", neighbourList, answers.ran(fixedNeighbours));
  const ignored = answers.ran("routes.arpIgnore")?.said ?? "";
  return {
    legs: legs.said.split("\n").flatMap((line) => {
      const [first = "", last = "", out = "", back] = line.split("\t");
      return back === undefined ? [] : [{ first, last, out: out.trim(), back: back.trim() }];
    }),
    fixed: value.flatMap(({ dst, dev, lladdr }) =>
      dst === undefined || dev === undefined || lladdr === undefined
        ? []
        : [{ address: dst, interface: dev, mac: lladdr }],
    ),
    ignored: new Map(
      [...ignored.matchAll(/^\S*\/conf\/([^/]+)\/arp_ignore:(\d+)$/gm)].map(([, name = "", value = ""]) => [
        name,
        Number(value),
      ]),
    ),
  };
}
