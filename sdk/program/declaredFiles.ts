import { isDeepStrictEqual } from "node:util";
import type { BootArtifacts } from "../bootArtifacts";
import { isPlain } from "./plain";
import * as pulumi from "./pulumi";

interface Declared {
  readonly connection: unknown;
  readonly files: BootArtifacts["files"];
}

/** By the stack's resource, because one process can run several programs. */
const runs = new WeakMap<object, Declared[]>();
const noStack = {};

function declaredNow(): Declared[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const declared = runs.get(run) ?? [];
  runs.set(run, declared);
  return declared;
}

/** Remembers the boot files that this run of the program declares on a host. */
export function rememberFiles(connection: unknown, files: BootArtifacts["files"]): void {
  declaredNow().push({ connection, files });
}

/** The boot files that were declared on the host that one reaches so; nothing if there are none, or several. */
export function filesDeclaredOn(connection: unknown): BootArtifacts["files"] | undefined {
  const [found, ...others] = declaredNow().filter(({ connection: other }) => isSame(connection, other));
  return others.length === 0 ? found?.files : undefined;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || (isPlain(one) && isPlain(other) && isDeepStrictEqual(one, other));
}
