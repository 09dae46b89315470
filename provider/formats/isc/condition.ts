import {
  and,
  type Condition,
  equal,
  hasOption,
  mapped,
  not,
  type Operand,
  optionOperand,
  or,
  part,
  unknown,
} from "../askingClient";
import { type Token, unquoted } from "./statements";

/** The names that dhcpd itself has for what a machine says of itself (dhcp-options(5)). */
const codes: Readonly<Record<string, number>> = {
  "vendor-class-identifier": 60,
  "user-class": 77,
  "pxe-system-type": 93,
  "pxe-interface-id": 94,
};

/** The numbers of options by the names that a file gives them: `option arch code 93 = …`. */
export type OptionCodes = ReadonlyMap<string, number>;

/** Reads a condition of dhcp-eval(5). What can't be told from outside (a lease, a relay, the time) is unknown. */
export function parseCondition(words: readonly Token[], defined: OptionCodes): Condition {
  const tokens = words;
  let at = 0;
  const peek = (): string => tokens[at]?.text.toLowerCase() ?? "";
  const take = (text: string): boolean => {
    if (peek() !== text) return false;
    at++;
    return true;
  };
  const codeOf = (name: string): number | undefined => defined.get(name) ?? codes[name.replace(/^dhcp\./, "")];

  const disjunction = (): Condition => {
    let value = conjunction();
    while (take("or")) value = or(value, conjunction());
    return value;
  };
  const conjunction = (): Condition => {
    let value = term();
    while (take("and")) value = and(value, term());
    return value;
  };
  const term = (): Condition => {
    if (take("not")) return not(term());
    if (take("exists")) {
      const name = peek();
      at++;
      // What iPXE tells of itself is in a space of its own, whatever the file calls that.
      if (/^g?pxe\.|^ipxe\./.test(name)) return ({ isIpxe }) => isIpxe;
      return hasOption(codeOf(name));
    }
    if (peek() === "(") {
      // Either a condition in brackets, or none that is known.
      at++;
      const inner = disjunction();
      if (take(")")) return inner;
      return skip();
    }
    const one = operand();
    if (take("=")) return equal(one, operand());
    if (take("!=")) return not(equal(one, operand()));
    return skip();
  };
  const operand = (): Operand => {
    const word = tokens[at++];
    if (word === undefined) return () => undefined;
    const text = word.text.toLowerCase();
    if (text.startsWith('"')) return () => unquoted(word);
    if (text === "option") {
      const name = peek();
      at++;
      return optionOperand(codeOf(name));
    }
    if (/^[0-9a-f]{1,2}(:[0-9a-f]{1,2})*$/.test(text) && peek() !== "(") {
      return () => String.fromCharCode(...text.split(":").map((byte) => Number.parseInt(byte, 16)));
    }
    if (!take("(")) return () => undefined;
    if (text === "substring") {
      const of = operand();
      const numbers = restOfCall();
      return part(of, numbers[0] ?? 0, numbers[1]);
    }
    if (text === "lcase" || text === "ucase") {
      const of = operand();
      restOfCall();
      return mapped(of, (given) => (text === "lcase" ? given.toLowerCase() : given.toUpperCase()));
    }
    if (text === "encode-int") {
      const [number = 0, width = 8] = restOfCall();
      return () =>
        [24, 16, 8, 0]
          .slice(4 - width / 8)
          .map((bits) => String.fromCharCode((number >> bits) & 255))
          .join("");
    }
    restOfCall();
    return () => undefined;
  };
  /** The numbers up to the bracket that closes a call. */
  const restOfCall = (): readonly number[] => {
    const numbers: number[] = [];
    for (let depth = 1; depth > 0 && at < tokens.length; at++) {
      const text = tokens[at]?.text ?? "";
      if (text === "(") depth++;
      else if (text === ")") depth--;
      else if (/^\d+$/.test(text)) numbers.push(Number(text));
    }
    return numbers;
  };
  const skip = (): Condition => {
    at = tokens.length;
    return unknown;
  };

  const condition = disjunction();
  return at < tokens.length ? unknown : condition;
}
