import { describe, expect, it } from "vitest";
import { parseTftpdSettings, renderTftpdDefaults, renderTftpdUnit } from "../../../../../provider/formats/tftpd/tftpd";
import { right, sentences } from "../../values/sentences";

const address = "192.168.1.1";

describe("parseTftpdSettings", () => {
  it("takes the guide's directory, and logs requests", () => {
    expect(parseTftpdSettings({ address }).value).toEqual({
      address,
      directory: "/srv/tftp",
      options: ["--secure", "--verbosity", "2", "--blocksize", "1468"],
    });
  });

  it.each<[unknown, string[]]>([
    ["--secure", ["--secure"]],
    [" -s  -v\t-B 1024 ", ["-s", "-v", "-B", "1024"]],
    [
      ["--secure", "--port-range", "40000:40100", "--refuse", "tsize"],
      ["--secure", "--port-range", "40000:40100", "--refuse", "tsize"],
    ],
  ])("takes the options %j", (options, words) => {
    expect(right(parseTftpdSettings({ address, options })).options).toEqual(words);
  });

  it.each<[number, unknown, string]>([
    [1400, undefined, "--secure --verbosity 2 --blocksize 1368"],
    [1500, undefined, "--secure --verbosity 2 --blocksize 1468"],
    // Jumbo frames are not for firmware.
    [9000, undefined, "--secure --verbosity 2 --blocksize 1468"],
    [1400, "--secure", "--secure --blocksize 1368"],
    [1400, "--secure -B 1024", "--secure -B 1024"],
    [9000, "--secure --blocksize 8000", "--secure --blocksize 8000"],
  ])("lets no block be larger than a packet of mtu %i with the options %j", (mtu, options, expected) => {
    expect(right(parseTftpdSettings({ address, options, mtu })).options.join(" ")).toBe(expected);
  });

  it("refuses a block that does not come in one packet", () => {
    expect(sentences(parseTftpdSettings({ address, options: "--secure --blocksize 1468", mtu: 1400 }))).toEqual([
      'options: a block of 1468 bytes does not come in a packet of mtu 1400; write "--blocksize", "1368"',
    ]);
    expect(sentences(parseTftpdSettings({ address, mtu: 100 }))[0]).toMatch(/^mtu: /);
  });

  it("takes a slash at the end of the directory for none", () => {
    expect(right(parseTftpdSettings({ address, directory: "/srv/boot/" })).directory).toBe("/srv/boot");
  });

  const rule = 'write the path of a folder of its own, as in "/srv/tftp"';
  it.each<[string, object, string]>([
    ["no address", { address: undefined }, 'address: is required; write four numbers with dots, as in "192.168.1.1"'],
    [
      "an address with a port",
      { address: "192.168.1.1:69" },
      'address: "192.168.1.1:69" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"',
    ],
    ["a relative directory", { directory: "srv/tftp" }, `directory: "srv/tftp" is no absolute path; ${rule}`],
    [
      "dots in the directory",
      { directory: "/srv/../etc" },
      `directory: "/srv/../etc" is no clean path: no "//", no "." or "..", no hidden folder, and of the signs only . _ + @ -; ${rule}`,
    ],
    [
      "a line end in the directory",
      { directory: '/srv/a"\nX="' },
      `directory: "/srv/a\\"\\nX=\\"" is no clean path: no "//", no "." or "..", no hidden folder, and of the signs only . _ + @ -; ${rule}`,
    ],
    [
      "what a shell would expand",
      { directory: "/srv/$HOME" },
      `directory: "/srv/$HOME" is no clean path: no "//", no "." or "..", no hidden folder, and of the signs only . _ + @ -; ${rule}`,
    ],
    [
      "a home",
      { directory: "/home/tftp" },
      `directory: "/home/tftp" is a place for people or for passing files; ${rule}`,
    ],
    [
      "a place for passing files",
      { directory: "/tmp/tftp" },
      `directory: "/tmp/tftp" is a place for people or for passing files; ${rule}`,
    ],
    ["a folder of the system", { directory: "/etc" }, `directory: "/etc" belongs to the system; ${rule}`],
    ["the whole file system", { directory: "/" }, `directory: "/" is the whole file system; ${rule}`],
    ["a folder of others", { directory: "/srv" }, `directory: "/srv" holds other things too; ${rule}`],
    [
      "uploads",
      { options: ["--secure", "--create"] },
      'options: "--create" would let every machine write files on node 0; leave it out',
    ],
    [
      "another address",
      { options: "--secure --address 0.0.0.0:69" },
      'options: "--address" is set by the property address; leave it out',
    ],
    [
      "no --secure",
      { options: ["--verbose"] },
      'options: "--secure" is missing, which keeps machines inside the directory; write ["--secure", "--verbosity", "2", "--blocksize", "1468"]',
    ],
    [
      "a misspelt option",
      { options: ["--secure", "--verbos"] },
      'options: "--verbos" is no option of in.tftpd; did you mean "--verbose"?',
    ],
    [
      "two words in one",
      { options: ["--secure", "--blocksize 1468"] },
      'options: "--blocksize 1468" is no option of in.tftpd; write one word each, as in ["--secure", "--verbosity", "2", "--blocksize", "1468"]',
    ],
    [
      "an option without its argument",
      { options: "--secure --blocksize" },
      'options: "--blocksize" needs an argument; write "--blocksize", "1468"',
    ],
    [
      "a block too small",
      { options: "--secure --blocksize 100" },
      'options: "100" is no block size, which is 512 to 65464; write "--blocksize", "1468"',
    ],
    [
      "a range that is none",
      { options: "--secure --port-range 9:8" },
      'options: "9:8" is no range of free ports (1024 to 65535); write "--port-range", "40000:40100"',
    ],
    [
      "options that are a number",
      { options: 5 },
      'options: 5 is no list of options; write it as ["--secure", "--verbosity", "2", "--blocksize", "1468"]',
    ],
  ])("refuses %s", (_name, args, sentence) => {
    expect(sentences(parseTftpdSettings({ address, ...args }))).toEqual([sentence]);
  });
});

describe("renderTftpdDefaults", () => {
  it("writes the guide's four lines", async () => {
    const text = renderTftpdDefaults(right(parseTftpdSettings({ address })));
    await expect(text).toMatchFileSnapshot("../../../../golden/tftpd/default");
  });
});

describe("renderTftpdUnit", () => {
  it("writes a unit that reads that file", async () => {
    await expect(renderTftpdUnit({ directory: "/srv/tftp" })).toMatchFileSnapshot(
      "../../../../golden/units/tftpd-hpa.service",
    );
  });
});
