import { addressNumber } from "../../values/ipv4";
import type { NodeRow, OptionValue } from "../../values/nodeRow";
import { dhcpdNameOf, isText } from "./optionNames";

interface Written {
  readonly "option-data": readonly {
    readonly name: string;
    readonly data: string;
    readonly "csv-format"?: false;
  }[];
}

/** What `renderReservations` wrote of a machine beside its name, NICs, address and loader. */
export function readReservations(text: string): Pick<NodeRow, "options" | "comment"> {
  const [, comment] = /^# ([^\n]*)\n/.exec(text) ?? [];
  const [first = "{}"] = text.split("\n").filter((line) => line.startsWith("{"));
  const { "option-data": data = [] } = JSON.parse(first.replace(/,$/, "")) as Partial<Written>;
  const options = data
    .filter(({ name }) => name !== "host-name")
    .map((option) => [dhcpdNameOf(option.name), optionValue(option)] as const);
  return {
    ...(options.length > 0 && { options: Object.fromEntries(options) }),
    ...(comment !== undefined && { comment }),
  };
}

function optionValue({ name, data, "csv-format": isCsv }: Written["option-data"][number]): OptionValue {
  if (isCsv === false) return textOf(data);
  const text = data.replaceAll("\\,", ",");
  if (isText(name)) return text;
  if (/^-?\d+$/.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  const list = text.split(", ");
  return list.every((each) => addressNumber(each) !== undefined) ? list : text;
}

function textOf(hex: string): string {
  return new TextDecoder().decode(Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));
}
