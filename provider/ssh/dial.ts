import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { NetbootError } from "../errors";
import type { Link } from "./link";
import type { Target } from "./target";

/** A failure that may pass by itself: nobody has answered yet. */
export class DialFailure extends Error {}

/** Where a target listens, as people write it. */
export function address({ host, port }: Target): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What to look at, by the words of a failure. */
export function adviceFor(message: string, { port }: Target): readonly string[] {
  if (/no such name/.test(message)) return ["  give connection.host an address, or a name that can be looked up"];
  if (/the name service/.test(message)) {
    return ["  look at the name service of this machine (/etc/resolv.conf), or give connection.host an address"];
  }
  if (/refused/.test(message)) return [`  does sshd run there, and listen on port ${port}?`];
  if (/Not allowed at this time/.test(message)) {
    return [
      "  its sshd keeps this address away for a while, after logins that failed (PerSourcePenalties); wait some minutes, " +
        "or name the address there in PerSourcePenaltyExemptList",
    ];
  }
  if (/Exceeded MaxStartups/.test(message)) {
    return ["  more logins are going on there than its sshd lets begin (MaxStartups); run it again"];
  }
  if (/was reset|closed the connection at once$/.test(message)) {
    return ["  its sshd may say why (`journalctl -u ssh` there); a firewall between can do it, too"];
  }
  if (/and said: /.test(message)) return [`  does another program than sshd listen there on port ${port}?`];
  if (/there is no way to|is down/.test(message)) {
    return ["  is it up, and has this machine a route to it? A VPN or a network interface may be down"];
  }
  if (/in time|timed out|within/.test(message)) {
    return [
      "  is it up, and does a firewall between let SSH through? perDialTimeout says how long an attempt may take, and dialErrorLimit how many there are",
    ];
  }
  return [];
}

/** What a system error means, in words; the code stays for those who look it up. */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused (ECONNREFUSED)",
  ECONNRESET: "the connection was reset (ECONNRESET)",
  EPIPE: "the connection was reset (EPIPE)",
  ETIMEDOUT: "the connection timed out (ETIMEDOUT)",
  EHOSTUNREACH: "there is no way to that host (EHOSTUNREACH)",
  ENETUNREACH: "there is no way to that network (ENETUNREACH)",
  EHOSTDOWN: "the host is down (EHOSTDOWN)",
  EAI_AGAIN: "the name service does not answer (EAI_AGAIN)",
  ENOTFOUND: "there is no such name (ENOTFOUND)",
};

export function inWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return meanings[code ?? ""] ?? message;
}

/** How long an address is waited for alone; then the next one is tried beside it (RFC 8305). */
const headStartMs = 250;

/** Opens the way to a target's sshd: by its first address that answers, or from its jump host. */
export async function dial(target: Target, via: Link | undefined): Promise<Duplex> {
  if (via !== undefined) return via.forward(target);
  const addresses = await addressesOf(target);
  const sockets = new Set<Socket>();
  const failures = new Map<string, string>();
  return new Promise<Socket>((resolve, reject) => {
    let next = 0;
    let headStart: NodeJS.Timeout | undefined;
    const end = (act: () => void): void => {
      clearTimeout(timer);
      clearTimeout(headStart);
      next = addresses.length;
      act();
    };
    const giveUp = (rest: string): void =>
      end(() => {
        for (const socket of sockets) socket.destroy();
        const words = addresses.map((each) => [each.address, failures.get(each.address) ?? rest] as const);
        const [[, only = ""] = []] = words;
        const all = words.map(([each, why]) => `${each}: ${why}`).join("; ");
        reject(new DialFailure(words.length === 1 ? only : all));
      });
    const timer = setTimeout(() => giveUp(`no answer within ${target.dialTimeoutMs / 1000} s`), target.dialTimeoutMs);
    const tryNext = (): void => {
      const chosen = addresses[next++];
      if (chosen === undefined) return;
      clearTimeout(headStart);
      headStart = setTimeout(tryNext, headStartMs);
      const { localAddress } = target;
      const socket = connectTcp({
        host: chosen.address,
        port: target.port,
        noDelay: true,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      sockets.add(socket);
      // It stays: an 'error' without a listener would end the whole provider.
      socket.on("error", (error) => {
        sockets.delete(socket);
        failures.set(chosen.address, inWords(error));
        if (failures.size === addresses.length) giveUp("");
        else tryNext();
      });
      socket.once("connect", () => {
        sockets.delete(socket);
        end(() => resolve(socket));
        for (const other of sockets) other.destroy();
      });
    };
    tryNext();
  });
}

/** The addresses of a name, each once, in the order in which the system would try them. */
async function addressesOf(target: Target): Promise<readonly LookupAddress[]> {
  try {
    const found = await Promise.race([
      lookup(target.host, { all: true, order: "verbatim", family: target.family ?? 0 }),
      sleep(target.dialTimeoutMs, undefined, { ref: false }).then(() => {
        throw new Error(`the name service gave no answer within ${target.dialTimeoutMs / 1000} s`);
      }),
    ]);
    return found.filter(({ address }, at) => found.findIndex((other) => other.address === address) === at);
  } catch (error) {
    const words = inWords(error);
    if ((error as NodeJS.ErrnoException).code !== "ENOTFOUND") throw new DialFailure(words, { cause: error });
    throw new NetbootError(
      "HOST_UNREACHABLE",
      [`${target.name}: ${words}: ${target.host}`, ...adviceFor(words, target)].join("\n"),
    );
  }
}
