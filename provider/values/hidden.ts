import type { Problem } from "./problem";

/**
 * Keys of a resource's inputs and outputs that are ours and never a difference. They lie in the states of all users, so
 * their spelling is kept for ever; everywhere else they go by these names.
 */
export const hidden = {
  /** In the inputs: what the program found wrong; also in the place of a single input's value. It never gets into a state. */
  problems: "__problems",
  /** In the inputs: the component beside which the program has told what is wrong. It never gets into a state either. */
  toldBeside: "__toldBeside",
  /**
   * In the inputs of a machine: which chain its next boot tells of, by `chainKey`. It gets into no state, as what follows, but of a
   * machine that the engine changed on the way: its next boot, of which the program knows nothing else. Of a fleet: the digest of
   * its machines as the program has them.
   */
  chain: "__chain",
  /** In the inputs of a machine: every chain of its server as JSON, for the engine may give it another one. */
  chains: "__chains",
  /** In the inputs: the resource has replaceOnChanges, for which the engine must compare by itself. It never gets into a state. */
  replaces: "__replaces",
  /** In the inputs: this is a preview, which a provider is not told otherwise. It never gets into a state. */
  preview: "__preview",
  /** In the inputs, but of a preview: the tokens that the resources of the stack's state have. It never gets into a state. */
  tokens: "__tokens",
  /** In inputs and outputs: a text among them is a secret of the program's, so no line of it is shown. */
  quiet: "__quiet",
  /** In the inputs: the resource's URN, from which its id is made. */
  urn: "__urn",
  /** In inputs and outputs of machines on two servers: which of the two this is of, and how both are called. */
  pair: "__pair",
  /** In the inputs of `Packages`: packages out of which boot files will be taken, and how many of each. */
  fetch: "__fetch",
  /** In the inputs of `Packages`: where DHCP will be served, as `name:eno2 192.168.1.1`. */
  listenFor: "__listenFor",
  /** In the outputs: what they hold in the place of the inputs that they do not repeat. */
  digest: "__digest",
  /** In the outputs: the same without what this release makes of those inputs. */
  drawn: "__drawn",
  /** In the outputs of a fleet: how many machines it has, which its other outputs do not tell. */
  count: "__count",
  /** In the outputs: made anew by each create, so that a delete never takes away what was created since. It begins with a token. */
  generation: "__generation",
  /** In the outputs: the first digits of the machine-id that the resource was made on. */
  machine: "__machine",
  /** In the outputs: what the state of the release that wrote it looks like. */
  schema: "__schema",
  /** In the inputs: Pulumi's own, the text of the provider. */
  provider: "__provider",
} as const;

/** Two servers of the same machines, the first one first, as sentences call them. */
export interface Pair {
  readonly is: "first" | "second";
  readonly names: readonly [string, string];
}

/** The hidden keys with their values. */
export interface Hidden {
  readonly [hidden.problems]?: readonly Problem[];
  readonly [hidden.toldBeside]?: string;
  readonly [hidden.chain]?: string;
  readonly [hidden.chains]?: string;
  readonly [hidden.replaces]?: boolean;
  readonly [hidden.preview]?: boolean;
  readonly [hidden.tokens]?: readonly string[];
  readonly [hidden.quiet]?: boolean;
  readonly [hidden.urn]?: string;
  readonly [hidden.pair]?: Pair;
  readonly [hidden.fetch]?: Readonly<Record<string, number>>;
  readonly [hidden.listenFor]?: string;
  readonly [hidden.digest]?: string;
  readonly [hidden.drawn]?: string;
  readonly [hidden.count]?: number;
  readonly [hidden.generation]?: string;
  readonly [hidden.machine]?: string;
  readonly [hidden.schema]?: number;
  readonly [hidden.provider]?: string;
}

/** Whether a key is ours, also one that only an older release knew. */
export function isHidden(key: string): boolean {
  return key.startsWith("__");
}

/** The token in a generation, which all resources of one stack share; undefined where an older release made it. */
export function tokenOf(generation: string): string | undefined {
  return generation.length === 16 ? generation.slice(0, 8) : undefined;
}
