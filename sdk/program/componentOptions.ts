import * as pulumi from "./pulumi";

/** Options that Pulumi keeps from the parts of a component, with what they would do there. */
const ofParts = ["ignoreChanges", "replaceOnChanges"] as const;

type Options = Pick<pulumi.ComponentResourceOptions, (typeof ofParts)[number]>;

/** Warns of options by which nothing happens: a component has no inputs of its own that the engine could compare. */
export function warnOfIdleOptions(component: pulumi.Resource, opts: Options | undefined): void {
  for (const words of whyIdle(opts)) void pulumi.log.warn(words, component);
}

export function whyIdle(opts: Options | undefined): readonly string[] {
  return ofParts.flatMap((option) => {
    const paths = opts?.[option] ?? [];
    if (paths.length === 0) return [];
    const inputs = `opts: { ...opts, ${option}: ["content"] }`;
    const example = `transforms: [({ type, props, opts }) => type.endsWith(":BootFile") ? { props, ${inputs} } : undefined]`;
    const words = `${option}: ${JSON.stringify(paths)} does nothing here, for Pulumi hands it to no part of a component; `;
    return [`${words}give it to the parts by their own inputs, as in ${example}`];
  });
}
