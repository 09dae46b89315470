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

/** Kea's own names for what a machine says of itself. */
const codes: Readonly<Record<string, number>> = {
  "vendor-class-identifier": 60,
  "user-class": 77,
  "client-system": 93,
  "client-ndi": 94,
};

/**
 * Reads a `test` of a client class of Kea's. What can't be told from outside (a lease, a relay, a host that is known) is unknown.
 *
 * @param isMember - what is known of other classes
 */
export function parseKeaCondition(
  test: string,
  defined: ReadonlyMap<string, number>,
  isMember: (name: string) => Condition,
): Condition {
  const words = [...test.matchAll(/'[^']*'|0x[0-9a-f]+|[\w.-]+|[()[\],]|[=!]=|[^\s]/gi)].map(([word]) => word);
  let at = 0;
  const take = (word: string): boolean => {
    if (words[at]?.toLowerCase() !== word) return false;
    at++;
    return true;
  };
  const skip = (): Condition => {
    at = words.length;
    return unknown;
  };

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
    if (take("(")) {
      const inner = disjunction();
      return take(")") ? inner : skip();
    }
    if (take("member")) {
      const [, name = ""] = [take("("), words[at++]];
      return take(")") ? isMember(name.replaceAll("'", "")) : skip();
    }
    if (words[at] === "option" && words[at + 1] === "[" && words[at + 4] === ".exists") {
      const code = codeOf(words[at + 2] ?? "");
      at += 5;
      return hasOption(code);
    }
    const one = operand();
    if (take("==")) return equal(one, operand());
    if (take("!=")) return not(equal(one, operand()));
    return skip();
  };
  const operand = (): Operand => {
    const word = words[at++] ?? "";
    if (word.startsWith("'")) return () => word.slice(1, -1);
    if (/^0x[0-9a-f]+$/i.test(word)) {
      const digits = word.slice(2).padStart(Math.ceil((word.length - 2) / 2) * 2, "0");
      return () => digits.replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
    }
    if (word === "option" && take("[")) {
      const code = codeOf(words[at++] ?? "");
      take("]");
      const how = words[at++];
      return how === ".hex" || how === ".text" ? optionOperand(code) : () => undefined;
    }
    if (/^(substring|lcase|ucase|upcase)$/.test(word) && take("(")) {
      const of = operand();
      const numbers: (number | undefined)[] = [];
      while (at < words.length && !take(")")) {
        const argument = words[at++] ?? "";
        if (argument !== ",") numbers.push(argument === "all" ? undefined : Number(argument));
      }
      if (word === "substring") return part(of, numbers[0] ?? 0, numbers[1]);
      return mapped(of, (text) => (word === "lcase" ? text.toLowerCase() : text.toUpperCase()));
    }
    at = words.length;
    return () => undefined;
  };
  const codeOf = (word: string): number | undefined =>
    /^\d+$/.test(word) ? Number(word) : (defined.get(word) ?? codes[word]);

  const condition = disjunction();
  return at < words.length ? unknown : condition;
}
