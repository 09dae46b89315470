import { describe, expect, it } from "vitest";
import { parsePerfdhcp } from "../../../bench/perfdhcp.mts";

/** As Debian 12's perfdhcp 2.2.0 wrote it. */
const report = `Running: perfdhcp -4 -l 10.20.255.254 -R 1000 -b mac=52:54:00:00:00:00 -r 1000 10.20.0.1
Scenario: basic.
Multi-thread mode enabled.
***Rate statistics***
Rate: 977.402 4-way exchanges/second, expected rate: 1000

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 1003
received packets: 1003
drops: 0
drops ratio: 0 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 0.059 ms
avg delay: 3.543 ms
max delay: 47.194 ms
std deviation: 7.479 ms
collected packets: 0

***Statistics for: REQUEST-ACK***
sent packets: 1003
received packets: 997
drops: 6
drops ratio: 0.598 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 0.054 ms
avg delay: 1.738 ms
max delay: 47.914 ms
std deviation: 3.556 ms
collected packets: 0

`;

describe("parsePerfdhcp", () => {
  it("reads what was asked, what was answered, and the slowest answer, of each exchange", () => {
    expect(parsePerfdhcp(report)).toEqual({
      offers: { asked: 1003, answered: 1003, slowestMs: 47.194 },
      acks: { asked: 1003, answered: 997, slowestMs: 47.914 },
    });
  });

  it("knows no slowest answer where there is none", () => {
    const silent = report
      .replaceAll(/^received packets: .*$/gm, "received packets: 0")
      .replaceAll(/^m.* delay: .*$/gm, "");
    expect(parsePerfdhcp(silent).acks).toEqual({ asked: 1003, answered: 0, slowestMs: Number.NaN });
  });

  it("says what perfdhcp said, if that is no report", () => {
    expect(() => parsePerfdhcp("ERROR: running perfdhcp: unable to open socket")).toThrow("unable to open socket");
  });
});
