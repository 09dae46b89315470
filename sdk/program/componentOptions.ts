import * as pulumi from "./pulumi";

/** Options that Pulumi keeps from the parts of a component, with what they would do there. */
const ofParts = ["ignoreChanges", "replaceOnChanges"] as const;

/** Warns of options by which nothing happens: a component has no inputs of its own that the engine could compare. */
export function warnOfIdleOptions(component: pulumi.Resource, opts: pulumi.ComponentResourceOptions | undefined): void {
  for (const option of ofParts) {
    const paths = opts?.[option] ?? [];
    if (paths.length === 0) continue;
    const example = `transforms: [({ type, props, opts }) => type.endsWith(":BootFile") ? { props, opts: { ...opts, ${option}: ["content"] } } : undefined]`;
    const words =
      `${option}: ${JSON.stringify(paths)} does nothing here, for Pulumi hands it to no part of a component; ` +
      `give it to the parts by their own inputs, as in ${example}`;
    void pulumi.log.warn(words, component);
  }
}
