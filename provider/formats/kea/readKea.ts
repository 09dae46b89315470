import { addressNumber, addressText } from "../../values/ipv4";
import { parseMac } from "../../values/mac";
import { defaultLeaseSeconds } from "../../values/network";
import type { OptionValue } from "../../values/nodeRow";
import { type AskingClientName, askingClients, type Condition, unknown } from "../askingClient";
import type { FilePlace, FilesByClient, FoundDhcp, FoundHost, FoundNetwork, LeftOut } from "../foundDhcp";
import { parseKeaCondition } from "./keaCondition";
import { type KeaValue, parseKeaJson } from "./keaJson";

/**
 * What Kea's DHCPv4 server gives to machines that boot, by its file with all that it includes. What it says beyond that is left
 * out, by name and place.
 *
 * @see Kea's Administrator Reference Manual, "The DHCPv4 Server", "Client Classification"
 */
export function readKea(path: string, files: ReadonlyMap<string, string>): FoundDhcp {
  const { root, missing, broken } = parseKeaJson(path, files);
  const server = mapOf(root).get("Dhcp4");
  const reader = new KeaReader(server);
  if (server !== undefined) reader.readServer(mapOf(server));
  return {
    networks: reader.networks,
    hosts: reader.hosts,
    leftOut: [...broken.map(({ why, ...place }) => ({ ...place, what: "", why })), ...reader.leftOut],
    missing: [...new Set(missing)],
  };
}

type KeaMap = ReadonlyMap<string, KeaValue>;

/** Of the daemon alone, or as ours has it anyway. */
const ofTheDaemon =
  /^(interfaces-config|control-sockets?|lease-database|expired-leases-processing|loggers|multi-threading|valid-lifetime|(min|max)-valid-lifetime|renew-timer|rebind-timer|calculate-tee-times|t[12]-percent|authoritative|match-client-id|echo-client-id|next-server|boot-file-name|server-hostname|option-data|option-def|subnet4|subnet|id|pools|reservations|interface|host-reservation-identifiers|reservations-(global|in-subnet|out-of-pool)|shared-networks|name|client-classes|comment|user-context|sanity-checks|ddns-send-updates|dhcp-ddns|statistic-.*|store-extended-info|decline-probation-period|allocator|early-global-reservations-lookup|ip-reservations-unique|parked-packet-limit|dhcp-queue-control|cache-(threshold|max-age))$/;

interface KeaClass {
  readonly condition: Condition;
  readonly file: string | undefined;
  readonly server: string | undefined;
}

class KeaReader {
  readonly networks: FoundNetwork[] = [];
  readonly hosts: FoundHost[] = [];
  readonly leftOut: LeftOut[] = [];
  readonly #classes: readonly KeaClass[];

  constructor(server: KeaValue | undefined) {
    const top = mapOf(server);
    const codes = new Map(
      listOf(top.get("option-def")).map(
        (each) => [textAt(mapOf(each), "name") ?? "", numberAt(mapOf(each), "code") ?? 0] as const,
      ),
    );
    const conditions = new Map<string, Condition>([["ALL", () => true]]);
    const isMember = (name: string): Condition => conditions.get(name) ?? unknown;
    this.#classes = listOf(top.get("client-classes")).map((each) => {
      const own = mapOf(each);
      const test = textAt(own, "test");
      const condition = test === undefined ? unknown : parseKeaCondition(test, codes, isMember);
      conditions.set(textAt(own, "name") ?? "", condition);
      const file = textAt(own, "boot-file-name");
      if (file !== undefined && Object.values(askingClients).some((client) => condition(client) === undefined)) {
        this.#leave(each, `class ${textAt(own, "name")}`, "for whom its test holds can't be told from here");
      }
      for (const [key, value] of own) {
        if (
          !/^(name|test|boot-file-name|next-server|server-hostname|comment|user-context|option-def|only-(if-required|in-additional-list))$/.test(
            key,
          )
        )
          this.#leave(
            value,
            `${key} of the class ${textAt(own, "name")}`,
            "what only some machines get goes into their nodes' options",
          );
      }
      return { condition, file, server: textAt(own, "next-server") };
    });
  }

  readServer(server: KeaMap): void {
    this.#nameOthers(server);
    const networks = [
      ...listOf(server.get("subnet4")).map((subnet) => [server, mapOf(subnet), subnet] as const),
      ...listOf(server.get("shared-networks")).flatMap((shared) => {
        const around = mapOf(shared);
        this.#nameOthers(around);
        return listOf(around.get("subnet4")).map(
          (subnet) => [new Map([...server, ...around]) as KeaMap, mapOf(subnet), subnet] as const,
        );
      }),
    ];
    for (const [around, subnet, place] of networks) this.#readNetwork(around, subnet, place);
    for (const host of listOf(server.get("reservations"))) this.#readHost(host);
  }

  #nameOthers(map: KeaMap): void {
    for (const [key, value] of map) {
      if (ofTheDaemon.test(key)) continue;
      this.#leave(
        value,
        key,
        key === "hooks-libraries" ? "what a hook does is not known here" : "the program has nothing like it",
      );
    }
  }

  #readNetwork(around: KeaMap, subnet: KeaMap, place: KeaValue): void {
    this.#nameOthers(subnet);
    const cidr = textAt(subnet, "subnet");
    if (cidr === undefined) return;
    const options = [...listOf(around.get("option-data")), ...listOf(subnet.get("option-data"))].map(mapOf);
    const option = (name: string, code: number): string | undefined =>
      textAt(
        options.findLast((each) => textAt(each, "name") === name || numberAt(each, "code") === code),
        "data",
      );
    const addresses = (name: string, code: number): readonly string[] => {
      const all = (option(name, code) ?? "").split(/\s*,\s*/).filter((text) => text !== "");
      const found = all.filter((text) => addressNumber(text) !== undefined);
      if (found.length < all.length)
        this.#leave(place, `${name}: ${all.join(", ")}`, "it holds a name; write the address itself");
      return found;
    };
    for (const each of [...listOf(around.get("option-data")), ...listOf(subnet.get("option-data"))]) {
      const name = textAt(mapOf(each), "name") ?? `option ${numberAt(mapOf(each), "code")}`;
      if (
        !/^(routers|domain-name|domain-name-servers|ntp-servers|interface-mtu|subnet-mask|broadcast-address|option (1|3|6|15|26|28|42))$/.test(
          name,
        )
      )
        this.#leave(each, `option-data ${name}`, "give it to each machine, in the options of its node");
    }
    const mtu = Number(option("interface-mtu", 26) ?? Number.NaN);
    const domain = option("domain-name", 15);
    const leaseSeconds = numberAt(subnet, "valid-lifetime") ?? numberAt(around, "valid-lifetime");
    const own = leaseSeconds ?? defaultLeaseSeconds;
    const longest = "max-valid-lifetime";
    const setsLongest = [subnet, around].find((each) => each.has(longest));
    const seconds = setsLongest === undefined ? own : numberAt(setsLongest, longest);
    if (seconds !== own) {
      this.#leave(
        setsLongest?.get(longest) ?? place,
        `${longest} ${seconds}`,
        `a program has one lease time, here ${own} s, also for a machine that asks for more`,
      );
    }
    const bootServer = this.#bootServer([around, subnet]);
    const ranges = listOf(subnet.get("pools")).flatMap((pool) => this.#range(pool));
    this.networks.push({
      ...placeOf(place),
      cidr,
      routers: addresses("routers", 3),
      ...(domain === undefined ? {} : { domain }),
      dnsServers: addresses("domain-name-servers", 6),
      ntpServers: addresses("ntp-servers", 42),
      ...(Number.isNaN(mtu) ? {} : { mtu }),
      ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
      ranges: ranges.map(({ isForKnown: _, ...range }) => range),
      servesUnknown: ranges.some(({ isForKnown }) => !isForKnown) && textAt(subnet, "client-class") !== "KNOWN",
      ...(bootServer === undefined ? {} : { bootServer }),
      files: this.#files(textAt(subnet, "boot-file-name") ?? textAt(around, "boot-file-name")),
      statements: [],
    });
    for (const host of listOf(subnet.get("reservations"))) this.#readHost(host);
  }

  #range(
    pool: KeaValue,
  ): readonly (FilePlace & { readonly from: string; readonly to: string; readonly isForKnown: boolean })[] {
    const own = mapOf(pool);
    const text = textAt(own, "pool") ?? "";
    const classes = [
      textAt(own, "client-class"),
      ...listOf(own.get("client-classes")).map(({ value }) => String(value)),
    ];
    const isForKnown = classes.includes("KNOWN");
    if (classes.some((name) => name !== undefined && name !== "KNOWN")) {
      this.#leave(pool, `pool ${text}`, "its addresses are for some machines only; give those an address of their own");
      return [];
    }
    for (const [key, value] of own) {
      if (!/^(pool|client-class(es)?|comment|user-context|pool-id)$/.test(key))
        this.#leave(value, `${key} of the pool ${text}`, "it holds for a part of the network only");
    }
    const [, first = "", bits] = /^\s*([\d.]+)\s*\/\s*(\d+)\s*$/.exec(text) ?? [];
    const number = addressNumber(first);
    if (number !== undefined) {
      return [{ ...placeOf(pool), from: first, to: addressText(number + 2 ** (32 - Number(bits)) - 1), isForKnown }];
    }
    const [from, to] = text.split("-").map((each) => each.trim());
    return from === undefined || to === undefined ? [] : [{ ...placeOf(pool), from, to, isForKnown }];
  }

  /** A reservation's own word counts more than a class's, and that more than a network's. */
  #files(ofNetwork: string | undefined): FilesByClient {
    const found = Object.entries(askingClients).flatMap(([name, client]) => {
      const file =
        this.#classes.find((each) => each.file !== undefined && each.condition(client) === true)?.file ?? ofNetwork;
      return file === undefined ? [] : [[name as AskingClientName, file] as const];
    });
    return Object.fromEntries(found);
  }

  #bootServer(maps: readonly KeaMap[]): string | undefined {
    const servers = [...maps.map((each) => textAt(each, "next-server")), ...this.#classes.map(({ server }) => server)];
    return servers.findLast((text) => text !== undefined && text !== "0.0.0.0");
  }

  #readHost(host: KeaValue): void {
    const own = mapOf(host);
    const hardware = textAt(own, "hw-address");
    const { value: mac } = parseMac(hardware ?? "");
    if (mac === undefined) {
      this.#leave(
        host,
        `a reservation${hardware === undefined ? "" : ` for ${hardware}`}`,
        "it names no Ethernet address; write the machine's MACs into nodes",
      );
      return;
    }
    if (listOf(own.get("client-classes")).some(({ value }) => value === "DROP")) {
      this.#leave(
        host,
        `the reservation for ${mac}`,
        'Kea drops what this machine asks; a program can only leave it out, and with unknownMachines: "serve" it is answered as any other',
      );
      return;
    }
    const address = textAt(own, "ip-address");
    const hostname = textAt(own, "hostname");
    const file = textAt(own, "boot-file-name");
    for (const [key, value] of own) {
      if (
        !/^(hw-address|ip-address|hostname|boot-file-name|option-data|comment|user-context|server-hostname)$/.test(key)
      )
        this.#leave(
          value,
          `${key} of the reservation for ${mac}`,
          key === "next-server" ? "all machines boot from one server" : "a node has nothing like it",
        );
    }
    const all = Object.keys(askingClients).map((name) => [name, file] as const);
    this.hosts.push({
      ...placeOf(host),
      name: hostname ?? `host-${mac.replaceAll(":", "")}`,
      ...(hostname === undefined ? {} : { hostname }),
      mac,
      addresses: address === undefined ? [] : [address],
      options: this.#options(own),
      files: file === undefined ? {} : (Object.fromEntries(all) as FilesByClient),
    });
  }

  #options(host: KeaMap): Readonly<Record<string, OptionValue>> {
    return Object.fromEntries(
      listOf(host.get("option-data")).flatMap((each) => {
        const [name, data] = [textAt(mapOf(each), "name"), textAt(mapOf(each), "data")];
        if (name === undefined || data === undefined || mapOf(each).has("csv-format")) {
          this.#leave(each, "option-data of a reservation", "write it into the node's options, by dhcpd's name for it");
          return [];
        }
        const list = data.split(/\s*,\s*/);
        const isAddresses = list.every((text) => addressNumber(text) !== undefined);
        return [[name, isAddresses ? list : /^-?\d+$/.test(data) ? Number(data) : data] as const];
      }),
    );
  }

  #leave(place: KeaValue, what: string, why: string): void {
    this.leftOut.push({ ...placeOf(place), what, why });
  }
}

function mapOf(value: KeaValue | undefined): KeaMap {
  return value?.value instanceof Map ? value.value : new Map();
}

function listOf(value: KeaValue | undefined): readonly KeaValue[] {
  return Array.isArray(value?.value) ? value.value : [];
}

function textAt(map: KeaMap | undefined, key: string): string | undefined {
  const value = map?.get(key)?.value;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function numberAt(map: KeaMap | undefined, key: string): number | undefined {
  const value = map?.get(key)?.value;
  return typeof value === "number" ? value : undefined;
}

function placeOf({ file, line }: FilePlace): FilePlace {
  return { file, line };
}
