import type * as pulumi from "./pulumi";

/** Options that name inputs: a program knows its machines as `nodes`, and the engine has them as `rows`. */
const ofInputs = ["ignoreChanges", "replaceOnChanges"] as const;

type Options = Pick<pulumi.CustomResourceOptions, (typeof ofInputs)[number]>;

/** The options with the engine's name for the machines. */
export function onRows<O extends Options>(opts: O | undefined): O | undefined {
  const renamed = ofInputs.flatMap((option) => {
    const paths = opts?.[option];
    return paths === undefined ? [] : [[option, paths.map((path) => (path === "nodes" ? "rows" : path))] as const];
  });
  return opts === undefined ? undefined : { ...opts, ...Object.fromEntries(renamed) };
}

/** Of paths into the machines nothing comes, for the engine has all of them as one. */
export function whyNotOne(opts: Options | undefined): readonly string[] {
  return ofInputs.flatMap((option) =>
    (opts?.[option] ?? [])
      .filter((path) => /^(nodes|rows)[.[]/.test(path))
      .map(
        (path) =>
          `${option}: ${JSON.stringify(path)} does nothing here, for the machines of a fleet are one input to Pulumi; name "nodes" for all of ` +
          "them, or make this machine an OlaNode",
      ),
  );
}
