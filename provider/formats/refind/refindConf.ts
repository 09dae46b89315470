import { bad, type Checked, good, quoted, readFields } from "../../values/problem";
import * as z from "../../zod";
import { fill } from "../template";
import { lintRefindConf, scanSources, tools, uiParts } from "./refindLint";

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
    .regex(/^[A-Za-z0-9+][A-Za-z0-9+ ._:,\\/()-]{0,99}$/, {
      error: (issue) =>
        `${quoted(issue.input)} is no selection; write an entry's number or a part of its title, as in "1" or "debian,ubuntu"`,
    })
    .optional(),
  scanFor: listOf(scanSources, '["internal"]').refine(
    (sources) => sources === undefined || sources.length === 0 || sources.some((source) => source !== "manual"),
    {
      error: '"manual" alone finds nothing; write it in a whole text with a menuentry, or add "internal"',
    },
  ),
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
    defaultSelection: /^[A-Za-z0-9]+$/.test(selection) ? selection : `"${selection}"`,
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
