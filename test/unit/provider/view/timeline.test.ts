import { describe, expect, it } from "vitest";
import { type Boot, parseHistory } from "../../../../provider/facts/bootLog";
import { renderBootSvg } from "../../../../provider/view/bootSvg";
import { renderSeconds, timelineOf } from "../../../../provider/view/timeline";
import { bootFiles, bootLog } from "../../../support/fleetView";

const [whole, missed, refused] = parseHistory({ log: bootLog, files: bootFiles }) as [Boot, Boot, Boot];

describe("timelineOf", () => {
  it("tells who asked and what was given, in the order in which it came, from the first sign on", () => {
    const { marks, end, isWhole } = timelineOf(whole);
    expect(marks.map(({ seconds, by, what }) => `${seconds.toFixed(1)} ${by} ${what}`)).toEqual([
      "0.0 DHCP firmware asks, as UEFI x64",
      "0.1 DHCP firmware has its address",
      "0.9 TFTP ipxe.efi",
      "2.9 DHCP iPXE asks",
      "3.0 DHCP iPXE has its address",
      "3.2 TFTP refind.pxe",
      "3.3 TFTP refind.conf",
      "3.4 TFTP refind_x64.efi",
      "21.9 disk system asks, and has its address",
    ]);
    expect(marks[2]?.sha256).toMatch(/^1{64}$/);
    expect({ end, isWhole }).toEqual({ end: "the system on the local disk has its address", isWhole: true });
  });

  it("ends where a file was refused, and where nobody answered", () => {
    const { marks, end, isWhole } = timelineOf(missed);
    expect(marks.at(-1)).toMatchObject({ what: "refind_x64.efi: File not found", isRefused: true });
    expect({ end, isWhole }).toEqual({ end: "no program came after the script", isWhole: false });
    expect(timelineOf(refused)).toMatchObject({
      marks: [{ what: "asks twice, and gets no answer", isRefused: true }],
      end: "got no answer",
    });
  });
});

describe("renderSeconds", () => {
  it("says seconds with a tenth, and longer times in minutes", () => {
    expect([0, 0.44, 59.94, 59.96, 60, 125.4, 600].map(renderSeconds)).toEqual([
      "0.0 s",
      "0.4 s",
      "59.9 s",
      "1 min",
      "1 min",
      "2 min 5 s",
      "10 min",
    ]);
  });
});

describe("renderBootSvg", () => {
  it("draws a boot, light and dark, and loads nothing", async () => {
    const svg = renderBootSvg("db-1", whole);
    await expect(svg).toMatchFileSnapshot("../../../golden/view/boot.svg");
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg.replace("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|href|url\(|@import/);
  });

  it("shows what a host wrote, and never as markup", () => {
    const hostile = "</text></svg><script>alert(1)</script><img src=x onerror=alert(1)>\u001b[2J\u202e&\"'";
    const svg = renderBootSvg(hostile, { ...missed, files: [{ name: hostile, at: missed.from, refusal: hostile }] });
    expect(svg.match(/<(?!\/)\w+/g)?.filter((tag) => !/^<(svg|title|style|rect|text|tspan|line)$/.test(tag))).toEqual(
      [],
    );
    expect(svg).not.toContain("\u001b");
    expect(svg).not.toContain("\u202e");
    expect(svg.match(/<\/svg>/g)).toHaveLength(1);
  });
});
