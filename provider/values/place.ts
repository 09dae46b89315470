/**
 * A host as messages name it: what the program wrote, with the port if that is an unusual one. Undefined where it is no text.
 *
 * @example `203.0.113.7`, `203.0.113.7:2202`, `[2001:db8::7]:2202`
 */
export function hostName(connection: unknown): string | undefined {
  const { host, port } = Object(connection) as { readonly host?: unknown; readonly port?: unknown };
  if (typeof host !== "string") return undefined;
  const written = host.replace(/^\[(.*)\]$/, "$1");
  if (typeof port !== "number" || port === 22) return written;
  return `${written.includes(":") ? `[${written}]` : written}:${port}`;
}

/**
 * By what a host is told from others: several may be behind one address, by their ports, and have one address behind
 * several jump hosts.
 *
 * @example `10.0.0.2 through bastion.example`
 */
export function placeOf(connection: unknown): string | undefined {
  const { proxy } = Object(connection) as { readonly proxy?: unknown };
  const [name, through] = [hostName(connection), proxy === undefined ? undefined : placeOf(proxy)];
  return name === undefined || through === undefined ? name : `${name} through ${through}`;
}

/** The variable by which an operator says, with the host's name, that a node 0 is gone for good. */
export const forgetting = "PULUMI_NETBOOT_FORGET";

/** Whether a node 0 is gone that one reached so: what was there may be left behind, or made anew on a machine in its place. */
export function isForgotten(connection: unknown): boolean {
  const name = process.env[forgetting] ?? "";
  const { host } = Object(connection) as { readonly host?: unknown };
  return name !== "" && [host, hostName(connection), placeOf(connection)].includes(name);
}
