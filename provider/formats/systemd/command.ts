/**
 * The words by which a unit's text has systemd start its program, and undefined if it has none. A variable of an environment
 * file is put in as systemd.service(5) has it: `${NAME}` as one word or a part of one, `$NAME` as all of its words.
 *
 * @param environment - the texts of the files that `EnvironmentFile=` names
 */
export function commandOf(
  unit: string,
  environment: (path: string) => string | undefined,
): readonly string[] | undefined {
  const command = valuesOf(unit, "ExecStart").at(-1);
  if (command === undefined || command === "") return undefined;
  const files = valuesOf(unit, "EnvironmentFile").map((path) => environment(path.replace(/^-/, "")) ?? "");
  const variables = new Map(files.flatMap((text) => [...variablesIn(text)]));
  return command.split(/\s+/).flatMap((word) => {
    const [, name] = /^\$(\w+)$/.exec(word) ?? [];
    if (name !== undefined) return (variables.get(name) ?? "").split(/\s+/).filter((each) => each !== "");
    return [word.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => variables.get(key) ?? "")];
  });
}

/** The values of a setting, in their order; an empty one takes those before it back. */
export function valuesOf(unit: string, name: string): readonly string[] {
  const values: string[] = [];
  for (const [, value = ""] of unit.matchAll(new RegExp(`^[ \\t]*${name}[ \\t]*=(.*)$`, "gm"))) {
    if (value.trim() === "") values.length = 0;
    else values.push(value.trim());
  }
  return values;
}

function* variablesIn(text: string): Iterable<readonly [string, string]> {
  for (const [, name = "", value = ""] of text.matchAll(/^[ \t]*(\w+)=(.*)$/gm)) {
    yield [name, value.trim().replace(/^(["'])(.*)\1$/, "$2")];
  }
}
