import type { Answers, Fact } from "./question";

/** A rule as ufw tells rules apart: by action, protocol, ports and interface. */
export interface UfwRule {
  readonly action: string;
  readonly protocol: string;
  /** `67,69`. */
  readonly ports: string;
  /** Empty for all. */
  readonly interface: string;
}

export interface UfwTuple extends UfwRule {
  /** Written in hexadecimal digits, as ufw does; empty if there is none. */
  readonly comment: string;
  /** Whether it holds from any address and port to any address. */
  readonly anywhere: boolean;
}

export interface Ufw {
  readonly program: boolean;
  /** Whether it starts its rules at boot. */
  readonly enabled: boolean;
  /** The rules for what comes in, in their order. */
  readonly tuples: readonly UfwTuple[];
  /** The same for IPv6: ufw puts in both, and can take out one. */
  readonly tuples6: readonly UfwTuple[];
  /** The files that ufw writes its rules to, as far as they are there. */
  readonly files: readonly string[];
}

/** The rules that ufw's users gave it. */
export const ufw: Fact<Ufw> = {
  questions: {
    "ufw.program": { ask: "path", path: "/usr/sbin/ufw" },
    "ufw.configuration": { ask: "path", path: "/etc/ufw/ufw.conf", bytes: 100_000 },
    "ufw.rules": { ask: "path", path: "/etc/ufw/user.rules", bytes: 4_000_000 },
    "ufw.rules6": { ask: "path", path: "/etc/ufw/user6.rules", bytes: 4_000_000 },
  },

  read(answers: Answers): Ufw {
    const { type } = answers.path("ufw.program") ?? { type: "absent" };
    return {
      program: type === "file" || type === "link",
      enabled: /^ENABLED=["']?yes/m.test(answers.path("ufw.configuration")?.content ?? ""),
      tuples: parseTuples(answers.path("ufw.rules")?.content ?? ""),
      tuples6: parseTuples(answers.path("ufw.rules6")?.content ?? ""),
      files: ["ufw.rules", "ufw.rules6"].flatMap((key) => {
        const seen = answers.path(key);
        return seen?.type === "file" ? seen.path : [];
      }),
    };
  },
};

const tuple =
  /^### tuple ### (?<action>\S+) (?<protocol>\S+) (?<ports>\S+) (?<to>\S+) (?<sourcePorts>\S+) (?<from>\S+) in(?:_(?<nic>\S+))?(?: comment=(?<comment>\S+))?$/;

function parseTuples(text: string): readonly UfwTuple[] {
  return text.split("\n").flatMap((line) => {
    const found = tuple.exec(line)?.groups;
    if (found === undefined) return [];
    const { action = "", protocol = "", ports = "", to, sourcePorts, from, nic = "", comment = "" } = found;
    const anywhere = to === "0.0.0.0/0" && sourcePorts === "any" && from === "0.0.0.0/0";
    return { action, protocol, ports, interface: nic, comment, anywhere };
  });
}
