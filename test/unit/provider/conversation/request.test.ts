import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderRequest } from "../../../../provider/conversation/request";
import type { Change } from "../../../../provider/kinds/want";

const put = (wants: Extract<Change, { kind: "put" }>["declaration"]["wants"]): Change => ({
  kind: "put",
  declaration: { id: "DhcpServer/shop/prod/node0-dhcp", generation: "0badcafe", wants },
});

describe("renderRequest", () => {
  it("writes a line per fact and the bytes of a file after its line", () => {
    const changes: Change[] = [
      put([
        { want: "package", name: "tftpd-hpa", units: ["tftpd-hpa.service"] },
        { want: "file", path: "/etc/motd", mode: "0644", content: "hällo\n" },
        { want: "take", path: "/srv/tftp/ipxe.efi", mode: "0644", package: "ipxe", members: ["/boot/ipxe.efi"] },
      ]),
      { kind: "drop", id: "OlaNode/shop/prod/db 1", generation: "1" },
    ];
    const text = Buffer.from(renderRequest({ mode: "apply", machine: "c0ffee", changes })).toString("utf8");
    expect(text).toBe(
      [
        "mode apply",
        "machine c0ffee",
        "put DhcpServer/shop/prod/node0-dhcp 0badcafe",
        "package tftpd-hpa tftpd-hpa.service",
        "file /etc/motd 0644 7",
        "hällo",
        "take /srv/tftp/ipxe.efi 0644 ipxe - /boot/ipxe.efi",
        "drop OlaNode/shop/prod/db%201 1",
        "",
      ].join("\n"),
    );
  });

  it("never lets a value start a line or a word of its own", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (path, target) => {
        const request = renderRequest({ mode: "apply", changes: [put([{ want: "link", path, target }])] });
        const rows = Buffer.from(request).toString("latin1").split("\n");
        expect(rows).toHaveLength(4);
        const words = (rows[2] ?? "").split(" ");
        expect(words).toHaveLength(3);
        const decoded = words.slice(1).map((word) => (word === "%" ? "" : decodeURIComponent(word)));
        expect(decoded).toEqual([path.toWellFormed(), target.toWellFormed()]);
      }),
    );
  });
});
