import { addressNumber } from "../../values/ipv4";
import { parseMac } from "../../values/mac";
import { type Network, poolOf, subnetOf, whyNoHost } from "../../values/network";
import { quoted } from "../../values/problem";

/** What the statements of a text name that is of machines. */
export interface ExtraHosts {
  readonly macs: readonly string[];
  readonly addresses: readonly string[];
  /** The options that the text declares: `option acme-key code 225 = text;`. */
  readonly options: readonly string[];
}

/** The hosts and options that somebody's own statements declare beside the program's machines. */
export function parseExtraHosts(text: string): ExtraHosts {
  const statements = statementsOf(text);
  return {
    macs: statements.flatMap(hardwareOf).flatMap((mac) => parseMac(mac).value ?? []),
    addresses: statements.flatMap((words) => argumentsOf("fixed-address", words)),
    options: statements.flatMap(([word, name = "", code]) =>
      word?.toLowerCase() === "option" && code?.toLowerCase() === "code" ? [name] : [],
    ),
  };
}

/**
 * Why a text can't stand among dhcpd.conf's statements: what would reach beyond it, and what dhcpd takes without a word
 * and then serves nobody by. All else dhcpd itself judges, on node 0.
 */
export function lintExtraConfig(text: string, network: Network | undefined): readonly string[] {
  const whole = whyNoStatements(text);
  if (whole !== undefined) return [whole];
  const statements = statementsOf(text);
  const twice = (values: readonly string[]): readonly string[] => [
    ...new Set(values.filter((value, index) => values.indexOf(value) !== index)),
  ];
  return [
    ...statements.flatMap(hardwareOf).flatMap((mac) => parseMac(mac).problems.map(({ message }) => message)),
    ...twice(parseExtraHosts(text).macs).map(
      (mac) => `"${mac}" stands in two hosts, and dhcpd goes by one of them; write it once`,
    ),
    ...statements
      .flatMap((words) => argumentsOf("next-server", words))
      .filter((server) => addressNumber(server) === undefined)
      .map(
        (server) =>
          `next-server ${quoted(server)} is no IPv4 address, and dhcpd would ask DNS for it; write four numbers with dots`,
      ),
    ...whyNoAddresses(statements, network),
  ];
}

/** What is wrong with the addresses of hosts: dhcpd says nothing of those that no machine can have. */
function whyNoAddresses(statements: readonly Statement[], network: Network | undefined): readonly string[] {
  // Somebody who declares a network of his own knows which addresses are in it.
  const subnet =
    network === undefined || statements.some(([word]) => word?.toLowerCase() === "subnet")
      ? undefined
      : subnetOf(network);
  const pool = network === undefined ? undefined : poolOf(network);
  return statements
    .flatMap((words) => argumentsOf("fixed-address", words))
    .flatMap((address) => {
      const number = addressNumber(address);
      if (number === undefined)
        return `fixed-address ${quoted(address)} is no IPv4 address, and dhcpd would ask DNS for it; write four numbers with dots`;
      const outside = subnet === undefined ? undefined : whyNoHost(address, number, subnet);
      if (outside !== undefined) return outside;
      if (address === network?.address) return `${address} is node 0's own address; take another`;
      const inPool = pool !== undefined && number >= pool.from && number <= pool.to;
      return inPool ? `${address} lies in the pool, whose addresses go to other machines; take one outside it` : [];
    });
}

type Statement = readonly string[];

/** The statements of dhcpd's language, each as its words; a block's head counts as one. */
function statementsOf(text: string): readonly Statement[] {
  const statements: string[][] = [[]];
  for (const token of tokensOf(text)) {
    if (/^[{};]$/.test(token)) statements.push([]);
    else statements.at(-1)?.push(token);
  }
  return statements;
}

/** The words, texts, braces and semicolons of dhcpd's language, without its comments and commas. */
export function tokensOf(text: string): readonly string[] {
  return [...text.matchAll(/#[^\n]*|"(?:[^"\\]|\\[\s\S])*"|[{};,]|[^\s{};,"#]+/g)].flatMap(([token]) =>
    token.startsWith("#") || token === "," ? [] : [token],
  );
}

/** The words after the statement's own, which dhcpd takes in either case. */
function argumentsOf(name: string, [first, ...rest]: Statement): readonly string[] {
  return first?.toLowerCase() === name ? rest : [];
}

function hardwareOf(words: Statement): readonly string[] {
  const [type, ...rest] = argumentsOf("hardware", words);
  return type?.toLowerCase() === "ethernet" ? rest : [];
}

/** Why a text can't stand among dhcpd.conf's statements; undefined if it can. dhcpd itself judges the rest, on node 0. */
function whyNoStatements(text: string): string | undefined {
  const example = 'write whole statements, as in "option time-offset 3600;"';
  const control = /(?![\t\n])[\p{Cc}\p{Cs}]/u.exec(text)?.[0];
  if (control !== undefined) return `${quoted(text)} holds the character ${quoted(control)}; ${example}`;
  let depth = 0;
  let last = ";";
  // Comments reach to the end of their line; in a string a backslash keeps the next character from ending it.
  for (const [token] of text.matchAll(/#[^\n]*|"(?:[^"\\]|\\[\s\S])*"?|\S/g)) {
    if (token.startsWith("#")) continue;
    if (token.startsWith('"') && !/^"(?:[^"\\]|\\[\s\S])*"$/.test(token))
      return `${quoted(token)} is a text without its closing quote; ${example}`;
    if (token === "{") depth++;
    if (token === "}") depth--;
    if (depth < 0) return `${quoted(text)} closes a brace that it did not open; each "}" needs its "{"`;
    last = token;
  }
  if (depth > 0) return `${quoted(text)} leaves ${depth} brace${depth > 1 ? "s" : ""} open; each "{" needs its "}"`;
  if (last !== ";" && last !== "}") return `${quoted(text)} does not end its last statement; ${example}`;
  return undefined;
}
