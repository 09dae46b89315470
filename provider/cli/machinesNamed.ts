import { nearest } from "../values/problem";

/**
 * What has one of these names; without a name, all. A name may be a pattern of a shell: `web-*`.
 *
 * @param namesOf - by what something may be called: the first of them is what others are told of
 * @throws an Error where nothing has one of the names
 */
export function machinesNamed<T>(
  names: readonly string[],
  all: readonly T[],
  namesOf: (each: T) => readonly [string, ...string[]],
): readonly T[] {
  if (names.length === 0) return all;
  const patterns = names.map(patternOf);
  const isNamed = (each: T, by: readonly RegExp[]): boolean =>
    namesOf(each).some((name) => by.some((pattern) => pattern.test(name)));
  const missing = names.filter((_name, at) => !all.some((each) => isNamed(each, patterns.slice(at, at + 1))));
  if (missing.length > 0) {
    const known = [...new Set(all.map((each) => namesOf(each)[0]))];
    const few = known.length > 20 ? [...known.slice(0, 20), `${known.length - 20} more`] : known;
    const lines = missing.map((name) => {
      const near = nearest(name, known);
      if (/[*?]/.test(name)) return `no machine of this stack is named as in "${name}"; there are ${few.join(", ")}`;
      const which = near === undefined ? `there are ${few.join(", ")}` : `did you mean ${near}?`;
      return `this stack has no machine "${name}"; ${which}`;
    });
    throw new Error(lines.join("\n"));
  }
  return all.filter((each) => isNamed(each, patterns));
}

/** `*` and `?` are never part of a host name. A MAC goes by either case. */
function patternOf(name: string): RegExp {
  const plain = name.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replaceAll("*", ".*").replaceAll("?", ".")}$`, "i");
}
