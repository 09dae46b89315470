import { nearest, type Problem, quoted } from "../../values/problem";

/** The words of `scanfor`; rEFInd looks at the first letter of each. */
export const scanSources = [
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

/** The words of `hideui`. */
export const uiParts = [
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

/** The words of `showtools`. */
// biome-ignore format: a list of words
export const tools = [
  "shell", "memtest", "gdisk", "gptsync", "install", "bootorder", "apple_recovery", "csr_rotate", "mok_tool", "fwupdate",
  "netboot", "about", "hidden_tags", "exit", "shutdown", "reboot", "firmware", "windows_recovery",
] as const;

/** What is wrong with the arguments of a line, to be read after the line itself in quotes; nothing if they are right. */
type Rule = (args: readonly string[]) => string | undefined;

/** One whole number, which may have to be within bounds. */
function number(least: number, most: number, example: number): Rule {
  return (args) => {
    const [word = ""] = args;
    const value = Number(word);
    if (args.length === 1 && /^(-1|\d{1,9})$/.test(word) && value >= least && value <= most) return undefined;
    return `the option takes one number from ${least} to ${most}, as in ${example}`;
  };
}

/** On without a word; rEFInd takes every word for "on" but these three. */
const onOff: Rule = (args) =>
  args.length <= 1 && oneOf(args[0] ?? "true", ["true", "on", "yes", "1", "false", "off", "0"])
    ? undefined
    : "the option takes true or false, and rEFInd takes everything else for true; write false to turn it off";

/** One word or text in quotes. */
function text(example: string): Rule {
  return (args) =>
    args.length === 1 ? undefined : `the option takes one text, in quotes if it has spaces, as in ${example}`;
}

/** Any number of words; none empties rEFInd's own list. */
const list: Rule = () => undefined;

/** Words of a set, at least one. */
function words(allowed: readonly string[], example: string): Rule {
  return (args) => {
    if (args.length === 0) return `the option takes words, as in ${example}`;
    const wrong = args.filter((word) => !oneOf(word, allowed));
    if (wrong.length === 0) return undefined;
    return `rEFInd does not know ${wrong.map((word) => quoted(word)).join(", ")}; there are ${allowed.join(", ")}`;
  };
}

/** Hexadecimal numbers. */
const hexes: Rule = (args) =>
  args.length > 0 && args.every((word, index) => /^[0-9a-f]{1,4}$/i.test(word) || (index === 0 && word === "+"))
    ? undefined
    : "the option takes hexadecimal numbers, as in 10,877";

const timeout: Rule = (args) => {
  if (number(-1, 3600, 1)(args) !== undefined) {
    return "the option takes one number of seconds, and rEFInd takes other words for 0, which waits for a key for ever; write timeout 1";
  }
  return Number(args[0]) === 0 ? "0 waits for a key for ever; write 1, or -1 to boot without a screen" : undefined;
};

const shutdownAfterTimeout: Rule = (args) =>
  onOff(args) ??
  (oneOf(args[0] ?? "true", ["false", "off", "0"])
    ? undefined
    : "the machine would be switched off instead of booted; take the line away");

const scanFor: Rule = (args) => {
  const whole = args.map((word) =>
    word.length === 1 ? (scanSources.find((source) => source.startsWith(word)) ?? word) : word,
  );
  return words(scanSources, "internal,external")(whole);
};

const showTools: Rule = (args) =>
  args.length === 0
    ? 'without a tool rEFInd 0.13.2 crashes when the disks hold no loader; write "showtools exit"'
    : words([...tools, "memtest86"], "exit")(args);

const defaultSelection: Rule = (args) => {
  const [, ...times] = args;
  if (args.length === 1) return undefined;
  if (args.length === 3 && times.every((time) => /^([01]?\d|2[0-3]):[0-5]\d$/.test(time))) {
    const [from = 0, to = 0] = times.map((time) => Number(time.replace(":", ".")));
    return from < to ? undefined : "rEFInd never takes a time across midnight; write it to its end, as in 23:30 23:59";
  }
  return 'the option takes one text, in quotes if it has spaces or commas, as in "debian,ubuntu", and perhaps two times of day, as in 8:00 18:30';
};

const resolution: Rule = (args) =>
  (args.length === 1 && oneOf(args[0] as string, ["max"])) ||
  (args.length >= 1 && args.length <= 2 && args.every((word) => /^\d{1,5}$/.test(word)))
    ? undefined
    : "the option takes a width and a height, a mode's number, or max, as in 1024 768";

/**
 * The words that begin a line in rEFInd 0.13.2 and 0.14.2, and what may follow them: taken from both programs' config.c
 * and refind.conf-sample.
 */
const options: Readonly<Record<string, Rule>> = {
  also_scan_dirs: list,
  also_scan_tool_dirs: list,
  banner: text("mybanner.png"),
  // The guide prints it without a word. rEFInd passes over that line and keeps its default, which is meant.
  banner_scale: (args) =>
    args.length === 0 ? undefined : words(["noscale", "fillscreen", "fullscreen"], "noscale")(args),
  big_icon_size: number(32, 4096, 128),
  csr_values: hexes,
  default_selection: defaultSelection,
  dont_scan_dirs: list,
  dont_scan_files: list,
  dont_scan_firmware: list,
  dont_scan_tools: list,
  dont_scan_volumes: list,
  enable_and_lock_vmx: onOff,
  enable_mouse: onOff,
  enable_touch: onOff,
  extra_kernel_version_strings: list,
  fold_linux_kernels: onOff,
  follow_symlinks: onOff,
  font: text("myfont.png"),
  hideui: words(uiParts, "hwtest,hints"),
  icons_dir: text("myicons"),
  include: text("more.conf"),
  linux_prefixes: list,
  log_level: number(0, 4, 1),
  max_tags: number(0, 1000, 0),
  menuentry: (args) =>
    args.length === 2 && args[1] === "{" ? undefined : 'write it as menuentry "Debian" {, the brace at the line\'s end',
  mouse_size: number(16, 4096, 16),
  mouse_speed: number(1, 32, 4),
  resolution,
  scan_all_linux_kernels: onOff,
  scan_delay: number(0, 300, 0),
  scan_driver_dirs: list,
  scanfor: scanFor,
  screensaver: number(-1, 86400, 300),
  selection_big: text("selection-big.png"),
  selection_small: text("selection-small.png"),
  showtools: showTools,
  shutdown_after_timeout: shutdownAfterTimeout,
  small_icon_size: number(32, 4096, 48),
  spoof_osx_version: text("10.9"),
  support_gzipped_loaders: onOff,
  textmode: number(0, 1024, 2),
  textonly: onOff,
  timeout,
  uefi_deep_legacy_scan: onOff,
  use_graphics_for: words(["+", "osx", "linux", "elilo", "grub", "windows"], "linux,grub"),
  use_nvram: onOff,
  windows_recovery_files: list,
  write_systemd_vars: onOff,
};

/** The words inside `submenuentry "…" { … }`. */
const submenuOptions: Readonly<Record<string, Rule>> = {
  volume: text("ESP"),
  loader: text("/EFI/debian/grubx64.efi"),
  initrd: (args) => (args.length === 0 ? undefined : text("/initrd.img")(args)),
  graphics: words(["on", "off"], "on"),
  options: (args) => (args.length === 0 ? undefined : text('"ro quiet"')(args)),
  add_options: text('"single"'),
  disabled: (args) => (args.length === 0 ? undefined : "the option takes no words; whatever they are, it disables"),
};

/** The words inside `menuentry "…" { … }`. */
const entryOptions: Readonly<Record<string, Rule>> = {
  volume: text("ESP"),
  loader: text("/EFI/debian/grubx64.efi"),
  initrd: text("/initrd.img"),
  graphics: words(["on", "off"], "on"),
  options: text('"ro quiet"'),
  disabled: submenuOptions["disabled"] as Rule,
  icon: text("/EFI/debian/icon.png"),
  ostype: words(["MacOS", "Linux", "ELILO", "Windows", "XOM"], "Linux"),
  firmware_bootnum: (args) =>
    args.length === 1 ? hexes(args) : "the option takes one number of the firmware's list, as in 0001",
  submenuentry: (args) =>
    args.length === 2 && args[1] === "{"
      ? undefined
      : 'write it as submenuentry "rescue" {, the brace at the line\'s end',
};

/** What a line may begin with, by the number of braces that are open around it. */
const levels = [options, entryOptions, submenuOptions] as const;

/** What rEFInd would pass over without a word, take for something else, wait at for ever, or crash on, in a whole text. */
export function lintRefindConf(whole: string): readonly Problem[] {
  const unreadable = lintText(whole);
  if (unreadable !== undefined) return [{ path: "", message: unreadable }];
  const problems: Problem[] = [];
  const report = (line: number, message: string) => problems.push({ path: "", message: `line ${line}: ${message}` });
  let entry: { readonly line: number; starts: boolean; disabled: boolean } | undefined;
  let entries = 0;
  let depth = 0;
  let sources: readonly string[] | undefined;
  whole.split("\n").forEach((line, index) => {
    const [first, ...args] = wordsOf(line);
    if (first === undefined) return;
    const at = index + 1;
    if (first === "}") {
      if (depth === 0) report(at, '"}" closes no menuentry; take it away');
      if (depth === 1 && entry !== undefined && !entry.disabled) {
        entries++;
        if (!entry.starts)
          report(entry.line, "the menuentry starts nothing; give it a line loader or firmware_bootnum");
      }
      depth = Math.max(depth - 1, 0);
      return;
    }
    const allowed = levels[depth] as Readonly<Record<string, Rule>>;
    const name = first.toLowerCase().replace(/^don't_/, "dont_");
    const rule = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (rule === undefined) {
      report(
        at,
        `rEFInd knows no option ${quoted(first)} and would pass over it; ${meant(first, Object.keys(allowed))}`,
      );
    } else {
      const wrong = rule(args);
      if (wrong !== undefined) report(at, `${quoted(line.trim())}: ${wrong}`);
    }
    if (depth === 0 && name === "scanfor") sources = args;
    if (depth === 0 && name === "menuentry") entry = { line: at, starts: false, disabled: false };
    if (depth === 1 && entry !== undefined) {
      entry.starts ||= name === "loader" || name === "firmware_bootnum";
      entry.disabled ||= name === "disabled";
    }
    if (args.at(-1) === "{") depth = Math.min(depth + 1, levels.length - 1);
  });
  if (depth > 0) problems.push({ path: "", message: 'a menuentry is not closed; end it with a line "}"' });
  if (entries === 0 && sources?.length === 1 && /^m/i.test(sources[0] ?? "")) {
    problems.push({
      path: "",
      message: `scanfor has nothing but manual, and there is no menuentry that is enabled; add one, or "scanfor internal,manual"`,
    });
  }
  if (entries > 0 && sources !== undefined && !sources.some((word) => /^m/i.test(word))) {
    const message = `rEFInd reads menuentry only if scanfor has the word manual; write "scanfor ${[...sources, "manual"].join(",")}"`;
    problems.push({ path: "", message });
  }
  return problems;
}

function oneOf(word: string, allowed: readonly string[]): boolean {
  return allowed.some((each) => each.toLowerCase() === word.toLowerCase());
}

function meant(word: string, allowed: readonly string[]): string {
  const near = nearest(word, allowed);
  return near === undefined
    ? "see https://www.rodsbooks.com/refind/configfile.html for those it knows"
    : `did you mean ${near}?`;
}

/** The words of a line as rEFInd takes them: spaces, commas and "=" divide, quotes hold together (two are one), "#" ends. */
export function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/#.*|"((?:[^"]|"")*)"?|([^ \t,="#]+)/g)]
    .filter(([word]) => !word.startsWith("#"))
    .map(([, inQuotes, bare]) => inQuotes?.replaceAll('""', '"') ?? bare ?? "");
}

function lintText(whole: string): string | undefined {
  if (whole.trim() === "")
    return 'the text is empty; write rEFInd\'s options, as in "timeout 1", or leave it out for the defaults';
  if (whole.includes("\0")) return "the text holds a NUL character, perhaps it is UTF-16; save it as UTF-8";
  if (!whole.isWellFormed()) return "the text holds half a character, which no file can; save it as UTF-8";
  if (whole.includes("\r")) return "the text has the line ends of Windows; save it with those of Unix (LF)";
  return undefined;
}
