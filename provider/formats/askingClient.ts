/**
 * A machine as a DHCP server sees it that decides by conditions what it gets: its options by their number, each as the
 * characters of its bytes.
 */
export interface AskingClient {
  readonly options: ReadonlyMap<number, string>;
  /** iPXE has option 175 with what it can do; firmware has not. */
  readonly isIpxe: boolean;
}

/** What a condition comes to for a client; undefined where that can't be told from here. */
export type Condition = (client: AskingClient) => boolean | undefined;

/** A text that a condition compares; undefined where it can't be told, null where the client does not have it. */
export type Operand = (client: AskingClient) => string | null | undefined;

/** Whoever asks while a machine boots, by stage and firmware. */
export const askingClients: Readonly<Record<AskingClientName, AskingClient>> = {
  x64: firmware(7),
  x64Ipxe: ipxe(7),
  ia32: firmware(6),
  ia32Ipxe: ipxe(6),
};

export type AskingClientName = "x64" | "x64Ipxe" | "ia32" | "ia32Ipxe";

function bytes(...numbers: readonly number[]): string {
  return String.fromCharCode(...numbers);
}

function firmware(architecture: number): AskingClient {
  const options = new Map([
    [60, `PXEClient:Arch:${String(architecture).padStart(5, "0")}:UNDI:003016`],
    [93, bytes(0, architecture)],
    [94, bytes(1, 3, 16)],
  ]);
  return { options, isIpxe: false };
}

function ipxe(architecture: number): AskingClient {
  const options = new Map([...firmware(architecture).options, [77, "iPXE"], [175, ""]] as const);
  return { options, isIpxe: true };
}

export const always: Condition = () => true;
export const unknown: Condition = () => undefined;

export function not(one: Condition): Condition {
  return (client) => {
    const value = one(client);
    return value === undefined ? undefined : !value;
  };
}

export function and(one: Condition, other: Condition): Condition {
  return (client) => {
    const values = [one(client), other(client)];
    if (values.includes(false)) return false;
    return values.includes(undefined) ? undefined : true;
  };
}

export function or(one: Condition, other: Condition): Condition {
  return not(and(not(one), not(other)));
}

export function equal(one: Operand, other: Operand): Condition {
  return (client) => {
    const [first, second] = [one(client), other(client)];
    if (first === undefined || second === undefined) return undefined;
    return first !== null && first === second;
  };
}

/** An option by its number; without one it is none that is known here. */
export function optionOperand(code: number | undefined): Operand {
  if (code === undefined) return () => undefined;
  return ({ options }) => options.get(code) ?? null;
}

export function hasOption(code: number | undefined): Condition {
  if (code === undefined) return unknown;
  return ({ options }) => options.has(code);
}

export function part(of: Operand, from: number, length: number | undefined): Operand {
  return (client) => {
    const text = of(client);
    return typeof text === "string" ? text.slice(from, length === undefined ? undefined : from + length) : text;
  };
}

export function mapped(of: Operand, change: (text: string) => string): Operand {
  return (client) => {
    const text = of(client);
    return typeof text === "string" ? change(text) : text;
  };
}
