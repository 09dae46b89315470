import { printable } from "./values/printable";

/** Every code an error of ours can carry; `docs/errors.md` has an entry for each, and a test keeps both in step. */
export type ErrorCode =
  /** The values of a resource are wrong; the message lists all mistakes. */
  | "ARGUMENTS_INVALID"
  /** Node 0 could not be reached, or did not answer in time. */
  | "HOST_UNREACHABLE"
  /** Node 0's host key is in nobody's list; it is never accepted on sight. */
  | "HOST_KEY_UNKNOWN"
  /** Node 0 showed another host key than the expected one, or a revoked one. */
  | "HOST_KEY_CHANGED"
  /** Node 0 accepted none of the keys and passwords that we may offer. */
  | "AUTHENTICATION_FAILED"
  /** A private key could not be read: no such file, a wrong passphrase, an unknown format. */
  | "KEY_UNREADABLE"
  /** The user who logs in is not root, and `sudo -n` is refused. */
  | "SUDO_REFUSED"
  /** A connection that was up broke, or a command on it ran out of time. */
  | "CONNECTION_LOST"
  /** A command on node 0 failed. */
  | "COMMAND_FAILED"
  /** This is not the machine that the resource was made on. */
  | "OTHER_MACHINE"
  /** Packages could not be installed; apt's own words are in the message. */
  | "PACKAGES_FAILED"
  /** The network interface is missing, has not the address, or carries the default route. */
  | "INTERFACE_UNFIT"
  /** Another program of node 0 does already what is asked for, and may not be replaced without a word. */
  | "OCCUPIED"
  /** Somebody else answers DHCP on the private network. */
  | "OTHER_DHCP_SERVER"
  /** Node 0's firewall did not take our rules, or can't without touching what is the user's. */
  | "FIREWALL_REFUSED"
  /** The daemon's own checker refused the new configuration; nothing was changed. */
  | "CONFIG_REFUSED"
  /** A daemon did not serve the new configuration; the previous one was put back. */
  | "NOT_SERVING"
  /** A MAC, an address or a name belongs to a resource of another stack. */
  | "CLASH"
  /** The resource can't go while others on the host need it. */
  | "IN_USE"
  /** Another run holds node 0's lock for too long. */
  | "LOCKED"
  /** The transaction could not be carried out; node 0 is as it was. */
  | "TRANSACTION_FAILED"
  /** We did something wrong ourselves. */
  | "BUG";

const marker = Symbol.for("pulumi-netboot.error");

/** An expected failure. Its message crosses process borders as bare text, so it says everything by itself. */
export class NetbootError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "NetbootError";
    this.code = code;
    Object.defineProperty(this, marker, { value: true });
  }

  /** Whether a value is an error of ours, also when it comes from another copy of this package. */
  static is(value: unknown): value is NetbootError {
    return typeof value === "object" && value !== null && marker in value;
  }
}

/** Of a way that did not lead to node 0. */
export const unreached: ReadonlySet<ErrorCode> = new Set([
  "HOST_UNREACHABLE",
  "HOST_KEY_UNKNOWN",
  "HOST_KEY_CHANGED",
  "AUTHENTICATION_FAILED",
  "KEY_UNREADABLE",
]);

/** An error as people read it: printable, and with its code at the end, by which `docs/errors.md` is ordered. */
export function renderError(error: unknown): string {
  if (!NetbootError.is(error)) return printable(error instanceof Error ? error.message : String(error));
  return `${printable(error.message).trimEnd()} [${error.code}]`;
}
