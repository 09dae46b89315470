import { dhcpBackends } from "../formats/dhcpBackend";
import { keaUnit as kea, keaConf } from "../os/paths";
import type { Answers, Fact, Holder, PacketSocket } from "./question";
import { unitFacts } from "./units";

/** What node 0 serves machines, and what another program on it may serve as well. */
export type Service = "dhcp" | "tftp" | "time" | "names";

export const servicePorts: Readonly<Record<Service, number>> = { dhcp: 67, tftp: 69, time: 123, names: 53 };

/** Where two DHCP servers hear each other. */
const partnerPorts: readonly number[] = dhcpBackends.flatMap(({ partner }) => partner?.port ?? []);

/** The question about sockets. */
export const holdersKey = "servers.holders";

/** Who on node 0 serves what we are to serve, and who would after its next boot. */
export interface Servers {
  /** Who has the ports now. */
  readonly holders: readonly Holder[];
  readonly packetSockets: readonly PacketSocket[];
  /** Servers that do not run, and that a boot starts. */
  readonly idle: readonly { readonly unit: string; readonly service: Service }[];
  /** What servers that run, or that a boot starts, are to serve by their files, whether they have read them or not. */
  readonly configured: readonly Configured[];
}

export interface Configured {
  readonly unit: string;
  readonly service: Service;
  readonly file: string;
  /** Patterns of names, as a shell has them; none are all interfaces. */
  readonly interfaces: readonly string[];
  readonly except: readonly string[];
  /** Addresses that it gives; none if its file does not name them in one place. */
  readonly addresses: readonly string[];
}

/**
 * Servers of Debian's that serve on all addresses when they are started, unless they are told otherwise; unbound and the
 * like keep to this host. Those with a configuration that says what they serve are not
 * among them: dnsmasq (but for names), Kea, systemd-networkd. Time daemons are known by their packages.
 */
const plain: Readonly<Record<string, Service>> = {
  "udhcpd.service": "dhcp",
  "isc-dhcp-relay.service": "dhcp",
  "dhcp-helper.service": "dhcp",
  "coredhcp.service": "dhcp",
  "maas-dhcpd.service": "dhcp",
  "atftpd.service": "tftp",
  "atftpd.socket": "tftp",
  "tftp.socket": "tftp",
  "tftpd.service": "tftp",
  "uftpd.service": "tftp",
  "bind9.service": "names",
  "named.service": "names",
  "pdns.service": "names",
  "nsd.service": "names",
  "coredns.service": "names",
  "pihole-FTL.service": "names",
  "AdGuardHome.service": "names",
};

const dnsmasq = "dnsmasq.service";
const networkd = "systemd-networkd.service";

const units = unitFacts([...Object.keys(plain), dnsmasq, kea, networkd], "servers.units");

const dnsmasqSays = "^[[:space:]]*(dhcp-range|enable-tftp|interface|except-interface|no-dhcp-interface|port)\\b";
const networkSays = "^[[:space:]]*(Name|DHCPServer)[[:space:]]*=";

/** Who serves on node 0, beside us. */
export const servers: Fact<Servers> = {
  questions: {
    ...units.questions,
    [holdersKey]: { ask: "holders", ports: [...Object.values(servicePorts), ...partnerPorts] },
    "servers.sockets": {
      ask: "run",
      argv: ["systemctl", "list-sockets", "--no-legend", "--no-pager", "--plain", "--full"],
    },
    "servers.dnsmasq": { ask: "run", argv: ["grep", "-EHrs", dnsmasqSays, "/etc/dnsmasq.conf", "/etc/dnsmasq.d"] },
    "servers.kea": { ask: "path", path: keaConf, bytes: 1_000_000 },
    "servers.networks": { ask: "run", argv: ["grep", "-EHrs", networkSays, "/etc/systemd/network"] },
  },
  read(answers: Answers): Servers {
    const known = units.read(answers);
    const runs = (unit: string): boolean => /^(active|activating|reloading)$/.test(known.get(unit)?.activeState ?? "");
    const starts = (unit: string): boolean => (known.get(unit)?.wantedBy ?? []).length > 0;
    const counts = ({ unit }: Configured): boolean => runs(unit) || starts(unit);
    const settings = settingsIn(answers.ran("servers.dnsmasq")?.said ?? "");
    const servesNames = settings.every(({ key, value }) => key !== "port" || value !== "0");
    const idle = Object.entries({ ...plain, ...(servesNames ? { [dnsmasq]: "names" as const } : {}) });
    const sockets = answers.ran("servers.sockets")?.said ?? "";
    return {
      holders: (answers.holders(holdersKey) ?? []).map((holder) => withSocketUnit(holder, sockets)),
      packetSockets: answers.packetSockets(holdersKey) ?? [],
      idle: idle.flatMap(([unit, service]) => (starts(unit) && !runs(unit) ? [{ unit, service }] : [])),
      configured: [
        ...configuredByDnsmasq(settings),
        ...configuredByKea(answers.path("servers.kea")?.content),
        ...configuredByNetworkd(settingsIn(answers.ran("servers.networks")?.said ?? "")),
      ].filter(counts),
    };
  },
};

/** systemd itself has the sockets of units that it starts at the first packet. */
function withSocketUnit(holder: Holder, sockets: string): Holder {
  if (holder.pid !== 1) return holder;
  const unit = new RegExp(`:${holder.port}\\s+(\\S+\\.socket)`).exec(sockets)?.[1];
  return unit === undefined ? holder : { ...holder, unit };
}

interface Setting {
  readonly file: string;
  readonly key: string;
  readonly value: string;
}

/** `file:key=value`, as grep prints it. */
function settingsIn(said: string): readonly Setting[] {
  return [...said.matchAll(/^(?<file>[^:\n]+):\s*(?<key>[\w-]+)\s*(?:=\s*(?<value>.*?))?\s*(?:#.*)?$/gm)].map(
    ({ groups }) => ({
      file: groups?.["file"] ?? "",
      key: groups?.["key"] ?? "",
      value: (groups?.["value"] ?? "").trim(),
    }),
  );
}

function configuredByDnsmasq(settings: readonly Setting[]): readonly Configured[] {
  const of = (key: string): readonly Setting[] => settings.filter((setting) => setting.key === key);
  const words = (key: string): readonly string[] => of(key).flatMap(({ value }) => value.split(","));
  const common = { unit: dnsmasq, interfaces: words("interface"), except: words("except-interface"), addresses: [] };
  return [
    ...of("dhcp-range").map(({ file, value }) => ({
      ...common,
      service: "dhcp" as const,
      file,
      except: [...common.except, ...words("no-dhcp-interface")],
      addresses: value.split(",").filter((word) => /^\d+(\.\d+){3}$/.test(word)),
    })),
    ...of("enable-tftp").map(({ file, value }) => ({
      ...common,
      service: "tftp" as const,
      file,
      interfaces: value === "" ? common.interfaces : value.split(","),
    })),
  ];
}

/** Of its JSON, in which there may be comments, only where it listens. */
function configuredByKea(text = ""): readonly Configured[] {
  const list = /^[^/#\n]*"interfaces"\s*:\s*\[([^\]]*)\]/m.exec(text)?.[1] ?? "";
  const interfaces = [...list.matchAll(/"([^"/]+)[^"]*"/g)].map(([, name = ""]) => name);
  const serves = { unit: kea, service: "dhcp", file: keaConf, interfaces, except: [], addresses: [] } as const;
  return interfaces.length === 0 ? [] : [serves];
}

/** A file and its drop-ins are one. */
function configuredByNetworkd(settings: readonly Setting[]): readonly Configured[] {
  const byFile = Map.groupBy(settings, ({ file }) => file.replace(/\.network\.d\/[^/]*$/, ".network"));
  return [...byFile].flatMap(([file, own]): readonly Configured[] => {
    const serves = own.some(({ key, value }) => key === "DHCPServer" && /^(yes|true|on|1)$/i.test(value));
    if (!serves || !file.endsWith(".network")) return [];
    const interfaces = own.flatMap(({ key, value }) => (key === "Name" ? value.split(/\s+/) : []));
    return [{ unit: networkd, service: "dhcp", file, interfaces, except: [], addresses: [] }];
  });
}
