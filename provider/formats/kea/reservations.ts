import type { NodeRow, OptionValue } from "../../values/nodeRow";
import { isText, keaNameOf } from "./optionNames";

// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/**
 * What Kea must know of a machine: one reservation for each NIC, all with the same address and name. On the host: lines of the
 * file that kea-dhcp4.conf includes. An address of its own and a loader of its own are classes, of which that file says more: what
 * a reservation itself says of a file would be told to iPXE, too, for ever.
 *
 * @example
 * ```
 * { "hw-address": "04:3f:72:aa:00:01", "ip-address": "10.20.0.11", "client-classes": [ "netboot-fixed" ], "option-data": [ { "name": "host-name", "data": "db-1" } ] },
 * { "hw-address": "04:3f:72:aa:00:02", "ip-address": "10.20.0.11", "client-classes": [ "netboot-fixed" ], "option-data": [ { "name": "host-name", "data": "db-1" } ] }
 * ```
 * @see Kea's Administrator Reference Manual, "Host Reservations in DHCPv4"
 */
export function renderReservations(row: NodeRow): string {
  const { address, loader, options = {}, comment } = row;
  const classes = [
    ...(address === undefined ? [] : ["netboot-fixed"]),
    ...(loader === undefined ? [] : [`netboot-own-${loader}`]),
  ].map((name) => JSON.stringify(name));
  const data = [
    renderOption("host-name", row.hostname),
    ...Object.entries(options)
      .sort(([first], [second]) => (first < second ? -1 : 1))
      .map(([name, value]) => renderOption(name, value)),
  ];
  const rest = [
    ...(address === undefined ? [] : [`"ip-address": "${address}"`]),
    ...(classes.length === 0 ? [] : [`"client-classes": [ ${classes.join(", ")} ]`]),
    `"option-data": [ ${data.join(", ")} ]`,
  ].join(", ");
  const reservations = row.macs.map((mac) => `{ "hw-address": "${mac}", ${rest} }`);
  return `${comment === undefined ? "" : `# ${comment}\n`}${reservations.join(",\n")}`;
}

function renderOption(name: string, value: OptionValue): string {
  // One that it does not know is refused in the preview, or by its own checker.
  const known = keaNameOf(name) ?? name;
  const text = typeof value === "object" ? value.join(", ") : String(value);
  // Of a text Kea would take a comma for its end, and spaces away.
  const isPlain = /^[\w./:@=+-]+( [\w./:@=+-]+)*$/.test(text);
  const data =
    isText(known) && !isPlain
      ? `"csv-format": false, "data": "${hexOf(text)}"`
      : `"data": ${JSON.stringify(typeof value === "string" ? text.replaceAll(",", "\\,") : text)}`;
  return `{ "name": "${known}", ${data} }`;
}

function hexOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
