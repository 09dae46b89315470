import * as z from "../zod";
import { isUnknown } from "./unknown";

// What names zod in its type is marked so that it stays out of the published types (stripInternal): else every program
// of a user would have to read zod's types, at each `pulumi up`.

/** One mistake in the values that somebody wrote, in words that can be understood alone. */
export interface Problem {
  /** Where: `macs[1]`, `network.pool.from`; empty for the value as a whole. */
  readonly path: string;
  /** The value in quotes, the rule, and a value that would be right. */
  readonly message: string;
}

/**
 * A value that was read, or all the reasons why it could not be; beside these, where a reader makes it, the `rest`: what of it
 * is right, with `unknownText` in the place of what is not, so that this much can be held against others.
 */
export type Checked<T> =
  | { readonly value: T; readonly problems: readonly []; readonly rest?: undefined }
  | { readonly value: undefined; readonly problems: readonly Problem[]; readonly rest?: T };

/** A value that is right. */
export function good<T>(value: T): Checked<T> {
  return { value, problems: [] };
}

/** What is wrong with a value. */
export function bad<T>(...problems: readonly Problem[]): Checked<T> {
  return { value: undefined, problems };
}

/** The same problems, seen from the value that holds this one: `from` in `pool` is `pool.from`. */
export function within(parent: string, problems: readonly Problem[]): readonly Problem[] {
  return problems.map(({ path, message }) => ({ path: joinPath(parent, path), message }));
}

function joinPath(parent: string, path: string): string {
  if (parent === "" || path === "") return parent + path;
  return path.startsWith("[") ? parent + path : `${parent}.${path}`;
}

/** A value as a message shows it: in quotes when it is a text, shortened when it is long. */
export function quoted(value: unknown): string {
  const text = asJson(value);
  return text.length > 80 ? `${text.slice(0, 76)}…${typeof value === "string" ? '"' : ""}` : text;
}

/** A value that JSON can't say (a function, one that holds itself) by what it is. */
function asJson(value: unknown): string {
  if (typeof value === "bigint" || value === undefined) return String(value);
  // JSON has nothing of what is in them.
  if (value instanceof Map || value instanceof Set) return value instanceof Map ? "a Map" : "a Set";
  try {
    return JSON.stringify(value) ?? typeof value;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** The path of an issue, as one writes it in a program: `nodes["db-1"].macs[0]`. */
function pathOf(keys: readonly PropertyKey[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    const name = String(key);
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
    return path === "" ? name : `${path}.${name}`;
  }, "");
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "number",
  int: "whole number",
  boolean: "true or false",
  array: "list",
  object: "object with named values",
};

/** zod's own findings in our manner; what a schema says itself comes first. */
function inOurWords(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined && issue.code === "invalid_type") return "is required";
  switch (issue.code) {
    case "invalid_type": {
      if (issue.expected === "number" && typeof issue.input === "string" && /^-?\d+$/.test(issue.input)) {
        return `${quoted(issue.input)} is a text; write ${issue.input} without quotes`;
      }
      const kind = kinds[issue.expected] ?? issue.expected;
      return `${quoted(issue.input)} is no ${kind === "true or false" ? "truth value; write true or false" : kind}`;
    }
    case "invalid_value":
      return `${quoted(issue.input)} is none of ${issue.values.map((value) => quoted(value)).join(", ")}`;
    case "too_small":
      if (issue.origin === "array") return `${quoted(issue.input)} is too short a list; give at least ${issue.minimum}`;
      return `${quoted(issue.input)} is too small; the least is ${issue.minimum}`;
    case "too_big":
      if (issue.origin === "array")
        return `a list of ${(issue.input as unknown[]).length} is too long; give at most ${issue.maximum}`;
      return `${quoted(issue.input)} is too large; the most is ${issue.maximum}`;
    default:
      return `${quoted(issue.input)} is not right`;
  }
}

/**
 * Reads one value by its schema.
 *
 * @internal
 */
export function read<T>(schema: z.ZodType<T>, value: unknown): Checked<T> {
  const result = schema.safeParse(value, { error: inOurWords });
  if (result.success) return good(result.data);
  return bad(...result.error.issues.map(({ path, message }) => ({ path: pathOf(path), message })));
}

/**
 * The values that a shape of schemas holds, each only if it was given and right.
 *
 * @internal
 */
export type Fields<Shape extends Readonly<Record<string, z.ZodType>>> = {
  readonly [Key in keyof Shape]?: Exclude<z.output<Shape[Key]>, undefined>;
};

/**
 * Reads the named values of an object one by one, so that a mistake in one does not hide those in the others:
 * what was right stands in `fields`, for checks that need two of them.
 *
 * @internal
 */
export function readFields<Shape extends Readonly<Record<string, z.ZodType>>>(
  shape: Shape,
  args: unknown,
  example: string,
  /** Names that whoever calls reads by himself. */
  others: readonly string[] = [],
): { readonly fields: Fields<Shape>; readonly problems: Problem[] } {
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    const message =
      args === undefined
        ? `is required; write it as ${example}`
        : `${quoted(args)} is no object; write it as ${example}`;
    return { fields: {}, problems: [{ path: "", message }] };
  }
  const fields: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [key, schema] of Object.entries(shape)) {
    const given = (args as Record<string, unknown>)[key];
    // What only the up will know is passed on as it is; whoever may meet it asks for that.
    const field = isUnknown(given) ? good(given) : read(schema, given);
    if (field.problems.length > 0) problems.push(...within(key, field.problems));
    else if (field.value !== undefined) fields[key] = field.value;
  }
  for (const [key, value] of Object.entries(args)) {
    if (value !== undefined && !Object.hasOwn(shape, key)) {
      problems.push({
        path: pathOf([key]),
        message: `there is no such property; ${guess(key, [...others, ...Object.keys(shape)])}`,
      });
    }
  }
  return { fields: fields as Fields<Shape>, problems };
}

/** What people call a property who know it from elsewhere. */
const alsoCalled: Readonly<Record<string, string>> = {
  ip: "address",
  ipaddress: "address",
  name: "hostname",
  gateway: "router",
  subnet: "cidr",
  nic: "interface",
  dns: "dnsServers",
  ntp: "ntpServers",
  leasetime: "leaseSeconds",
  username: "user",
  login: "user",
  key: "privateKey",
  passphrase: "privateKeyPassword",
  identityfile: "privateKeyPath",
  keypath: "privateKeyPath",
  bastion: "proxy",
  jumphost: "proxy",
  machines: "nodes",
  bootloader: "loader",
};

/** "did you mean …?" when one of the known words is close or means the same, else all of them. */
export function guess(word: string, known: readonly string[]): string {
  const other = alsoCalled[word.toLowerCase().replaceAll(/[^a-z]/g, "")];
  const near = nearest(word, known) ?? known.find((each) => each === other);
  return near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`;
}

/** The known word that is at most two letters away. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  return known
    .map((candidate) => ({ candidate, away: distance(lower, candidate.toLowerCase()) }))
    .filter(({ away }) => away <= 2 && 2 * away < word.length)
    .sort((one, other) => one.away - other.away)[0]?.candidate;
}

/** How many letters must change, or change places with the next, to make one word the other (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swap = isSwapped ? (before[j - 2] ?? 0) + 1 : change;
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change, swap);
    }
    [before, row] = [row, next];
  }
  return row[other.length] ?? 0;
}

/** What Pulumi makes of an output in a template or in JSON, by its beginning. */
const outputAsText = /Calling \[to(String|JSON)\] on an \[Output<T>\]/;

/** Why a text is none that somebody can have meant: a program made it of something that it does not know, or has not. */
export function whyMadeWrong(text: string): string | undefined {
  if (outputAsText.test(text)) {
    return "holds an output, which is no text yet; write pulumi.interpolate before the template: pulumi.interpolate`…`";
  }
  const hole = /(?:^|[^a-z])(undefined|NaN|\[object \w+\])(?![a-z])/.exec(text)?.[1];
  return hole === undefined ? undefined : `${quoted(text)} holds ${hole}, so something that it is made of is not there`;
}

/**
 * A text that a parser of ours turns into a value; the parser's problem becomes the schema's.
 * `rule` says what belongs here when the value is no text at all.
 *
 * @internal
 */
export function textBy<T>(parse: (text: string) => Checked<T>, rule: string): z.ZodType<T> {
  return z
    .string({
      error: (issue) =>
        issue.input === undefined ? `is required; ${rule}` : `${quoted(issue.input)} is no text; ${rule}`,
    })
    .transform((text, context): T => {
      // Before all else: `db-undefined` would do as a host name.
      const made = whyMadeWrong(text);
      if (made !== undefined) {
        context.issues.push({ code: "custom", message: made, input: text });
        return z.NEVER;
      }
      const { value, problems } = parse(text);
      if (value !== undefined) return value;
      for (const { message } of problems) context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    });
}
