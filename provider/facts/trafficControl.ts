import { z } from "zod";
import { readJson } from "./links";
import type { Answers, Fact } from "./question";

/** What tc(8) has to say about packets before any rule of the firewall does. */
export interface TrafficControl {
  /** The interfaces at which a filter takes packets as they come or go; what filters do can't be read from outside. */
  readonly filtered: readonly string[];
  /** What could not be read, with tc(8)'s own words. */
  readonly unread: readonly string[];
}

const qdiscList = z.array(z.looseObject({ kind: z.string(), dev: z.string().optional() }));

const anyQdisc = { key: "trafficControl.qdiscs", matches: '"kind": ?"(?:clsact|ingress)"' };

/** The filters of tc(8) at the qdiscs that packets pass as they come in (`ingress`, `clsact`) and go out (`clsact`). */
export const trafficControl: Fact<TrafficControl> = {
  questions: {
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
    return { filtered, unread: unread === undefined ? [] : [unread] };
  },
};
