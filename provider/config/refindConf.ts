import { z } from "zod";
import { bad, type Checked, good, nearest, type Problem, quoted, readFields } from "./problem";
import { fill } from "./template";

const scanSources = [
  "internal",
  "external",
  "optical",
  "netboot",
  "hdbios",
  "biosexternal",
  "cd",
  "manual",
  "firmware",
] as const;

const uiParts = [
  "banner",
  "label",
  "singleuser",
  "safemode",
  "hwtest",
  "arrows",
  "hints",
  "editor",
  "badges",
  "all",
] as const;

// biome-ignore format: a list of words
const tools = [
  "shell", "memtest", "gdisk", "gptsync", "install", "bootorder", "apple_recovery", "csr_rotate", "mok_tool", "fwupdate",
  "netboot", "about", "hidden_tags", "exit", "shutdown", "reboot", "firmware", "windows_recovery",
] as const;

/** Where rEFInd looks for loaders. */
export type ScanSource = (typeof scanSources)[number];

/** A part of rEFInd's screen. */
export type UiPart = (typeof uiParts)[number];

/** A tool that rEFInd offers below the loaders. */
export type RefindTool = (typeof tools)[number];

/** What refind.conf says; the defaults are the guide's, except for `showTools` and `bannerScale`. */
export interface RefindSettings {
  /** Seconds until the first loader starts; -1: at once, without a screen. Never 0, which waits for a key for ever. @defaultValue 1 */
  readonly timeoutSeconds?: number;
  /** The number of the entry, a part of its title, or several with commas between. @defaultValue "1" */
  readonly defaultSelection?: string;
  /** @defaultValue ["internal"] */
  readonly scanFor?: readonly ScanSource[];
  /** @defaultValue true */
  readonly textOnly?: boolean;
  /** @defaultValue ["hwtest", "hints"] */
  readonly hideUi?: readonly UiPart[];
  /**
   * What else the menu offers. Never empty: rEFInd 0.13.2 crashes on it when the disks hold no loader.
   * @defaultValue ["exit"]: then rEFInd ends, and the boot script says so
   */
  readonly showTools?: readonly RefindTool[];
  /** @defaultValue 0 */
  readonly scanDelaySeconds?: number;
  /** The guide's `banner_scale` has lost this word, and rEFInd passes over the line then. @defaultValue "noscale" */
  readonly bannerScale?: "noscale" | "fillscreen";
  /** Whether rEFInd keeps the last choice in the firmware's memory; its own default is true. */
  readonly useNvram?: boolean;
}

/** Settings, or a whole text of the user's own. */
export type RefindConf = RefindSettings | string;

const listOf = <Word extends string>(words: readonly Word[], example: string): z.ZodType<Word[] | undefined> =>
  z
    .array(z.enum(words), { error: (issue) => `${quoted(issue.input)} is no list; write it as ${example}` })
    .min(1, { error: `the list is empty; write at least one, as in ${example}` })
    .optional() as z.ZodType<Word[] | undefined>;

const shape = {
  timeoutSeconds: z
    .int()
    .min(-1)
    .max(3600)
    .refine((seconds) => seconds !== 0, {
      error: "0 waits for a key for ever; write 1, or -1 to boot without a screen",
    })
    .optional(),
  defaultSelection: z
    .string()
    .regex(/^[\p{L}\p{N}+][\p{L}\p{N}+ ._:,\\/()-]{0,99}$/u, {
      error: (issue) =>
        `${quoted(issue.input)} is no selection; write an entry's number or a part of its title, as in "1" or "debian,ubuntu"`,
    })
    .optional(),
  scanFor: listOf(scanSources, '["internal"]'),
  textOnly: z.boolean().optional(),
  hideUi: z
    .array(z.enum(uiParts), { error: (issue) => `${quoted(issue.input)} is no list; write it as ["hwtest", "hints"]` })
    .optional(),
  showTools: listOf(tools, '["exit"]'),
  scanDelaySeconds: z.int().min(0).max(300).optional(),
  bannerScale: z.enum(["noscale", "fillscreen"]).optional(),
  useNvram: z.boolean().optional(),
};

/** Reads the `refindConf` argument: settings, a whole text, or nothing. */
export function parseRefindConf(args: unknown): Checked<RefindConf> {
  if (typeof args === "string") {
    const problems = lintRefindConf(args);
    return problems.length > 0 ? bad(...problems) : good(args.endsWith("\n") ? args : `${args}\n`);
  }
  const { fields, problems } = readFields(shape, args ?? {}, "{ timeoutSeconds: 1 }, or a whole text");
  return problems.length > 0 ? bad(...problems) : good(fields as RefindSettings);
}

/**
 * The whole of refind.conf.
 *
 * @see https://www.rodsbooks.com/refind/configfile.html
 */
export function renderRefindConf(conf: RefindConf): string {
  if (typeof conf === "string") return conf;
  const selection = conf.defaultSelection ?? "1";
  return fill("refind.conf", {
    timeoutSeconds: conf.timeoutSeconds ?? 1,
    // rEFInd takes spaces and commas for the end of a word, unless it is in quotes.
    defaultSelection: /^[\p{L}\p{N}]+$/u.test(selection) ? selection : `"${selection}"`,
    hideUi: conf.hideUi ?? ["hwtest", "hints"],
    bannerScale: conf.bannerScale ?? "noscale",
    textOnly: conf.textOnly ?? true,
    scanFor: (conf.scanFor ?? ["internal"]).join(","),
    scanDelaySeconds: conf.scanDelaySeconds ?? 0,
    nvramGiven: conf.useNvram !== undefined,
    useNvram: conf.useNvram,
    showTools: (conf.showTools ?? ["exit"]).join(","),
  });
}

/** The words that begin a line in rEFInd 0.13.2 and 0.14.2, taken from both binaries and their sample files. */
// biome-ignore format: a list of words
const options: readonly string[] = [
  "also_scan_dirs", "also_scan_tool_dirs", "banner", "banner_scale", "big_icon_size", "csr_values", "default_selection",
  "dont_scan_dirs", "dont_scan_files", "dont_scan_firmware", "dont_scan_tools", "dont_scan_volumes", "enable_and_lock_vmx",
  "enable_mouse", "enable_touch", "extra_kernel_version_strings", "fold_linux_kernels", "follow_symlinks", "font", "hideui",
  "icons_dir", "include", "linux_prefixes", "log_level", "max_tags", "menuentry", "mouse_size", "mouse_speed", "resolution",
  "scan_all_linux_kernels", "scan_delay", "scan_driver_dirs", "scanfor", "screensaver", "selection_big", "selection_small",
  "showtools", "shutdown_after_timeout", "small_icon_size", "spoof_osx_version", "support_gzipped_loaders", "textmode",
  "textonly", "timeout", "uefi_deep_legacy_scan", "use_graphics_for", "use_nvram", "windows_recovery_files",
  "write_systemd_vars",
];

/** The words inside `menuentry "…" { … }`. */
// biome-ignore format: a list of words
const entryOptions: readonly string[] = [
  "volume", "loader", "initrd", "icon", "ostype", "graphics", "options", "firmware_bootnum", "disabled", "submenuentry",
  "add_options",
];

/** What rEFInd would pass over without a word, or crash on, in a whole text. */
export function lintRefindConf(text: string): readonly Problem[] {
  const whole = lintText(text);
  if (whole !== undefined) return [{ path: "", message: whole }];
  const problems: Problem[] = [];
  let depth = 0;
  text.split("\n").forEach((line, index) => {
    const words = wordsOf(line);
    const first = words[0];
    if (first === undefined) return;
    const at = `line ${index + 1}: `;
    if (first === "}") {
      depth--;
      if (depth < 0) problems.push({ path: "", message: `${at}"}" closes no menuentry; take it away` });
      depth = Math.max(depth, 0);
      return;
    }
    const allowed = depth > 0 ? entryOptions : options;
    if (!allowed.includes(first.toLowerCase())) {
      problems.push({
        path: "",
        message: `${at}rEFInd knows no option ${quoted(first)} and would pass over it; ${meant(first, allowed)}`,
      });
    }
    if (first.toLowerCase() === "showtools" && words.length === 1) {
      problems.push({
        path: "",
        message: `${at}"showtools" without a tool makes rEFInd 0.13.2 crash when the disks hold no loader; write "showtools exit"`,
      });
    }
    if (words.at(-1) === "{") depth++;
  });
  if (depth > 0) problems.push({ path: "", message: 'a menuentry is not closed; end it with a line "}"' });
  return problems;
}

function meant(word: string, allowed: readonly string[]): string {
  const near = nearest(word, allowed);
  return near === undefined
    ? "see https://www.rodsbooks.com/refind/configfile.html for those it knows"
    : `did you mean ${near}?`;
}

/** The words of a line as rEFInd takes them: spaces, commas and "=" divide, quotes hold together, "#" ends. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/#.*|"[^"]*"?|[^\s,="#]+/g)].map(([word]) => word).filter((word) => !word.startsWith("#"));
}

function lintText(text: string): string | undefined {
  if (text.trim() === "")
    return 'the text is empty; write rEFInd\'s options, as in "timeout 1", or leave it out for the defaults';
  if (text.includes("\0")) return "the text holds a NUL character, perhaps it is UTF-16; save it as UTF-8";
  if (!text.isWellFormed()) return "the text holds half a character, which no file can; save it as UTF-8";
  if (text.includes("\r")) return "the text has the line ends of Windows; save it with those of Unix (LF)";
  return undefined;
}
