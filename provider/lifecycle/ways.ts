import { isDeepStrictEqual } from "node:util";
import { type ErrorCode, NetbootError, unreached } from "../errors";

// Every run asks for diff of every resource, so this file needs nothing that takes long to load.

/** A way to a machine, and the resource that it is from. */
interface Way {
  readonly connection: object;
  readonly of: string;
  /** Without the key file that it names. */
  readonly isKeyless?: true;
}

/** By machine: what the program that runs says, and what has led there in this run. */
const ofProgram = new Map<string, Way>();
const proven = new Map<string, Way[]>();

/** Remembers how the program reaches a machine: newer than whatever a state says. */
export function noteProgram(machine: unknown, connection: unknown, of: string): void {
  if (typeof machine === "string" && typeof connection === "object" && connection !== null) {
    ofProgram.set(machine, { connection, of });
  }
}

/** Failures before anything was asked of the host: another way may lead there. */
const unasked: ReadonlySet<ErrorCode> = new Set([...unreached, "SUDO_REFUSED"]);

/** Those that are under way may have a better connection, and show it soon. */
const othersMs = 2000;
/** Machines for which that was waited. */
const waited = new Set<string | undefined>();

/**
 * Does what a resource needs whose connection is only in the state, a delete or a look: by the newest way that this run knows to
 * its machine. The state's own may be of before a key was rotated.
 *
 * @throws what the first way gave, with whose it was, and what was tried besides
 */
export async function byNewestWay<C extends object, T>(
  id: string,
  machine: string | undefined,
  own: C,
  act: (connection: C) => Promise<T>,
): Promise<T> {
  const tried: Way[] = [];
  let first: NetbootError | undefined;
  for (;;) {
    const way = await nextWay(tried, { connection: own, of: id }, machine, first);
    if (way === undefined) break;
    tried.push(way);
    try {
      const done = await act(way.connection as C);
      if (machine !== undefined) proven.set(machine, [way, ...(proven.get(machine) ?? [])]);
      return done;
    } catch (reason) {
      if (!NetbootError.is(reason) || !unasked.has(reason.code)) throw withWays(reason, tried, id);
      first ??= reason;
    }
  }
  throw withWays(first, tried, id);
}

async function nextWay(
  tried: readonly Way[],
  own: Way,
  machine: string | undefined,
  failure: NetbootError | undefined,
): Promise<Way | undefined> {
  const known = (): readonly Way[] => {
    const said = machine === undefined ? undefined : ofProgram.get(machine);
    const others = failure === undefined || machine === undefined ? [] : (proven.get(machine) ?? []);
    return [
      ...(said === undefined || isSame(said, own) ? [] : [said]),
      own,
      ...others,
      ...(failure?.code === "KEY_UNREADABLE" ? keyless(own) : []),
    ];
  };
  const left = (): Way | undefined => known().find((way) => !tried.some((other) => isSame(way, other)));
  const next = left();
  if (next !== undefined || failure === undefined) return next;
  if (!waited.has(machine)) await new Promise((resolve) => setTimeout(resolve, othersMs));
  waited.add(machine);
  return left();
}

/** A key that lay on the machine of whoever ran the last `up`; here an agent, or a default file, may have it. */
function keyless({ connection, of }: Way): readonly Way[] {
  const { privateKeyPath, ...rest } = connection as { readonly privateKeyPath?: string };
  return privateKeyPath === undefined ? [] : [{ connection: rest, of, isKeyless: true }];
}

function isSame(one: Way, other: Way): boolean {
  return isDeepStrictEqual(one.connection, other.connection);
}

function withWays(reason: unknown, tried: readonly Way[], id: string): unknown {
  const [first, ...others] = tried;
  if (!NetbootError.is(reason) || first === undefined || (first.of === id && others.length === 0)) return reason;
  const whose = ({ of, isKeyless }: Way): string => {
    if (isKeyless) return "the agent and the other keys of this machine";
    return of === id ? "the one in this resource's own state" : `that of ${of}`;
  };
  const also = others.length === 0 ? "" : `; tried besides, without success: ${others.map(whose).join(", ")}`;
  return new NetbootError(
    reason.code,
    `${reason.message}\nthis went by the newest connection of this run, ${whose(first)}${also}`,
    {
      cause: reason,
    },
  );
}
