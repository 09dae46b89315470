import { z } from "zod";
import { dhcpdString, whyNoOptionText } from "../formats/isc/dhcpdString";
import { hostnameSchema, parseHostname } from "./hostname";
import { addressSchema } from "./ipv4";
import { macSchema } from "./mac";
import { bad, type Checked, good, quoted, readFields } from "./problem";

/** The firmware of a machine: 64-bit UEFI (option 93 says 7 or 9), or 32-bit UEFI (6). */
export type Firmware = "x64" | "ia32";

/** The iPXE binary that a 64-bit machine starts with: with iPXE's own drivers, or with the firmware's. */
export type Loader = "ipxe.efi" | "snponly.efi";

/** One machine of the fleet, with every value in its one spelling. */
export interface NodeRow {
  /** The resource's name, or the key in a fleet's map. */
  readonly name: string;
  readonly hostname: string;
  /** All its NICs, one to eight: which one the firmware boots from is not ours to choose. */
  readonly macs: readonly string[];
  /** Without it, an address from the pool. */
  readonly address?: string;
  readonly firmware: Firmware;
  /** Without it, what the DHCP server gives to all. */
  readonly loader?: Loader;
  /** DHCP options of its own, by dhcpd's name for them. */
  readonly options?: Readonly<Record<string, OptionValue>>;
  /** A line for people, above its blocks. */
  readonly comment?: string;
}

/** A DHCP option's value: a text, a number, a flag, or a list of addresses. */
export type OptionValue = string | number | boolean | readonly string[];

/** Options that say what other arguments say. */
const spokenFor: Readonly<Record<string, string>> = {
  "host-name": "hostname",
  "bootfile-name": "loader",
};

const optionsSchema: z.ZodType<Readonly<Record<string, OptionValue>>> = z
  .record(z.string(), z.unknown(), {
    error: (issue) => `${quoted(issue.input)} is no object of options; write it as { "root-path": "/srv" }`,
  })
  .superRefine((options, context) => {
    for (const [name, value] of Object.entries(options)) {
      const message = whyNoOption(name, value);
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
  }) as never;

function whyNoOption(name: string, value: unknown): string | undefined {
  const instead = spokenFor[name];
  if (instead !== undefined) return `is set by ${instead}; leave the option out`;
  // dhcpd knows the names (dhcp-options(5)), with a space's name before a dot; it is asked on node 0.
  if (!/^[a-z][a-z0-9-]{0,62}(\.[a-z][a-z0-9-]{0,62})?$/.test(name)) {
    return `${quoted(name)} is no option's name; write dhcpd's name for it, as in "root-path"`;
  }
  const right =
    typeof value === "boolean" ||
    (typeof value === "string" && value !== "" && whyNoOptionText(value) === undefined) ||
    (Number.isInteger(value) && Number(value) >= -(2 ** 31) && Number(value) < 2 ** 32) ||
    (Array.isArray(value) && value.length > 0 && value.every((text) => addressSchema.safeParse(text).success));
  if (right) return undefined;
  return `${quoted(value)} is no option's value; write a text of one line and at most 255 bytes, a whole number, true or false, or a list of addresses, as in ["192.168.1.1"]`;
}

const commentSchema: z.ZodType<string> = z.string().regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, {
  error: (issue) => `${quoted(issue.input)} is no comment; write one line of at most 200 characters`,
});

const macsExample = '["52:54:00:12:34:56"]';

const shape = {
  macs: z.array(macSchema, {
    error: (issue) =>
      issue.input === undefined
        ? `is required; write the hardware addresses of the machine's NICs, as in ${macsExample}`
        : `${quoted(issue.input)} is no list; write it as ${macsExample}`,
  }),
  address: addressSchema.optional(),
  hostname: hostnameSchema.optional(),
  firmware: z.enum(["x64", "ia32"]).optional(),
  loader: z.enum(["ipxe.efi", "snponly.efi"]).optional(),
  options: optionsSchema.optional(),
  comment: commentSchema.optional(),
  problems: z.array(z.string()).optional(),
};

/**
 * Reads the arguments of one machine: `macs`, `address`, `hostname`, `firmware`, `loader`, and what is wrong with it
 * beside them (`problems`).
 *
 * @example
 * ```ts
 * parseNode("db-1", { macs: ["04-3F-72-AA-00-01"], address: "10.20.0.11" }).value;
 * // { name: "db-1", hostname: "db-1", macs: ["04:3f:72:aa:00:01"], address: "10.20.0.11", firmware: "x64" }
 * ```
 */
export function parseNode(name: string, args: unknown): Checked<NodeRow> {
  const { fields, problems } = readFields(shape, args, `{ macs: ${macsExample}, address: "192.168.1.2" }`);
  const { macs } = fields;
  for (const message of fields.problems ?? []) problems.push({ path: "", message });
  if (macs?.length === 0)
    problems.push({ path: "macs", message: `the list is empty; write at least one NIC, as in ${macsExample}` });
  if (macs !== undefined && macs.length > 8) {
    problems.push({
      path: "macs",
      message: `${macs.length} hardware addresses are too many for one machine; write 1 to 8`,
    });
  }
  macs?.forEach((mac, index) => {
    const first = macs.indexOf(mac);
    if (first !== index) {
      problems.push({
        path: `macs[${index}]`,
        message: `"${mac}" stands here twice (macs[${first}]); write each NIC once`,
      });
    }
  });
  if (fields.firmware === "ia32" && fields.loader !== undefined) {
    problems.push({
      path: "loader",
      message: `"${fields.loader}" is a 64-bit program, and the firmware "ia32" starts ipxe32.efi only; leave loader out`,
    });
  }
  const hostname = fields.hostname ?? hostnameOf(name, args);
  if (typeof hostname === "object") problems.push({ path: "hostname", message: hostname.message });
  if (problems.length > 0 || macs === undefined || typeof hostname !== "string") return bad(...problems);
  return good({
    name,
    hostname,
    macs,
    ...(fields.address === undefined ? {} : { address: fields.address }),
    firmware: fields.firmware ?? "x64",
    ...(fields.loader === undefined ? {} : { loader: fields.loader }),
    ...(fields.options === undefined ? {} : { options: fields.options }),
    ...(fields.comment === undefined ? {} : { comment: fields.comment }),
  });
}

/** The name as a host name; why not, if it is none; undefined if a host name was given (and found wrong). */
function hostnameOf(name: string, args: unknown): string | { readonly message: string } | undefined {
  if (typeof args !== "object" || args === null) return undefined;
  if ("hostname" in args && args.hostname !== undefined) return undefined;
  const { value, problems } = parseHostname(name);
  if (value !== undefined) return value;
  const example = /as in (".*")$/.exec(problems[0]?.message ?? "")?.[1] ?? '"db-1"';
  return { message: `the name ${quoted(name)} is no host name, so give one: hostname: ${example}` };
}

/**
 * What dhcpd must know of a machine: one host block for each NIC (ISC allows one hardware address a block), all with the
 * same address and name. On the host: lines of the file that dhcpd.conf includes. A block's name is its host name and
 * the NIC's number, because dhcpd refuses a name that stands twice.
 *
 * A loader of its own stands inside a test: iPXE asks again with user-class "iPXE", and a plain `filename` here would
 * hand it the loader again, for ever.
 *
 * @example
 * ```
 * host db-1-nic0 { hardware ethernet 04:3f:72:aa:00:01; fixed-address 10.20.0.11; option host-name "db-1"; }
 * host db-1-nic1 { hardware ethernet 04:3f:72:aa:00:02; fixed-address 10.20.0.11; option host-name "db-1"; }
 * ```
 * @see dhcpd.conf(5), "the host statement"
 */
export function renderHostBlocks(row: NodeRow): string {
  const address = row.address === undefined ? "" : ` fixed-address ${row.address};`;
  const loader =
    row.loader === undefined
      ? ""
      : ` if exists arch and not (option user-class = "iPXE") { filename ${dhcpdString(row.loader)}; }`;
  const options = Object.entries(row.options ?? {})
    .sort(([first], [second]) => (first < second ? -1 : 1))
    .map(([name, value]) => ` option ${name} ${renderOption(value)};`)
    .join("");
  const blocks = row.macs.map(
    (mac, nic) =>
      `host ${row.hostname}-nic${nic} { hardware ethernet ${mac};${address} option host-name ${dhcpdString(row.hostname)};${options}${loader} }\n`,
  );
  return [row.comment === undefined ? "" : `# ${row.comment}\n`, ...blocks].join("");
}

function renderOption(value: OptionValue): string {
  if (typeof value === "string") return dhcpdString(value);
  return typeof value === "object" ? value.join(", ") : String(value);
}

/** What a host block says of a machine. */
export interface HostBlocks {
  readonly hostname: string;
  readonly macs: readonly string[];
  readonly address?: string;
  readonly loader?: Loader;
}

const hostBlock =
  /^host (?<block>\S+)-nic\d+ \{ hardware ethernet (?<mac>\S+);( fixed-address (?<address>\S+);)? option host-name "(?<hostname>[^"]+)";( option [^;"]+(("(\\.|[^"\\])*")|[^;"])*;)*( if [^{]*\{ filename "(?<loader>[^"]+)"; \})? \}$/;

/** Reads back what `renderHostBlocks` wrote, in the order of the file; lines that are no such block are passed over. */
export function parseHostBlocks(text: string): readonly HostBlocks[] {
  const machines = new Map<string, { hostname: string; macs: string[]; address?: string; loader?: Loader }>();
  for (const line of text.split("\n")) {
    const found = hostBlock.exec(line)?.groups;
    if (found === undefined) continue;
    const { hostname = "", mac = "", address, loader } = found;
    const machine = machines.get(hostname);
    if (machine !== undefined) machine.macs.push(mac);
    else {
      machines.set(hostname, {
        hostname,
        macs: [mac],
        ...(address === undefined ? {} : { address }),
        ...(loader === undefined ? {} : { loader: loader as Loader }),
      });
    }
  }
  return [...machines.values()];
}

/**
 * A machine as a fleet's one line, which a preview shows when it changes: address (or `pool`), host name, NICs, and what
 * is not usual about it.
 *
 * @example
 * ```
 * 10.20.0.12 db-2 04:3f:72:aa:00:03,04:3f:72:aa:00:04 ipxe.efi
 * pool old-1 04:3f:72:aa:00:05 ia32
 * ```
 */
export function renderRow(row: NodeRow): string {
  const words = [row.address ?? "pool", row.hostname, row.macs.join(",")];
  if (row.firmware !== "x64") words.push(row.firmware);
  if (row.loader !== undefined) words.push(row.loader);
  const { options, comment } = row;
  if (options !== undefined || comment !== undefined) words.push(JSON.stringify({ options, comment }));
  return words.join(" ");
}

/** Reads back what `renderRow` wrote; undefined if it is no such line. */
export function parseRow(name: string, text: string): NodeRow | undefined {
  const more = text.indexOf(" {");
  const [address, hostname, macs, ...rest] = (more < 0 ? text : text.slice(0, more)).split(" ");
  if (address === undefined || hostname === undefined || macs === undefined) return undefined;
  const firmware = rest[0] === "ia32" ? "ia32" : "x64";
  const loader = rest[firmware === "ia32" ? 1 : 0];
  return parseNode(name, {
    hostname,
    macs: macs.split(","),
    firmware,
    ...(address === "pool" ? {} : { address }),
    ...(loader === undefined ? {} : { loader }),
    ...(more < 0 ? {} : parseMore(text.slice(more + 1))),
  }).value;
}

/** The options and the comment; what is no such text makes the row one that parseNode refuses. */
function parseMore(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return { options: text };
  }
}
