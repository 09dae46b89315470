import type { Boot, Fetched } from "../facts/bootLog";

/** One moment of a boot, in words. */
export interface Mark {
  /** Since the first sign of the boot. */
  readonly seconds: number;
  readonly by: "DHCP" | "TFTP" | "disk";
  readonly what: string;
  /** Of the file as it was served then, as 64 hex digits. */
  readonly sha256?: string;
  /** It was asked for and not given. */
  readonly isRefused: boolean;
}

/** A boot from its first sign to its last, and where it ended. */
export interface Timeline {
  readonly marks: readonly Mark[];
  readonly end: string;
  /** Whether the machine came as far as node 0 can bring it. */
  readonly isWhole: boolean;
}

/** How a boot ended, as far as node 0's log tells. */
const ends: Readonly<Record<Boot["reached"], string>> = {
  refused: "got no answer",
  asked: "was offered an address, and took none",
  lease: "no file was given, and what a firewall drops is not in node 0's log",
  loader: "nothing came after the loader",
  script: "no program came after the script",
  rEFInd: "rEFInd was given; what it finds on the disk is not in node 0's log",
  system: "the system on the local disk has its address",
};

/** What the log tells of a boot, in the order in which it came. */
export function timelineOf({ from, reached, architecture, files, asked, dhcp }: Boot): Timeline {
  const words: Readonly<Record<keyof Boot["dhcp"], string>> = {
    "firmware asked": `firmware asks${renderArchitecture(architecture)}`,
    "firmware answered": "firmware has its address",
    "iPXE asked": "iPXE asks",
    "iPXE answered": "iPXE has its address",
    "system answered": "system asks, and has its address",
  };
  const marks = [
    ...(reached === "refused" ? [inVain(asked)] : []),
    ...Object.entries(dhcp).map(([who, at]): Mark => {
      const by = who === "system answered" ? "disk" : "DHCP";
      return { seconds: at - from, by, what: words[who as keyof Boot["dhcp"]], isRefused: false };
    }),
    ...files.map((file) => markOf(file, from)),
  ];
  return {
    marks: marks.toSorted((one, other) => one.seconds - other.seconds),
    end: ends[reached],
    isWhole: reached === "rEFInd" || reached === "system",
  };
}

function inVain(asked: number): Mark {
  const times = asked === 1 ? "once" : asked === 2 ? "twice" : `${asked} times`;
  return { seconds: 0, by: "DHCP", what: `asks ${times}, and gets no answer`, isRefused: true };
}

function markOf({ name, at, sha256, refusal, asked }: Fetched, from: number): Mark {
  const words = [name, refusal, asked === undefined ? undefined : `asked for ${asked} times`];
  return {
    seconds: at - from,
    by: "TFTP",
    what: words.filter((word) => word !== undefined).join(": "),
    ...(sha256 === undefined ? {} : { sha256 }),
    isRefused: refusal !== undefined,
  };
}

function renderArchitecture(architecture: number | undefined): string {
  if (architecture === undefined) return "";
  if (architecture === 7 || architecture === 9) return ", as UEFI x64";
  if (architecture === 6) return ", as UEFI ia32";
  return architecture === 0 ? ", as BIOS" : `, as architecture ${architecture}`;
}

/** A time between two signs: `0.4 s`, `2 min 5 s`. */
export function renderSeconds(seconds: number): string {
  const rounded = Math.round(seconds * 10) / 10;
  if (rounded < 60) return `${rounded.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const rest = whole % 60;
  return `${Math.floor(whole / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
}
