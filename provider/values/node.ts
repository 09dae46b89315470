import { whyNoOptionText } from "../formats/isc/dhcpdString";
import * as z from "../zod";
import { hostnameSchema, parseHostname } from "./hostname";
import { addressSchema } from "./ipv4";
import { macSchema } from "./mac";
import { isOptionName, type NodeRow, type OptionValue } from "./nodeRow";
import { type Checked, good, quoted, readFields, whyMadeWrong } from "./problem";
import { isUnknown, unknownText } from "./unknown";

export { renderHostBlocks } from "../formats/isc/hostBlocks";
export type { Firmware, Loader } from "./bootChain";
export { type NodeRow, type OptionValue, renderRow } from "./nodeRow";

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
  if (!isOptionName(name)) {
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
  error: ({ input }) =>
    (typeof input === "string" ? whyMadeWrong(input) : undefined) ??
    `${quoted(input)} is no comment; write one line of at most 200 characters`,
});

const macsExample = '["52:54:00:12:34:56"]';

/**
 * What one machine may say, field by field; the fleet's JSON schema is made of it.
 *
 * @internal
 */
export const nodeShape = {
  macs: z.array(macSchema, {
    error: (issue) =>
      issue.input === undefined
        ? `is required; write the hardware addresses of the machine's NICs, as in ${macsExample}`
        : `${quoted(issue.input)} is no list; write it as ${macsExample}`,
  }) as z.ZodType<readonly string[]>,
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
 * beside them (`problems`). `others` are arguments beside these, for who guesses at a wrong one. In a preview a value may be `unknownText`, and is then in the row as that.
 *
 * @example
 * ```ts
 * parseNode("db-1", { macs: ["04-3F-72-AA-00-01"], address: "10.20.0.11" }).value;
 * // { name: "db-1", hostname: "db-1", macs: ["04:3f:72:aa:00:01"], address: "10.20.0.11", firmware: "x64" }
 * ```
 */
export function parseNode(name: string, args: unknown, others: readonly string[] = []): Checked<NodeRow> {
  const { fields, problems } = readFields(nodeShape, args, `{ macs: ${macsExample}, address: "192.168.1.2" }`, others);
  const macs = isUnknown(fields.macs) ? [unknownText] : fields.macs;
  for (const message of isUnknown(fields.problems) ? [] : (fields.problems ?? [])) problems.push({ path: "", message });
  if (macs?.length === 0)
    problems.push({ path: "macs", message: `the list is empty; write at least one NIC, as in ${macsExample}` });
  if (macs !== undefined && macs.length > 8) {
    problems.push({
      path: "macs",
      message: `${macs.length} hardware addresses are too many for one machine; write 1 to 8`,
    });
  }
  macs?.forEach((mac, index) => {
    if (isUnknown(mac)) return;
    const first = macs.indexOf(mac);
    if (first !== index) {
      problems.push({
        path: `macs[${index}]`,
        message: `"${mac}" stands here twice (macs[${first}]); write each NIC once`,
      });
    }
  });
  if (fields.firmware === "ia32" && fields.loader !== undefined && !isUnknown(fields.loader)) {
    problems.push({
      path: "loader",
      message: `"${fields.loader}" is a 64-bit program, and the firmware "ia32" starts ipxe32.efi only; leave loader out`,
    });
  }
  const hostname = fields.hostname ?? hostnameOf(name, args);
  if (typeof hostname === "object") problems.push({ path: "hostname", message: hostname.message });
  const isWrong = (field: string): boolean =>
    problems.some(({ path }) => path === field || path.startsWith(`${field}[`));
  // Where something is wrong, it may stand under another name.
  const address = fields.address ?? (problems.length > 0 ? unknownText : undefined);
  const row: NodeRow = {
    name,
    hostname: typeof hostname === "string" ? hostname : unknownText,
    macs: macs === undefined || isWrong("macs") ? [unknownText] : macs,
    ...(address === undefined ? {} : { address }),
    firmware: fields.firmware ?? "x64",
    ...(fields.loader === undefined ? {} : { loader: fields.loader }),
    ...(fields.options === undefined || isWrong("options") ? {} : { options: fields.options }),
    ...(fields.comment === undefined ? {} : { comment: fields.comment }),
  };
  if (problems.length > 0 || macs === undefined || typeof hostname !== "string")
    return { value: undefined, problems, rest: row };
  return good(row);
}

/** The name as a host name; why not, if it is none; undefined if a host name was given (and found wrong). */
function hostnameOf(name: string, args: unknown): string | { readonly message: string } | undefined {
  if (typeof args !== "object" || args === null) return undefined;
  if ("hostname" in args && args.hostname !== undefined) return undefined;
  // Only JavaScript gives anything else.
  if (typeof name !== "string") return { message: `the name ${quoted(name)} is no text; write it in quotes` };
  const made = whyMadeWrong(name);
  if (made !== undefined) return { message: `the name of the resource ${made}` };
  const { value, problems } = parseHostname(name);
  if (value !== undefined) return value;
  const example = /as in (".*")$/.exec(problems[0]?.message ?? "")?.[1] ?? '"db-1"';
  return { message: `the name ${quoted(name)} is no host name, so give one: hostname: ${example}` };
}
