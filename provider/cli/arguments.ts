import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { guess } from "../values/problem";

const options = {
  stack: { type: "string", short: "s" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false, short: "h" },
  version: { type: "boolean", default: false },
  all: { type: "boolean", default: false },
  since: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  user: { type: "string" },
  "private-key-path": { type: "string" },
  "host-key": { type: "string" },
  svg: { type: "string" },
  offline: { type: "boolean", default: false },
  output: { type: "string" },
  clear: { type: "string" },
  yes: { type: "boolean", default: false },
} as const;

type Option = keyof typeof options;
/** The values of all options, as they were given or by default. */
export type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

const way = ["host", "port", "user", "private-key-path", "host-key"] as const;

/** The word that says what is to be done. */
export type CommandName = "plan" | "verify" | "doctor" | "history" | "view" | "drill" | "records" | "import";

/** What each command takes. */
const taken: Readonly<Record<CommandName, readonly Option[]>> = {
  plan: ["stack", "json"],
  verify: ["stack", "json"],
  doctor: ["stack", "json"],
  history: ["stack", "json", "all", "since", "svg", "output"],
  view: ["stack", "json", "since", "output", "offline"],
  drill: ["stack", "json", "host", "yes"],
  records: ["stack", "json", "clear", "yes", ...way],
  import: ["json", "output", ...way],
};

/** What somebody asked for. */
export interface Asked {
  /** Undefined where only options were given. */
  readonly command: CommandName | undefined;
  /** The machines that it is about; none, all of them. */
  readonly machines: readonly string[];
  readonly values: Values;
}

/**
 * Reads what was typed after `pulumi-netboot`.
 *
 * @throws an Error with all that is wrong with it, a line each, before anything is asked
 */
export function readArguments(argv: readonly string[]): Asked {
  const { tokens } = parseArgs({ args: [...argv], options, allowPositionals: true, strict: false, tokens: true });
  const [word, ...rest] = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  const command = word === undefined ? undefined : commandOf(word);
  const wrong = tokens.flatMap((token) =>
    token.kind === "option" ? whyNoOption(token.name, token.rawName, token.value, command) : [],
  );
  // What stands behind an option that is none may be its value.
  const meant = tokens.flatMap((token) =>
    token.kind === "option" && !Object.hasOwn(options, token.name) && token.value === undefined
      ? [token.index + 1]
      : [],
  );
  const [, tooMany] = tokens.filter((token) => token.kind === "positional" && !meant.includes(token.index));
  if (tooMany?.kind === "positional" && command !== "verify" && command !== "history") {
    wrong.push(`"${tooMany.value}" is one word too many after ${word}; --help tells what it takes`);
  }
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  const { values } = parseArgs({ args: [...argv], options, allowPositionals: true });
  if (values.output !== undefined && command !== "import") mustBeWritable(values.output);
  return { command, machines: rest, values };
}

function commandOf(word: string): CommandName {
  if (Object.hasOwn(taken, word)) return word as CommandName;
  throw new Error(`there is no command "${word}"; ${guess(word, Object.keys(taken))}`);
}

function whyNoOption(
  name: string,
  written: string,
  value: string | undefined,
  command: CommandName | undefined,
): readonly string[] {
  const known: readonly string[] =
    command === undefined ? Object.keys(options) : [...taken[command], "help", "version"];
  if (!Object.hasOwn(options, name) || !known.includes(name)) {
    const place = command === undefined ? "" : ` of ${command}`;
    return [
      `${written} is no option${place}; ${guess(
        `--${name}`,
        known.map((each) => `--${each}`),
      )}`,
    ];
  }
  const isFlag = options[name as Option].type === "boolean";
  if (isFlag && value !== undefined) return [`${written} takes no value`];
  return !isFlag && value === undefined ? [`${written} needs a value, as in ${written} NAME`] : [];
}

/** Found out before node 0 is asked, which may take a while. */
function mustBeWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? `there is no folder ${dirname(path)}` : `${dirname(path)} can't be written to`;
    throw new Error(`--output ${path}: ${why}`);
  }
}
