import { listed } from "./nextBootChanges";

/** The resources of a state by their URNs, or why they can't be told. */
export type Before = Readonly<Record<string, { readonly type?: string }>> | Error;

/**
 * What a preview says first: the machines that the state has and the program does not. `declared` has the URNs of what
 * the program declares, with their aliases; `names` the machines. A machine that another resource declares now, as a
 * fleet does, has not gone.
 *
 * @example
 * ```
 * no more in this program: db-3. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete keeps it
 * ```
 */
export function whatGoes(before: Before, declared: ReadonlySet<string>, names: ReadonlySet<string>): readonly string[] {
  if (before instanceof Error) return [`whether machines go with this up can't be told: ${before.message}`];
  const gone = Object.entries(before).filter(([urn]) => !declared.has(urn));
  const of = (kind: string): readonly string[] =>
    gone
      .filter(([, { type }]) => type === `pulumi-nodejs:dynamic/netboot:${kind}`)
      .map(([urn]) => urn.replace(/.*::/, ""))
      .sort();
  const nodes = of("OlaNode").filter((name) => !names.has(name));
  const fleets = of("OlaFleet").map((name) => `all of fleet ${name}`);
  if (nodes.length + fleets.length === 0) return [];
  const what = [...(nodes.length === 0 ? [] : [listed(nodes)]), ...fleets].join(", ");
  const isOne = nodes.length === 1 && fleets.length === 0;
  const [byName, them] = isOne ? ["this name", "it"] : ["these names", "them"];
  return [
    `no more in this program: ${what}. Node 0 serves no machine by ${byName} after this up, unless --target or --exclude leaves ${them} out, or retainOnDelete keeps ${them}`,
  ];
}
