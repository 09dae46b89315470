import { describe, expect, it } from "vitest";
import { commandOf, valuesOf } from "../../../../../provider/formats/systemd/command";
import { renderTftpdDefaults, renderTftpdUnit } from "../../../../../provider/formats/tftpd/tftpd";

describe("commandOf", () => {
  it("has the words that systemd starts our own unit with", () => {
    const settings = { address: "192.168.1.1", directory: "/srv/tftp", options: ["--secure", "--verbosity", "2"] };
    const read = (path: string) => (path === "/etc/default/tftpd-hpa" ? renderTftpdDefaults(settings) : undefined);
    expect(commandOf(renderTftpdUnit(settings), read)?.join(" ")).toBe(
      "/usr/sbin/in.tftpd --foreground --user tftp --address 192.168.1.1:69 --secure --verbosity 2 /srv/tftp",
    );
  });

  it("is none where the unit starts nothing", () => {
    expect(commandOf("[Service]\nExecStartPre=/bin/true\n", () => undefined)).toBeUndefined();
    expect(commandOf("[Service]\nExecStart=/bin/a\nExecStart=\n", () => undefined)).toBeUndefined();
  });

  it("has a variable as one word in braces, and as its words without, or as nothing", () => {
    const unit = `EnvironmentFile=-/etc/e\nExecStart=/bin/a \${A} $A x\${B}y $C\n`;
    expect(commandOf(unit, () => "A='1 2'\nB=b\n")).toEqual(["/bin/a", "1 2", "1", "2", "xby"]);
  });
});

describe("valuesOf", () => {
  it("forgets what stands before an empty one", () => {
    expect(valuesOf("X=1\nX=\n X = 2\nXY=3\n", "X")).toEqual(["2"]);
  });
});
