import { NetbootError } from "../../errors";
import type { NodeRow, OptionValue } from "../../values/nodeRow";

// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/**
 * What dhcpd must know of a machine: one host block for each NIC (ISC allows one hardware address a block), all with the
 * same address and name. On the host: lines of the file that dhcpd.conf includes. A block's name is its host name and
 * the NIC's number, because dhcpd refuses a name that stands twice.
 *
 * A loader of its own stands inside a test: iPXE asks again with user-class "iPXE", and a plain `filename` here would
 * hand it the loader again, for ever.
 *
 * @example
 * ```
 * host db-1-nic0 { hardware ethernet 04:3f:72:aa:00:01; fixed-address 10.20.0.11; option host-name "db-1"; }
 * host db-1-nic1 { hardware ethernet 04:3f:72:aa:00:02; fixed-address 10.20.0.11; option host-name "db-1"; }
 * ```
 * @see dhcpd.conf(5), "the host statement"
 */
export function renderHostBlocks(row: NodeRow): string {
  const address = row.address === undefined ? "" : ` fixed-address ${row.address};`;
  const loader =
    row.loader === undefined
      ? ""
      : ` if exists arch and not (option user-class = "iPXE") { filename ${renderText(row.loader)}; }`;
  const options = Object.entries(row.options ?? {})
    .sort(([first], [second]) => (first < second ? -1 : 1))
    .map(([name, value]) => ` option ${name} ${renderOption(value)};`)
    .join("");
  const blocks = row.macs.map(
    (mac, nic) =>
      `host ${row.hostname}-nic${nic} { hardware ethernet ${mac};${address} option host-name ${renderText(row.hostname)};${options}${loader} }\n`,
  );
  return [row.comment === undefined ? "" : `# ${row.comment}\n`, ...blocks].join("");
}

function renderOption(value: OptionValue): string {
  if (typeof value === "string") return renderText(value);
  return typeof value === "object" ? value.join(", ") : String(value);
}

/** A text as `dhcpdString` writes it. A row holds none that it would refuse, so one that does is a mistake of ours. */
function renderText(text: string): string {
  if (/[\p{Cc}\p{Cs}]/u.test(text)) {
    throw new NetbootError("BUG", `this is a bug in pulumi-netboot: a row holds the text ${JSON.stringify(text)}`);
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
