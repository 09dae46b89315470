import { isDeepStrictEqual } from "node:util";
import type { DhcpdSettings } from "../../provider/formats/isc/dhcpdConf";
import { hidden, type Pair } from "../../provider/values/hidden";
import { addressNumber } from "../../provider/values/ipv4";
import { type Problem, quoted } from "../../provider/values/problem";
import { DhcpServer } from "../dhcpServer";
import { NetbootServer } from "../netbootServer";
import { rememberPair } from "./pairs";
import { partly } from "./partly";
import * as pulumi from "./pulumi";
import { resolveServer, type Server } from "./server";

/** Where machines boot: on one server, or on either of two, in the order in which a change comes to them. */
export type Servers = Server | readonly Server[];

/** The two servers of machines that have two. */
export interface Two {
  readonly second: Server;
  /** Both, as a sentence calls them. */
  readonly names: readonly [string, string];
}

/** By what a class of machines is told that it declares them on the second of two servers. */
export const ofTwo: unique symbol = Symbol("ofTwo");

/** The same among its arguments. */
export interface OfTwo {
  readonly [ofTwo]?: {
    /** The name of the resource on the first server. */
    readonly name: string;
    readonly names: Two["names"];
    /** What is wrong with that, and need not be told twice. */
    readonly problems: pulumi.Input<readonly Problem[]>;
  };
}

/** How the resource of the second server is called: beginning as the first, so that an alias of that one is one of both. */
export function nameOnSecond(name: string, { names: [, server] }: Two): string {
  return `${name}@${server.replaceAll(" ", "-")}`;
}

/** Options that hold for machines on both servers. Its parent hands on the others that do. */
const ofBoth = ["ignoreChanges", "replaceOnChanges", "additionalSecretOutputs", "retainOnDelete"] as const;

/** The options of the resource of the second server, which is touched only after the first has committed and proved. */
export function optionsOnSecond(
  first: pulumi.CustomResource,
  opts: pulumi.CustomResourceOptions | undefined,
): pulumi.CustomResourceOptions {
  const same = ofBoth.filter((option) => opts?.[option] !== undefined).map((option) => [option, opts?.[option]]);
  return { parent: first, dependsOn: [first], ...Object.fromEntries(same) };
}

/** What is wrong on the second server, and was not told of the first. */
export function withoutTold(
  problems: pulumi.Input<readonly Problem[]>,
  second: OfTwo[typeof ofTwo],
): pulumi.Input<readonly Problem[]> {
  if (second === undefined) return problems;
  return pulumi
    .all([problems, second.problems])
    .apply(([own, told]) => own.filter(({ message }) => told.every((each) => each.message !== message)));
}

/** The inputs of machines on one of two servers, by which the provider says what stands on each. */
export function ofPair(
  two: Two | undefined,
  second: OfTwo[typeof ofTwo],
  whileOneIsDown: pulumi.Input<string> | undefined,
): Readonly<Record<string, pulumi.Input<unknown>>> {
  const names = two?.names ?? second?.names;
  if (names === undefined) return {};
  const pair: Pair = { is: two === undefined ? "second" : "first", names };
  return { [hidden.pair]: pair, ...(whileOneIsDown !== undefined && { whileOneIsDown }) };
}

/** What is wrong with the word for a server that is down. */
export function whyNoChoice(
  whileOneIsDown: pulumi.Input<string> | undefined,
  two: object | undefined,
): pulumi.Input<readonly Problem[]> {
  if (whileOneIsDown === undefined) return [];
  return (pulumi.output(whileOneIsDown) as pulumi.Output<unknown>).apply((word): readonly Problem[] => {
    const wrong = (message: string) => [{ path: "whileOneIsDown", message }];
    if (word !== "fail" && word !== "go on") return wrong(`${quoted(word)} is neither "fail" nor "go on"`);
    return word === "go on" && two === undefined
      ? wrong("there is one server only; give two, as in server: [a, b]")
      : [];
  });
}

/** What both servers were seen to serve, each by its name. */
export function verifiedOnBoth(
  { names: [one, other] }: Two,
  first: pulumi.Output<string | undefined>,
  second: pulumi.Output<string | undefined>,
): pulumi.Output<string> {
  const down = "not asked, for it was down";
  return pulumi.all([first, second]).apply(([here = down, there = down]) => `${one}: ${here}; ${other}: ${there}`);
}

/** The servers of machines, as the program gives them. */
export interface Chosen {
  readonly first: Server;
  /** The name that the program gave the first. */
  readonly name: string | undefined;
  readonly two?: Two;
  /** What is wrong with the two beside each other. */
  readonly problems: readonly pulumi.Input<readonly Problem[]>[];
  /** To be told of the resource that serves them by the first one: the second one's parts come after it. */
  readonly declared: (machines: pulumi.Resource) => void;
}

/** One server, or two that know each other from now on; and what is wrong with them. */
export function chooseServers(servers: Servers): Chosen {
  const alone = { problems: [], declared: () => {} };
  // An empty list is told as what it is.
  if (!Array.isArray(servers) || servers.length === 0) {
    return { first: servers as Server, name: nameOf(servers as Server), ...alone };
  }
  const [first, second, ...more] = servers as unknown as readonly [Server, ...Server[]];
  const name = nameOf(first);
  if (second === undefined && servers.length === 1) return { first, name, ...alone };
  const names = [name ?? "the first", nameOf(second) ?? "the second"] as const;
  const problems: readonly Problem[] = more.map((_server, index) => ({
    path: `server[${index + 2}]`,
    message: "a machine boots from one node 0, or from either of two; take the others out",
  }));
  if (first === second || dhcpOf(first) === (dhcpOf(second) ?? second)) {
    const message = `is ${names[0]} again; name two node 0s, or one alone`;
    return { first, name, ...alone, problems: [[...problems, { path: "server[1]", message }]] };
  }
  const [one, other] = [dhcpOf(first), dhcpOf(second)];
  const pair = one === undefined || other === undefined ? undefined : rememberPair(one, other);
  const placed = partly(pulumi.all([settingsOf(first), settingsOf(second as Server)])).apply((known) =>
    Array.isArray(known) ? problemsOf(names, known[0], known[1]) : [],
  );
  const reaching = pulumi
    .output(other === undefined ? (resolveServer(second as Server).reaching ?? []) : [])
    .apply((found) => found.map((each) => ({ ...each, path: each.path.replace(/^server/, "server[1]") })));
  return {
    first,
    name,
    two: { second: second as Server, names },
    problems: pair === undefined || "machines" in pair ? [problems, placed, reaching] : [[...problems, pair]],
    declared: (machines) => {
      if (pair !== undefined && "machines" in pair) pair.machines.push(machines);
    },
  };
}

function dhcpOf(server: Server | undefined): DhcpServer | undefined {
  if (server instanceof NetbootServer) return server.dhcp;
  return server instanceof DhcpServer ? server : undefined;
}

/** The name that the program gave it; of a reference nobody knows it. */
function nameOf(server: Server | undefined): string | undefined {
  if (!(server instanceof NetbootServer || server instanceof DhcpServer)) return undefined;
  return (server as unknown as { readonly __name?: string }).__name;
}

type Settings = DhcpdSettings | undefined | string;

/** What a server serves, without waiting for it where it is in this program: it may come after those who ask. */
function settingsOf(server: Server): pulumi.Output<Settings> {
  return dhcpOf(server)?.settings ?? resolveServer(server).reference.apply(({ settings }) => settings);
}

/** What is wrong with two servers of one network; of what a preview does not know, nothing is. */
function problemsOf([one, other]: Two["names"], here: Settings, there: Settings): readonly Problem[] {
  if (typeof here !== "object" || typeof there !== "object") return [];
  const [mine, theirs] = [here.network, there.network];
  const wrong = (message: string): Problem => ({ path: "server[1]", message });
  if (mine.cidr !== theirs.cidr) {
    return [
      wrong(`${other} serves ${theirs.cidr}, and ${one} ${mine.cidr}; two node 0s of a machine serve one network`),
    ];
  }
  if (mine.address === theirs.address) {
    return [wrong(`${other} has the address of ${one}, ${mine.address}; give each node 0 one of its own`)];
  }
  const shares = whyNotShared([one, other], here, there);
  if (shares !== undefined) {
    return [
      ...shares.map(wrong),
      ...whyStranger(one, here, other, theirs.address),
      ...whyStranger(other, there, one, mine.address),
    ];
  }
  const pools = [mine.pool, theirs.pool].map((pool) => pool && ([pool.from, pool.to].map(addressNumber) as number[]));
  const [[from = 0, to = -1] = [], [first = 0, last = -1] = []] = pools;
  return [
    ...whyStranger(one, here, other, theirs.address),
    ...whyStranger(other, there, one, mine.address),
    ...(from <= last && first <= to
      ? [
          wrong(
            `its pool ${theirs.pool?.from} to ${theirs.pool?.to} has addresses of that of ${one}, which would be lent twice; give each its own`,
          ),
        ]
      : []),
  ];
}

/** What is wrong with two servers that share their leases; undefined where neither is to. */
function whyNotShared(
  [one, other]: Two["names"],
  here: DhcpdSettings,
  there: DhcpdSettings,
): readonly string[] | undefined {
  const asks = [here, there].map(({ highAvailability }) => highAvailability !== undefined);
  if (!asks.includes(true)) return undefined;
  const [asking, silent] = asks[0] ? [one, other] : [other, one];
  if (asks.includes(false)) {
    return [
      `${asking} has dhcp.highAvailability and ${silent} has not, so ${silent} would answer beside it and know none of its leases; say it of both, or of neither`,
    ];
  }
  const [mine, theirs] = [here.network.pool, there.network.pool];
  if (isDeepStrictEqual(mine, theirs)) return [];
  const shown = (pool: typeof mine): string => (pool === undefined ? "none" : `${pool.from} to ${pool.to}`);
  return [
    `with dhcp.highAvailability both lend of one pool, and ${one} has ${shown(mine)}, ${other} ${shown(theirs)}; give both the same`,
  ];
}

/** A server whose part had gone to the engine before the program said that there is another one. */
function whyStranger(
  one: string,
  { otherDhcpServers: known }: DhcpdSettings,
  other: string,
  address: string,
): readonly Problem[] {
  if (known === "allow" || known?.includes(address) === true) return [];
  const message =
    `${one} does not know ${other}, and would take it for a stranger: it is declared elsewhere, or the program awaited something before it ` +
    `named the two together; say dhcp: { otherDhcpServers: ["${address}"] } there`;
  return [{ path: "server", message }];
}
