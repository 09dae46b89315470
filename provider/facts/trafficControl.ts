import * as z from "../zod";
import { readJson } from "./links";
import type { Answers, Fact } from "./question";

/** What tc(8) has to say about packets before any rule of the firewall does. */
export interface TrafficControl {
  /** The interfaces at which a filter takes packets as they come or go; what filters do can't be read from outside. */
  readonly filtered: readonly string[];
  /** The interfaces at which a program of BPF does so that tc(8) does not show (tcx). */
  readonly attached: readonly string[];
  /** By interface, what decides when its packets go out, and whether they do (a shaper): `tbf`. */
  readonly shaped: ReadonlyMap<string, string>;
  /** What could not be read, with tc(8)'s own words. */
  readonly unread: readonly string[];
}

const qdiscList = z.array(
  z.looseObject({
    kind: z.string(),
    dev: z.string().optional(),
    options: z.looseObject({ bandwidth: z.unknown().optional() }).optional(),
  }),
);

/** Queues that send all that they are given, as fast as the interface takes it. */
const mereQueues = new Set(
  "clsact ingress noqueue noop pfifo_fast pfifo bfifo fq fq_codel codel pie fq_pie sfq red mq mqprio multiq".split(" "),
);

const anyQdisc = { key: "trafficControl.qdiscs", matches: '"kind": ?"(?:clsact|ingress)"' };

/**
 * Asks the kernel for programs that are attached by tcx (BPF_PROG_QUERY of BPF_TCX_INGRESS and BPF_TCX_EGRESS), and prints
 * the name of each interface that has one. No program that a Debian brings shows them; an older kernel has none.
 */
const listAttached = String.raw`use strict; use warnings; use POSIX ();
my $bpf = { x86_64 => 321, aarch64 => 280 }->{ (POSIX::uname())[4] } or exit;
for (split /\n/, qx(ip -o link show)) {
    my ($index, $name) = /^(\d+): ([^:\@]+)/ or next;
    for my $side (46, 47) {
        my $query = pack 'L4 Q L x36', $index, $side, 0, 0, 0, 0;
        print "$name\n" if syscall($bpf, 16, $query, length $query) == 0 && unpack 'x24 L', $query;
    }
}`;

/** The filters of tc(8) at the qdiscs that packets pass as they come in (`ingress`, `clsact`) and go out (`clsact`). */
export const trafficControl: Fact<TrafficControl> = {
  questions: {
    "trafficControl.attached": { ask: "run", argv: ["perl", "-e", listAttached] },
    "trafficControl.qdiscs": { ask: "run", argv: ["tc", "-j", "qdisc", "show"] },
    "trafficControl.ingress": {
      when: anyQdisc,
      ask: "run",
      for: "every interface",
      argv: ["tc", "-j", "filter", "show", "dev", "@interface@", "ingress"],
    },
    "trafficControl.egress": {
      when: anyQdisc,
      ask: "run",
      for: "every interface",
      argv: ["tc", "-j", "filter", "show", "dev", "@interface@", "egress"],
    },
  },

  read(answers: Answers): TrafficControl {
    const { value = [], unread } = readJson("tc qdisc show", qdiscList, answers.ran("trafficControl.qdiscs"));
    // In JSON tc 5.9 prints some filters wrongly, so only whether there is one is read.
    const anyFilter = (key: string, name: string) =>
      !/^\s*(?:\[\s*\])?\s*$/.test(answers.ranFor(key)?.get(name)?.said ?? "");
    const filtered = value.flatMap(({ kind, dev }) => {
      if (dev === undefined || (kind !== "clsact" && kind !== "ingress")) return [];
      const sides = kind === "clsact" ? ["ingress", "egress"] : ["ingress"];
      return sides.some((side) => anyFilter(`trafficControl.${side}`, dev)) ? [dev] : [];
    });
    const shaped = value.flatMap(({ kind, dev, options }) => {
      const isMere = mereQueues.has(kind) || (kind === "cake" && options?.bandwidth === "unlimited");
      return dev === undefined || isMere ? [] : [[dev, kind] as const];
    });
    const attached = (answers.ran("trafficControl.attached")?.said ?? "").split("\n").filter((name) => name !== "");
    return { filtered, attached, shaped: new Map(shaped), unread: unread === undefined ? [] : [unread] };
  },
};
