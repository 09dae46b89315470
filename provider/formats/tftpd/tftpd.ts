import { addressSchema } from "../../values/ipv4";
import { mtuSchema } from "../../values/network";
import { bad, type Checked, good, nearest, quoted, readFields, textBy } from "../../values/problem";
import * as z from "../../zod";
import { fill } from "../template";

/** What the TFTP server serves, and where. */
export interface TftpdSettings {
  /** Node 0's private address, the only one that is bound. */
  readonly address: string;
  readonly directory: string;
  /** in.tftpd's options, one word each. */
  readonly options: readonly string[];
}

/** What a packet of TFTP holds beside the block: the headers of IPv4, UDP and TFTP. */
const headerBytes = 32;

/** The largest block that comes in one packet, for an MTU; jumbo frames are not for firmware. */
function largestBlock(mtu = 1500): number {
  return Math.min(mtu, 1500) - headerBytes;
}

/**
 * The guide's `--secure` (the directory is all that exists), and ours: each request and each refusal in the log, and no block
 * larger than a frame on the way, which some firmware asks for and can't put together (in.tftpd(8), `--blocksize`).
 */
export function defaultTftpdOptions(mtu?: number): readonly string[] {
  return ["--secure", "--verbosity", "2", "--blocksize", `${largestBlock(mtu)}`];
}

const number = /^\d+$/;

/** The options of in.tftpd that a user may give, and what their argument looks like. */
const known: Readonly<Record<string, RegExp | undefined>> = {
  "--ipv4": undefined,
  "-4": undefined,
  "--secure": undefined,
  "-s": undefined,
  "--permissive": undefined,
  "-p": undefined,
  "--verbose": undefined,
  "-v": undefined,
  "--verbosity": number,
  "--retransmit": number,
  "-T": number,
  "--map-file": /^\/[\w./-]{1,254}$/,
  "-m": /^\/[\w./-]{1,254}$/,
  "--refuse": /^(blksize2?|tsize|timeout|utimeout|rollover)$/,
  "-r": /^(blksize2?|tsize|timeout|utimeout|rollover)$/,
  "--blocksize": number,
  "-B": number,
  "--port-range": /^\d+:\d+$/,
  "-R": /^\d+:\d+$/,
};

/** Options that in.tftpd has and that may not be given, and why. */
const refused: Readonly<Record<string, string>> = {
  "--create": "would let every machine write files on node 0; leave it out",
  "-c": "would let every machine write files on node 0; leave it out",
  "--umask": "is for uploads, and there are none; leave it out",
  "-U": "is for uploads, and there are none; leave it out",
  "--address": "is set by the property address; leave it out",
  "-a": "is set by the property address; leave it out",
  "--user": 'is always "tftp"; leave it out',
  "-u": 'is always "tftp"; leave it out',
  "--listen": "would leave the unit's foreground; leave it out",
  "-l": "would leave the unit's foreground; leave it out",
  "--foreground": "is in the unit already; leave it out",
  "-L": "is in the unit already; leave it out",
  "--ipv6": "does not fit an IPv4 address; leave it out",
  "-6": "does not fit an IPv4 address; leave it out",
  "--pidfile": "is not needed, systemd knows the process; leave it out",
  "-P": "is not needed, systemd knows the process; leave it out",
  "--timeout": "is for inetd only; leave it out",
  "-t": "is for inetd only; leave it out",
};

const optionsExample = '["--secure", "--verbosity", "2", "--blocksize", "1468"]';

const directoryRule = 'write the path of a folder of its own, as in "/srv/tftp"';

function parseDirectory(text: string): Checked<string> {
  const wrong = (why: string): Checked<string> =>
    bad({ path: "", message: `${quoted(text)} ${why}; ${directoryRule}` });
  if (!text.startsWith("/")) return wrong("is no absolute path");
  // A name may have 255 bytes on Linux, a path more; nobody means so much.
  if (text.length > 255) return wrong(`has ${text.length} characters and may have 255`);
  const clean = text.replace(/\/+$/, "");
  if (clean === "") return wrong("is the whole file system");
  if (!/^(\/[A-Za-z0-9_+@-][A-Za-z0-9_+@.-]*)+$/.test(clean)) {
    return wrong('is no clean path: no "//", no "." or "..", no hidden folder, and of the signs only . _ + @ -');
  }
  // Debian 13's own unit runs with ProtectHome and PrivateTmp; a folder there would be empty for the server.
  if (/^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/.test(clean))
    return wrong("is a place for people or for passing files");
  if (/^\/(bin|boot|dev|etc|lib\w*|proc|run|sbin|sys|usr|var\/lib\/pulumi-netboot)(\/|$)/.test(clean))
    return wrong("belongs to the system");
  if (clean === "/var" || clean === "/srv" || clean === "/opt" || clean === "/mnt")
    return wrong("holds other things too");
  return good(clean);
}

const shape = {
  address: addressSchema,
  directory: textBy(parseDirectory, directoryRule).optional(),
  options: z
    .union([z.string().transform((text) => text.split(/\s+/).filter((word) => word !== "")), z.array(z.string())], {
      error: (issue) => `${quoted(issue.input)} is no list of options; write it as ${optionsExample}`,
    })
    .optional(),
  mtu: mtuSchema.optional(),
};

/** Reads the arguments of a TFTP server: `address`, `directory` ("/srv/tftp"), `options` (a list, or one text), `mtu`. */
export function parseTftpdSettings(args: unknown): Checked<TftpdSettings> {
  const { fields, problems } = readFields(shape, args, '{ address: "192.168.1.1" }');
  const { mtu } = fields;
  const options = withBlockSize(fields.options ?? defaultTftpdOptions(mtu), mtu);
  const wrong = [...whyNoOptions(options), ...whyTooLarge(options, mtu)];
  problems.push(...wrong.map((message) => ({ path: "options", message })));
  if (problems.length > 0 || fields.address === undefined) return bad(...problems);
  return good({ address: fields.address, directory: fields.directory ?? "/srv/tftp", options });
}

const isBlockSize = (option: string): boolean => option === "--blocksize" || option === "-B";

/** A machine gets the block size that it asks for, up to what the server is told: so it is told what an MTU means. */
function withBlockSize(options: readonly string[], mtu: number | undefined): readonly string[] {
  if (mtu === undefined || options.some(isBlockSize)) return options;
  return [...options, "--blocksize", `${largestBlock(mtu)}`];
}

function whyTooLarge(options: readonly string[], mtu: number | undefined): readonly string[] {
  const size = Number(options[options.findIndex(isBlockSize) + 1]);
  if (mtu === undefined || !(size > mtu - headerBytes)) return [];
  return [
    `a block of ${size} bytes does not come in a packet of mtu ${mtu}; write "--blocksize", "${mtu - headerBytes}"`,
  ];
}

function whyNoOptions(options: readonly string[]): readonly string[] {
  const problems: string[] = [];
  for (let index = 0; index < options.length; index++) {
    const option = options[index] ?? "";
    const why = refused[option];
    if (why !== undefined) {
      problems.push(`${quoted(option)} ${why}`);
      // Its argument is not another mistake.
      if (/^(--(umask|address|user|pidfile|timeout)|-[UauPt])$/.test(option)) index++;
    } else if (!Object.hasOwn(known, option)) {
      const near = nearest(
        option,
        Object.keys(known).filter((name) => name.startsWith("--")),
      );
      problems.push(
        `${quoted(option)} is no option of in.tftpd${near === undefined ? `; write one word each, as in ${optionsExample}` : `; did you mean "${near}"?`}`,
      );
    } else {
      const pattern = known[option];
      if (pattern === undefined) continue;
      index++;
      const value = options[index];
      const wrong = whyNoArgument(option, value, pattern);
      if (wrong !== undefined) problems.push(wrong);
    }
  }
  // Without it a machine could ask for any file that the user tftp may read.
  if (!options.includes("--secure") && !options.includes("-s")) {
    problems.push(`"--secure" is missing, which keeps machines inside the directory; write ${optionsExample}`);
  }
  return problems;
}

function whyNoArgument(option: string, value: string | undefined, pattern: RegExp): string | undefined {
  const examples: Readonly<Record<string, string>> = {
    "--blocksize": "1468",
    "-B": "1468",
    "--port-range": "40000:40100",
    "-R": "40000:40100",
    "--map-file": "/etc/tftpd.map",
    "-m": "/etc/tftpd.map",
    "--refuse": "blksize",
    "-r": "blksize",
    "--retransmit": "1000000",
    "-T": "1000000",
    "--verbosity": "3",
  };
  const example = `write "${option}", "${examples[option] ?? ""}"`;
  if (value === undefined) return `"${option}" needs an argument; ${example}`;
  if (!pattern.test(value)) return `${quoted(value)} is no argument for "${option}"; ${example}`;
  if (/^(--blocksize|-B)$/.test(option) && (Number(value) < 512 || Number(value) > 65464)) {
    return `${quoted(value)} is no block size, which is 512 to 65464; ${example}`;
  }
  if (/^(--port-range|-R)$/.test(option)) {
    const [from = 0, to = 0] = value.split(":").map(Number);
    if (from < 1024 || to > 65535 || from > to)
      return `${quoted(value)} is no range of free ports (1024 to 65535); ${example}`;
  }
  return undefined;
}

/**
 * The whole of /etc/default/tftpd-hpa, with the guide's four lines.
 *
 * @see in.tftpd(8)
 */
export function renderTftpdDefaults(settings: TftpdSettings): string {
  return fill("tftpdDefaults", { ...settings, options: settings.options.join(" ") });
}

/** The unit tftpd-hpa.service, which reads that file: in.tftpd in the foreground, started again whenever it ends. */
export function renderTftpdUnit({ directory }: Pick<TftpdSettings, "directory">): string {
  return fill("tftpdUnit.service", { directory });
}
