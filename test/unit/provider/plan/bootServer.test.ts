import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import { whyNoAddressToListen } from "../../../../provider/plan/bootServer";
import { changeOf, put } from "./told";

describe("whyNoAddressToListen", () => {
  const link = { name: "eno2", mac: "", master: undefined, isVrf: false };
  const why = (on: Extract<Want, { readonly want: "listen" }>["on"], ...addresses: readonly string[]) =>
    whyNoAddressToListen(changeOf([put("T", { want: "listen", unit: "tftpd-hpa.service", on })]), {
      links: [{ ...link, addresses }],
      defaultRoutes: [],
    });
  const socket = { kind: "udp", address: "192.168.1.1", port: 69 } as const;

  it("refuses what would start a server on an address that node 0 has not any more", () => {
    expect(why(socket, "192.168.1.1/28")).toBeUndefined();
    expect(why(socket, "192.168.1.9/28")).toMatchObject({
      code: "INTERFACE_UNFIT",
      id: "T",
      message: expect.stringMatching(
        /^no interface of node 0 has the address 192\.168\.1\.1, on which tftpd-hpa\.service/,
      ),
    });
  });

  it("knows nothing of a server that listens on an interface, nor where ip(8) told nothing", () => {
    expect(why({ kind: "packet", interface: "eno2" }, "192.168.1.9/28")).toBeUndefined();
    expect(why(socket)).toBeUndefined();
  });
});
