import type { Answers, Fact } from "./question";

/** A file of hosts_access(5). */
export interface WrapperFile {
  readonly path: string;
  readonly rules: readonly WrapperRule[];
}

/** A line of it that libwrap reads. */
export interface WrapperRule {
  readonly line: number;
  readonly text: string;
  readonly daemons: readonly string[];
  readonly clients: readonly string[];
  /** What hosts_options(5) has: `deny`, `spawn …`. */
  readonly options: readonly string[];
}

/** Whom in.tftpd, or the kernel for it, listens to: node 0 itself may be among them where a machine is not. */
export interface TftpPeers {
  readonly allow: WrapperFile;
  readonly deny: WrapperFile;
  /**
   * Of its unit and the slices that this is in, networks or addresses, as systemd.resource-control(5) has them. None is denied where
   * systemd has said at this boot that it can filter nothing.
   */
  readonly allowed: readonly string[];
  readonly denied: readonly string[];
  /** Of each: interfaces that alone are heard, or, after a `~`, that are not; none are all. */
  readonly interfaces: readonly string[];
  /** Programs of BPF that decide, too. */
  readonly filters: readonly string[];
  /** Node 0 is a container, in which systemd keeps to itself that it can't carry such lines out. */
  readonly isContained: boolean;
}

const hostsAllow = "/etc/hosts.allow";
const hostsDeny = "/etc/hosts.deny";

const properties = "IPAddressAllow,IPAddressDeny,RestrictNetworkInterfaces,IPIngressFilterPath,IPEgressFilterPath";

/** What in.tftpd reads by libwrap, and what its unit and the slices above it are kept from. */
export const tftpPeers: Fact<TftpPeers> = {
  questions: {
    "peers.allow": { ask: "path", path: hostsAllow, bytes: 262_144 },
    "peers.deny": { ask: "path", path: hostsDeny, bytes: 262_144 },
    "peers.units": {
      ask: "run",
      argv: ["systemctl", "show", "-p", properties, "--", "tftpd-hpa.service", "system.slice", "-.slice"],
    },
    // For the first unit of a boot that has such a line, where the kernel has no BPF for it.
    "peers.unfiltered": {
      when: { key: "peers.units", matches: "IPAddressDeny=\\S" },
      ask: "run",
      argv: ["journalctl", "-q", "-b", "-o", "cat", "-n", "1", "-g", "configures an IP firewall, but", "_PID=1"],
    },
    "peers.container": {
      when: { key: "peers.units", matches: "IPAddressDeny=\\S|Interfaces=~?[^~\\s]" },
      ask: "run",
      argv: ["systemd-detect-virt", "--container", "--quiet"],
    },
  },
  read(answers: Answers): TftpPeers {
    const said = answers.ran("peers.units")?.said ?? "";
    const all = (name: string): readonly string[] =>
      [...said.matchAll(new RegExp(`^${name}=(.+)$`, "gm"))].map(([, value = ""]) => value);
    const words = (name: string): readonly string[] => all(name).flatMap((value) => value.split(" "));
    return {
      allow: { path: hostsAllow, rules: parseWrapperRules(answers.path("peers.allow")?.content ?? "") },
      deny: { path: hostsDeny, rules: parseWrapperRules(answers.path("peers.deny")?.content ?? "") },
      allowed: words("IPAddressAllow"),
      denied: answers.ran("peers.unfiltered")?.said.includes("IP firewall, but") === true ? [] : words("IPAddressDeny"),
      interfaces: all("RestrictNetworkInterfaces").filter((value) => value !== "~"),
      filters: [...words("IPIngressFilterPath"), ...words("IPEgressFilterPath")],
      isContained: answers.ran("peers.container")?.status === 0,
    };
  },
};

/** The rules of a file of hosts_access(5), as libwrap reads them: a last line that does not end is none. */
export function parseWrapperRules(content: string): readonly WrapperRule[] {
  const rules: WrapperRule[] = [];
  const lines = content.split("\n").slice(0, -1);
  for (let index = 0; index < lines.length; index++) {
    const line = index + 1;
    let text = lines[index] ?? "";
    while (text.endsWith("\\") && index + 1 < lines.length) text = text.slice(0, -1) + lines[++index];
    if (text.startsWith("#") || text.trim() === "") continue;
    // A colon in brackets is an address's, and one behind a backslash an option's own.
    const fields = (text.match(/(?:\[[^\]]*\]|\\.|[^:])+/g) ?? []).map((field) => field.trim());
    const [daemons = "", clients, ...options] = fields;
    if (clients === undefined) continue;
    rules.push({ line, text: text.trim(), daemons: listOf(daemons), clients: listOf(clients), options });
  }
  return rules;
}

function listOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
