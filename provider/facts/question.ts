import type { Machine } from "../plan/records";

/**
 * What node 0 is asked before anything is decided, and what it answers. A fact is a question and the pure reading of its
 * answer, in one file of this folder; node 0 knows nothing of what an answer means. In a text, `@held:tftpd:2@` is the
 * second word of the register's first line that begins with `tftpd`; where there is none, the question falls away.
 */
export type Question = {
  /** Asked only if an earlier answer, by its key, is a text in which this is found (a regular expression of Perl and JavaScript). */
  readonly when?: { readonly key: string; readonly matches: string };
  /** Asked only if the register has this, as in `@held:daemon:1@`. */
  readonly held?: string;
} & (
  | {
      /** Runs a program without a shell, in the C locale, with nothing on its standard input, for 20 s at most. */
      readonly ask: "run";
      readonly argv: readonly [string, ...string[]];
      /** Once for each network interface but lo, whose name takes the place of `@interface@` in its words. */
      readonly for?: "every interface";
    }
  /** What is at a path: never follows a link. With `bytes`, its content up to so many; with its sha256 if `hashed`. */
  | { readonly ask: "path"; readonly path: string; readonly bytes?: number; readonly hashed?: boolean }
  /** The same of all that lies in a folder, in the order of the names; `held`: hashed if our register has them. */
  | { readonly ask: "folder"; readonly path: string; readonly bytes?: number; readonly hashed?: boolean | "held" }
  /** The sockets that are bound to one of these ports of udp, or listen on it by tcp, and all packet sockets, and who has them. */
  | { readonly ask: "holders"; readonly ports: readonly number[] }
  /** Machines in the register, not of the resources `without`, whose addresses are outside or inside a range, or of these names. */
  | {
      readonly ask: "machines";
      readonly where: "inside" | "outside" | "named";
      readonly first?: string;
      readonly last?: string;
      /** Host names, for `named`. */
      readonly names?: readonly string[];
      readonly without: readonly string[];
    }
  /** Other DHCP servers, listened for so many seconds; `told` are the rows that hear of the wait. */
  | {
      readonly ask: "others";
      readonly interface: string;
      readonly address: string;
      readonly seconds: number;
      readonly told: readonly string[];
    }
  /** A file that is joined from all machines, between two lines if `begin` says so; of blocks, which machines of these are not in it. */
  | {
      readonly ask: "joined";
      readonly path: string;
      readonly of: "blocks" | "names";
      readonly before: string;
      readonly after: string;
      readonly separator?: string;
      readonly domain: string;
      readonly begin?: string;
      readonly end?: string;
      readonly ids?: readonly string[];
    }
  /** The lines of the log that tell who booted; of one resource's machines, if `of` says so. */
  | { readonly ask: "boots"; readonly since: string; readonly of?: string }
  /** Every machine that is declared, with its MACs. */
  | { readonly ask: "roster" }
);

/** What came back from a program. `status` 127: there is no such program. */
export interface Ran {
  readonly status: number;
  /** Both of its streams, in the order in which they came; at most 4 MB. */
  readonly said: string;
}

/** What is at a path. */
export interface Seen {
  readonly path: string;
  readonly type: "absent" | "file" | "link" | "folder" | "other";
  /** As `chmod` writes it: `0644`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly bytes: number;
  /** The seconds since 1970 of its last change of content, and of content or owner. */
  readonly mtime: number;
  readonly ctime: number;
  /** Of a link. */
  readonly target?: string;
  /** Of a regular file, 64 hex digits. */
  readonly sha256?: string;
  /** A link that somebody other than root made, on the way to the path. */
  readonly foreignLink?: string;
  /** The beginning of a regular file, or all of it, if it was asked for; as text in which a byte that is no UTF-8 is one character. */
  readonly content?: string;
}

/** Who has a socket. */
export interface Holder {
  readonly protocol: "udp" | "tcp";
  /** `0.0.0.0` and `::` are all of them. */
  readonly address: string;
  readonly port: number;
  /** The only interface that it hears, if it is bound to one. */
  readonly interface?: string;
  readonly pid: number;
  /** As the kernel names the process: `dnsmasq`. */
  readonly program: string;
  /** The systemd unit that it runs in, if it is one. */
  readonly unit?: string;
}

export interface PacketSocket {
  /** `*` are all of them. */
  readonly interface: string;
  readonly pid: number;
  readonly program: string;
  readonly unit?: string;
}

/** The answers by the questions' keys; what was not asked is absent. */
export interface Answers {
  ran(key: string): Ran | undefined;
  /** Of a program that was run for every interface: by the interface's name. */
  ranFor(key: string): ReadonlyMap<string, Ran> | undefined;
  path(key: string): Seen | undefined;
  folder(key: string): readonly Seen[] | undefined;
  holders(key: string): readonly Holder[] | undefined;
  packetSockets(key: string): readonly PacketSocket[] | undefined;
}

/** A DHCP server that is not node 0's own. */
export interface OtherServer {
  readonly server: string;
  /** Its MAC. */
  readonly hardware: string;
}

/** A machine of which its name and address are told. */
export interface AddressedMachine {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
}

/** Answers about machines and the network beside the host itself. */
export interface HostAnswers extends Answers {
  machines(key: string): readonly AddressedMachine[] | undefined;
  others(key: string): readonly OtherServer[] | undefined;
  /** Lines of the log that tell who booted. */
  boots(key: string): string | undefined;
  /** The machines of a record of the register that was asked for as a path. */
  recorded(key: string): readonly Machine[] | undefined;
  /** Every machine that is declared, a line each: id, host name, MACs. */
  roster(key: string): string | undefined;
  /** How a joined file differs from what the register makes of it, and the machines that it lacks. */
  joined(
    key: string,
  ): { readonly how: "same" | "missing" | "changed"; readonly lacks: readonly LackedMachine[] } | undefined;
}

/** A machine that a joined file has otherwise, or not at all. */
export interface LackedMachine extends Omit<AddressedMachine, "address"> {
  readonly how: "missing" | "changed";
}

/** A fact: what to ask, and what the answers say. */
export interface Fact<T> {
  /** By keys that begin with the fact's name: `nftables.ruleset`. */
  readonly questions: Readonly<Record<string, Question>>;
  read(answers: Answers): T;
}
