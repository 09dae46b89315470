import type { Checked } from "../values/problem";
import type { Drift } from "./drift";
import type { Want } from "./want";

/**
 * What a kind of resource is, in one file. Every run of the engine loads all of them in the provider's process, for check
 * and diff: so a kind needs nothing that takes long to load, and nothing outside itself.
 */
export interface Kind<Inputs> {
  /** Every key that its inputs can have beside the connection. The first is always there. */
  readonly inputKeys: readonly [keyof Inputs & string, ...(keyof Inputs & string)[]];
  /** What only node 0 can tell. */
  readonly outputKeys: readonly string[];
  /** The inputs that node 0 tells in the outputs where the program does not give them. */
  readonly tells?: (inputs: Inputs) => readonly (keyof Inputs & string)[];
  /** Inputs that the outputs hold only as a digest, so that the state of a large fleet stays small; their order counts. */
  readonly notEchoed: readonly (keyof Inputs & string)[];
  /** What a value that is not echoed is compared as, where the same can be written in several ways. */
  readonly comparedAs?: Partial<Record<keyof Inputs & string, (value: unknown) => unknown>>;
  /**
   * What is written to node 0 of these inputs and stands in none of them, so that the digest tells when a release writes it
   * otherwise. Any inputs are taken, also those of which a preview does not know all.
   */
  readonly made?: (inputs: Inputs) => string;
  /** How many machines these inputs declare, for a state that does not hold them. */
  readonly count?: (inputs: Inputs) => number;
  /**
   * What must be true on node 0. The outputs of a state, without what is not echoed, are enough for a look: also those
   * that an older release wrote.
   */
  readonly wants: (inputs: Inputs, localBytes?: Uint8Array) => readonly Want[];
  /**
   * The inputs with their texts rendered anew, where they are not those of the values any more: on its way from the program the
   * engine may set a value to what it was (`ignoreChanges`), or a transform to another. Undefined where nothing was changed.
   */
  readonly rendered?: (inputs: Inputs, told: Told) => Promise<Checked<object>> | undefined;
  /** The file on the machine where Pulumi runs whose bytes `wants` needs before they can be written to node 0. */
  readonly localFile?: (inputs: Inputs) => LocalFile | undefined;
  /**
   * A host's network boot is made of it and others: address, network, folder and files fit together, so those that change
   * in one transaction all change, or none.
   */
  readonly isPart?: true;
  /**
   * What a refresh makes of drift: the inputs as the host would have them now, each in the place of its declared value.
   * Undefined where the inputs stay as they are, and only the drift itself is told.
   */
  readonly live: (inputs: Inputs, drift: readonly Drift[]) => Readonly<Record<string, unknown>> | undefined;
}

/** What the program tells a machine of its server. */
export interface Told {
  /** Whose lines its next boot has, by `chainKey`. */
  readonly of: string;
  /** All of them; undefined where a preview does not know them. */
  readonly chains: Chains | undefined;
}

/** What each kind of machine boots on this server, by `chainKey`: the lines of a next boot after the machine's own. */
export type Chains = Readonly<Record<string, string>>;

/** A file on the machine where Pulumi runs, as the program saw it. */
export interface LocalFile {
  /** The name under which it is served. */
  readonly name: string;
  readonly path: string;
  readonly sha256: string | undefined;
}

/** The texts that somebody changed on the host, by the inputs that they are. */
export function textsNow(wants: readonly Want[], drift: readonly Drift[]): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const { what, how, seen } of drift) {
    const file = wants.find((want) => want.want === "file" && want.path === what);
    if (file?.want === "file" && file.input !== undefined && how !== "owner") texts[file.input] = seen;
  }
  return texts;
}
