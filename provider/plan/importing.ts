import { type HandMade, nameInFolder, type TftpFile } from "../facts/handMade";
import { whyNotBootable } from "../formats/bootFormat";
import type { FilePlace, FoundHost, FoundNetwork } from "../formats/foundDhcp";
import { filesOfScript } from "../formats/ipxe/fetchedFiles";
import { parseDhcpdSettings } from "../formats/isc/dhcpdConf";
import { machineOfProgram } from "../formats/pe";
import { defaultTftpdOptions, parseTftpdSettings } from "../formats/tftpd/tftpd";
import { keaConf, keaUnit } from "../os/paths";
import { autoexecName, type BootChainName, type Loader, loadersFor } from "../values/bootChain";
import { checkNodes } from "../values/fleet";
import { addressNumber, addressText } from "../values/ipv4";
import { defaultLeaseSeconds } from "../values/network";
import { parseNode } from "../values/node";
import type { OptionValue } from "../values/nodeRow";
import { isInNetwork } from "./network";

/** A machine of a program that is written. */
export interface ImportedNode extends FilePlace {
  readonly macs: readonly string[];
  readonly address?: string;
  readonly loader?: Loader;
  readonly options?: Readonly<Record<string, OptionValue>>;
  /** As the DHCP server calls it, where the program says it otherwise. */
  readonly called?: string;
}

/** Something that the program can't say as node 0 has it, or that has to be done first. */
export interface Note {
  /** Absent where it is about no line of a file. */
  readonly place?: FilePlace;
  readonly text: string;
}

/** What a program says of a node 0 that was set up by hand. */
export interface Imported {
  readonly network: {
    readonly interface: string;
    readonly cidr: string;
    readonly address: string;
    readonly router?: string;
    readonly domain?: string;
    readonly dnsServers?: readonly string[];
    readonly ntpServers?: readonly string[];
    readonly leaseSeconds?: number;
    readonly mtu?: number;
    readonly pool?: { readonly from: string; readonly to: string };
  };
  readonly unknownMachines?: "serve";
  readonly allowDefaultRoute?: true;
  readonly dhcp: {
    /** Where Debian's Kea serves, and is taken over. */
    readonly daemon?: "kea";
    readonly replace?: true;
    readonly bootServer?: string;
    readonly loaders?: { readonly x64: Loader };
    readonly extraConfig?: string;
  };
  readonly tftpOptions?: readonly string[];
  readonly directory: string;
  /** By the property of `artifacts`, or by the name in its `extra`: the file that is brought, by its name on node 0. */
  readonly files: Readonly<
    Partial<Record<"ipxe" | "snponly" | "refind" | "ipxe32" | "refindConf" | "bootScript", string>>
  >;
  readonly extra: readonly string[];
  readonly nodes: Readonly<Record<string, ImportedNode>>;
  /** What is served beyond the network, and is not when the DHCP server there is replaced. */
  readonly replaced: readonly string[];
  /** Commands for node 0, before the first up. */
  readonly before: readonly { readonly command: string; readonly why: string }[];
  readonly time: string;
  readonly names: string;
  readonly notes: readonly Note[];
}

/** Why no program can be written. */
export interface NotImportable {
  readonly why: string;
}

/**
 * Works out what a program must say, so that machines go on to boot as they do.
 *
 * @param contents - the bytes of files that TFTP serves, by their names
 */
export function planImport(made: HandMade, contents: ReadonlyMap<string, Uint8Array>): Imported | NotImportable {
  const { dhcp, tftp } = made;
  const place = placeOnHost(made);
  if ("why" in place) return place;
  const { network, link, address } = place;
  const { cidr } = network;
  const notes: Note[] = dhcp.leftOut.map(({ what, why, file, line }) => ({
    place: { file, line },
    text: what === "" ? why : `${what}  ${why}`,
  }));
  for (const path of dhcp.missing) notes.push({ text: `${path} is included, and is not there or can't be read` });
  for (const other of dhcp.networks.filter((each) => each !== network)) {
    notes.push({ place: other, text: `subnet ${other.cidr}  a node 0 serves one network, here ${cidr}` });
  }

  const nodes = nodesOf(dhcp.hosts, network, notes);
  const pool = poolOf(network, address, nodes, notes);
  const isServing = network.servesUnknown && pool !== undefined;
  const artifacts = artifactsOf(made, network, address, contents, notes);
  const [router, ...otherRouters] = network.routers;
  if (otherRouters.length > 0)
    notes.push({
      place: network,
      text: `option routers ${network.routers.join(", ")}  a program names one router, here ${router}`,
    });
  const daemon = isOfKea(made) ? "kea" : "isc";
  const beyond =
    dhcp.server === daemon
      ? [
          ...dhcp.serves.subnets.filter((subnet) => !isInNetwork(subnet, cidr)).map((subnet) => `subnet ${subnet}`),
          ...dhcp.serves.others,
        ]
      : [];
  const bootServer =
    network.bootServer === undefined || network.bootServer === address ? {} : { bootServer: network.bootServer };
  const extraConfig = network.statements.length === 0 ? {} : { extraConfig: network.statements.join("\n") };
  const imported: Imported = {
    network: {
      interface: link,
      cidr,
      address,
      ...(router === undefined ? {} : { router }),
      ...(network.domain === undefined ? {} : { domain: network.domain }),
      ...(network.dnsServers.length === 0 ? {} : { dnsServers: network.dnsServers }),
      ...(network.ntpServers.length === 0 ? {} : { ntpServers: network.ntpServers }),
      ...(network.leaseSeconds === undefined || network.leaseSeconds === defaultLeaseSeconds
        ? {}
        : { leaseSeconds: network.leaseSeconds }),
      ...(network.mtu === undefined ? {} : { mtu: network.mtu }),
      ...(pool === undefined ? {} : { pool }),
    },
    ...(isServing ? { unknownMachines: "serve" } : {}),
    ...(made.links.defaultRoutes.includes(link) ? { allowDefaultRoute: true } : {}),
    dhcp: {
      ...(daemon === "kea" ? { daemon } : {}),
      ...(beyond.length > 0 ? { replace: true } : {}),
      ...bootServer,
      ...(artifacts.loader === "ipxe.efi" ? {} : { loaders: { x64: artifacts.loader } }),
      ...extraConfig,
    },
    ...tftpOptionsOf(tftp.options, address, notes),
    directory: tftp.directory,
    files: artifacts.files,
    extra: artifacts.extra,
    nodes,
    replaced: beyond,
    before: whatGoesFirst(made),
    time: whoServes(made, "time", "the time"),
    names: whoServes(made, "names", "names"),
    notes,
  };
  notes.push(...whatPreviewRefuses(imported, contents));
  return imported;
}

/** The network that is carried over, and where node 0 is in it. */
function placeOnHost({
  dhcp,
  links,
  others,
}: HandMade): { readonly network: FoundNetwork; readonly link: string; readonly address: string } | NotImportable {
  if (dhcp.missing.includes(dhcp.file)) {
    const who = others
      .filter(({ service }) => service === "dhcp")
      .map((other) => `; ${other.who} serves DHCP here, whose files are not read`);
    return { why: `${dhcp.file} is not there, and no ${keaConf}${who.join("")}` };
  }
  if (dhcp.networks.length === 0) {
    const broken = dhcp.leftOut.map(({ file, line, what, why }) => `\n${file}:${line}: ${what} ${why}`);
    return { why: `${dhcp.file} gives no network to machines${broken.join("")}` };
  }
  const places = dhcp.networks.flatMap((network) =>
    links.links
      .filter(({ name }) => dhcp.interfaces.length === 0 || dhcp.interfaces.includes(name))
      .flatMap(({ name, addresses }) => {
        const own = addresses.map((each) => each.replace(/\/.*/, "")).find((each) => isInNetwork(each, network.cidr));
        return own === undefined ? [] : [{ network, link: name, address: own }];
      }),
  );
  if (places.length === 0) {
    const all = links.links.flatMap(({ name, addresses }) => addresses.map((each) => `${name} ${each}`)).join(", ");
    return {
      why: `${dhcp.file} serves ${dhcp.networks.map(({ cidr }) => cidr).join(", ")}, and no interface has an address of that (${all}); give the private interface its address first`,
    };
  }
  // Of several the one that machines boot by.
  const weight = ({ network }: (typeof places)[number]): number =>
    Object.keys(network.files).length * 1000 +
    dhcp.hosts.filter(({ addresses }) => addresses.some((each) => isInNetwork(each, network.cidr))).length;
  const [best] = places.toSorted((one, other) => weight(other) - weight(one));
  return best ?? { why: "" };
}

/** Machines: hosts with one address, or of one name, are the NICs of one. */
function nodesOf(
  hosts: readonly FoundHost[],
  network: FoundNetwork,
  notes: Note[],
): Readonly<Record<string, ImportedNode>> {
  const standard = network.files.x64 === undefined ? "ipxe.efi" : nameInFolder(network.files.x64);
  const nodes = new Map<string, { node: ImportedNode; key: string }>();
  const names = new Set<string>();
  for (const host of hosts) {
    const inside = host.addresses.filter((address) => isInNetwork(address, network.cidr));
    const outside = host.addresses.filter((address) => !inside.includes(address));
    if (inside.length === 0 && outside.length > 0) {
      notes.push({ place: host, text: `host ${host.name}  ${outside.join(", ")} is outside ${network.cidr}` });
      continue;
    }
    const [address, ...more] = inside;
    if (more.length > 0)
      notes.push({
        place: host,
        text: `host ${host.name}  a machine has one address, here ${address}, not ${more.join(", ")} too`,
      });
    const key = address ?? host.hostname ?? `${host.name} ${host.mac}`;
    const known = nodes.get(key);
    if (known !== undefined) {
      const macs = [...new Set([...known.node.macs, host.mac])];
      nodes.set(key, { ...known, node: { ...known.node, macs } });
      continue;
    }
    const called = host.hostname ?? host.name;
    const name = freeName(called, names);
    names.add(name);
    const { x64, x64Ipxe } = host.files;
    const own = x64 === undefined ? undefined : nameInFolder(x64);
    const loader = loadersFor("x64").find((each) => each === own && each !== standard);
    const isOther = own !== undefined && loader === undefined && own !== standard;
    const ofIpxe = x64Ipxe === undefined ? undefined : nameInFolder(x64Ipxe);
    const about = (text: string): void => void notes.push({ place: host, text: `host ${host.name}  ${text}` });
    if (isOther) about(`its own file "${x64}": a node's loader is ipxe.efi or snponly.efi`);
    if (ofIpxe !== undefined && ofIpxe !== nameInFolder(network.files.x64Ipxe ?? ofIpxe)) {
      about(
        ofIpxe === own
          ? `filename "${x64}" is told to iPXE too, which would start it again and again; here iPXE is told the script of all`
          : `iPXE is told "${x64Ipxe}" there; here all machines run one script`,
      );
    }
    nodes.set(key, {
      key: name,
      node: {
        file: host.file,
        line: host.line,
        macs: [host.mac],
        ...(address === undefined ? {} : { address }),
        ...(loader === undefined ? {} : { loader }),
        ...(Object.keys(host.options).length === 0 ? {} : { options: host.options }),
        ...(called === name ? {} : { called }),
      },
    });
  }
  return Object.fromEntries([...nodes.values()].map(({ key, node }) => [key, node]));
}

/** A host name that is as near to a text as may be, and not taken. */
function freeName(text: string, taken: ReadonlySet<string>): string {
  const clean = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-")
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  const name = /^[\d.]*$/.test(clean) ? `node-${clean.replaceAll(".", "-")}` : clean;
  if (!taken.has(name)) return name;
  let count = 2;
  while (taken.has(`${name}-${count}`)) count++;
  return `${name}-${count}`;
}

/** The largest part of a range in which no address is somebody's: a program's pool holds none. */
function poolOf(
  network: FoundNetwork,
  own: string,
  nodes: Readonly<Record<string, ImportedNode>>,
  notes: Note[],
): { readonly from: string; readonly to: string } | undefined {
  const machines = Object.values(nodes).flatMap(({ address }) => address ?? []);
  const taken = [own, ...network.routers, ...network.dnsServers, ...network.ntpServers, ...machines]
    .flatMap((address) => addressNumber(address) ?? [])
    .sort((one, other) => one - other);
  const parts = network.ranges.flatMap((range) => {
    const [from = 0, to = 0] = [addressNumber(range.from), addressNumber(range.to)];
    const inside = [...new Set(taken.filter((number) => number >= from && number <= to))];
    const ends = [from - 1, ...inside, to + 1];
    return ends.slice(1).flatMap((end, index) => {
      const begin = (ends[index] ?? 0) + 1;
      return end > begin ? [{ range, from: begin, to: end - 1 }] : [];
    });
  });
  const [best] = parts.toSorted((one, other) => other.to - other.from - (one.to - one.from));
  const pool = best && { from: addressText(best.from), to: addressText(best.to) };
  for (const range of network.ranges) {
    if (best?.range === range && range.from === pool?.from && range.to === pool.to) continue;
    const why =
      best?.range === range
        ? `a pool holds no address that is a machine's, node 0's or a server's: what is left is ${pool?.from} to ${pool?.to}`
        : best === undefined
          ? "all of its addresses are somebody's"
          : `a program has one pool, here ${pool?.from} to ${pool?.to}`;
    notes.push({ place: range, text: `range ${range.from} ${range.to}  ${why}` });
  }
  return pool;
}

/** The files of the chain: those that a package on node 0 has too are left to the package. */
function artifactsOf(
  { tftp }: HandMade,
  network: FoundNetwork,
  address: string,
  contents: ReadonlyMap<string, Uint8Array>,
  notes: Note[],
): Pick<Imported, "files" | "extra"> & { readonly loader: Loader } {
  const files: Partial<Record<keyof Imported["files"], string>> = {};
  const bring = (property: keyof Imported["files"], name: string): void => {
    const file: TftpFile | undefined = tftp.files.get(name);
    if (file !== undefined && file.packaged === undefined) files[property] = name;
  };
  const told = (client: keyof FoundNetwork["files"]): string | undefined => {
    const file = network.files[client];
    return file === undefined ? undefined : nameInFolder(file);
  };
  const isHere = (name: string): boolean => tftp.files.has(name);
  const about = (text: string): void => void notes.push({ place: network, text });
  bring("ipxe", "ipxe.efi");
  bring("snponly", "snponly.efi");
  bring("refind", "refind_x64.efi");
  bring("refindConf", "refind.conf");

  let loader: Loader = "ipxe.efi";
  const x64 = told("x64");
  if (x64 === undefined)
    about("no file is named for 64-bit UEFI, or it can't be told which; the program names ipxe.efi");
  else if (!isHere(x64))
    about(`filename "${x64}"  it is not in ${tftp.directory}; the program takes ipxe.efi out of Debian's package`);
  else if (x64 === "snponly.efi") loader = "snponly.efi";
  else if (x64 !== "ipxe.efi") {
    bring("ipxe", x64);
    about(`filename "${x64}"  its bytes are served under the name ipxe.efi`);
  }
  const ia32 = told("ia32");
  if (ia32 !== undefined && ia32 !== x64) {
    const content = contents.get(ia32);
    const machine = content === undefined ? "ia32" : machineOfProgram(content);
    if (isHere(ia32) && machine === "ia32") files.ipxe32 = ia32;
    else if (isHere(ia32))
      about(
        `filename "${ia32}"  32-bit UEFI is told it, and it is ${machine === undefined ? "no program for UEFI" : `a program for ${machine}`}, so no 32-bit machine boots by it; here whatever is not 64-bit UEFI gets an address and no file; give artifacts.ipxe32 an ia32 build if there are 32-bit machines`,
      );
    else
      about(
        `filename "${ia32}"  it is not in ${tftp.directory}, so no 32-bit machine boots by it; give artifacts.ipxe32 if there are some`,
      );
  }
  const script = told("x64Ipxe");
  const text = script === undefined ? undefined : textOf(contents.get(script));
  if (script === undefined || script === x64)
    about(
      "iPXE is not told another file than firmware: what it runs may be inside its binary; here it is told refind.pxe, pulumi-netboot's own",
    );
  else if (text === undefined)
    about(`filename "${script}"  it is not in ${tftp.directory}; iPXE is told refind.pxe, pulumi-netboot's own`);
  else {
    files.bootScript = script;
    if (script !== "refind.pxe") about(`filename "${script}"  its text is served under the name refind.pxe`);
  }

  const ofChain = new Set([
    "ipxe.efi",
    "snponly.efi",
    "refind_x64.efi",
    "refind.conf",
    "refind.pxe",
    ...Object.values(files),
  ]);
  const fetched = text === undefined ? [] : filesOfScript(text, address);
  const wanted = [...fetched, autoexecName].filter((name) => tftp.names.includes(name) && !ofChain.has(name));
  const extra = [...new Set(wanted)];
  for (const name of fetched.filter((each) => each.includes("/"))) {
    notes.push({
      text: `${tftp.directory}/${name}: a program names files of one folder; this one stays on node 0 as it is, and nobody watches over it`,
    });
  }
  const others = tftp.names.filter((name) => !ofChain.has(name) && !extra.includes(name));
  if (others.length > 0) {
    notes.push({
      text: `${tftp.directory}: these stay as they are, and are not declared: ${others.slice(0, 20).join(", ")}${others.length > 20 ? `, and ${others.length - 20} more` : ""}`,
    });
  }
  return { files, extra, loader };
}

/** The options that are somebody's own; those of Debian's and the guide's file are in ours. */
function tftpOptionsOf(
  options: readonly string[],
  address: string,
  notes: Note[],
): { readonly tftpOptions?: readonly string[] } {
  const own: string[] = [];
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? "";
    if (/^(--secure|-s|-v+|--verbose|-l|--listen|-4|--ipv4)$/.test(option)) continue;
    if (/^(--verbosity|--address|-a|--user|-u)$/.test(option)) at++;
    else own.push(option);
  }
  if (own.length === 0) return {};
  const tftpOptions = [...defaultTftpdOptions().filter((_, index) => index < 3), ...own];
  const { problems } = parseTftpdSettings({ address, options: tftpOptions });
  if (problems.length === 0) return { tftpOptions };
  notes.push({
    text: `/etc/default/tftpd-hpa: TFTP_OPTIONS ${own.join(" ")}  ${problems.map(({ message }) => message).join("; ")}`,
  });
  return {};
}

/** Whether Debian's Kea is all that serves DHCP here, so that ours takes its place while it runs. */
function isOfKea({ dhcp, others }: HandMade): boolean {
  return dhcp.server === "kea" && others.every(({ service, who }) => service !== "dhcp" || who === keaUnit);
}

/** Who must leave the ports of DHCP and TFTP, or an up is refused. */
function whatGoesFirst(made: HandMade): Imported["before"] {
  return made.others
    .filter(({ service, who }) => (service === "dhcp" && !(isOfKea(made) && who === keaUnit)) || service === "tftp")
    .map(({ service, who, isUnit }) => ({
      command: isUnit ? `systemctl disable --now ${who}` : `end ${who}, and whatever starts it`,
      why: `it serves ${service === "dhcp" ? "DHCP" : "TFTP"}; an up is refused beside it (OCCUPIED)`,
    }));
}

function whoServes({ others }: HandMade, service: "time" | "names", what: string): string {
  const who = others.filter((other) => other.service === service).map((other) => other.who);
  return who.length === 0
    ? `node 0 serves no ${what.replace("the ", "")} now; without this line it does`
    : `${who.join(", ")} ${who.length === 1 ? "has" : "have"} the port, and goes on`;
}

/** The names under which TFTP serves what the properties of \`artifacts\` give. */
const servedAs: Readonly<Record<keyof Imported["files"], BootChainName>> = {
  ipxe: "ipxe.efi",
  snponly: "snponly.efi",
  ipxe32: "ipxe32.efi",
  refind: "refind_x64.efi",
  bootScript: "refind.pxe",
  refindConf: "refind.conf",
};

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

/** What the program itself is refused for, until somebody decides. */
function whatPreviewRefuses(
  { network, unknownMachines, dhcp, files, nodes }: Imported,
  contents: ReadonlyMap<string, Uint8Array>,
): readonly Note[] {
  const ofFiles = Object.entries(files).flatMap(([property, name]) => {
    const content = contents.get(name);
    return content === undefined
      ? []
      : whyNotBootable(servedAs[property as keyof typeof files], content).map(({ message }) => ({ name, message }));
  });
  const settings = parseDhcpdSettings({
    network,
    ...(unknownMachines === undefined ? {} : { unknownMachines }),
    ...dhcp,
  });
  const read = Object.entries(nodes).map(([name, { file: _, line, called, ...args }]) => ({
    name,
    ...parseNode(name, args),
  }));
  const ofNodes = read.flatMap(({ name, problems }) => problems.map((each) => ({ place: name, ...each })));
  const placed = read.flatMap(({ name, value }) => (value === undefined ? [] : [{ row: value, place: name }]));
  const beside =
    settings.value === undefined
      ? []
      : checkNodes(settings.value.network, settings.value.unknownMachines, files.ipxe32 !== undefined, placed, {
          daemon: dhcp.daemon,
        });
  return [
    ...ofFiles.map(({ name, message }) => ({ text: `preview refuses artifacts/${name}: ${message}` })),
    ...settings.problems.map(({ path, message }) => ({ text: `preview refuses ${path}: ${message}` })),
    ...[...ofNodes, ...beside].map(({ place, path, message }) => {
      const node = nodes[place];
      return { ...(node === undefined ? {} : { place: node }), text: `preview refuses ${place}, ${path}: ${message}` };
    }),
  ];
}
