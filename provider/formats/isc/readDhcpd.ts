import { addressNumber, addressText } from "../../values/ipv4";
import { parseMac } from "../../values/mac";
import { defaultLeaseSeconds } from "../../values/network";
import type { OptionValue } from "../../values/nodeRow";
import { type AskingClientName, always, and, askingClients, type Condition, not, or } from "../askingClient";
import type { FilePlace, FilesByClient, FoundDhcp, FoundHost, FoundNetwork, LeftOut } from "../foundDhcp";
import { parseCondition } from "./condition";
import { parseStatements, type Statement, shown, type Token, unquoted } from "./statements";

/**
 * What a dhcpd.conf gives to machines that boot, with all that it includes: networks, pools, hosts, and which file each
 * stage is told. What it says beyond that is left out, by name and place.
 *
 * @see dhcpd.conf(5), dhcp-eval(5), dhcp-options(5)
 */
export function readDhcpd(path: string, files: ReadonlyMap<string, string>): FoundDhcp {
  const { statements, missing, broken } = parseStatements(path, files);
  const reader = new Reader(statements);
  reader.readScope([], statements);
  return {
    networks: reader.networks,
    hosts: reader.hosts,
    leftOut: [
      ...broken.map(({ why, ...place }) => ({ ...place, what: "", why })),
      ...reader.leftOut.toSorted((one, other) => one.file.localeCompare(other.file) || one.line - other.line),
    ],
    missing,
  };
}

/** Statements that lie around others, the outermost first. */
type Scopes = readonly (readonly Statement[])[];

/** Of the daemon alone, or as ours has it anyway. */
const ofTheDaemon =
  /^(authoritative|not authoritative|ddns-update-style none|ddns-updates (off|false)|log-facility|ping-(check|timeout)|min-lease-time|(lease|pid)-file-name|server-identifier|one-lease-per-client (off|false)|ignore-client-uids|allow (booting|bootp|declines|duplicates)|(allow|deny) (client-updates|dynamic bootp)|deny bootp |get-lease-hostnames|use-host-decl-names|update-(conflict-detection|static-leases|optimization)|always-broadcast (off|false)|always-reply-rfc1048|stash-agent-options|db-time-format|remote-port|local-(address|port)|option (subnet-mask|broadcast-address|space|dhcp-lease-time) |option ip-forwarding (off|false)|dynamic-bootp-lease-)/;

const ofNetworks = /^option (routers|domain-name|domain-name-servers|ntp-servers|interface-mtu)$/;

/** Said by ours to every iPXE, or of no use to it. */
const ofIpxe = /^option (g?pxe|ipxe|PXE)[.-]/i;

class Reader {
  readonly networks: FoundNetwork[] = [];
  readonly hosts: FoundHost[] = [];
  readonly leftOut: LeftOut[] = [];
  /** What `option arch code 93 = …` says. */
  readonly #codes = new Map<string, number>();
  readonly #definitions = new Map<string, Statement>();
  readonly #subnets = new Set<readonly Statement[]>();
  readonly #parameters = new Map<readonly Statement[], readonly Statement[]>();
  readonly #classes: readonly (readonly [Condition, readonly Statement[]])[];

  constructor(statements: readonly Statement[]) {
    for (const statement of statements) {
      const [, name, code, number] = textsOf(statement);
      if (headOf(statement) === "option" && code === "code" && name !== undefined) {
        this.#codes.set(name, Number(number));
        this.#definitions.set(name, statement);
      }
    }
    this.#classes = statements
      .filter((each) => headOf(each) === "class")
      .flatMap(({ block = [] }) => {
        const match = block.find((each) => headOf(each) === "match" && textsOf(each)[1] === "if");
        return match === undefined ? [] : [[parseCondition(match.words.slice(2), this.#codes), block] as const];
      });
  }

  /** Looks through declarations for networks and hosts, and names what is neither of them nor a part of them. */
  readScope(around: Scopes, statements: readonly Statement[]): void {
    const scopes = [...around, statements];
    const isGroup = around.length > 0 && !this.#subnets.has(statements);
    for (const statement of statements) {
      const { block } = statement;
      const head = headOf(statement);
      // What keeps the hosts of a group from an answer is named of each.
      if (isGroup && isOfBooting(statement)) continue;
      if (block === undefined) this.#readParameter(statement);
      else if (head === "subnet") this.#readNetwork(scopes, statement, block);
      else if (head === "host") this.#readHost(scopes, statement, block);
      else if (head === "group" || head === "shared-network") this.readScope(scopes, block);
      else if (head === "pool") {
        if (!this.#subnets.has(statements)) {
          this.#leave(statement, "a pool of a shared network may be of any of its subnets; write it as network.pool");
        }
      } else if (head === "class") this.#readClass(statement, block);
      else if (isBranch(head)) this.#readBranch(statement, block);
      else this.#leave(statement, "the program has nothing like it");
    }
  }

  #readParameter(statement: Statement): void {
    const text = textsOf(statement).join(" ");
    const [head = "", second = ""] = textsOf(statement);
    if (ofTheDaemon.test(`${text.toLowerCase()} `) || ofNetworks.test(`${head} ${second}`)) return;
    if (/^((default|max)-lease-time|next-server|filename|range|hardware|fixed-address)$/.test(head)) return;
    if (/^(allow|deny|ignore)$/.test(head) && /^unknown[- ]clients/.test(text.replace(/^\w+ /, ""))) return;
    if (head === "option" && (this.#definitions.get(second) === statement || second === "host-name")) return;
    if (ofIpxe.test(text) || this.#asStatements(statement) !== undefined) return;
    this.#leave(statement, whyNot(head, text));
  }

  #readClass(statement: Statement, block: readonly Statement[]): void {
    if (!this.#classes.some(([, statements]) => statements === block)) {
      this.#leave(statement, "a class without `match if` is made of subclasses; write its machines as nodes");
      return;
    }
    for (const inner of block) {
      if (inner.block !== undefined) this.#readBranch(inner, inner.block);
      else if (!/^(match|filename|next-server)$/.test(headOf(inner)) && !ofIpxe.test(textsOf(inner).join(" "))) {
        this.#leave(inner, "what only some machines get goes into their nodes' options");
      }
    }
  }

  /** In branches only files and servers are looked for. */
  #readBranch(statement: Statement, block: readonly Statement[]): void {
    if (!isBranch(headOf(statement))) {
      this.#leave(statement, "the program has nothing like it");
      return;
    }
    for (const inner of block) {
      if (inner.block !== undefined) this.#readBranch(inner, inner.block);
      else if (!/^(filename|next-server|log)\b/.test(headOf(inner)) && !ofIpxe.test(textsOf(inner).join(" "))) {
        this.#leave(
          inner,
          "it depends on a condition, and the program gives one value to all; write it into the nodes' options",
        );
      }
    }
  }

  #readNetwork(scopes: Scopes, statement: Statement, block: readonly Statement[]): void {
    const [, first = "", , netmask = ""] = textsOf(statement);
    const cidr = cidrOf(first, netmask);
    if (cidr === undefined) {
      this.#leave(statement, "it is no network of IPv4 addresses");
      return;
    }
    const within = [...scopes, block];
    this.#subnets.add(block);
    this.readScope(scopes, block);
    const pools = block.filter((each) => headOf(each) === "pool");
    const lease = secondsOf(lastOf(within, "default-lease-time"));
    const longest = lastOf(within, "max-lease-time");
    if (longest !== undefined && secondsOf(longest) !== (lease ?? defaultLeaseSeconds)) {
      this.#leave(
        longest,
        `a program has one lease time, here ${lease ?? defaultLeaseSeconds} s, also for a machine that asks for more`,
      );
    }
    const ranges = [
      ...this.#ranges(block, this.#isDenied(within)),
      ...pools.flatMap(({ block: inside = [] }) => {
        this.#readPool(inside, lease ?? defaultLeaseSeconds);
        return isForClass(inside) ? [] : this.#ranges(inside, this.#isDenied([...within, inside]));
      }),
    ];
    const lists = (name: string): readonly string[] => this.#addresses(within, name);
    const domain = lastOf(within, "option", "domain-name")?.words[2];
    const mtu = Number(lastOf(within, "option", "interface-mtu")?.words[2]?.text ?? Number.NaN);
    const bootServer = this.#bootServer(within);
    this.networks.push({
      ...placeOf(statement),
      cidr,
      routers: lists("routers"),
      ...(domain === undefined ? {} : { domain: unquoted(domain) }),
      dnsServers: lists("domain-name-servers"),
      ntpServers: lists("ntp-servers"),
      ...(Number.isNaN(mtu) ? {} : { mtu }),
      ...(lease === undefined ? {} : { leaseSeconds: lease }),
      ranges: ranges.map(({ isDenied: _, ...range }) => range),
      servesUnknown: ranges.some(({ isDenied }) => !isDenied),
      ...(bootServer === undefined ? {} : { bootServer }),
      files: this.#files(within),
      statements: this.#statementsOf(within),
    });
  }

  #readPool(inside: readonly Statement[], lease: number): void {
    for (const each of inside) {
      const text = textsOf(each).join(" ");
      if (/^(range|filename|next-server)\b/.test(text)) continue;
      if (/^(default|max)-lease-time\b/.test(text) && secondsOf(each) === lease) continue;
      if (/^(allow|deny|ignore) (known|unknown|dynamic bootp)[- ]?(clients)?/.test(text)) continue;
      if (isForClass([each]))
        this.#leave(each, "its addresses are for some machines only; give those an address of their own");
      else if (!ofTheDaemon.test(`${text} `)) this.#leave(each, "it holds for a part of the network only");
    }
  }

  #ranges(
    statements: readonly Statement[],
    isDenied: boolean,
  ): readonly (FilePlace & { readonly from: string; readonly to: string; readonly isDenied: boolean })[] {
    return statements.flatMap((each) => {
      const addresses = textsOf(each).filter((word) => addressNumber(word) !== undefined);
      const [from, to = from] = addresses;
      if (headOf(each) !== "range" || from === undefined || to === undefined) return [];
      return [{ ...placeOf(each), from, to, isDenied }];
    });
  }

  /** The innermost word on machines that no host names; dhcpd serves them if there is none. */
  #isDenied(scopes: Scopes): boolean {
    for (const statements of scopes.toReversed()) {
      for (const statement of statements.toReversed()) {
        const text = textsOf(statement).join(" ");
        if (/^(deny|ignore) unknown[- ]clients/.test(text) || /^allow known[- ]clients/.test(text)) return true;
        if (/^allow unknown[- ]clients/.test(text) || /^deny known[- ]clients/.test(text)) return false;
      }
    }
    return false;
  }

  #readHost(scopes: Scopes, statement: Statement, block: readonly Statement[]): void {
    const name = statement.words[1] === undefined ? "" : unquoted(statement.words[1]);
    const [hardware, type, ...given] = textsOf(block.find((each) => headOf(each) === "hardware") ?? statement);
    // dhcpd takes octets of one digit.
    const { value: mac } = parseMac(given.join("").replaceAll(/(?<![0-9a-f])[0-9a-f](?![0-9a-f])/gi, "0$&"));
    if (hardware !== "hardware" || type?.toLowerCase() !== "ethernet" || mac === undefined) {
      this.#leave(statement, "it names no Ethernet address; write the machine's MACs into nodes");
      return;
    }
    // What the machine alone is given: by itself, or by the groups that it is in.
    const around = scopes.slice(1).filter((list) => !this.#subnets.has(list));
    const own = [...around.map((list) => this.#parametersOf(list)), block];
    const booting = own.flat().findLast(isOfBooting);
    if (booting !== undefined && headOf(booting) !== "allow") {
      this.leftOut.push({
        ...placeOf(booting),
        what: `${shown(booting)} (host ${name})`,
        why: 'dhcpd does not answer this machine; a program can only leave it out, and with unknownMachines: "serve" it is answered as any other',
      });
      return;
    }
    const addresses = block
      .filter((each) => headOf(each) === "fixed-address")
      .flatMap(({ words }) => words.slice(1).filter(({ text }) => text !== ","));
    for (const word of addresses.filter(({ text }) => addressNumber(text) === undefined)) {
      this.leftOut.push({
        ...placeOf(word),
        what: `fixed-address ${word.text} (host ${name})`,
        why: "it is a name, for which dhcpd asks DNS when it starts; write the address itself",
      });
    }
    const called = lastOf(own, "option", "host-name")?.words[2];
    this.hosts.push({
      ...placeOf(statement),
      name,
      ...(called === undefined ? {} : { hostname: unquoted(called) }),
      mac,
      addresses: addresses.map(({ text }) => text).filter((text) => addressNumber(text) !== undefined),
      options: this.#hostOptions(name, own, block),
      files: this.#files(own, []),
    });
  }

  /** What holds for those beside it: a group may have ten thousand hosts, and each is asked for it. */
  #parametersOf(list: readonly Statement[]): readonly Statement[] {
    const known = this.#parameters.get(list);
    if (known !== undefined) return known;
    const found = list.filter((each) => each.block === undefined || isBranch(headOf(each)));
    this.#parameters.set(list, found);
    return found;
  }

  #hostOptions(host: string, own: Scopes, block: readonly Statement[]): Readonly<Record<string, OptionValue>> {
    const options: Record<string, OptionValue> = {};
    for (const statement of own.flat()) {
      const [head = "", name = ""] = textsOf(statement);
      if (statement.block !== undefined) {
        if (block.includes(statement)) this.#readBranch(statement, statement.block);
      } else if (head === "option" && name !== "host-name" && !ofIpxe.test(`option ${name}`)) {
        const value = optionValue(statement.words.slice(2));
        if (value !== undefined) options[name] = value;
        else if (block.includes(statement))
          this.#leave(statement, "its value is no text, number, flag or list of addresses");
      } else if (
        block.includes(statement) &&
        !/^(hardware|fixed-address|filename|option)$/.test(head) &&
        !isNameOf(statement, host) &&
        !ofTheDaemon.test(`${textsOf(statement).join(" ")} `)
      ) {
        this.#leave(statement, whyNotOfHost(head));
      }
    }
    return options;
  }

  /** What each client is told to load; where a condition can't be told from here, nothing is said of it. */
  #files(scopes: Scopes, classes = this.#classes): FilesByClient {
    // A class comes after the networks, so its word counts.
    const all = [
      ...scopes.flatMap((list) => this.#flat(list)),
      ...classes.flatMap(([condition, block]) => this.#flat(block, condition)),
    ];
    const named = all.filter(({ statement }) => headOf(statement) === "filename");
    for (const { statement, condition } of named) {
      if (Object.values(askingClients).some((client) => condition(client) === undefined))
        this.#leave(statement, "for whom its condition holds can't be told from here");
    }
    const found = Object.entries(askingClients).flatMap(([name, client]) => {
      const word = named.findLast(({ condition }) => condition(client) === true)?.statement.words[1];
      return word === undefined ? [] : [[name as AskingClientName, unquoted(word)] as const];
    });
    return Object.fromEntries(found);
  }

  /** Statements with the condition under which they are carried out. */
  #flat(
    statements: readonly Statement[],
    under: Condition = always,
  ): readonly { readonly statement: Statement; readonly condition: Condition }[] {
    let before: Condition = not(always);
    return statements.flatMap((statement) => {
      const head = headOf(statement);
      if (!isBranch(head)) return [{ statement, condition: under }];
      const words = statement.words.slice(textsOf(statement).slice(0, 2).join(" ") === "else if" ? 2 : 1);
      if (head === "if") before = not(always);
      const own = words.length === 0 ? always : parseCondition(words, this.#codes);
      const condition = and(under, and(not(before), own));
      before = or(before, own);
      return this.#flat(statement.block ?? [], condition);
    });
  }

  #bootServer(scopes: Scopes): string | undefined {
    let found: string | undefined;
    const lists = [...scopes, ...this.#classes.map(([, block]) => block)];
    for (const { statement } of lists.flatMap((list) => this.#flat(list))) {
      const [head, server = ""] = textsOf(statement);
      if (head !== "next-server") continue;
      if (addressNumber(server) === undefined)
        this.#leave(statement, "it is a name; write the address as dhcp.bootServer");
      else if (found !== undefined && found !== server)
        this.#leave(statement, `all machines boot from one server, here ${found}`);
      else found = server;
    }
    return found;
  }

  #addresses(scopes: Scopes, name: string): readonly string[] {
    const statement = lastOf(scopes, "option", name);
    if (statement === undefined) return [];
    const given = statement.words.slice(2).filter(({ text }) => text !== ",");
    const addresses = given.map(({ text }) => text).filter((text) => addressNumber(text) !== undefined);
    if (addresses.length < given.length) {
      this.#leave(statement, "it holds a name, for which dhcpd asks DNS when it starts; write the address itself");
    }
    return addresses;
  }

  /** What a program hands on to dhcpd as it is: options of no meaning to a boot, with what declares them. */
  #statementsOf(scopes: Scopes): readonly string[] {
    const options = scopes.flat().flatMap((statement) => this.#asStatements(statement) ?? []);
    return [...new Set(options)];
  }

  #asStatements(statement: Statement): readonly string[] | undefined {
    const [head, name = ""] = textsOf(statement);
    if (head !== "option" || statement.block !== undefined || name.includes(".")) return undefined;
    if (ofTheDaemon.test(`option ${name} `) || ofNetworks.test(`option ${name}`) || ofIpxe.test(`option ${name}`))
      return undefined;
    if (/^(host-name|bootfile-name|tftp-server-name|root-path|dhcp-.*|vendor-.*)$/.test(name) && name !== "root-path")
      return undefined;
    if (textsOf(statement)[2] === "code" || textsOf(statement)[2] === "=") return undefined;
    const definition = this.#definitions.get(name);
    return [...(definition === undefined ? [] : [shown(definition)]), shown(statement)];
  }

  #leave(statement: Statement, why: string): void {
    if (
      this.leftOut.some(
        ({ file, line, what }) => file === statement.file && line === statement.line && what === shown(statement),
      )
    )
      return;
    this.leftOut.push({ ...placeOf(statement), what: shown(statement), why });
  }
}

function whyNot(head: string, text: string): string {
  if (head === "failover" || head.startsWith("omapi")) return "a node 0 serves alone";
  if (/^(zone|key|ddns-)/.test(head)) return "the names of machines come from `names`, not from dynamic DNS";
  if (/^(deny|ignore) booting/.test(text)) return "then no machine boots; ours lets them";
  if (head === "server-name") return serverNames;
  if (/^option (bootfile-name|tftp-server-name)/.test(text)) return "the files are named by `filename` and next-server";
  return "the program has nothing like it";
}

/** `allow booting;` and what says the contrary. */
function isOfBooting(statement: Statement): boolean {
  return textsOf(statement)[1] === "booting";
}

function whyNotOfHost(head: string): string {
  if (head === "next-server") return "all machines boot from one server";
  return head === "server-name" ? serverNames : "a node has nothing like it";
}

const serverNames =
  "it tells a machine the boot server's name; a machine's own name is its host's, or option host-name";

/** Whether a host says its own name as the guide has it: `host a { server-name "a"; }`. */
function isNameOf(statement: Statement, host: string): boolean {
  const [head, name] = statement.words;
  return head?.text.toLowerCase() === "server-name" && name !== undefined && unquoted(name) === host;
}

/** A value as a node's `options` takes it. */
function optionValue(words: readonly Token[]): OptionValue | undefined {
  const texts = words.map(({ text }) => text).filter((text) => text !== ",");
  const [first] = words;
  if (first === undefined) return undefined;
  if (texts.length === 1) {
    if (first.text.startsWith('"')) return unquoted(first);
    if (/^-?\d+$/.test(first.text)) return Number(first.text);
    if (/^(true|on)$/.test(first.text)) return true;
    if (/^(false|off)$/.test(first.text)) return false;
  }
  return texts.every((text) => addressNumber(text) !== undefined) ? texts : undefined;
}

/** The innermost statement that begins so. */
function lastOf(scopes: Scopes, ...begin: readonly string[]): Statement | undefined {
  return scopes
    .flat()
    .findLast(
      (statement) => statement.block === undefined && begin.every((word, index) => textsOf(statement)[index] === word),
    );
}

function secondsOf(statement: Statement | undefined): number | undefined {
  const seconds = Number(statement?.words[1]?.text ?? Number.NaN);
  return Number.isNaN(seconds) ? undefined : seconds;
}

function isForClass(statements: readonly Statement[]): boolean {
  return statements.some((each) => /^(allow|deny) (members|all|authenticated|after)\b/.test(textsOf(each).join(" ")));
}

function isBranch(head: string): boolean {
  return head === "if" || head === "elsif" || head === "else";
}

function headOf({ words }: Statement): string {
  return words[0]?.text.toLowerCase() ?? "";
}

/** The words with dhcpd's own in lower case, as it takes them in either; texts stay. */
function textsOf({ words }: Statement): readonly string[] {
  return words.map(({ text }, index) => (index < 2 && !text.startsWith('"') ? text.toLowerCase() : text));
}

function placeOf({ file, line }: FilePlace): FilePlace {
  return { file, line };
}

function cidrOf(first: string, netmask: string): string | undefined {
  const [number, mask] = [addressNumber(first), addressNumber(netmask)];
  if (number === undefined || mask === undefined) return undefined;
  const zeros = Math.log2(2 ** 32 - mask);
  return Number.isInteger(zeros) ? `${addressText(number)}/${32 - zeros}` : undefined;
}
