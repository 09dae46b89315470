import { describe, expect, it } from "vitest";
import { countAfterAuthentication } from "../../../bench/roundTrips.mts";

/** Messages one nanosecond apart, and what of them went over the wire. */
function traced(texts: readonly string[]) {
  const messages = texts.map((text, index) => ({ at: BigInt(index), text }));
  const chunks = messages.map(({ at, text }) => ({
    at,
    from: text.startsWith("Outbound") ? ("client" as const) : ("server" as const),
    bytes: 1,
  }));
  return countAfterAuthentication(messages, chunks);
}

const letIn = [
  "Outbound: Sending KEXINIT",
  "Inbound: Received USERAUTH_FAILURE (publickey)",
  "Outbound: Sending USERAUTH_REQUEST (publickey)",
  "Inbound: Received USERAUTH_SUCCESS",
];
const opened = [
  "Outbound: Sending CHANNEL_OPEN (r:0, session)",
  "Inbound: GLOBAL_REQUEST (hostkeys-00@openssh.com)",
  "Inbound: CHANNEL_OPEN_CONFIRMATION (r:0, s:0)",
  "Outbound: Sending CHANNEL_REQUEST (r:0, exec: true)",
  "Inbound: CHANNEL_WINDOW_ADJUST (r:0, 2097152)",
  "Inbound: CHANNEL_SUCCESS (r:0)",
];

describe("countAfterAuthentication", () => {
  it("counts what is said and waited for, from the moment when the user was let in", () => {
    const { roundTrips, turnsOnTheWire, besides } = traced([
      ...letIn,
      ...opened,
      "Outbound: Sending CHANNEL_DATA (r:0, 32768)",
      "Outbound: Sending CHANNEL_DATA (r:0, 512)",
      "Outbound: Sending CHANNEL_EOF (r:0)",
      "Inbound: CHANNEL_DATA (r:0, 33)",
      "Inbound: CHANNEL_REQUEST (r:0, exit-status: 0)",
    ]);
    expect(roundTrips).toBe(3);
    expect(turnsOnTheWire).toBe(3);
    expect(besides).toEqual({});
  });

  it("counts a window, a sign of life and the end beside, and tells of them", () => {
    const { roundTrips, turnsOnTheWire, besides } = traced([
      ...letIn,
      ...opened,
      "Outbound: Sending ping (GLOBAL_REQUEST: keepalive@openssh.com)",
      "Inbound: Received REQUEST_FAILURE",
      "Outbound: Sending CHANNEL_DATA (r:0, 512)",
      "Inbound: CHANNEL_DATA (r:0, 33)",
      "Outbound: Sending CHANNEL_WINDOW_ADJUST (r:0, 1)",
      "Inbound: CHANNEL_DATA (r:0, 33)",
      "Outbound: Sending CHANNEL_CLOSE (r:0)",
    ]);
    expect(roundTrips).toBe(3);
    expect(turnsOnTheWire).toBe(6);
    expect(besides).toEqual({ ping: 1, CHANNEL_WINDOW_ADJUST: 1, CHANNEL_CLOSE: 1 });
  });

  it("counts ssh2's own question about host keys beside, whenever it is sent", () => {
    const { roundTrips, besides } = traced([
      ...letIn,
      ...opened.slice(0, 3),
      "Outbound: Sending GLOBAL_REQUEST (hostkeys-prove-00@openssh.com)",
      "Inbound: REQUEST_SUCCESS",
      ...opened.slice(3),
    ]);
    expect(roundTrips).toBe(2);
    expect(besides).toEqual({ GLOBAL_REQUEST: 1 });
  });

  it("does not take a window that the server opens amid our data for an answer", () => {
    const { roundTrips } = traced([
      ...letIn,
      ...opened,
      "Outbound: Sending CHANNEL_DATA (r:0, 32768)",
      "Inbound: CHANNEL_WINDOW_ADJUST (r:0, 98304)",
      "Outbound: Sending CHANNEL_DATA (r:0, 32768)",
      "Inbound: CHANNEL_DATA (r:0, 33)",
    ]);
    expect(roundTrips).toBe(3);
  });

  it("refuses a trace in which nobody was let in", () => {
    expect(() => traced(letIn.slice(0, 3))).toThrow(/no USERAUTH_SUCCESS/);
  });
});
