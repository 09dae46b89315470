import { describe, expect, it } from "vitest";
import type { Holder } from "../../../../provider/facts/question";
import { whyNamePortIsHeld } from "../../../../provider/plan/namePort";
import type { Held } from "../../../../provider/plan/records";
import { entry, register } from "./registered";

const unit: Held = { want: "unit", name: "netboot-names.service", restartedBy: [] };
const names = (mode: "dnsmasq" | "hosts") =>
  entry("NameServer/p/one/names", [unit, { want: "names", mode, address: "192.168.1.1", records: "" }]);
const puts = new Set(["NameServer/p/one/names"]);
const holder = (more: Partial<Holder>): Holder => ({
  protocol: "udp",
  address: "0.0.0.0",
  port: 53,
  pid: 7,
  program: "dnsmasq",
  ...more,
});
const why = (...holders: readonly Holder[]) => whyNamePortIsHeld(register([names("dnsmasq")]), puts, holders)?.message;

describe("whyNamePortIsHeld", () => {
  it("names who has the port, each once, with the units they run in", () => {
    const holders = [
      holder({ unit: "dnsmasq.service" }),
      holder({ unit: "dnsmasq.service", protocol: "tcp6", address: "::" }),
      holder({ program: "unbound", address: "192.168.1.1", unit: "session-3.scope" }),
    ];
    expect(whyNamePortIsHeld(register([names("dnsmasq")]), puts, holders)).toEqual({
      code: "OCCUPIED",
      id: "NameServer/p/one/names",
      message:
        'dnsmasq (dnsmasq.service), unbound has port 53 of 192.168.1.1 already. Let it listen on other addresses only; or let node 0 serve no names: names: false; or keep them in its own /etc/hosts: names: { mode: "hosts" }',
    });
  });

  it.each(["0.0.0.0", "::", "192.168.1.1", "::ffff:192.168.1.1"])("counts who listens on %s", (address) => {
    expect(why(holder({ address }))).toMatch(/^dnsmasq has port 53 of 192\.168\.1\.1 already/);
  });

  it("leaves who listens elsewhere, and our own server", () => {
    expect(why(holder({ address: "127.0.0.53" }), holder({ address: "192.168.1.10" }))).toBeUndefined();
    expect(why(holder({ port: 5353 }))).toBeUndefined();
    expect(why(holder({ address: "192.168.1.1", unit: "netboot-names.service" }))).toBeUndefined();
  });

  it("asks only where this change serves names by dnsmasq", () => {
    expect(whyNamePortIsHeld(register([names("hosts")]), puts, [holder({})])).toBeUndefined();
    expect(whyNamePortIsHeld(register([names("dnsmasq")]), new Set(["x"]), [holder({})])).toBeUndefined();
  });
});
