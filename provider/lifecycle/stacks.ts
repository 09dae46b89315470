import { randomBytes } from "node:crypto";
import type { Declaration } from "../kinds/want";
import { stackOf } from "../plan/records";
import { hidden, tokenOf } from "../values/hidden";
import type { Properties } from "./comparison";

// What a stack's resources have in common tells it from another of the same name. The program reads it in the state and tells
// it with each resource, for the engine may have something created before it shows anything else of what is there. And an id
// that one of them has is not free, whatever Pulumi calls it now: those the engine shows with diff and read.

/** `<kind>/<project>/<stack>/<name>`, from the URN: never random, so that a repeated create meets itself. */
export function idFromUrn(kind: string, urn: unknown): string {
  const [start = "", project = "", , ...name] = String(urn).split("::");
  return [kind, project, start.replace(/^urn:pulumi:/, ""), name.join("::")]
    .map((part) => part.replaceAll("/", "_"))
    .join("/");
}

/** The URN of a resource without a parent. */
export function urnFromId(id: string): string {
  const [kind = "", project = "", stack = "", ...name] = id.split("/");
  return `urn:pulumi:${stack}::${project}::pulumi-nodejs:dynamic/netboot:${kind}::${name.join("/")}`;
}

/** The same as a program writes it. */
export function shortUrnFromId(id: string): string {
  return urnFromId(id).replace(/::pulumi-nodejs:dynamic\/netboot:\w+::/, "::::");
}

/** The URN that inputs or outputs tell, whole: of a resource without a parent they leave out the type, which its kind says. */
export function urnIn(kind: string, properties: Properties): string | undefined {
  const { [hidden.urn]: urn } = properties;
  if (typeof urn !== "string") return undefined;
  return urn.replace(/^(urn:pulumi:[^:]*::[^:]*::)::/, `$1pulumi-nodejs:dynamic/netboot:${kind}::`);
}

/** Where Pulumi has a resource, as an id: inputs or outputs leave out the URN that its id says. */
export function identityIn(kind: string, id: string, properties: Properties): string {
  return idFromUrn(kind, properties[hidden.urn] ?? urnFromId(id));
}

/** What a process has seen of one stack's state. */
interface Memory {
  /** The tokens in its resources' generations: one, unless some were moved here from other stacks. */
  readonly tokens: Set<string>;
  /** Whether the state has one of them. */
  isSettled: boolean;
  /** Where Pulumi has each resource, by its id. */
  readonly identities: Map<string, string>;
  /** By which inputs each was declared, unless this run declares it anew. */
  readonly declared: Map<string, string>;
}

const memories = new Map<string, Memory>();

function memoryOf(identity: string): Memory {
  const stack = stackOf(identity);
  const memory = memories.get(stack) ?? {
    tokens: new Set(),
    isSettled: false,
    identities: new Map(),
    declared: new Map(),
  };
  memories.set(stack, memory);
  return memory;
}

/** Notes a resource that a stack's state holds. */
export function rememberResource(identity: string, id: string, generation: unknown): void {
  memoryOf(identity).identities.set(id, identity);
  const token = typeof generation === "string" ? tokenOf(generation) : undefined;
  rememberTokens(identity, token === undefined ? [] : [token]);
}

/** Notes by which inputs a resource was declared, as the state has it; or, without it, that this is to change. */
export function rememberDeclared(identity: string, id: string, by?: string): void {
  const { declared } = memoryOf(identity);
  if (by === undefined) declared.delete(id);
  else declared.set(id, by);
}

/** Notes the tokens that the program has read in its stack's state. */
export function rememberTokens(identity: string, tokens: unknown): void {
  if (!Array.isArray(tokens) || tokens.length === 0) return;
  const memory = memoryOf(identity);
  for (const token of tokens) memory.tokens.add(String(token));
  memory.isSettled = true;
}

/** The id of a new resource: its identity, unless another one was made under that name and lives on under another. */
export function idOfNew(identity: string): string {
  const owner = memoryOf(identity).identities.get(identity) ?? identity;
  return owner === identity ? identity : otherId(identity);
}

/** An id of its own, for the name's own is another's. */
export function otherId(identity: string): string {
  return `${identity}~${randomBytes(4).toString("hex")}`;
}

/** A generation with the token of its stack: of a create, or of one that an older release wrote. */
export function generationOf(identity: string, create: string = randomBytes(4).toString("hex")): string {
  if (tokenOf(create) !== undefined) return create;
  const { tokens } = memoryOf(identity);
  const [token = randomBytes(4).toString("hex")] = tokens;
  tokens.add(token);
  return token + create.slice(-8);
}

/** The tokens that this run has seen in the generations of a stack. */
export function tokensOf(identity: string): ReadonlySet<string> {
  return memoryOf(identity).tokens;
}

/** By what node 0 tells a stack's resources from those of others; a declaration has it beside its wants. */
export function ownershipOf(
  identity: string,
  id: string,
  place: string,
): Required<Pick<Declaration, "stack" | "wants">> {
  const { tokens, isSettled, declared } = memoryOf(identity);
  return {
    stack: { tokens, place, declared, takesOver: process.env["PULUMI_NETBOOT_TAKE_OVER"] },
    wants: [
      ...(identity === id ? [] : [{ want: "named", as: identity } as const]),
      isSettled ? { want: "settled" } : { want: "begun", at: place },
    ],
  };
}
