import * as z from "../zod";
import { interfaceSchema, interfaceWord, type NetworkInterface } from "./network";
import { bad, type Checked, good, guess, quoted, readFields } from "./problem";

/** What machines ask node 0 for, and by what two node 0s with `highAvailability` hear each other. */
export type FirewallService = "dhcp" | "tftp" | "ntp" | "dns" | "kea-ha";

/** What node 0's firewall lets in from the private network, and what it keeps out everywhere else. */
export interface FirewallSettings {
  readonly interface: NetworkInterface;
  readonly services: readonly FirewallService[];
  /** Dropped on every other interface. */
  readonly confine: readonly FirewallService[];
}

/**
 * The packets that a service needs. The server's data in TFTP go from a port of their own, to which the machine answers:
 * only the connection's state tells those answers from others (RFC 1350, 4).
 */
const packets: Readonly<Record<FirewallService, readonly string[]>> = {
  dhcp: ["udp 67"],
  tftp: ["udp 69", "udp established"],
  ntp: ["udp 123"],
  dns: ["udp 53", "tcp 53"],
  "kea-ha": ["tcp 8001"],
};

/** What machines ask for, in the order of the rules. */
const askedByMachines: readonly FirewallService[] = ["dhcp", "tftp", "ntp", "dns"];

const firewallServices: readonly FirewallService[] = [...askedByMachines, "kea-ha"];

const servicesRule = `write those that node 0 serves, as in ["dhcp", "tftp"]`;

const serviceList = z.array(z.unknown(), { error: (issue) => `${quoted(issue.input)} is no list; ${servicesRule}` });

const shape = {
  interface: interfaceSchema,
  services: serviceList.optional(),
  confine: z
    .union([z.boolean(), serviceList], {
      error: (issue) => `${quoted(issue.input)} is neither true, nor false, nor a list of services; ${servicesRule}`,
    })
    .optional(),
};

/** Reads the arguments of a firewall: `interface`, `services` (all that node 0 may serve), `confine` (false). */
export function parseFirewallSettings(args: unknown): Checked<FirewallSettings> {
  const { fields, problems } = readFields(shape, args, '{ interface: "eno2" }');
  const known = (path: string, list: readonly unknown[]): readonly FirewallService[] => {
    for (const [index, service] of list.entries()) {
      if (firewallServices.some((one) => one === service)) continue;
      problems.push({
        path: `${path}[${index}]`,
        message: `${quoted(service)} is no service of node 0; ${guess(String(service), firewallServices)}`,
      });
    }
    return firewallServices.filter((service) => list.includes(service));
  };
  const services = known("services", fields.services ?? askedByMachines);
  const { confine = false } = fields;
  const confined = known("confine", typeof confine === "boolean" ? (confine ? ["dhcp", "tftp"] : []) : confine);
  if (problems.length > 0 || fields.interface === undefined) return bad(...problems);
  return good({ interface: fields.interface, services, confine: confined });
}

/**
 * The rules in words that hold for whatever manages node 0's firewall.
 *
 * @example
 * ```ts
 * renderFirewallRules({ interface: { name: "eno2" }, services: ["dhcp"], confine: ["dhcp"] });
 * // ["allow in on eno2 udp 67", "drop in on all but eno2 udp 67"]
 * ```
 */
export function renderFirewallRules({ interface: nic, services, confine }: FirewallSettings): readonly string[] {
  const word = interfaceWord(nic);
  return [
    ...services.flatMap((service) => packets[service]).map((packet) => `allow in on ${word} ${packet}`),
    ...confine
      .flatMap((service) => packets[service])
      .filter((packet) => !packet.endsWith("established"))
      .map((packet) => `drop in on all but ${word} ${packet}`),
  ];
}
