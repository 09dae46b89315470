/** What perfdhcp says of one of the two exchanges of DHCP. */
export interface Exchange {
  readonly asked: number;
  readonly answered: number;
  /** From question to answer; NaN where nothing was answered. */
  readonly slowestMs: number;
}

/** What perfdhcp(8) prints at its end, of DHCPv4. */
export interface PerfdhcpReport {
  /** DISCOVER-OFFER */
  readonly offers: Exchange;
  /** REQUEST-ACK */
  readonly acks: Exchange;
}

export function parsePerfdhcp(text: string): PerfdhcpReport {
  const [, ...parts] = text.split("***Statistics for: ");
  const exchange = (name: string): Exchange => {
    const part = parts.find((one) => one.startsWith(`${name}***`));
    if (part === undefined) throw new Error(`perfdhcp says nothing of ${name}:\n${text.slice(-2000)}`);
    const number = (pattern: RegExp): number => Number(pattern.exec(part)?.[1] ?? Number.NaN);
    return {
      asked: number(/^sent packets: (\d+)/m),
      answered: number(/^received packets: (\d+)/m),
      slowestMs: number(/^max delay: ([\d.]+) ms/m),
    };
  };
  return { offers: exchange("DISCOVER-OFFER"), acks: exchange("REQUEST-ACK") };
}
