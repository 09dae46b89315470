import { describe, expect, it, onTestFinished } from "vitest";
import { create, liveInputs, withoutLines } from "../../../../provider/lifecycle/changes";
import { closeHosts } from "../../../../provider/ssh/pool.ts";
import { bare, disconnect, failure, hostKey, startTcp } from "../../../support/sshServer.ts";

describe("create", () => {
  it("shows no control character of whoever answers in the host's place", async () => {
    onTestFinished(closeHosts);
    const port = await startTcp((socket) => {
      socket.write("SSH-2.0-OpenSSH_9.2\r\n");
      socket.write(disconnect("\u001b]0;owned\u0007\u001b[1A\u001b[2Kall is well <{%no%}>"));
    });
    const connection = { host: "127.0.0.1", port, hostKey: bare(hostKey.public), dialErrorLimit: 0 };
    const inputs = { connection, directory: "/srv/tftp", address: "192.168.1.1", __urn: "urn:pulumi:dev::p::t::tftp" };
    const { message } = await failure(create("TftpServer", inputs));
    expect(message).toContain("all is well");
    expect(message).toContain("\\u001b]0;owned\\u0007");
    expect(message).not.toMatch(/[^\P{Cc}\n]|<\{%/u);
    expect(message).toMatch(/\nThis change did not reach node 0, and changed nothing there \[HOST_UNREACHABLE\]$/);
  });
});

describe("a secret text", () => {
  it("is told of without its lines", () => {
    const warning =
      "/srv/tftp/a was changed by hand; it is kept as /b\n--- /srv/tftp/a (as it was)\n+++ a\n@@ -1 +1 @@\n-x\n+y";
    expect(withoutLines(warning)).toBe(
      "/srv/tftp/a was changed by hand; it is kept as /b\nits lines are a secret, and not shown",
    );
    expect(withoutLines("not proved: no answer")).toBe("not proved: no answer");
  });
});

describe("the inputs that a refresh makes of what it found", () => {
  const id = "TftpServer/shop/prod/tftp";
  const outputs = { directory: "/srv/tftp", __generation: "1", __machine: "m", __schema: 1, __provider: "text" };

  it("have of the hidden keys the URN alone, as the program wrote it", () => {
    expect(liveInputs("TftpServer", id, outputs, [])).toMatchObject({ __urn: "urn:pulumi:prod::shop::::tftp" });
    const parented = "urn:pulumi:prod::shop::a$pulumi-nodejs:dynamic/netboot:TftpServer::tftp";
    const inputs = liveInputs("TftpServer", id, { ...outputs, __urn: parented }, []) ?? {};
    expect(Object.keys(inputs).filter((key) => key.startsWith("__"))).toEqual(["__urn"]);
    expect(inputs["__urn"]).toBe(parented);
  });
});
