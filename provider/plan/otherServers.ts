import type { OtherServer } from "../facts/question";

/** Why nobody else may answer DHCP where node 0 does. */
export function whyOtherServers(nic: string, others: readonly OtherServer[]): string {
  return (
    `another DHCP server answers on ${nic}: ${namesOfServers(others)}; which of the two a machine takes is chance. ` +
    'Switch it off, or say otherDhcpServers: "allow" if it leaves these machines alone'
  );
}

/** As many are named: a machine that forges answers can be thousands. */
const mostNamed = 5;

/** `192.168.1.9 (52:54:00:00:00:09)`. */
export function namesOfServers(others: readonly OtherServer[]): string {
  const named = others.slice(0, mostNamed).map(({ server, hardware }) => `${server} (${hardware})`);
  return `${named.join(", ")}${others.length > mostNamed ? " and others" : ""}`;
}
