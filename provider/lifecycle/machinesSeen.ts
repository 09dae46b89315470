import { linesByKey, parseRow } from "../values/nodeRow";
import { placeOf } from "../values/place";
import type { Problem } from "../values/problem";
import { isUnknown } from "../values/unknown";
import type { Properties } from "./comparison";

// A program compares its machines with each other before the engine has them. What the engine or a transform makes of one
// afterwards, as `ignoreChanges` does, is compared here with all that this run has shown.

/** What of a resource only one machine of a host can have: the words for it → the argument that has it. */
type Claims = ReadonlyMap<string, string>;

interface Seen {
  readonly name: string;
  readonly host: unknown;
  /** Whether it became another than the program has it. */
  readonly isAnew: boolean;
  /** Read when they are asked for, which few runs do. */
  claims(): Claims;
}

const seen = new Map<unknown, Seen>();

/** What another machine of this run has already; only where one of the two is not as the program has it. */
export function whyTaken(kind: string, urn: unknown, inputs: Properties, isAnew: boolean): readonly Problem[] {
  if (kind !== "OlaNode" && kind !== "OlaFleet") return [];
  let claims: Claims | undefined;
  const own: Seen = {
    name: `${kind} "${String(urn).replace(/^.*::/, "")}"`,
    host: placeOf(inputs["connection"]),
    isAnew,
    claims: () => (claims ??= new Map(kind === "OlaNode" ? claimsOfNode(inputs) : claimsOfFleet(inputs))),
  };
  seen.set(urn, own);
  const others = [...seen].filter(
    ([other, { host, isAnew: isOtherAnew }]) => other !== urn && host === own.host && (isAnew || isOtherAnew),
  );
  return others.flatMap(([, { name, claims: theirs }]) =>
    [...own.claims()].flatMap(([claim, path]) =>
      theirs().has(claim)
        ? [
            {
              path,
              message: `${claim} is that of ${name} already; look at the ignoreChanges and transforms of the two, for the program gives it to one of them only`,
            },
          ]
        : [],
    ),
  );
}

function claimsOfNode({ address, macs, hostname }: Properties): readonly (readonly [string, string])[] {
  const known = (value: unknown): value is string => typeof value === "string" && !isUnknown(value);
  return [
    ...(known(address) ? [[`the address ${address}`, "address"] as const] : []),
    ...(Array.isArray(macs) ? macs : []).flatMap((mac: unknown, at) =>
      known(mac) ? [[`the MAC ${mac}`, `macs[${at}]`] as const] : [],
    ),
    ...(known(hostname) ? [[`the name ${hostname}`, "hostname"] as const] : []),
  ];
}

function claimsOfFleet({ rows }: Properties): readonly (readonly [string, string])[] {
  return Object.entries(linesByKey(rows)).flatMap(([name, text]) => {
    const row = isUnknown(text) ? undefined : parseRow(name, text);
    if (row === undefined) return [];
    const at = `nodes[${JSON.stringify(name)}]`;
    return claimsOfNode({ ...row }).map(([claim, path]) => [claim, `${at}.${path}`] as const);
  });
}
