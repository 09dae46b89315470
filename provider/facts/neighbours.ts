import * as z from "../zod";
import { readJson } from "./links";
import type { Answers, Fact } from "./question";

/** An Ethernet address that somebody gave an IPv4 address for good, so that nobody is asked for it. */
export interface FixedNeighbour {
  readonly address: string;
  readonly interface: string;
  readonly mac: string;
}

/** How node 0 and the machines of its network find each other by ARP, which no question that it asks itself meets. */
export interface Neighbours {
  readonly fixed: readonly FixedNeighbour[];
  /** By interface, and of `all`: which questions for this host's own addresses are not answered (arp_ignore). */
  readonly ignored: ReadonlyMap<string, number>;
}

const neighbourList = z.array(
  z.looseObject({ dst: z.string().optional(), dev: z.string().optional(), lladdr: z.string().optional() }),
);

export const fixedNeighbours = "neighbours.fixed";

/** What is fixed, and what is not answered. */
export const neighbours: Fact<Neighbours> = {
  questions: {
    [fixedNeighbours]: { ask: "run", argv: ["ip", "-j", "-4", "neighbour", "show", "nud", "permanent"] },
    "neighbours.ignored": {
      ask: "run",
      argv: ["grep", "-rH", "[1-9]", "--include=arp_ignore", "/proc/sys/net/ipv4/conf"],
    },
  },

  read(answers: Answers): Neighbours {
    const { value = [] } = readJson("ip neighbour show", neighbourList, answers.ran(fixedNeighbours));
    const ignored = answers.ran("neighbours.ignored")?.said ?? "";
    return {
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
  },
};
